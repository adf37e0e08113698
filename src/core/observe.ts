import type { V1ContainerStateTerminated, V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node";
import { type EndRecord, parseEndRecord } from "./endRecord.ts";
import { KEYS } from "./names.ts";
import { MAIN_CONTAINER } from "./podTemplate.ts";

/** How a pod's main container ended. */
export interface Ending {
  /** The container's exit code, where it was measured. */
  readonly exitCode?: number;
  /** A word: Completed, Error, OOMKilled, DeadlineExceeded, Evicted, NodeLost, InitError, … */
  readonly reason: string;
  readonly message: string;
  /** Whether the cluster, not the application, ended it. */
  readonly byCluster: boolean;
  /** Whether it was made to stop: a script may answer that with 0 and be far from done. */
  readonly stopped: boolean;
  /** False where the container never began: what stands in its files is an earlier pod's. */
  readonly began?: boolean;
  /** What the container itself has recorded of its end. */
  readonly record?: EndRecord;
}

/** Where a job's pod runs, and since when (RFC 3339). */
interface Place {
  readonly pod?: string;
  readonly podUid?: string;
  readonly node?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/** What the cluster shows of a job, from Job and pod together. */
export type Observation =
  | { readonly phase: "missing" }
  | ({ readonly phase: "waiting"; readonly reason: string; readonly message: string } & Place)
  /** With a reason where it may run no longer. */
  | ({ readonly phase: "running"; readonly reason?: string; readonly message?: string } & Place)
  | ({ readonly phase: "ended"; readonly ending: Ending } & Place)
  /** The Job has failed, but no pod is left to tell how. */
  | { readonly phase: "lost"; readonly reason: string; readonly message: string };

/** RFC 3339 text of a time that arrives as text over the wire, whatever its declared type. */
export function timeText(time: unknown): string | undefined {
  if (time === undefined || time === null) return undefined;
  return time instanceof Date ? time.toISOString() : new Date(String(time)).toISOString();
}

/** Pods by the name of the Job that made them; of several pods the newest tells. */
export function podsByJob(pods: readonly V1Pod[]): Map<string, V1Pod> {
  const byJob = new Map<string, V1Pod>();
  for (const pod of pods) {
    const job = pod.metadata?.labels?.["batch.kubernetes.io/job-name"] ?? pod.metadata?.labels?.["job-name"];
    if (job === undefined) continue;
    const known = byJob.get(job);
    if (known === undefined || createdAt(known) <= createdAt(pod)) byJob.set(job, pod);
  }
  return byJob;
}

function createdAt(pod: V1Pod): string {
  return timeText(pod.metadata?.creationTimestamp) ?? "";
}

/** Reads the truth about a job off its Job and its pod. */
export function observe(job: V1Job | undefined, pod: V1Pod | undefined): Observation {
  const isOpen = job !== undefined && conditionOf(job, "Complete") === undefined && conditionOf(job, "Failed") === undefined;
  // A queue that takes a running job back has its pod deleted, and starts the Job again later: the Job has not ended.
  if (isOpen && job.spec?.suspend === true)
    return { phase: "waiting", reason: "Suspended", message: "the Job is suspended (a queue may hold it)" };
  if (pod !== undefined) return isOpen && mayRunAgain(job, pod) ? leaving(pod) : observePod(pod);
  if (job === undefined) return { phase: "missing" };
  const failed = conditionOf(job, "Failed");
  if (failed !== undefined) return { phase: "lost", reason: failed.reason ?? "Failed", message: failed.message ?? "the Job failed" };
  if (isOpen) return { phase: "waiting", reason: "NoPod", message: "the cluster has not made the job's pod yet" };
  // The cluster calls a Job complete only when its pod's containers have ended with 0.
  const finishedAt = timeText(job.status?.completionTime);
  const ending: Ending = { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false };
  return { phase: "ended", ending, ...(finishedAt === undefined ? {} : { finishedAt }) };
}

function conditionOf(job: V1Job, type: string): { reason?: string; message?: string } | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
}

/** Whether a pod that was deleted while it ran may be followed by another one: the Job, which is not being deleted, has yet to say. */
function mayRunAgain(job: V1Job, pod: V1Pod): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || !hasEnded(pod)) return false;
  return endedAfterDeletion(pod, mainStatus(pod)?.state?.terminated);
}

