import { ACTIVE_STATUSES } from "../core/job.ts";

/** The statuses of jobs that have not ended, as a list of SQL. */
export const ACTIVE_LIST = `(${ACTIVE_STATUSES.map((status) => `'${status}'`).join(", ")})`;

/** The very condition of the index on active jobs. */
export const ACTIVE = `status IN ${ACTIVE_LIST}`;

/**
 * Jobs that go on, or whose end has yet to be seen to, or that wait to be released: the very condition of the
 * index on unfinished jobs.
 */
export const UNFINISHED = "stage <> 'over'";

/** Jobs that go on, or whose end has yet to be seen to. */
export const OPEN = `${UNFINISHED} AND stage <> 'held'`;

const HAS_ENDED = "stage IN ('ended', 'held', 'over')";

/** Jobs that have ended, and whose Jobs are to go. */
export const LINGERING = `lingers = 1 AND ${HAS_ENDED}`;

/** Jobs whose end was decided without all of their output. */
export const LATE = `output_late = 1 AND ${HAS_ENDED}`;

/**
 * Keys of the jobs with which something is still to be done: to be followed, seen to, released, or told to
 * the GASW database.
 */
export const TO_BE_DONE = `SELECT key FROM jobs WHERE ${UNFINISHED}
  UNION ALL SELECT key FROM jobs WHERE ${LINGERING} UNION ALL SELECT job FROM outbox`;
