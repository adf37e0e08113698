import { CANCELLED_CODE } from "../gasw/exitCode.ts";
import { hasEnded, type LocalStatus } from "../job.ts";
import type { EndRecord } from "./endRecord.ts";
import type { Ending, Observation } from "./observe.ts";

/** What is known of a job before it is looked at. */
export interface KnownJob {
  readonly status: LocalStatus;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  /** Name of the pod that was seen last. */
  readonly pod?: string | null;
  /** What was decided for it, written down before its Job is removed. */
  readonly removal?: Removal | null;
  /** When its container began to run (RFC 3339), where that was seen. */
  readonly started?: string | null;
  /** Whether it has ended, and its Job is to go since others keep its pod alive. */
  readonly lingers?: boolean;
}

/**
 * Why a Job is removed: an end that was decided for it, or (NOT_SUBMITTED) to make room for it to run again.
 */
export type Removal = "ERROR" | "DELETED" | "DELETED_REPLICA" | "NOT_SUBMITTED";

/** Grace per reason of waiting, in seconds; null and a missing reason mean for ever. */
export type Grace = Readonly<Record<string, number | null>>;

/** What the configuration says of waiting and of running again. */
export interface Rules {
  /** Resubmissions of an invocation (GASW's `default.retry.count`). */
  readonly retryCount: number;
  /** Whether a job that ran, and of whose end nothing is known, is submitted again as a failure is. */
  readonly retryUnknownEnd: boolean;
  readonly pending: Grace;
  /** How long an output that has not arrived is waited for, in seconds. */
  readonly outputGrace: number;
}

/** What a job itself has left of its end in the workflow directory. */
export interface OwnWords {
  /** The return code that its output states. */
  readonly code?: number | undefined;
  /** Its wrapper's record. */
  readonly record?: EndRecord | undefined;
  /**
   * What of its output has not arrived, in words that follow "its output"; undefined: it is whole, as far as
   * can be told.
   */
  readonly late?: string | undefined;
  /** What is not as it should be in what it has left, in a sentence. */
  readonly doubt?: string | undefined;
  /** Whether the cluster's events say that its Job, which is gone, has completed. */
  readonly hasCompleted?: boolean;
}

/** What the tool makes of an observation: the job's next state, and whether its Job must go. */
export interface Decision {
  readonly status: LocalStatus;
  readonly reason?: string | null;
  readonly message?: string | null;
  readonly exitCode?: number;
  readonly pod?: string;
  readonly node?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  readonly removeJob: boolean;
  /** Whether this end was decided without all of the job's output. */
  readonly outputLate?: boolean;
  /** Whether nothing tells how it ended. */
  readonly isUnknown?: boolean;
  /**
   * Whether its end stands, and its Job is to be removed once that is written down: others keep its pod
   * alive.
   */
  readonly lingers?: boolean;
  /** Evidence that does not agree, in a sentence. */
  readonly warning?: string;
}

/** Reasons that alternate while one and the same thing keeps failing: their time is counted together. */
const FAMILIES: Readonly<Record<string, string>> = {
  ErrImagePull: "image",
  ImagePullBackOff: "image",
  ErrImageNeverPull: "image",
  InvalidImageName: "image",
  ImageInspectError: "image",
  RegistryUnavailable: "image",
  SignatureValidationFailed: "image",
  CreateContainerConfigError: "container",
  CreateContainerError: "container",
  RunContainerError: "container",
  CrashLoopBackOff: "container",
  Scheduling: "scheduling",
  SchedulingGated: "scheduling",
  SchedulerError: "scheduling",
  Unschedulable: "scheduling",
  ContainerCreating: "preparing",
  PodInitializing: "preparing",
  NetworkNotReady: "preparing",
  FailedMount: "preparing",
  FailedAttachVolume: "preparing",
  FailedMapVolume: "preparing",
  FailedCreatePodSandBox: "preparing",
  FailedCreatePodContainer: "preparing",
};

/** Reasons that say nothing of what is waited for: the wait that they come in the midst of goes on. */
const UNTOLD: Readonly<Record<string, readonly string[]>> = {
  NoPod: ["FailedCreate", "QuotaExceeded"],
  ContainerCreating: ["image", "container"],
};

/**
 * Reasons that show one and the same wait. A kubelet shows the failure of a pull for a moment and the wait
 * for the next try between; a scheduler its complaint, or nothing while it thinks anew.
 */
const ALIKE: readonly (readonly string[])[] = [
  ["ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed", "ImagePullBackOff"],
  ["Unschedulable", "SchedulingGated", "SchedulerError", "Scheduling"],
];

