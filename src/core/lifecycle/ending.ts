import { isoTime, type V1ContainerStateTerminated, type V1ContainerStatus, type V1Pod } from "../wire.ts";
import { type EndRecord, parseEndRecord } from "./endRecord.ts";
import { sidecarsOf, terminatedOf } from "./podFacts.ts";

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

const POD_DELETED = "PodDeleted";

/** Whether an ending's reason says that the cluster made the job stop, or never let it begin. */
export function isStop(reason: string): boolean {
  return reason === POD_DELETED || Object.values(CLUSTER_REASONS).includes(reason);
}

/** How a pod that has ended did so. */
export function endingOf(pod: V1Pod, main: V1ContainerStatus | undefined): Ending {
  const terminated = terminatedOf(main);
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
    const why = podMessage || "the pod exceeded its time limit";
    return {
      ...told,
      reason: "DeadlineExceeded",
      message: why + cutOff(pod, terminated, record),
      byCluster: false,
      stopped: true,
    };
  }
  const stop = stopOf(pod, terminated);
  if (stop !== undefined) {
    const { reason, message: why } = stop;
    return {
      ...told,
      reason,
      message: why + cutOff(pod, terminated, record),
      byCluster: true,
      stopped: true,
    };
  }
  // The kernel may have killed one process of a script that went on and succeeded.
  if (exitCode === 0)
    return { ...told, reason: "Completed", message: message || podMessage, byCluster: false, stopped: false };
  if (terminated === undefined) return { ...told, ...initFailure(pod, main) };
  if (exitCode === undefined) {
    const why = "its node lost track of the container";
    return {
      ...told,
      reason: UNMEASURED,
      message: message || podMessage || why,
      byCluster: true,
      stopped: false,
    };
  }
  return {
    ...told,
    reason: terminated.reason ?? "Error",
    message: message || podMessage,
    byCluster: false,
    stopped: false,
  };
}

/** A runtime's words for a container whose first process could not be started, as where its image has no bash. */
const NOT_STARTED: readonly (string | undefined)[] = ["StartError", "ContainerCannotRun"];

/**
 * Whether the main container may have begun; one that waits has not, nor has one that its node would not
 * take, or could not start.
 */
function mayHaveBegun(pod: V1Pod, main: V1ContainerStatus | undefined): boolean {
  const terminated = terminatedOf(main);
  const hasNotBegun = main?.state?.waiting !== undefined && terminated === undefined;
  return (
    !hasNotBegun &&
    !NOT_STARTED.includes(terminated?.reason) &&
    CLUSTER_REASONS[pod.status?.reason ?? ""] !== "Rejected"
  );
}

/**
 * The kubelet's word for a container whose end it did not see; the code that goes with it, 137, was made up.
 */
const UNMEASURED = "ContainerStatusUnknown";

/** containerd's word and code for the same (`unknownExitReason`, `unknownExitCode`). */
const LOST_BY_RUNTIME = { reason: "Unknown", exitCode: 255 } as const;

/** Whether nobody saw how a container ended. */
function isUnmeasured({ reason, exitCode }: V1ContainerStateTerminated): boolean {
  return (
    reason === UNMEASURED || (reason === LOST_BY_RUNTIME.reason && exitCode === LOST_BY_RUNTIME.exitCode)
  );
}

/** The exit code that the node has seen, or that the pod's success vouches for. */
function measuredCode(pod: V1Pod, terminated: V1ContainerStateTerminated | undefined): number | undefined {
  if (terminated === undefined) return pod.status?.phase === "Succeeded" ? 0 : undefined;
  return isUnmeasured(terminated) ? undefined : terminated.exitCode;
}

/** Why the cluster has made a container stop, or has given its pod up. */
function stopOf(
  pod: V1Pod,
  terminated: V1ContainerStateTerminated | undefined,
): { reason: string; message: string } | undefined {
  const { reason = "", message = "", conditions = [] } = pod.status ?? {};
  const disruption = conditions.find(
    (condition) => condition.type === "DisruptionTarget" && condition.status === "True",
  );
  const word = CLUSTER_REASONS[reason] ?? (disruption === undefined ? undefined : "Evicted");
  if (word !== undefined) return { reason: word, message: message || disruption?.message || reason };
  if (terminated === undefined || !endedByDeletion(pod, terminated)) return undefined;
  return { reason: POD_DELETED, message: "its pod was deleted while it was running" };
}

