import { jobFiles, runFolder } from "../gasw/files.ts";
import type { JobRequest, RunAs, Workflow } from "../job.ts";
import { identityMetadata, jobName, KEYS, QUEUE_LABEL } from "../names.ts";
import type { V1Container, V1Job, V1Pod, V1PodSpec, V1TopologySpreadConstraint } from "../wire.ts";
import { avoiding } from "./affinity.ts";
import { extraContainer, plain, workflowContainer } from "./container.ts";
import { homeFolder } from "./home.ts";
import { MAIN_CONTAINER } from "./mainContainer.ts";
import { basePodSpec } from "./pod.ts";
import { securityContexts } from "./security.ts";
import { type Mount, type PodSettings, withOptions } from "./settings.ts";
import wrapper from "./wrapper.sh";

/** Environment variable by which the wrapper learns its pod's uid; the script does not see it. */
const POD_UID_VARIABLE = "GASW_K8S_POD_UID";

/**
 * Version of the wrapper, from 1; 0 stands for that of 0.1.0, whose scripts all ran in the workflow
 * directory.
 */
export const WRAPPER_VERSION = 1;

/** The wrapper without its comments, which every Job would carry. */
const WRAPPER = wrapper.replaceAll(/^ *#.*\n/gm, "").trim();

/** The Kubernetes Job of one submission. */
export function buildJob(
  workflow: Workflow,
  request: JobRequest,
  defaults: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): V1Job {
  const settings = withOptions(defaults, request.options);
  const identity = identityMetadata("job", workflow, request.jobId);
  const labels = { ...settings.labels, ...identity.labels };
  const annotations = {
    ...settings.annotations,
    ...identity.annotations,
    [KEYS.wrapper]: String(WRAPPER_VERSION),
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(workflow.namespace, workflow.id, request.jobId),
      namespace: workflow.namespace,
      labels: {
        ...labels,
        ...(settings.queue === undefined ? {} : { [QUEUE_LABEL]: settings.queue }),
      },
      annotations: {
        ...annotations,
        [KEYS.content]: request.contentHash,
        [KEYS.directory]: workflow.directory,
        ...(request.fileName === undefined ? {} : { [KEYS.fileName]: request.fileName }),
      },
    },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      // A second pod beside a dying first one would run the script twice in one directory.
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: settings.ttl,
      template: {
        metadata: { labels, annotations },
        spec: podSpec(workflow, request, settings, mounts, owner),
      },
    },
  };
}

function podSpec(
  workflow: Workflow,
  request: JobRequest,
  settings: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): V1PodSpec {
  const { container: security } = securityContexts(settings.securityContext, owner);
  const extra = (container: object) => extraContainer(container, mounts, security);
  const sidecars = settings.sidecars.map((sidecar) => ({ ...extra(sidecar), restartPolicy: "Always" }));
  const command = wrapped(workflow, request, homeFolder(settings, mounts));
  return {
    ...basePodSpec(settings, mounts, owner),
    ...avoiding(settings.affinity, request.avoidNodes ?? []),
    ...spreadOf(settings),
    ...(settings.timeout === undefined ? {} : { activeDeadlineSeconds: settings.timeout }),
    ...graceOf(settings),
    initContainers: [...sidecars, ...settings.initContainers.map(extra)],
    containers: [withPodUid(workflowContainer(MAIN_CONTAINER, command, workflow, settings, mounts, owner))],
  };
}

/** The command that runs a request's script in the wrapper. */
function wrapped(workflow: Workflow, request: JobRequest, home: string | undefined): string[] {
  const files = jobFiles(request.fileName ?? request.jobId);
  const name = jobName(workflow.namespace, workflow.id, request.jobId);
  const place = request.isGenerated === true ? workflow.id : "";
  const told = [files.out, files.err, files.script, name, home ?? "", place];
  return ["bash", "-c", WRAPPER, "gasw-k8s", ...told];
}

function spreadOf({
  topologySpreadConstraints: spread = [],
}: PodSettings): Pick<V1PodSpec, "topologySpreadConstraints"> {
  return spread.length === 0 ? {} : { topologySpreadConstraints: spread as V1TopologySpreadConstraint[] };
}

function graceOf({
  terminationGracePeriodSeconds: seconds,
}: PodSettings): Pick<V1PodSpec, "terminationGracePeriodSeconds"> {
  return seconds === undefined ? {} : { terminationGracePeriodSeconds: seconds };
}

/**
 * By the downward API (Kubernetes documentation, "Expose Pod Information to Containers Through Environment
 * Variables").
 */
function withPodUid(container: V1Container): V1Container {
  const uid = { name: POD_UID_VARIABLE, valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } };
  return {
    ...container,
    env: [...(container.env ?? []).filter(({ name }) => name !== POD_UID_VARIABLE), uid],
  };
}

/**
 * The folder, relative to the workflow directory, that a pod's script runs in, where it has one of its own.
 */
export function scriptFolder(pod: V1Pod): string | undefined {
  const { uid, annotations } = pod.metadata ?? {};
  const place = pod.spec?.containers.find(({ name }) => name === MAIN_CONTAINER)?.command?.at(-1);
  if (uid === undefined || annotations?.[KEYS.wrapper] === undefined || place === undefined || place === "")
    return undefined;
  return runFolder(uid, plain(place));
}
