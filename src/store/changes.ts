import { hasEnded } from "../core/job.ts";
import type { JobChange } from "../core/lifecycle/record.ts";
import type { DecidedStatus } from "../core/lifecycle/status.ts";
import { type Cell, COLUMNS, cellOf } from "./columns.ts";
import { ACTIVE_LIST } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import type { History, NewTransition } from "./history.ts";
import type { Decided, StoredJob } from "./records.ts";

/**
 * When a job ended, whoever writes it: what is known stays, whatever is found out later; else what was
 * measured; else the time at which the end was first seen, which is not before the job began, whatever the
 * clocks say. A job that goes on, or runs again, has no end.
 */
const END = `CASE WHEN coalesce(?, status) IN ${ACTIVE_LIST} THEN NULL
  ELSE coalesce(ended, ?, max(?, coalesce(?, started, submitted, created))) END`;

/** Whether a job is as a decision was made from it; the parameters are those of `decidedFrom`. */
const AS_DECIDED = "key = ? AND status = ? AND settled = ifnull(?, settled) AND (? OR signal IS ?)";

function decidedFrom({ key, status, settled, signal }: Decided): Cell[] {
  return [
    key,
    status,
    settled === undefined ? null : Number(settled),
    signal === undefined ? 1 : 0,
    signal ?? null,
  ];
}

/** The only writer of what a job has become. */
export class Changes {
  readonly #db: Connection;
  readonly #history: History;

  constructor(db: Connection, history: History) {
    this.#db = db;
    this.#history = history;
  }

  /**
   * Writes a change if the job is still in the status that the decision was made from.
   * @returns whether it was written
   */
  write(job: Decided, change: JobChange): boolean {
    return this.#db.write(() => {
      const { ended, ...others } = change;
      const names = (Object.keys(others) as (keyof typeof others)[]).filter(
        (name) => others[name] !== undefined,
      );
      if (names.length === 0) return true;
      const assignments = names.map((name) => `${COLUMNS[name].name} = ?`);
      const values = names.map((name) => cellOf(name, others[name] as never));
      const end = [change.status ?? null, ended ?? null, this.#db.timestamp(), change.started ?? null];
      const sql = `UPDATE jobs SET ${assignments.join(", ")}, ended = ${END} WHERE ${AS_DECIDED}`;
      const { changes } = this.#db.run(sql, [...values, ...end, ...decidedFrom(job)]);
      if (changes === 0) return false;
      if (change.status !== undefined && change.status !== job.status)
        this.#history.note(job, this.#words(job, change.status, change));
      return true;
    });
  }

  /** Whether a job is still as a decision was made from it. */
  isAsDecided(job: Decided): boolean {
    return this.#db.has(`SELECT 1 FROM jobs WHERE ${AS_DECIDED}`, decidedFrom(job));
  }

  /**
   * The words for a change of status: those of an end may have been written down when it was decided, before
   * it came.
   */
  #words({ key }: Decided, status: DecidedStatus, { reason, message }: JobChange): NewTransition {
    const sql = "SELECT reason, message FROM jobs WHERE key = ?";
    const kept = hasEnded(status)
      ? this.#db.get<Pick<StoredJob, "reason" | "message">>(sql, [key])
      : undefined;
    return { status, reason: reason ?? kept?.reason ?? null, message: message ?? kept?.message ?? null };
  }
}
