import type { RunAs } from "../job.ts";
import type { V1SecurityContext } from "../wire.ts";

const CONTAINER_LEVEL_ONLY = new Set([
  "privileged",
  "capabilities",
  "allowPrivilegeEscalation",
  "readOnlyRootFilesystem",
  "procMount",
]);

/** User and group that the pod's processes get: what the configuration says, else the given owner. */
export function effectiveRunAs(overrides: Readonly<Record<string, unknown>>, owner: RunAs): RunAs {
  const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
  return { uid: number(overrides.runAsUser, owner.uid), gid: number(overrides.runAsGroup, owner.gid) };
}

/**
 * The `restricted` Pod Security Standard (Kubernetes documentation, "Pod Security Standards"), with the
 * configured overrides.
 */
export function securityContexts(overrides: Readonly<Record<string, unknown>>, owner: RunAs) {
  const { uid, gid } = effectiveRunAs(overrides, owner);
  const privileged = overrides.privileged === true;
  const pod: Record<string, unknown> = {
    runAsNonRoot: uid !== 0,
    runAsUser: uid,
    runAsGroup: gid,
    seccompProfile: { type: privileged ? "Unconfined" : "RuntimeDefault" },
  };
  const container: Record<string, unknown> = privileged
    ? {}
    : { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
  for (const [key, value] of Object.entries(overrides)) {
    (CONTAINER_LEVEL_ONLY.has(key) ? container : pod)[key] = value;
  }
  return { pod, container: container as V1SecurityContext };
}
