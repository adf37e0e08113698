import type { RunAs } from "../job.ts";
import type { V1LocalObjectReference, V1PodSpec, V1Toleration } from "../wire.ts";
import { nodesOnly } from "./affinity.ts";
import { HOME_SIZE, HOME_VOLUME, homeFolder } from "./home.ts";
import { securityContexts } from "./security.ts";
import type { Mount, PodSettings } from "./settings.ts";

function podVolumes(mounts: readonly Mount[]): NonNullable<V1PodSpec["volumes"]> {
  return mounts.map(({ name, claim, readOnly }) => ({
    name,
    persistentVolumeClaim: { claimName: claim, readOnly },
  }));
}

/**
 * What all pods of a workflow share, whatever they run: its volumes, its user, and the configured placement.
 */
export function basePodSpec(
  settings: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): Omit<V1PodSpec, "containers"> {
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: securityContexts(settings.securityContext, owner).pod,
    volumes: [
      ...podVolumes(mounts),
      ...(homeFolder(settings, mounts) === undefined
        ? []
        : [{ name: HOME_VOLUME, emptyDir: { sizeLimit: HOME_SIZE } }]),
    ],
    nodeSelector: { ...settings.nodeSelector },
    tolerations: settings.tolerations as V1Toleration[],
    imagePullSecrets: settings.imagePullSecrets.map((name): V1LocalObjectReference => ({ name })),
    ...(settings.priorityClassName === undefined ? {} : { priorityClassName: settings.priorityClassName }),
    ...(settings.serviceAccountName === undefined ? {} : { serviceAccountName: settings.serviceAccountName }),
    ...(settings.schedulerName === undefined ? {} : { schedulerName: settings.schedulerName }),
    ...(settings.runtimeClassName === undefined ? {} : { runtimeClassName: settings.runtimeClassName }),
    ...nodesOnly(settings.affinity),
  };
}
