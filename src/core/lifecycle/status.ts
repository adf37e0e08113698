import { type GaswStatus, LOCAL_STATUSES, type LocalStatus } from "../job.ts";

declare const isDecided: unique symbol;

/**
 * A status that the life cycle has decided: a plain word is none, so that neither the state nor the GASW
 * database can be given one that comes from elsewhere. `make.ts` makes them, for this folder alone.
 */
export type Decided<Status extends GaswStatus> = {
  [Word in Status]: Word & { readonly [isDecided]: true };
}[Status];

/** What a job's status is changed to in the state. */
export type DecidedStatus = Decided<LocalStatus>;

/** What is written into a job's row in the GASW database. */
export type RowStatus = Decided<GaswStatus>;

/**
 * A status as it was written down before.
 * @throws RangeError where that is none
 */
export function readStatus(word: unknown): DecidedStatus {
  if (!(LOCAL_STATUSES as readonly unknown[]).includes(word))
    throw new RangeError(`${word} is not a status of a job`);
  return word as DecidedStatus;
}
