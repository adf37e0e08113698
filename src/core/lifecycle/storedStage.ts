import { active, CLEARING, DUE, ended, held, over, removing, WRITTEN } from "./make.ts";
import {
  type ActiveStatus,
  awaitsTurn,
  type DecidedEnd,
  type EndStatus,
  endIn,
  type HeldStatus,
  isSettled,
  leftOf,
  type Stage,
} from "./stage.ts";
import { readStatus } from "./status.ts";

/**
 * How a stage stands in the state: in the columns that versions before it had instead, since a process of one
 * may have the file open. From these the file itself makes the stage's name, and takes no others (its CHECK).
 */
export interface StoredStage {
  readonly status: string;
  /** The end that is decided; NOT_SUBMITTED where it is to run again. */
  readonly removal: string | null;
  readonly settled: boolean;
  readonly due: boolean;
  readonly lingers: boolean;
  readonly outputLate: boolean;
}

/** A stage as it is written down. */
export function storeStage(stage: Stage): StoredStage {
  const end = endIn(stage);
  return {
    status: stage.status,
    removal: stage.name === "clearing" ? "NOT_SUBMITTED" : end === stage.status ? null : end,
    settled: isSettled(stage),
    due: awaitsTurn(stage),
    ...leftOf(stage),
  };
}

/** A stage's name, and what of its columns it does not tell itself. */
export type NamedStage = Omit<StoredStage, "settled" | "due"> & { readonly stage: unknown };

/**
 * A stage as it was written down before.
 * @throws RangeError where that is none
 */
export function readStage({ stage, status: word, removal, ...left }: NamedStage): Stage {
  const status = readStatus(word);
  // What older versions leave in a column that means nothing in a stage is not of it.
  const end = removal === "NOT_SUBMITTED" ? null : (removal as DecidedEnd | null);
  switch (stage) {
    case "written":
      return WRITTEN;
    case "due":
      return DUE;
    case "clearing":
      return CLEARING;
    case "active":
      return active(status as ActiveStatus);
    case "removing":
      return removing(status as "NOT_SUBMITTED" | ActiveStatus, end as DecidedEnd);
    case "ended":
      return ended(status as EndStatus, left, end);
    case "held":
      return held(status as HeldStatus, left);
    case "over":
      return over(status as EndStatus, left, end);
    default:
      throw new RangeError(`${stage} is not a stage of a job`);
  }
}
