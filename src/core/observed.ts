import { CANCELLED_CODE } from "./exitCode.ts";
import { hasEnded, type LocalStatus } from "./job.ts";
import type { Observation } from "./observe.ts";

/** What is known of a job before it is looked at. */
export interface KnownJob {
  readonly status: LocalStatus;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  /** What was decided for it, written down before its Job is removed. */
  readonly removal?: Removal | null;
}

/** Why a Job is removed: an end that was decided for it, or (NOT_SUBMITTED) to make room for it to run again. */
export type Removal = "ERROR" | "DELETED" | "DELETED_REPLICA" | "NOT_SUBMITTED";

/** Grace per reason of waiting, in seconds; null and a missing reason mean for ever. */
export type Grace = Readonly<Record<string, number | null>>;

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
};

/** What a kubelet shows of one pull that keeps failing: the failure for a moment, the wait for the next try between. */
const FAILING_PULL: readonly string[] = ["ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed", "ImagePullBackOff"];

/**
 * Decides every change of a job's status. Pure: the same known job, observation, file and time always give the same answer.
 * @param fileCode the return code that the job's own output states; undefined where there is none
 */
export function decide(known: KnownJob, seen: Observation, fileCode: number | undefined, now: Date, grace: Grace): Decision {
  const still: Decision = { status: known.status, pendingFamily: null, pendingSince: null, removeJob: false };
  if (hasEnded(known.status)) return { ...still, pendingFamily: known.pendingFamily, pendingSince: known.pendingSince };
  const removed = decidedEnd(known, still, seen);
  if (removed !== undefined) return removed;
  switch (seen.phase) {
    case "missing":
      // Only `submit` starts it; an output file may be an earlier life's.
      if (known.status === "NOT_SUBMITTED") return still;
      return judgedByFile(
        still,
        fileCode,
        "Gone",
        "the Job is gone (deleted, or removed by its time to live) and its output does not tell how it ended",
      );
    case "lost":
      return judgedByFile(still, fileCode, "PodGone", `its pod was deleted or evicted before its end was seen (${seen.message})`);
    case "waiting":
      return waiting(known, seen, now, grace);
    case "running":
      return { ...still, ...placeOf(seen), status: "RUNNING", reason: seen.reason ?? null, message: seen.message ?? null };
    case "ended":
      return ended(still, seen, fileCode);
  }
}

/**
 * The end that was decided before, unless the job has got the better of it: it completed, or one that was given up began to run.
 * Its reason stands in the record already.
 */
function decidedEnd({ removal }: KnownJob, still: Decision, seen: Observation): Decision | undefined {
  if (removal === undefined || removal === null) return undefined;
  // A Job of the same name can be made only once the old one is gone, whatever has become of it.
  if (removal === "NOT_SUBMITTED") return { ...still, removeJob: seen.phase !== "missing" };
  if (seen.phase === "missing" || seen.phase === "lost") return { ...still, status: removal };
  if (seen.phase === "ended") return seen.ending.exitCode === 0 ? undefined : { ...still, ...placeOf(seen), status: removal };
  if (seen.phase === "running" && removal === "ERROR") return undefined;
  return { ...still, ...placeOf(seen), status: removal, removeJob: true };
}

function placeOf(seen: Exclude<Observation, { phase: "missing" | "lost" }>): Pick<Decision, "pod" | "node" | "startedAt" | "finishedAt"> {
  const { pod, node, startedAt, finishedAt } = seen;
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

function judgedByFile(still: Decision, fileCode: number | undefined, reason: string, message: string): Decision {
  if (fileCode === undefined) return { ...still, status: "STALLED", reason, message };
  const told = "told by the job's output, since its pod is gone";
  return fileCode === 0
    ? { ...still, status: "COMPLETED", exitCode: 0, reason: "Completed", message: told }
    : { ...still, status: failure(fileCode), exitCode: fileCode, reason: "Error", message: told };
}

/** A job that states itself that it was cancelled has not failed. */
function failure(exitCode: number | undefined): LocalStatus {
  return exitCode === CANCELLED_CODE ? "CANCELLED" : "ERROR";
}

function ended(still: Decision, seen: Extract<Observation, { phase: "ended" }>, fileCode: number | undefined): Decision {
  const { ending } = seen;
  const exitCode = fileCode ?? ending.exitCode;
  // A script that ends with 0 because its time is up has not completed, unless its output says so.
  const presumed = ending.reason === "DeadlineExceeded" ? undefined : 0;
  const completed = ending.exitCode === 0 && (fileCode ?? presumed) === 0;
  const status: LocalStatus = completed ? "COMPLETED" : ending.byCluster ? "STALLED" : failure(exitCode);
  return {
    ...still,
    ...placeOf(seen),
    status,
    reason: completed ? "Completed" : ending.reason === "Completed" ? "Error" : ending.reason,
    message: ending.message === "" ? null : ending.message,
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

function waiting(known: KnownJob, seen: Extract<Observation, { phase: "waiting" }>, now: Date, grace: Grace): Decision {
  const family = FAMILIES[seen.reason] ?? seen.reason;
  const since = known.pendingFamily === family && hasBegun(known.pendingSince, now) ? known.pendingSince : now.toISOString();
  const elapsed = (now.getTime() - Date.parse(since)) / 1000;
  const over = elapsed >= graceOf(seen.reason, grace);
  // A container that ran is never said to wait again: the pod's report may lag behind.
  const status: LocalStatus = over ? "ERROR" : known.status === "RUNNING" ? "RUNNING" : "QUEUED";
  return {
    ...placeOf(seen),
    status,
    reason: seen.reason,
    message: seen.message,
    pendingFamily: family,
    pendingSince: since,
    removeJob: over,
  };
}

/**
 * How long a job may wait for a reason, in seconds. Of a failing pull the longest grace given counts, so that it does not matter which of
 * its reasons a look happens to meet.
 */
function graceOf(reason: string, grace: Grace): number {
  const reasons = FAILING_PULL.includes(reason) ? FAILING_PULL : [reason];
  const given = reasons.map((each) => grace[each]).filter((seconds) => seconds !== undefined);
  return given.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...given.map((seconds) => seconds ?? Number.POSITIVE_INFINITY));
}

/** Whether a wait has begun by now: a time to come was written by a clock that was set back since, and would keep its grace from passing. */
function hasBegun(since: string | null, now: Date): since is string {
  return since !== null && Date.parse(since) <= now.getTime();
}
