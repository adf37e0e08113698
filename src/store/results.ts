import type { Connection } from "./connection.ts";
import type { Keyed, Result } from "./records.ts";

/** The invocations that are over, each told once per reader, as it was then. */
export class Results {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** A workflow's or all workflows', in the order in which they were found, after a reader's cursor. */
  since(workflow: Keyed | undefined, cursor: number): Result[] {
    const [within, scope] = workflow === undefined ? ["", []] : ["AND results.workflow = ?", [workflow.key]];
    const sql = `SELECT cursor, jobs.id, results.file_name AS fileName, workflows.id AS workflow, workflows.namespace, workflows.directory,
        invocation_id AS invocationId, results.status, results.message, jobs.created, results.started, results.ended, results.output
      FROM results JOIN jobs ON jobs.key = results.job JOIN workflows ON workflows.key = results.workflow
      WHERE cursor > ? ${within} ORDER BY cursor`;
    return this.#db.all<Result>(sql, [cursor, ...scope]);
  }

  /** Has a job's invocation told as over, by this attempt, unless it was told before. */
  announce({ key }: Keyed): void {
    const sql = `INSERT OR IGNORE INTO results (workflow, file_name, job, status, message, started, ended, output)
      SELECT workflow, file_name, key, status, message, started, ended, output FROM jobs WHERE key = ?`;
    this.#db.run(sql, [key]);
  }
}
