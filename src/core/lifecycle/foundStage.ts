import { CANCELLED_CODE } from "../gasw/exitCode.ts";
import type { GaswRow } from "../gaswRow/row.ts";
import { hasEnded, isEnd, type StoredRequest } from "../job.ts";
import type { Decision } from "./decision.ts";
import { active, DUE, ended, held, over, WRITTEN } from "./make.ts";
import { isSignal } from "./signal.ts";
import type { EndStatus, HeldStatus, Left, Stage } from "./stage.ts";

/** An attempt's Job, as the cluster has it. */
export interface FoundJob {
  readonly id: string;
  readonly fileName: string;
  readonly kubeUid: string | null;
  readonly wrapper: number;
  readonly contentHash: string;
  readonly request: StoredRequest;
  /** RFC 3339. */
  readonly created: string | undefined;
  /** What it shows. */
  readonly decision: Decision;
  /** Whether it is being removed. */
  readonly isLeaving: boolean;
}

/** What there is of one attempt. */
export interface Traces {
  readonly row?: GaswRow | undefined;
  readonly job?: FoundJob | undefined;
  readonly hasTraces: boolean;
  /** Whether its former owner may have seen its end. */
  readonly mayBeSeen: boolean;
}

/** An attempt's place among those of its script. */
export interface Place {
  readonly attempt: number;
  readonly isNewest: boolean;
}

/** Where an attempt is in its life, and whether its former owner has told its end. */
interface Found {
  readonly stage: Stage;
  readonly isTold: boolean;
}

/**
 * Where an attempt is in its life, by what its former owner has told of it, else by its Job, else by what its pod
 * has left.
 * @param hasDatabase whether what the former owner has told stands in a GASW database
 */
export function foundStage(place: Place, traces: Traces, hasDatabase: boolean): Found {
  const { row, job, hasTraces } = traces;
  const end = row === undefined ? undefined : toldEnd(row);
  if (end !== undefined && !runsAgain(job, end))
    return { stage: endStage(end, place, leftBy(job)), isTold: true };
  if (job !== undefined) return ofJob(job, place, traces, hasDatabase || row !== undefined);
  if (row !== undefined) return { stage: openInRow(row, place, hasTraces), isTold: false };
  if (hasTraces) return { stage: active("RUNNING"), isTold: false };
  // Nothing is left of it, and there is a later one: it has failed.
  return { stage: over("ERROR"), isTold: true };
}

/** The end that stands in a row, also beneath a signal that somebody has written over it; undefined: none. */
function toldEnd({ status, end, exitCode }: GaswRow): EndStatus | HeldStatus | undefined {
  if (isEnd(status)) return status;
  if (status === "CANCELLED_REPLICA") return "DELETED_REPLICA";
  if (status === "UNHOLD_ERROR") return "ERROR_HELD";
  if (status === "UNHOLD_STALLED") return "STALLED_HELD";
  if (!isSignal(status) || end === null) return undefined;
  if (exitCode === 0) return "COMPLETED";
  if (exitCode === CANCELLED_CODE) return "DELETED";
  return exitCode < 0 ? "STALLED_HELD" : "ERROR_HELD";
}

/**
 * Whether an attempt that had ended has been run again: its former owner had no time to tell. Of one that was killed,
 * or given up, the Job is on its way out before its end is told.
 */
function runsAgain(job: FoundJob | undefined, end: EndStatus | HeldStatus): boolean {
  return job !== undefined && !hasEnded(job.decision.status) && !job.isLeaving && end !== "COMPLETED";
}

function leftBy(job: FoundJob | undefined): Left {
  return { lingers: job?.decision.lingers === true, outputLate: false };
}

/** An end that was told; a failure of the newest attempt has yet to be retried, or held. */
function endStage(end: EndStatus | HeldStatus, { isNewest }: Place, left: Left): Stage {
  switch (end) {
    case "ERROR_HELD":
    case "STALLED_HELD":
      return isNewest ? held(end, left) : over(end === "ERROR_HELD" ? "ERROR" : "STALLED", left);
    case "ERROR":
    case "STALLED":
      return isNewest ? ended(end, left) : over(end, left);
    default:
      return over(end, left);
  }
}

/**
 * Where only its Job tells: the former owner has seen to the end of an attempt that another one follows, and to that
 * of one whose record it has removed; without a database, that has told it.
 */
function ofJob(
  job: FoundJob,
  { isNewest }: Place,
  { hasTraces, mayBeSeen }: Traces,
  isToldElsewhere: boolean,
): Found {
  const { decision, wrapper } = job;
  const { status } = decision;
  if ((status === "ERROR" || status === "STALLED") && !isNewest)
    return { stage: over(status, leftBy(job)), isTold: !isToldElsewhere };
  const isSuccess = status === "COMPLETED" || status === "CANCELLED";
  const isSeenTo = isSuccess && wrapper > 0 && !hasTraces && mayBeSeen && !isToldElsewhere;
  return isSeenTo
    ? { stage: over(status, leftBy(job)), isTold: true }
    : { stage: active("QUEUED"), isTold: false };
}

/** An attempt whose row shows no end, and of which the cluster has nothing. */
function openInRow(row: GaswRow, { attempt }: Place, hasTraces: boolean): Stage {
  const { status, running, download, queued } = row;
  if (status === "RUNNING" || running !== null || download !== null || hasTraces) return active("RUNNING");
  // One that is to be killed runs no more, even if that word can't be read when its turn comes.
  if (attempt > 0) return status === "KILL" || status === "KILL_REPLICA" ? WRITTEN : DUE;
  // Of a first attempt nobody knows what was asked for: whoever submits it again states it.
  return queued === null ? WRITTEN : active("QUEUED");
}
