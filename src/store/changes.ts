import { hasEnded } from "../core/job.ts";
import type { JobChange } from "../core/lifecycle/record.ts";
import { isSameStage } from "../core/lifecycle/stage.ts";
import type { DecidedStatus } from "../core/lifecycle/status.ts";
import { type Cell, cellsOf, STAGE_LIST, stageIn } from "./columns.ts";
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

/** The only writer of what a job has become. */
export class Changes {
  readonly #db: Connection;
  readonly #history: History;

  constructor(db: Connection, history: History) {
    this.#db = db;
    this.#history = history;
  }

  /**
   * Writes a change if the job is still in the stage that the decision was made from.
   * @returns whether it was written
   */
  write(job: Decided, change: JobChange): boolean {
    return this.#db.write(() => {
      if (!this.isAsDecided(job)) return false;
      const { ended, stage, ...others } = change;
      // The same stage again would tidy up what an older version has left in its columns: news for nobody.
      const isNext = stage !== undefined && !isSameStage(stage, job.stage);
      const cells = cellsOf(isNext ? { ...others, stage } : others);
      if (cells.length === 0) return true;
      const assignments = cells.map(([column]) => `${column} = ?`);
      const end = [stage?.status ?? null, ended ?? null, this.#db.timestamp(), change.started ?? null];
      const sql = `UPDATE jobs SET ${assignments.join(", ")}, ended = ${END} WHERE key = ?`;
      this.#db.run(sql, [...cells.map(([, cell]) => cell), ...end, job.key]);
      if (stage !== undefined && stage.status !== job.stage.status)
        this.#history.note(job, this.#words(job, stage.status, change));
      return true;
    });
  }

  /** Whether a job is still as a decision was made from it. */
  isAsDecided({ key, stage, signal }: Decided): boolean {
    const sql = `SELECT signal, ${STAGE_LIST} FROM jobs WHERE key = ?`;
    const row = this.#db.get<Record<string, Cell>>(sql, [key]);
    if (row === undefined || !isSameStage(stageIn(row), stage)) return false;
    return signal === undefined || row.signal === signal;
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