/**
 * Decides every change of a job's status. Pure: the same known job, observation, words and time always give
 * the same answer.
 */
export function decide(known: KnownJob, seen: Observation, own: OwnWords, now: Date, rules: Rules): Decision {
  const decision = decideStatus(known, seen, own, now, rules);
  const isKept =
    known.lingers === true ? seen.phase !== "missing" : seen.phase === "ended" && seen.keptBy !== undefined;
  return isKept && hasEnded(decision.status) && !decision.removeJob
    ? { ...decision, lingers: true }
    : decision;
}

function decideStatus(known: KnownJob, seen: Observation, own: OwnWords, now: Date, rules: Rules): Decision {
  const still: Decision = { status: known.status, pendingFamily: null, pendingSince: null, removeJob: false };
  if (hasEnded(known.status))
    return { ...still, pendingFamily: known.pendingFamily, pendingSince: known.pendingSince };
  const removed = decidedEnd(known, still, seen, own);
  if (removed !== undefined) return removed;
  switch (seen.phase) {
    case "missing":
      // Only `submit` starts it; an output file may be an earlier life's.
      return known.status === "NOT_SUBMITTED"
        ? still
        : ended(known, seen, own, now, rules, unseen(still, GONE, own));
    case "lost": {
      const message = `its pod was deleted or evicted before its end was seen (${seen.message})`;
      return ended(known, seen, own, now, rules, unseen(still, { ...POD_GONE, message }, own));
    }
    case "waiting":
      return waiting(known, seen, now, rules.pending);
    case "running":
      return {
        ...still,
        ...placeOf(seen),
        status: "RUNNING",
        reason: seen.reason ?? null,
        message: stuck(seen, now) ?? seen.message ?? null,
      };
    case "ended":
      return ended(known, seen, own, now, rules, { ...still, ...placeOf(seen), ...judge(seen.ending, own) });
  }
}

/** The family of the wait for an output, which is one wait whatever becomes of pod and Job meanwhile. */
const OUTPUT = "output";

/**
 * Whether an output that has not arrived is still waited for: a file server may show a file, or its last
 * lines, a minute late.
 */
export function isOutputAwaited(
  known: KnownJob,
  { late }: OwnWords,
  now: Date,
  { outputGrace }: Rules,
): boolean {
  return late !== undefined && now.getTime() - waitedSince(known, OUTPUT, now).getTime() < outputGrace * 1000;
}

/** An end of which the output is not whole is told when it is, or when the time for that is over. */
function ended(
  known: KnownJob,
  seen: Observation,
  own: OwnWords,
  now: Date,
  rules: Rules,
  end: Decision,
): Decision {
  if (own.late === undefined) return end;
  if (isOutputAwaited(known, own, now, rules)) return awaiting(known, seen, own.late, now, rules, end);
  const when = rules.outputGrace === 0 ? "" : `, ${rules.outputGrace} s after the end was seen`;
  const message = `its output ${own.late}${when}${end.message ? `; ${end.message}` : ""}`;
  const reason = end.reason === "Completed" || end.reason === "Error" ? "OutputIncomplete" : end.reason;
  return { ...end, ...(reason === undefined ? {} : { reason }), message, outputLate: true };
}

/** What is known of the end is shown meanwhile. */
function awaiting(
  known: KnownJob,
  seen: Observation,
  late: string,
  now: Date,
  { outputGrace }: Rules,
  end: Decision,
): Decision {
  const since = waitedSince(known, OUTPUT, now);
  const until = new Date(since.getTime() + outputGrace * 1000).toISOString();
  const { status: _, warning: __, isUnknown: ___, ...facts } = end;
  return {
    ...facts,
    // What runs no more is not said to wait for its start again.
    status: seen.phase === "ended" ? "RUNNING" : known.status,
    reason: "OutputLate",
    message: `${endWords(seen)}; its output ${late}: it is waited for until ${until} (outputGrace)`,
    pendingFamily: OUTPUT,
    pendingSince: since.toISOString(),
    removeJob: false,
  };
}

/**
 * What an end that was decided without all of the job's output comes to, when that is there. What somebody
 * has decided stays.
 * @param code that the output states
 */
export function statusWithLateOutput(
  { status, exitCode }: { status: LocalStatus; exitCode: number | null },
  code: number | undefined,
): LocalStatus {
  if (code === undefined || !OUTPUT_DECIDES.has(status)) return status;
  if (code === 0 && (exitCode ?? 0) === 0) return "COMPLETED";
  return status === "COMPLETED" ? failure(code) : status;
}

const OUTPUT_DECIDES: ReadonlySet<LocalStatus> = new Set([
  "COMPLETED",
  "ERROR",
  "STALLED",
  "ERROR_HELD",
  "STALLED_HELD",
]);

