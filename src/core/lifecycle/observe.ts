import { MAIN_CONTAINER } from "../manifests/mainContainer.ts";
import { KEYS, QUEUE_LABEL } from "../names.ts";
import {
  endTime,
  isoTime,
  type V1ContainerStatus,
  type V1Job,
  type V1JobCondition,
  type V1Pod,
} from "../wire.ts";
import { type Ending, endedAfterDeletion, endingOf } from "./ending.ts";
import { sidecarsOf, terminatedOf } from "./podFacts.ts";

/** Where a job's pod runs, and since when (RFC 3339). */
interface Place {
  readonly pod?: string;
  readonly podUid?: string;
  readonly node?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/**
 * Of a pod that is being deleted: when it is to be gone (RFC 3339), and how to get rid of it if it is not.
 */
interface Leaving {
  readonly goneBy?: string;
  readonly wayOut?: string;
}

/** The queue that a suspended Job is in, and since when it has been suspended (RFC 3339). */
interface Held {
  readonly queue?: string;
  readonly suspendedAt?: string;
}

/** What the cluster shows of a job, from Job and pod together. */
export type Observation =
  | { readonly phase: "missing" }
  | ({ readonly phase: "waiting"; readonly reason: string; readonly message: string } & Place &
      Leaving &
      Held)
  /** With a reason where it may run no longer. */
  | ({ readonly phase: "running"; readonly reason?: string; readonly message?: string } & Place & Leaving)
  /** With the containers that keep its pod alive, where they are not the job's. */
  | ({ readonly phase: "ended"; readonly ending: Ending; readonly keptBy?: readonly string[] } & Place)
  /** The Job has failed, but no pod is left to tell how. */
  | { readonly phase: "lost"; readonly reason: string; readonly message: string };

/** Pods by the name of the Job that made them; of several pods the newest tells. */
export function podsByJob(pods: readonly V1Pod[]): Map<string, V1Pod> {
  const byJob = new Map<string, V1Pod>();
  for (const pod of pods) {
    const job = jobNameOf(pod);
    if (job === undefined) continue;
    const known = byJob.get(job);
    if (known === undefined || createdAt(known) <= createdAt(pod)) byJob.set(job, pod);
  }
  return byJob;
}

/** Name of the Job that made a pod. */
export function jobNameOf({ metadata }: V1Pod): string | undefined {
  return metadata?.labels?.["batch.kubernetes.io/job-name"] ?? metadata?.labels?.["job-name"];
}

function createdAt(pod: V1Pod): string {
  return isoTime(pod.metadata?.creationTimestamp) ?? "";
}

/** Reads the truth about a job off its Job and its pod. */
export function observe(job: V1Job | undefined, pod: V1Pod | undefined): Observation {
  const isOpen =
    job !== undefined &&
    conditionOf(job, "Complete") === undefined &&
    conditionOf(job, "Failed") === undefined;
  // A queue that takes a running job back has its pod deleted, and starts the Job again later: the Job has
  // not ended.
  if (isOpen && job.spec?.suspend === true) return suspended(job);
  if (pod !== undefined) {
    if (isOpen && mayRunAgain(job, pod)) return leaving(pod);
    const seen = observePod(pod);
    const keptBy = isOpen && job.metadata?.deletionTimestamp === undefined ? keepersOf(pod) : [];
    return seen.phase === "ended" && keptBy.length > 0 ? { ...seen, keptBy } : seen;
  }
  if (job === undefined) return { phase: "missing" };
  const failed = conditionOf(job, "Failed");
  if (failed !== undefined)
    return { phase: "lost", reason: failed.reason ?? "Failed", message: failed.message ?? "the Job failed" };
  if (isOpen)
    return { phase: "waiting", reason: "NoPod", message: "the cluster has not created the job's pod yet" };
  // The cluster calls a Job complete only when its pod's containers have ended with 0.
  const finishedAt = isoTime(job.status?.completionTime);
  const ending: Ending = { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false };
  return { phase: "ended", ending, ...(finishedAt === undefined ? {} : { finishedAt }) };
}

/** A condition of a Job, where that holds. */
export function conditionOf(job: V1Job, type: string): V1JobCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
}