function leaving(pod: V1Pod): Observation {
  const { pod: name, podUid, node, startedAt } = placeOf(pod, mainStatus(pod));
  return {
    phase: "running",
    reason: "Terminating",
    message: "its pod was deleted, and its Job has yet to say whether it is over",
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
  return mainStatus(pod)?.state?.terminated !== undefined || phase === "Failed" || phase === "Succeeded";
}

function observePod(pod: V1Pod): Observation {
  const main = mainStatus(pod);
  const place = placeOf(pod, main);
  if (hasEnded(pod)) return { phase: "ended", ending: endingOf(pod, main), ...place };
  if (main?.state?.running !== undefined) return { phase: "running", ...doubtOf(pod), ...place };
  return { phase: "waiting", ...waitingReason(pod, main), ...place };
}

/** Why a container that was last seen running may do so no longer. Nobody knows, so it is not said to have ended. */
function doubtOf(pod: V1Pod): { reason: string; message: string } | undefined {
  const ready = pod.status?.conditions?.find((condition) => condition.type === "Ready");
  // The node life cycle controller takes a silent node's pods for not ready, without the reason that a kubelet gives.
  const isUnheard = pod.status?.reason === "NodeLost" || (ready?.status === "False" && (ready.reason ?? "") === "");
  if (isUnheard) {
    const node = pod.spec?.nodeName === undefined ? "its node" : `node ${pod.spec.nodeName}`;
    return { reason: "NodeUnreachable", message: `${node} does not answer: the job may still run there` };
  }
  return pod.metadata?.deletionTimestamp === undefined ? undefined : { reason: "Terminating", message: "its pod is being deleted" };
}

function placeOf(pod: V1Pod, main: V1ContainerStatus | undefined): Place {
  // What a kubelet that has lost sight of a container reports has no times.
  const startedAt = timeText(main?.state?.running?.startedAt ?? main?.state?.terminated?.startedAt ?? undefined);
  const finishedAt = timeText(main?.state?.terminated?.finishedAt ?? undefined);
  return {
    ...(pod.metadata?.name === undefined ? {} : { pod: pod.metadata.name }),
    ...(pod.metadata?.uid === undefined ? {} : { podUid: pod.metadata.uid }),
    ...(pod.spec?.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** Reasons of a pod's end that are the cluster's doing (kubelet and node life cycle controller). */
const CLUSTER_REASONS: Readonly<Record<string, string>> = {
  Evicted: "Evicted",
  NodeLost: "NodeLost",
  NodeShutdown: "NodeLost",
  Terminated: "NodeLost",
  Shutdown: "NodeLost",
  Preempting: "Evicted",
  Preempted: "Evicted",
  UnexpectedAdmissionError: "Rejected",
  NodeAffinity: "Rejected",
  OutOfcpu: "Rejected",
  OutOfmemory: "Rejected",
  OutOfpods: "Rejected",
};

function endingOf(pod: V1Pod, main: V1ContainerStatus | undefined): Ending {
  const terminated = main?.state?.terminated;
  const record = parseEndRecord(terminated?.message ?? "");
  const exitCode = measuredCode(pod, terminated);
  const told = {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(record === undefined ? {} : { record }),
    ...(mayHaveBegun(pod, main) ? {} : { began: false }),
  };
  const message = record === undefined ? (terminated?.message?.trim() ?? "") : "";
  const podMessage = pod.status?.message ?? "";
  if (pod.status?.reason === "DeadlineExceeded") {
    const why = podMessage || "the pod was active for longer than its time limit";
    return { ...told, reason: "DeadlineExceeded", message: why, byCluster: false, stopped: true };
  }
  const stop = stopOf(pod, terminated);
  if (stop !== undefined) return { ...told, ...stop, byCluster: true, stopped: true };
  // The kernel may have killed one process of a script that went on and succeeded.
  if (exitCode === 0) return { ...told, reason: "Completed", message: message || podMessage, byCluster: false, stopped: false };
  if (terminated === undefined) return { ...told, ...initFailure(pod, main) };
  if (exitCode === undefined) {
    const why = "its node lost sight of the container";
    return { ...told, reason: UNMEASURED, message: message || podMessage || why, byCluster: true, stopped: false };
  }
  return { ...told, reason: terminated.reason ?? "Error", message: message || podMessage, byCluster: false, stopped: false };
}

/** Whether the main container may have begun; one that waits has not, nor has one that its node would not take. */
function mayHaveBegun(pod: V1Pod, main: V1ContainerStatus | undefined): boolean {
  return main?.state?.waiting === undefined && CLUSTER_REASONS[pod.status?.reason ?? ""] !== "Rejected";
}

/** The kubelet's word for a container whose end it did not see; the code that goes with it, 137, was made up. */
const UNMEASURED = "ContainerStatusUnknown";

/** The exit code that the node has seen, or that the pod's success vouches for. */
function measuredCode(pod: V1Pod, terminated: V1ContainerStateTerminated | undefined): number | undefined {
  if (terminated === undefined) return pod.status?.phase === "Succeeded" ? 0 : undefined;
  return terminated.reason === UNMEASURED ? undefined : terminated.exitCode;
}

/** Why the cluster has made a container stop, or has given its pod up. */
function stopOf(pod: V1Pod, terminated: V1ContainerStateTerminated | undefined): { reason: string; message: string } | undefined {
  const { reason = "", message = "", conditions = [] } = pod.status ?? {};
  const disruption = conditions.find((condition) => condition.type === "DisruptionTarget" && condition.status === "True");
  const word = CLUSTER_REASONS[reason] ?? (disruption === undefined ? undefined : "Evicted");
  if (word !== undefined) return { reason: word, message: message || disruption?.message || reason };
  if (terminated === undefined || !endedByDeletion(pod, terminated)) return undefined;
  return { reason: "PodDeleted", message: "its pod was deleted while it ran" };
}

/** Exit codes of a process that SIGTERM or SIGKILL ended (128 + signal), and of one that takes SIGTERM for a wish to be obeyed. */
const DELETION_CODES = [143, 137, 0];

/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const DEFAULT_GRACE_S = 30;

/** Whether a container was ended because its pod was being deleted. */
function endedByDeletion(pod: V1Pod, terminated: V1ContainerStateTerminated): boolean {
  const { exitCode, reason } = terminated;
  return DELETION_CODES.includes(exitCode) && reason !== "OOMKilled" && endedAfterDeletion(pod, terminated);
}

/** Whether a pod was being deleted when its container ended; one that had ended before that was not. */
function endedAfterDeletion(pod: V1Pod, terminated: V1ContainerStateTerminated | undefined): boolean {
  const { deletionTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp === undefined) return false;
  // The deletion's time lies ahead of its request by the grace period, until the kubelet sets it anew after the container's end.
  const grace = pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
  const requested = Date.parse(timeText(deletionTimestamp) ?? "") - grace * 1000;
  const finishedAt = timeText(terminated?.finishedAt ?? undefined);
  return finishedAt === undefined || Date.parse(finishedAt) >= requested;
}

function initFailure(pod: V1Pod, main: V1ContainerStatus | undefined): Omit<Ending, "record"> {
  // A sidecar does not fail its pod: it is ended with it, often by a signal.
  const sidecars = sidecarsOf(pod);
  const failed = pod.status?.initContainerStatuses?.find(
    (status) => (status.state?.terminated?.exitCode ?? 0) !== 0 && !sidecars.includes(status.name),
  );
  if (failed === undefined) {
    const { reason = "", message = "" } = pod.status ?? {};
    const why = main?.state?.running === undefined ? "the pod failed before the script began" : "the pod failed while the script ran";
    return { reason: reason || "Failed", message: message || why, byCluster: true, stopped: false };
  }
  const { exitCode, reason } = failed.state?.terminated ?? { exitCode: -1 };
  return {
    exitCode,
    reason: "InitError",
    message: `init container ${failed.name} ended with exit code ${exitCode}${reason === "OOMKilled" ? " (out of memory)" : ""}`,
    byCluster: false,
    stopped: false,
  };
}

function sidecarsOf(pod: V1Pod): string[] {
  return (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always").map(({ name }) => name);
}

function waitingReason(pod: V1Pod, main: V1ContainerStatus | undefined): { reason: string; message: string } {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled");
  if (scheduled?.status === "False") {
    return { reason: scheduled.reason ?? "Unschedulable", message: scheduled.message ?? "no node takes the pod" };
  }
  if (pod.spec?.nodeName === undefined) return { reason: "Scheduling", message: "the pod waits for a node" };
  const init = (pod.status?.initContainerStatuses ?? []).find((status) => status.state?.waiting !== undefined && isTelling(status));
  const waiting = (init ?? main)?.state?.waiting;
  if (waiting?.reason !== undefined && waiting.reason !== "PodInitializing" && waiting.reason !== "ContainerCreating") {
    return { reason: waiting.reason, message: waiting.message ?? waiting.reason };
  }
  // A sidecar runs on: it holds the others back only until it has started.
  const sidecars = sidecarsOf(pod);
  const busy = (pod.status?.initContainerStatuses ?? []).find(
    ({ name, state, started }) => state?.running !== undefined && !(sidecars.includes(name) && started === true),
  );
  if (busy !== undefined) return { reason: "Initializing", message: `init container ${busy.name} runs` };
  return { reason: "ContainerCreating", message: "the node prepares the container (volumes, image)" };
}

function isTelling(status: V1ContainerStatus): boolean {
  const reason = status.state?.waiting?.reason;
  return reason !== undefined && reason !== "PodInitializing" && reason !== "ContainerCreating";
}

/** The job id that an object of this tool was made for. */
export function jobIdOf(object: { readonly metadata?: { readonly annotations?: Record<string, string> } }): string | undefined {
  return object.metadata?.annotations?.[KEYS.job];
}
