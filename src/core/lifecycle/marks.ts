import { active, DUE, held, leaving, WRITTEN } from "./make.ts";
import type { Stage } from "./stage.ts";

/*
 * What is noted of a job by those who carry something out: each a part of its row, decided here and written
 * where it has come about.
 */

/** Of an attempt that is written down, before whoever submits it has made anything for it. */
export const WRITTEN_DOWN = { stage: WRITTEN } as const;

/** Of an attempt that is added, which this tool submits itself when its turn comes. */
export const ADDED = { stage: DUE, prepared: false } as const;

/** Of an attempt for which the workflow directory was made ready. */
export const MADE_READY = { prepared: true } as const;

/** Of an attempt whose Job the cluster has accepted. */
export const ACCEPTED = { stage: active("QUEUED") } as const;

/** Reason of an attempt that the cluster would not take; its message is what the cluster said. */
export const REFUSED = "Refused";

/** Of an attempt that the cluster has taken after it had refused it. */
export const NOT_REFUSED = { reason: null, message: null } as const;

/** Of a Job that the state does not know, before it is looked at. */
export const UNKNOWN = { ...ACCEPTED, pendingFamily: null, pendingSince: null } as const;

/** Of an attempt that has ended, once what others kept alive of it is on its way out. */
export function keptNoMore(stage: Stage): { readonly stage: Stage } {
  return { stage: leaving(stage, { lingers: false }) };
}

/**
 * Of an attempt that can't be submitted: nobody but a person can mend that, so it waits to be released.
 */
export const UNSUBMITTABLE = { stage: held("ERROR_HELD"), reason: "NotSubmittable" } as const;

/**
 * Of an attempt that nobody typed and whose script is not the one that was submitted: a person decides what
 * runs.
 */
export const SCRIPT_CHANGED = { ...UNSUBMITTABLE, reason: "ScriptChanged" } as const;