function suspended(job: V1Job): Observation {
  const queue = job.metadata?.labels?.[QUEUE_LABEL];
  const suspendedAt = isoTime(conditionOf(job, "Suspended")?.lastTransitionTime);
  return {
    phase: "waiting",
    reason: "Suspended",
    message:
      queue === undefined
        ? "the Job is suspended (a queue may hold it)"
        : `queue ${queue} has not admitted it yet`,
    ...(queue === undefined ? {} : { queue }),
    ...(suspendedAt === undefined ? {} : { suspendedAt }),
  };
}

/**
 * The containers that keep a pod alive, or would run its script again, when the script has ended: a Job of
 * this tool has one container beside its init containers, so whatever else is there was put in by somebody
 * else (a mesh's proxy). Sidecars that are init containers are ended by the kubelet. A pod that is on its way
 * out, or whose containers have all ended, is left alone.
 */
export function keepersOf(pod: V1Pod): string[] {
  const { phase, containerStatuses = [] } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed" || pod.metadata?.deletionTimestamp !== undefined) return [];
  const hasStopped = (name: string) =>
    containerStatuses.find((status) => status.name === name)?.state?.terminated !== undefined;
  return (pod.spec?.containers ?? containerStatuses)
    .map(({ name }) => name)
    .filter((name) => !hasStopped(name));
}

/**
 * Whether a pod that was deleted while it ran may be followed by another one: the Job, which is not being
 * deleted, has yet to say.
 */
function mayRunAgain(job: V1Job, pod: V1Pod): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || !hasEnded(pod)) return false;
  return endedAfterDeletion(pod, terminatedOf(mainStatus(pod)));
}

function leaving(pod: V1Pod): Observation {
  const { pod: name, podUid, node, startedAt } = placeOf(pod, mainStatus(pod));
  return {
    phase: "running",
    reason: "Terminating",
    message: "its pod was deleted, and its Job has not reported its end yet",
    ...(name === undefined ? {} : { pod: name }),
    ...(podUid === undefined ? {} : { podUid }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { startedAt }),
  };
}

function mainStatus(pod: V1Pod): V1ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find((status) => status.name === MAIN_CONTAINER);
}

function hasEnded(pod: V1Pod): boolean {
  const phase = pod.status?.phase;
  return terminatedOf(mainStatus(pod)) !== undefined || phase === "Failed" || phase === "Succeeded";
}

/** Whether something of a pod's script may still run, whatever is known of its end. */
export function mayStillRun(pod: V1Pod, { phase }: Observation): boolean {
  return phase === "waiting" || phase === "running" || mainStatus(pod)?.state?.running !== undefined;
}

function observePod(pod: V1Pod): Observation {
  const main = mainStatus(pod);
  const place = placeOf(pod, main);
  if (hasEnded(pod)) return { phase: "ended", ending: endingOf(pod, main), ...place };
  const goneBy = isoTime(pod.metadata?.deletionTimestamp);
  const leaving = goneBy === undefined ? {} : { goneBy, wayOut: wayOut(pod) };
  if (main?.state?.running !== undefined) return { phase: "running", ...doubtOf(pod), ...place, ...leaving };
  const reason =
    goneBy === undefined
      ? waitingReason(pod, main)
      : { reason: "Terminating", message: "its pod is being deleted" };
  return { phase: "waiting", ...reason, ...place, ...leaving };
}

/**
 * Why a container that was last seen running may do so no longer. Nobody knows, so it is not said to have
 * ended.
 */
