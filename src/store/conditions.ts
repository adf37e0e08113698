import { ACTIVE_STATUSES } from "../core/job.ts";

/** The statuses of jobs that have not ended, as a list of SQL. */
export const ACTIVE_LIST = `(${ACTIVE_STATUSES.map((status) => `'${status}'`).join(", ")})`;

/** The very condition of the index on active jobs. */
export const ACTIVE = `status IN ${ACTIVE_LIST}`;

/** The very condition of the index on held jobs. */
export const HELD = "status IN ('ERROR_HELD', 'STALLED_HELD')";

/**
 * Keys of the jobs with which something is still to be done: to be followed, seen to, released, or told to
 * the GASW database.
 */
export const UNFINISHED = `SELECT key FROM jobs WHERE settled = 0 UNION ALL SELECT key FROM jobs WHERE ${HELD}
  UNION ALL SELECT key FROM jobs WHERE lingers = 1 UNION ALL SELECT job FROM outbox`;
