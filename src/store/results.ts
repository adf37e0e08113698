import type { Connection } from "./connection.ts";
import type { HoldEvent, Keyed, Result, Told } from "./records.ts";

const OF_WORKFLOW = "workflows.id AS workflow, workflows.namespace, workflows.directory";

/** Readers are told of a workflow, or of all: the condition, and its values. */
function within(table: string, workflow: Keyed | undefined): [condition: string, values: number[]] {
  return workflow === undefined ? ["TRUE", []] : [`${table}.workflow = ?`, [workflow.key]];
}

/**
 * What readers are told, in one order: the invocations that are over, each once per reader as it was then, and
 * the jobs that were held or released.
 */
export class Results {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** A workflow's or all workflows' results, in the order in which they were found, after a reader's cursor. */
  since(workflow: Keyed | undefined, cursor: number): Result[] {
    const [condition, scope] = within("results", workflow);
    const sql = `SELECT 'result' AS kind, cursor, jobs.id, results.file_name AS fileName, ${OF_WORKFLOW},
        invocation_id AS invocationId, results.status, results.message, own_exit_code AS ownExitCode, jobs.created,
        results.started, results.ended, results.output
      FROM results JOIN jobs ON jobs.key = results.job JOIN workflows ON workflows.key = results.workflow
      WHERE cursor > ? AND ${condition} ORDER BY cursor`;
    return this.#db.all<Result>(sql, [cursor, ...scope]);
  }

  #holdsSince(workflow: Keyed | undefined, cursor: number): HoldEvent[] {
    const [condition, scope] = within("hold_events", workflow);
    const sql = `SELECT hold_events.kind, cursor, jobs.id, jobs.file_name AS fileName, ${OF_WORKFLOW},
        invocation_id AS invocationId, hold_events.status, hold_events.reason, hold_events.message,
        hold_events.exit_code AS ownExitCode, jobs.created, hold_events.ended, jobs.output
      FROM hold_events JOIN jobs ON jobs.key = hold_events.job JOIN workflows ON workflows.key = hold_events.workflow
      WHERE cursor > ? AND ${condition} ORDER BY cursor`;
    return this.#db.all<HoldEvent>(sql, [cursor, ...scope]);
  }

  /**
   * Gives a reader what it was not told yet. A result that was given stays as it is, whatever becomes of the
   * job: it is noted before the reader has it.
   * @param isMeant what the reader asks for
   */
  tell(workflow: Keyed | undefined, cursor: number, isMeant: (told: Told) => boolean = () => true): Told[] {
    return this.#db.write(() => {
      const found = [...this.since(workflow, cursor), ...this.#holdsSince(workflow, cursor)]
        .filter(isMeant)
        .sort((one, other) => one.cursor - other.cursor);
      const given = found.filter(({ kind }) => kind === "result").map((result) => result.cursor);
      const sql = "UPDATE results SET told = 1 WHERE told = 0 AND cursor IN (SELECT value FROM json_each(?))";
      if (given.length > 0) this.#db.run(sql, [JSON.stringify(given)]);
      return found;
    });
  }

  /**
   * Has a job's invocation told as over, by this attempt, unless it was told before: a success counts more than
   * another end that nobody was given yet. With the last exit code that one of its attempts has ended with.
   */
  announce({ key }: Keyed): void {
    const code = `CASE jobs.status WHEN 'COMPLETED' THEN exit_code ELSE (
        SELECT exit_code FROM jobs AS other WHERE other.workflow = jobs.workflow AND other.file_name = jobs.file_name
          AND other.attempt <= jobs.attempt AND exit_code IS NOT NULL ORDER BY other.attempt DESC LIMIT 1) END`;
    const outdated = `DELETE FROM results WHERE told = 0 AND status <> 'COMPLETED' AND (workflow, file_name) =
      (SELECT workflow, file_name FROM jobs WHERE key = ? AND status = 'COMPLETED')`;
    this.#db.run(outdated, [key]);
    const sql = `INSERT OR IGNORE INTO results (workflow, file_name, job, status, message, started, ended, output, own_exit_code, told)
      SELECT workflow, file_name, key, status, message, started, ended, output, ${code}, 0 FROM jobs WHERE key = ?`;
    this.#db.run(sql, [key]);
  }
}