function doubtOf(pod: V1Pod): { reason: string; message: string } | undefined {
  const ready = pod.status?.conditions?.find((condition) => condition.type === "Ready");
  // The node life cycle controller takes a silent node's pods for not ready, without the reason that a
  // kubelet gives.
  const isUnheard =
    pod.status?.reason === "NodeLost" || (ready?.status === "False" && (ready.reason ?? "") === "");
  if (isUnheard) {
    const node = pod.spec?.nodeName === undefined ? "its node" : `node ${pod.spec.nodeName}`;
    return {
      reason: "NodeUnreachable",
      message: `${node} does not respond: the job may still be running there`,
    };
  }
  return pod.metadata?.deletionTimestamp === undefined
    ? undefined
    : { reason: "Terminating", message: "its pod is being deleted" };
}

/**
 * Keeps a pod until its Job has seen how it ended; a Job of this tool waits for its end, not for its deletion
 * alone.
 */
const TRACKED = "batch.kubernetes.io/job-tracking";

/**
 * How a pod that stays Terminating on a dead node is got rid of. Only a person can know that nothing runs
 * there any more.
 */
export function wayOut({ metadata, spec }: V1Pod): string {
  const node = spec?.nodeName;
  const within = metadata?.namespace === undefined ? "" : `-n ${metadata.namespace} `;
  const force = `kubectl delete pod ${within}${metadata?.name} --force --grace-period=0`;
  if (node === undefined) return `once it is no longer running: ${force}`;
  const taint = `kubectl taint node ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`;
  const ways =
    metadata?.finalizers?.includes(TRACKED) === true
      ? `${taint}, or kubectl delete node ${node} (kubectl delete pod --force is not enough: its Job waits for the pod to end)`
      : `${force} (or: ${taint})`;
  return `once node ${node} is known to be off: ${ways}`;
}

function placeOf(pod: V1Pod, main: V1ContainerStatus | undefined): Place {
  const ended = terminatedOf(main);
  // What a kubelet that has lost sight of a container reports has no times.
  const startedAt = isoTime((ended ?? main?.state?.running)?.startedAt);
  const finishedAt = endTime(startedAt, isoTime(ended?.finishedAt));
  return {
    ...(pod.metadata?.name === undefined ? {} : { pod: pod.metadata.name }),
    ...(pod.metadata?.uid === undefined ? {} : { podUid: pod.metadata.uid }),
    ...(pod.spec?.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

function waitingReason(pod: V1Pod, main: V1ContainerStatus | undefined): { reason: string; message: string } {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled");
  if (scheduled?.status === "False") {
    return {
      reason: scheduled.reason ?? "Unschedulable",
      message: scheduled.message ?? "no node can run the pod",
    };
  }
  if (pod.spec?.nodeName === undefined)
    return { reason: "Scheduling", message: "the pod is waiting for a node" };
  const init = (pod.status?.initContainerStatuses ?? []).find(
    (status) => status.state?.waiting !== undefined && isTelling(status),
  );
  const waiting = (init ?? main)?.state?.waiting;
  if (
    waiting?.reason !== undefined &&
    waiting.reason !== "PodInitializing" &&
    waiting.reason !== "ContainerCreating"
  ) {
    return { reason: waiting.reason, message: waiting.message ?? waiting.reason };
  }
  // A sidecar runs on: it holds the others back only until it has started.
  const sidecars = sidecarsOf(pod);
  const busy = (pod.status?.initContainerStatuses ?? []).find(
    ({ name, state, started }) =>
      state?.running !== undefined && !(sidecars.includes(name) && started === true),
  );
  if (busy !== undefined)
    return { reason: "Initializing", message: `init container ${busy.name} is running` };
  return { reason: "ContainerCreating", message: "the node is preparing the container (volumes, image)" };
}

function isTelling(status: V1ContainerStatus): boolean {
  const reason = status.state?.waiting?.reason;
  return reason !== undefined && reason !== "PodInitializing" && reason !== "ContainerCreating";
}

/** The job id that an object of this tool was made for. */
export function jobIdOf(object: {
  readonly metadata?: { readonly annotations?: Record<string, string> };
}): string | undefined {
  return object.metadata?.annotations?.[KEYS.job];
}
