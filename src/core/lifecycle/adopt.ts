import type { GaswRow } from "../gaswRow/row.ts";
import { isEnd, isInCluster } from "../job.ts";
import { active, DUE, ended, held } from "./make.ts";
import type { AttemptRecord, JobChange } from "./record.ts";
import { isSettled } from "./stage.ts";

/** An attempt as another state file has left it. */
export interface AdoptedAttempt {
  readonly id: string;
  readonly fileName: string;
  /** Whether it is shown as going on, and by no signal. */
  readonly goesOn: boolean;
  readonly change: JobChange;
}

/** What of an earlier end is forgotten of an attempt that goes on. */
const NO_END = {
  exitCode: null,
  output: null,
  lastPod: null,
} as const satisfies JobChange;

/**
 * An attempt as its row in the GASW database shows it. What has not ended there is looked for in the cluster;
 * only what has never begun may be submitted.
 * @param hasBegun whether it has left something in the workflow directory
 */
export function adoptedAttempt(row: GaswRow, hasBegun: boolean): AdoptedAttempt {
  const { id, fileName, status, exitCode, queued, download, creation } = row;
  // `running` is the date of a stage that its output tells, at its end.
  const running = row.running ?? download;
  const known = { id, fileName: fileName ?? id, goesOn: isInCluster(status) };
  const words = { reason: "Followed", message: "taken over from another state file" };
  const submitted = queued ?? creation;
  if (isEnd(status)) {
    // Its end is seen to here: told, retried.
    const change = {
      ...words,
      stage: status === "ERROR_HELD" || status === "STALLED_HELD" ? held(status) : ended(status),
      exitCode: exitCode < 0 ? null : exitCode,
      submitted,
      prepared: true,
    };
    return { ...known, change };
  }
  const open = { ...words, ...NO_END };
  if (running === null && status !== "RUNNING" && !hasBegun)
    return { ...known, change: { ...open, stage: DUE } };
  return {
    ...known,
    change: { ...open, stage: active("RUNNING"), submitted, started: running, prepared: true },
  };
}

/**
 * Reason of a job whose submission was refused since it has run before, until it is known whether the
 * workflow's former owner had it run.
 */
export const SET_ASIDE = "RanBefore";

/** What is known here of a job that another state file shows, too. */
export interface Standing {
  /** Whether no later attempt of its invocation is known. */
  readonly isNewest: boolean;
  /** Whether the GASW database has been told all of it. */
  readonly isTold: boolean;
  /** Whether it was killed from another state file. */
  readonly isKilled: boolean;
}

/**
 * What an attempt of another state file changes of one that is known here: nothing, unless that was set aside
 * until this was known, or had ended for good, was told, and goes on there: it has been run again. A success,
 * and what was killed elsewhere, is never undone.
 */
export function adoptionOf(
  { stage, reason }: AttemptRecord,
  { goesOn, change }: AdoptedAttempt,
  { isNewest, isTold, isKilled }: Standing,
): JobChange | undefined {
  if (stage.status === "NOT_SUBMITTED" && reason === SET_ASIDE) return change;
  const hasEndedForGood = isSettled(stage) && stage.status !== "COMPLETED" && !isKilled && isTold;
  return goesOn && isNewest && hasEndedForGood ? change : undefined;
}
