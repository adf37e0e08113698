import { jobIdOf } from "../../core/lifecycle/observe.ts";
import { KEYS } from "../../core/names.ts";
import type { WorkflowObjects } from "../../core/orphans/group.ts";
import type { JudgedWorkflow } from "../../core/orphans/verdict.ts";
import type { KubernetesObject } from "../../core/wire.ts";
import { claimsPath, jobsPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import { hasController, type PlannedRemoval, removal } from "../cleanup/cleanup.ts";

/** A judged workflow, and what there is to be deleted of it. */
export interface Judged extends JudgedWorkflow {
  /** What a removal would delete. */
  readonly removal: readonly PlannedRemoval[];
  /** Whether GASW's Java plugin has made it. */
  readonly isLegacy?: true;
  /** Whether these are volumes that workflows of a namespace without any share. */
  readonly isShared?: true;
}

/** What there is to be deleted of a workflow. */
export function removalsOf({
  namespace = "",
  jobs,
  pods,
  claims,
  volumes,
}: WorkflowObjects): PlannedRemoval[] {
  const name = ({ metadata }: KubernetesObject) => metadata?.name ?? "";
  const directoryOf = ({ metadata }: KubernetesObject) => metadata?.annotations?.[KEYS.directory];
  const alone = pods.filter((pod) => !hasController(pod));
  return [
    ...jobs.map((job) => removal("Job", job, jobsPath(namespace, name(job)), jobIdOf(job))),
    ...alone.map((pod) => removal("Pod", pod, podsPath(namespace, name(pod)), jobIdOf(pod))),
    ...claims.map((claim) => ({
      ...removal("PersistentVolumeClaim", claim, claimsPath(namespace, name(claim)), directoryOf(claim)),
      // Whoever submits marks it as used.
      version: claim.metadata?.resourceVersion,
    })),
    ...volumes.map((volume) => ({
      ...removal("PersistentVolume", volume, persistentVolumesPath(name(volume)), directoryOf(volume)),
      // The removal of its claim changes it.
      ...(claims.length === 0
        ? { version: volume.metadata?.resourceVersion }
        : { claimUids: [volume.spec?.claimRef?.uid, ...claims.map(({ metadata }) => metadata?.uid)] }),
    })),
  ];
}

/** All objects but the Lease, which is this state file's now, in their versions. */
export function fingerprint(workflow: WorkflowObjects | undefined): string {
  const { claims = [], volumes = [], jobs = [], pods = [] } = workflow ?? {};
  const parts = [
    ...claims.map(({ metadata }) => `${metadata?.uid} ${metadata?.resourceVersion}`),
    ...volumes.map(({ metadata }) => `${metadata?.uid} ${metadata?.resourceVersion}`),
    ...[...jobs, ...pods].map(({ metadata }) => `${metadata?.uid}`),
  ];
  return parts.sort().join("\n");
}
