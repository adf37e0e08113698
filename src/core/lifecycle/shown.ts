import { type GaswStatus, hasEnded, isEnd, type LocalStatus } from "../job.ts";
import { decided } from "./make.ts";
import { isSignal, type Signal } from "./signal.ts";
import type { Stage } from "./stage.ts";
import type { RowStatus } from "./status.ts";

/** What of a job decides the status in its row. */
export interface ShownJob {
  readonly stage: Stage;
  /** The signal that was taken from its row and not acknowledged there yet. */
  readonly signal: Signal | null;
}

/** The status that the user's client is to see for a local one. */
export function shownStatus(local: LocalStatus): RowStatus {
  // The portal's lists break on NOT_SUBMITTED; a job that waits to be submitted is queued for its user.
  return decided(local === "NOT_SUBMITTED" ? "QUEUED" : local);
}

/**
 * The status to write over the one that is found in a job's row; undefined: none. A signal that was not taken
 * yet stays, and so does that of a kill until the job is gone.
 */
export function nextStatus({ stage, signal }: ShownJob, found: string | null): RowStatus | undefined {
  const { status } = stage;
  if (!isSignal(found)) return shownStatus(status);
  if (found !== signal) return undefined;
  if (hasEnded(status)) return status;
  if (stage.name === "removing") return undefined;
  const isAnswered = signal === "REPLICATE" || signal === "RESCHEDULE";
  return isAnswered ? decided("SUCCESSFULLY_SUBMITTED") : shownStatus(status);
}

/** The end that a row shows, which is left as it is; undefined: it shows none. */
export function shownEnd(found: string | null): RowStatus | undefined {
  return isEnd(found) ? decided(found) : undefined;
}

/** What other programs take in the same way as a status that a database can't hold. */
const SUBSTITUTES: { readonly [Status in GaswStatus]?: GaswStatus } = {
  SUCCESSFULLY_SUBMITTED: "QUEUED",
  STALLED_HELD: "ERROR_HELD",
};

/** What may be written in place of a status; undefined: nothing. */
export function substituteFor(status: GaswStatus): RowStatus | undefined {
  const substitute = SUBSTITUTES[status];
  return substitute === undefined ? undefined : decided(substitute);
}
