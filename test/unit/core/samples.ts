import type { JobOptions, JobRequest, Workflow } from "../../../src/core/job.ts";
import { buildJob } from "../../../src/core/manifests/job.ts";
import type { Mount, PodSettings } from "../../../src/core/manifests/settings.ts";
import type { V1Container, V1Job, V1PodSpec } from "../../../src/core/wire.ts";

export const WORKFLOW: Workflow = { id: "workflow-gENTZc", directory: "/workflows/workflow-gENTZc", namespace: "gasw" };
export const OWNER = { uid: 12345, gid: 12346 };
const MOUNTS: readonly Mount[] = [
  { name: "workflow", claim: "workflow-claim", mountPath: WORKFLOW.directory, readOnly: false },
  { name: "volume-1", claim: "shareddata-claim", mountPath: "/shared", subPath: "atlas", readOnly: true },
];

/** The settings of a plain installation. */
export const SETTINGS: PodSettings = {
  image: "example.org/job:1",
  imagePullSecrets: [],
  resources: {},
  env: {},
  nodeSelector: {},
  tolerations: [],
  labels: {},
  annotations: {},
  initContainers: [],
  sidecars: [],
  securityContext: {},
  ttl: 500,
};

/** The Job of a submission, its pod, and the container that runs the script. */
export function build(
  settings: Partial<PodSettings> = {},
  options: JobOptions = {},
  jobId = "Job-1",
  more: Partial<JobRequest> = {},
): { job: V1Job; pod: V1PodSpec; main: V1Container } {
  const job = buildJob(WORKFLOW, { jobId, options, contentHash: "c0ffee", ...more }, { ...SETTINGS, ...settings }, MOUNTS, OWNER);
  const pod = job.spec?.template.spec as V1PodSpec;
  return { job, pod, main: pod.containers[0] as V1Container };
}

/**
 * What Kubernetes makes of `$(NAME)` in arguments and environment values, after its documentation (API reference, Container `command`):
 * a known name is replaced, an unknown one stays as it is, and `$$` is one `$`, which begins no reference.
 */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) => (name === undefined ? "$" : (variables[name] ?? found)));
}
