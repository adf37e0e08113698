import type { V1ContainerStateTerminated, V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node";
import { KEYS } from "./names.ts";
import { MAIN_CONTAINER } from "./podTemplate.ts";

/** How a pod's main container ended. */
export interface Ending {
  /** The container's exit code, where the container ran. */
  readonly exitCode?: number;
  /** A word: Completed, Error, OOMKilled, DeadlineExceeded, Evicted, NodeLost, InitError, … */
  readonly reason: string;
  readonly message: string;
  /** Whether the cluster, not the application, ended it. */
  readonly byCluster: boolean;
}

/** Where a job's pod runs, and since when (RFC 3339). */
interface Place {
  readonly pod?: string;
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
  if (pod !== undefined) return observePod(pod);
  if (job === undefined) return { phase: "missing" };
  const failed = job.status?.conditions?.find((condition) => condition.type === "Failed" && condition.status === "True");
  if (failed !== undefined) return { phase: "lost", reason: failed.reason ?? "Failed", message: failed.message ?? "the Job failed" };
  if (job.status?.conditions?.some((condition) => condition.type === "Complete" && condition.status === "True")) {
    // The cluster calls a Job complete only when its pod's containers have ended with 0.
    const finishedAt = timeText(job.status.completionTime);
    const ending: Ending = { exitCode: 0, reason: "Completed", message: "", byCluster: false };
    return { phase: "ended", ending, ...(finishedAt === undefined ? {} : { finishedAt }) };
  }
  if (job.spec?.suspend === true) return { phase: "waiting", reason: "Suspended", message: "the Job is suspended (a queue may hold it)" };
  return { phase: "waiting", reason: "NoPod", message: "the cluster has not made the job's pod yet" };
}

function observePod(pod: V1Pod): Observation {
  const main = pod.status?.containerStatuses?.find((status) => status.name === MAIN_CONTAINER);
  const place = placeOf(pod, main);
  const phase = pod.status?.phase;
  if (main?.state?.terminated !== undefined || phase === "Failed" || phase === "Succeeded") {
    return { phase: "ended", ending: endingOf(pod, main), ...place };
  }
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
  const startedAt = timeText(main?.state?.running?.startedAt ?? main?.state?.terminated?.startedAt);
  const finishedAt = timeText(main?.state?.terminated?.finishedAt);
  return {
    ...(pod.metadata?.name === undefined ? {} : { pod: pod.metadata.name }),
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
  const code = terminated === undefined ? {} : { exitCode: terminated.exitCode };
  const podReason = pod.status?.reason ?? "";
  const podMessage = pod.status?.message ?? "";
  if (podReason === "DeadlineExceeded") {
    return {
      ...code,
      reason: "DeadlineExceeded",
      message: podMessage || "the pod was active for longer than its time limit",
      byCluster: false,
    };
  }
  const disruption = pod.status?.conditions?.find((condition) => condition.type === "DisruptionTarget" && condition.status === "True");
  const clusterReason = CLUSTER_REASONS[podReason] ?? (disruption === undefined ? undefined : "Evicted");
  if (clusterReason !== undefined && terminated?.exitCode !== 0) {
    return { ...code, reason: clusterReason, message: podMessage || disruption?.message || podReason, byCluster: true };
  }
  if (terminated !== undefined && endedByDeletion(pod, terminated)) {
    return { ...code, reason: "PodDeleted", message: "its pod was deleted while it ran", byCluster: true };
  }
  if (terminated === undefined) return initFailure(pod, podReason, podMessage);
  const message = terminated.message?.trim() || podMessage;
  // The kernel may have killed one process of a script that went on and succeeded.
  if (terminated.exitCode === 0) return { exitCode: 0, reason: "Completed", message, byCluster: false };
  return { ...code, reason: terminated.reason ?? "Error", message, byCluster: false };
}

/** Exit codes of a process that SIGTERM or SIGKILL ended (128 + signal). */
const DELETION_CODES = [143, 137];

/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const DEFAULT_GRACE_S = 30;

/** Whether a container was ended because its pod was being deleted; one that had ended before that was not. */
function endedByDeletion(pod: V1Pod, { exitCode, finishedAt, reason }: V1ContainerStateTerminated): boolean {
  const { deletionTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp === undefined || !DELETION_CODES.includes(exitCode) || reason === "OOMKilled") return false;
  // The deletion's time lies ahead of its request by the grace period, until the kubelet sets it anew after the container's end.
  const grace = pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
  const requested = Date.parse(timeText(deletionTimestamp) ?? "") - grace * 1000;
  return finishedAt === undefined || Date.parse(timeText(finishedAt) ?? "") >= requested;
}

function initFailure(pod: V1Pod, podReason: string, podMessage: string): Ending {
  // A sidecar does not fail its pod: it is ended with it, often by a signal.
  const sidecars = sidecarsOf(pod);
  const failed = pod.status?.initContainerStatuses?.find(
    (status) => (status.state?.terminated?.exitCode ?? 0) !== 0 && !sidecars.includes(status.name),
  );
  if (failed === undefined)
    return { reason: podReason || "Failed", message: podMessage || "the pod failed before the script began", byCluster: true };
  const { exitCode, reason } = failed.state?.terminated ?? { exitCode: -1 };
  return {
    exitCode,
    reason: "InitError",
    message: `init container ${failed.name} ended with exit code ${exitCode}${reason === "OOMKilled" ? " (out of memory)" : ""}`,
    byCluster: false,
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