/** Exit code of a process that SIGKILL ended. */
const KILLED_CODE = 137;

/**
 * Exit codes of a process that SIGTERM or SIGKILL ended (128 + signal), and of one that takes SIGTERM for a
 * wish to be obeyed.
 */
const DELETION_CODES = [143, KILLED_CODE, 0];

/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const DEFAULT_GRACE_S = 30;

/** Whether a container was ended because its pod was being deleted. */
function endedByDeletion(pod: V1Pod, terminated: V1ContainerStateTerminated): boolean {
  const { exitCode, reason } = terminated;
  return DELETION_CODES.includes(exitCode) && reason !== "OOMKilled" && endedAfterDeletion(pod, terminated);
}

/** Whether a pod was being deleted when its container ended; one that had ended before that was not. */
export function endedAfterDeletion(pod: V1Pod, terminated: V1ContainerStateTerminated | undefined): boolean {
  const { deletionTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp === undefined) return false;
  const finishedAt = isoTime(terminated?.finishedAt);
  return finishedAt === undefined || Date.parse(finishedAt) >= deletionRequested(pod);
}

/**
 * When a pod's deletion was asked for, in milliseconds: by its grace period before the time that it states.
 */
function deletionRequested(pod: V1Pod): number {
  return Date.parse(isoTime(pod.metadata?.deletionTimestamp) ?? "") - graceOf(pod) * 1000;
}

/** Seconds that a pod's containers have to end by themselves. */
function graceOf({ metadata, spec }: V1Pod): number {
  // Whoever deletes it may give another period. The kubelet's last deletion gives 0, and sets the deletion's
  // time anew.
  return metadata?.deletionGracePeriodSeconds || (spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S);
}

/** Times that the cluster states are whole seconds, and a kubelet takes its time. */
const CLOCK_SLACK_S = 2;

/** What {@link cutOff} says begins with these words. */
export const CUT_OFF = "its own clean-up was cut off";

/**
 * Words for a script that was asked to stop and killed before it had done so: its wrapper, which outlives it,
 * had no time to record an end. A script that does not handle SIGTERM ends of it at once, and is recorded.
 */
function cutOff(
  pod: V1Pod,
  terminated: V1ContainerStateTerminated | undefined,
  record: EndRecord | undefined,
): string {
  if (terminated?.exitCode !== KILLED_CODE || record !== undefined) return "";
  if (terminated.reason === "OOMKilled" || isUnmeasured(terminated)) return "";
  const seconds = secondsToStop(pod, terminated);
  return seconds === undefined
    ? ""
    : `; ${CUT_OFF} after ${seconds} s: it was killed (SIGKILL) before it had finished`;
}

/** How long a killed container had to end, as far as the cluster tells. */
function secondsToStop(pod: V1Pod, { finishedAt }: V1ContainerStateTerminated): number | undefined {
  const { metadata, status } = pod;
  const ended = Date.parse(isoTime(finishedAt) ?? "");
  const grace = graceOf(pod);
  if (metadata?.deletionTimestamp !== undefined) {
    if ((metadata.deletionGracePeriodSeconds ?? 0) === 0) return grace;
    const elapsed = Math.round((ended - deletionRequested(pod)) / 1000);
    return elapsed + CLOCK_SLACK_S >= grace ? grace : elapsed;
  }
  const disruption = status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  const elapsed = Math.round((ended - Date.parse(isoTime(disruption?.lastTransitionTime) ?? "")) / 1000);
  // A node that runs out of something grants less time than the pod asks for.
  if (elapsed >= 0) return Math.min(elapsed, grace);
  return status?.reason === "DeadlineExceeded" ? grace : undefined;
}

function initFailure(pod: V1Pod, main: V1ContainerStatus | undefined): Omit<Ending, "record"> {
  // A sidecar does not fail its pod: it is ended with it, often by a signal.
  const sidecars = sidecarsOf(pod);
  const failed = pod.status?.initContainerStatuses?.find(
    (status) => (status.state?.terminated?.exitCode ?? 0) !== 0 && !sidecars.includes(status.name),
  );
  if (failed === undefined) {
    const { reason = "", message = "" } = pod.status ?? {};
    const why =
      main?.state?.running === undefined
        ? "the pod failed before the script began"
        : "the pod failed while the script ran";
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