function endWords(seen: Observation): string {
  if (seen.phase !== "ended") return seen.phase === "missing" ? "its Job is gone" : "its pod is gone";
  const { exitCode, reason } = seen.ending;
  return `its pod has ended (${exitCode === undefined ? reason : `${reason}, exit code ${exitCode}`})`;
}

/**
 * The end that was decided before, unless the job has got the better of it: it completed, or one that was
 * given up began to run. Its reason stands in the record already.
 */
function decidedEnd(
  { removal }: KnownJob,
  still: Decision,
  seen: Observation,
  own: OwnWords,
): Decision | undefined {
  if (removal === undefined || removal === null) return undefined;
  // A Job of the same name can be made only once the old one is gone, whatever has become of it.
  if (removal === "NOT_SUBMITTED") return { ...still, removeJob: seen.phase !== "missing" };
  if (seen.phase === "missing" || seen.phase === "lost") return { ...still, status: removal };
  if (seen.phase === "ended") {
    const hasCompleted = judge(seen.ending, own).status === "COMPLETED";
    return hasCompleted ? undefined : { ...still, ...placeOf(seen), status: removal };
  }
  if (seen.phase === "running" && removal === "ERROR") return undefined;
  return { ...still, ...placeOf(seen), status: removal, removeJob: true };
}

