import { decided } from "./make.ts";

/*
 * What is noted of a job by those who carry something out: each a part of its row, decided here and written
 * where it has come about.
 */

/** Of a job that is written down, before anything is made for it. */
export const WRITTEN_DOWN = { status: decided("NOT_SUBMITTED"), settled: false } as const;

/** Of an attempt that is added, which this tool submits itself when its turn comes. */
export const ADDED = { ...WRITTEN_DOWN, due: true, prepared: false } as const;

/** Of an attempt for which the workflow directory was made ready. */
export const MADE_READY = { prepared: true } as const;

/** Of an attempt whose Job the cluster has accepted. */
export const ACCEPTED = { status: decided("QUEUED"), due: false } as const;

/** Of an attempt that has ended, once what others kept alive of it is on its way out. */
export const KEPT_NO_MORE = { lingers: false } as const;

/**
 * Of an attempt that can't be submitted: nobody but a person can mend that, so it waits to be released.
 */
export const UNSUBMITTABLE = {
  status: decided("ERROR_HELD"),
  settled: true,
  due: false,
  reason: "NotSubmittable",
} as const;

/**
 * Of an attempt that nobody typed and whose script is not the one that was submitted: a person decides what
 * runs.
 */
export const SCRIPT_CHANGED = { ...UNSUBMITTABLE, reason: "ScriptChanged" } as const;
