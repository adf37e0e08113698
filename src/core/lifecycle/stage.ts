import type { LocalStatus } from "../job.ts";
import type { Decided } from "./status.ts";

declare const isMade: unique symbol;

/** An end that is decided for an attempt before its Job is removed. */
export type DecidedEnd = "ERROR" | "DELETED" | "DELETED_REPLICA";

/** The statuses of an attempt that is in the cluster. */
export type ActiveStatus = "QUEUED" | "RUNNING";

/** The statuses of an attempt that has ended, and is not held. */
export type EndStatus = "COMPLETED" | "ERROR" | "STALLED" | "CANCELLED" | "DELETED" | "DELETED_REPLICA";

/** The statuses of an attempt that waits to be released. */
export type HeldStatus = "ERROR_HELD" | "STALLED_HELD";

interface In<Name extends string, Status extends LocalStatus> {
  readonly name: Name;
  /** GASW's status, which follows from the stage. */
  readonly status: Decided<Status>;
  readonly [isMade]: true;
}

/** What an attempt that has ended may have left behind. */
export interface Left {
  /** Whether its Job is to go, since others keep its pod alive. */
  readonly lingers: boolean;
  /** Whether its end was decided without all of its output, which may arrive yet. */
  readonly outputLate: boolean;
}

interface Ended<Name extends string> extends In<Name, EndStatus>, Left {
  /** What was decided for it before it ended otherwise. */
  readonly noted: DecidedEnd | null;
}

/**
 * Where an attempt is in its life: in exactly one stage. `make.ts` makes them, for this folder alone. Not of
 * the stage are `signal`, `replicating` and `delivered`, which tell what was taken from and shown in its row
 * of the GASW database, and `prepared`, which tells whose streams stand in the workflow directory: each
 * outlives any stage.
 */
export type Stage =
  /** Written down; whoever submits it makes its Job. */
  | In<"written", "NOT_SUBMITTED">
  /** This tool itself submits it, as soon as no other attempt of its script is alive. */
  | In<"due", "NOT_SUBMITTED">
  /** Its old Job is being removed, so that it runs again. */
  | In<"clearing", "NOT_SUBMITTED">
  /** The cluster has accepted it. */
  | In<"active", ActiveStatus>
  /** An end is decided for it, and comes once its Job is on its way out. */
  | (In<"removing", "NOT_SUBMITTED" | ActiveStatus> & { readonly end: DecidedEnd })
  /** It has ended, and that has yet to be seen to: retried, held, or announced. */
  | Ended<"ended">
  /** It has failed, and waits to be released. */
  | (In<"held", HeldStatus> & Left)
  /** Its end has been seen to. */
  | Ended<"over">;

/** Whether this tool itself submits an attempt, once its turn has come. */
export function awaitsTurn({ name }: Stage): boolean {
  return name === "due" || name === "clearing";
}

/** Whether an attempt was never submitted, and this tool does not do it by itself. */
export function isUnsubmitted(stage: Stage): boolean {
  return stage.status === "NOT_SUBMITTED" && !awaitsTurn(stage);
}

/** Whether an attempt's end has been seen to. */
export function isSettled({ name }: Stage): boolean {
  return name === "held" || name === "over";
}

/** The end that is decided for an attempt; else its status. */
export function endIn(stage: Stage): LocalStatus {
  switch (stage.name) {
    case "removing":
      return stage.end;
    case "ended":
    case "over":
      return stage.noted ?? stage.status;
    default:
      return stage.status;
  }
}

/** What an attempt has left behind; nothing, before it has ended. */
export function leftOf(stage: Stage): Left {
  switch (stage.name) {
    case "ended":
    case "held":
    case "over":
      return { lingers: stage.lingers, outputLate: stage.outputLate };
    default:
      return { lingers: false, outputLate: false };
  }
}

/** Whether two stages are one. */
export function isSameStage(one: Stage, other: Stage): boolean {
  const [mine, theirs] = [leftOf(one), leftOf(other)];
  return (
    one.name === other.name &&
    one.status === other.status &&
    endIn(one) === endIn(other) &&
    mine.lingers === theirs.lingers &&
    mine.outputLate === theirs.outputLate
  );
}