function placeOf(
  seen: Exclude<Observation, { phase: "missing" | "lost" }>,
): Pick<Decision, "pod" | "node" | "startedAt" | "finishedAt"> {
  const { pod, node, startedAt, finishedAt } = seen;
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** How a Job that is gone ended, as far as the cluster tells. */
const GONE: Ending = {
  reason: "Gone",
  message:
    "the Job is gone (deleted, or removed by its time to live) and its output does not tell how it ended",
  byCluster: true,
  stopped: false,
};

const POD_GONE: Omit<Ending, "message"> = { reason: "PodGone", byCluster: true, stopped: false };

/** An end that nobody saw. */
function unseen(still: Decision, ending: Ending, own: OwnWords): Decision {
  const judged = judge(own.hasCompleted === true ? { ...ending, exitCode: 0 } : ending, own);
  const ended =
    own.record === undefined ? {} : { finishedAt: new Date(own.record.endedAt * 1000).toISOString() };
  if (judged.status === "STALLED") return { ...still, ...ended, ...judged };
  const source = own.record === undefined ? "the cluster's events" : "what its pod has recorded";
  const by = own.code === undefined ? source : "the job's output";
  return { ...still, ...ended, ...judged, message: `told by ${by}, since its pod is gone` };
}

/**
 * How a job ended, from all evidence. A code that was measured counts more than the record, the record more
 * than other signs; the code that the output states must not contradict it. A 0 after a stop is a success
 * only where the output says so.
 */
function judge(
  ending: Ending,
  words: OwnWords,
): Pick<Decision, "status" | "reason" | "message" | "exitCode" | "isUnknown" | "warning"> {
  const own = ending.began === false ? { record: words.record } : words;
  const record = ending.record ?? own.record;
  const ended = ending.exitCode ?? record?.code;
  const exitCode = own.code ?? ended;
  // What has been recorded without a signal ended by itself, whatever came afterwards.
  const stopped = record === undefined ? ending.stopped : record.signal !== undefined;
  const code = ended ?? (ending.byCluster ? own.code : undefined);
  const completed = code === 0 && (own.code ?? (stopped ? undefined : 0)) === 0;
  // What it says of its own end counts where the cluster saw none.
  const endedItself =
    ending.exitCode === undefined &&
    (record === undefined ? own.code !== undefined : record.signal === undefined);
  const isStalled = ending.byCluster
    ? !endedItself
    : exitCode === 0 && own.code === undefined && ending.reason !== "DeadlineExceeded";
  const status: LocalStatus = completed ? "COMPLETED" : isStalled ? "STALLED" : failure(exitCode);
  const isUnknown = isStalled && exitCode === undefined && !stopped && ending.began !== false;
  const warning = disagreement(ending.exitCode, record) ?? words.doubt;
  return {
    status,
    ...reasonOf(ending, record, status, endedItself),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(isUnknown ? { isUnknown } : {}),
    ...(warning === undefined ? {} : { warning }),
  };
}

function reasonOf(
  ending: Ending,
  record: EndRecord | undefined,
  status: LocalStatus,
  endedItself: boolean,
): Pick<Decision, "reason" | "message"> {
  const message = ending.message === "" ? null : ending.message;
  if (status === "COMPLETED") return { reason: "Completed", message };
  if (endedItself && status === "ERROR") return { reason: "Error", message };
  if (status === "STALLED" && ending.reason === "Completed") {
    const by = record?.signal === undefined ? "" : ` by ${record.signal}`;
    return {
      reason: "Stopped",
      message: `it was stopped${by} and ended with 0; its output does not say that it had done its work`,
    };
  }
  return { reason: ending.reason === "Completed" ? "Error" : ending.reason, message };
}

function disagreement(measured: number | undefined, record: EndRecord | undefined): string | undefined {
  if (measured === undefined || record === undefined || record.code === measured) return undefined;
  return `its container ended with ${measured}, its wrapper recorded ${record.code}: the container's code counts`;
}

/** A job that states itself that it was cancelled has not failed. */
function failure(exitCode: number | undefined): LocalStatus {
  return exitCode === CANCELLED_CODE ? "CANCELLED" : "ERROR";
}

function waiting(
  known: KnownJob,
  seen: Extract<Observation, { phase: "waiting" }>,
  now: Date,
  grace: Grace,
): Decision {
  const family = familyOf(seen.reason, known.pendingFamily);
  const since = waitedSince(known, family, now);
  const over = (now.getTime() - since.getTime()) / 1000 >= graceOf(seen.reason, grace);
  // A container that ran is never said to wait again, since its pod's report may lag behind; another pod, or
  // none by a queue's will, is.
  const isLate =
    known.status === "RUNNING" &&
    seen.reason !== "Suspended" &&
    (known.pod ?? seen.pod) === (seen.pod ?? known.pod);
  const status: LocalStatus = over ? "ERROR" : isLate ? "RUNNING" : "QUEUED";
  return {
    ...placeOf(seen),
    status,
    reason: seen.reason,
    message: stuck(seen, now) ?? takenBack(known, seen) ?? seen.message,
    pendingFamily: family,
    pendingSince: since.toISOString(),
    removeJob: over,
  };
}

/** The family of a reason, among those whose time is counted together. */
function familyOf(reason: string, current: string | null): string {
  if (current !== null && UNTOLD[reason]?.includes(current)) return current;
  return FAMILIES[reason] ?? reason;
}

/** Seconds for which a pod may be overdue without a word. */
const OVERDUE_S = 60;

/**
 * Words for a pod that is being deleted and does not go, with the way out: a node that died leaves its pods
 * Terminating.
 */
function stuck(seen: Extract<Observation, { phase: "waiting" | "running" }>, now: Date): string | undefined {
  const { goneBy, wayOut, reason, message, pod, node } = seen;
  if (goneBy === undefined) return undefined;
  if (reason === "NodeUnreachable") return `${message}; its pod ${pod} stays Terminating; ${wayOut}`;
  if (now.getTime() - Date.parse(goneBy) < OVERDUE_S * 1000) return undefined;
  const where = node === undefined ? "" : ` on node ${node}`;
  return `pod ${pod}${where} was to be gone by ${goneBy} and is still Terminating: its node may be off; ${wayOut}`;
}

/** Words for a job that had a pod and lost it to whoever suspended its Job. */
function takenBack(
  known: KnownJob,
  { reason, queue, suspendedAt }: Extract<Observation, { phase: "waiting" }>,
): string | undefined {
  if (reason !== "Suspended" || (known.status !== "RUNNING" && (known.pod ?? null) === null))
    return undefined;
  const since = suspendedAt === undefined ? "" : ` at ${suspendedAt}`;
  return queue === undefined
    ? `its Job was suspended${since} after it had begun: it waits for that to be undone`
    : `queue ${queue} has taken it back${since}: it waits to be admitted again, and begins anew then`;
}

/**
 * How long a job may wait for a reason, in seconds. Of reasons that show one wait the longest grace given
 * counts, so that it does not matter which of them a look happens to meet.
 */
function graceOf(reason: string, grace: Grace): number {
  const reasons = ALIKE.find((alike) => alike.includes(reason)) ?? [reason];
  const given = reasons.map((each) => grace[each]).filter((seconds) => seconds !== undefined);
  return given.length === 0
    ? Number.POSITIVE_INFINITY
    : Math.max(...given.map((seconds) => seconds ?? Number.POSITIVE_INFINITY));
}

/**
 * Since when a job waits for reasons of one family. A time to come was written by a clock that was set back
 * since: it would keep the grace from passing.
 */
function waitedSince({ pendingFamily, pendingSince }: KnownJob, family: string, now: Date): Date {
  const hasBegun =
    pendingFamily === family && pendingSince !== null && Date.parse(pendingSince) <= now.getTime();
  return hasBegun ? new Date(pendingSince) : now;
}
