import { type Cell, JOB_LIST, readJob } from "./columns.ts";
import { ACTIVE, LATE, LINGERING, OPEN, TO_BE_DONE } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import type { Keyed, StoredJob } from "./records.ts";

/** The list of a SELECT that reads jobs with what is known of them from their workflow. */
export const LISTED = `${JOB_LIST}, workflows.id AS workflow, workflows.namespace, workflows.directory`;

const JOBS = `SELECT ${LISTED} FROM jobs JOIN workflows ON workflows.key = jobs.workflow`;

/** Jobs of which a newer attempt was made are history. */
const NEWEST = `NOT EXISTS (SELECT 1 FROM jobs AS newer
  WHERE newer.workflow = jobs.workflow AND newer.file_name = jobs.file_name AND newer.attempt > jobs.attempt)`;

/** The jobs that the state knows; every attempt is one. */
export class Jobs {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  find(workflow: Keyed, id: string): StoredJob | undefined {
    return this.where("jobs.workflow = ? AND jobs.id = ?", [workflow.key, id])[0];
  }

  /** A workflow's jobs in order of submission, or all workflows'. */
  all(workflow?: Keyed): StoredJob[] {
    return workflow === undefined
      ? this.where("TRUE ORDER BY jobs.key", [])
      : this.where("jobs.workflow = ? ORDER BY jobs.key", [workflow.key]);
  }

  /** The newest attempt of each of a workflow's invocations, in order of their first submission. */
  newest(workflow: Keyed): StoredJob[] {
    const first =
      "(SELECT min(key) FROM jobs AS first WHERE first.workflow = jobs.workflow AND first.file_name = jobs.file_name)";
    return this.where(`jobs.workflow = ? AND ${NEWEST} ORDER BY ${first}`, [workflow.key]);
  }

  /** All attempts of one script, oldest first. */
  attempts(workflow: Keyed, fileName: string): StoredJob[] {
    return this.where("jobs.workflow = ? AND file_name = ? ORDER BY attempt", [workflow.key, fileName]);
  }

  /** A workflow's jobs that have not ended. */
  active(workflow: Keyed): StoredJob[] {
    return this.where(`jobs.workflow = ? AND ${ACTIVE} ORDER BY jobs.key`, [workflow.key]);
  }

  /** A workflow's jobs of which the end was decided without all of their output. */
  late(workflow: Keyed): StoredJob[] {
    return this.where(`jobs.workflow = ? AND ${LATE} ORDER BY jobs.key`, [workflow.key]);
  }

  /** A workflow's jobs that have ended, and whose Jobs are to go. */
  lingering(workflow: Keyed): StoredJob[] {
    return this.where(`jobs.workflow = ? AND ${LINGERING} ORDER BY jobs.key`, [workflow.key]);
  }

  /**
   * The jobs of all workflows that have not ended, or whose end was not seen to or told yet, or that wait to
   * be released.
   */
  unfinished(): StoredJob[] {
    return this.where(`jobs.key IN (${TO_BE_DONE}) ORDER BY jobs.key`, []);
  }

  /**
   * All attempts of a workflow's invocations of which one has an end that was not seen to yet, or whose Job
   * is to go, or has one of these ids.
   */
  openInvocations(workflow: Keyed, ids: readonly string[] = []): StoredJob[] {
    const open = `SELECT file_name FROM jobs WHERE workflow = ? AND
      ((${OPEN}) OR (${LINGERING}) OR id IN (SELECT value FROM json_each(?)))`;
    return this.where(`jobs.workflow = ? AND file_name IN (${open}) ORDER BY jobs.key`, [
      workflow.key,
      workflow.key,
      JSON.stringify(ids),
    ]);
  }

  /** Jobs whose id, Kubernetes name or (where asked for) beginning of the id is the given text. */
  lookUp(text: string, prefix: boolean, workflow?: Keyed): StoredJob[] {
    const within = workflow === undefined ? "" : "AND jobs.workflow = ?";
    const scope = workflow === undefined ? [] : [workflow.key];
    const exact = this.where(`(jobs.id = ? OR kube_name = ?) ${within}`, [text, text, ...scope]);
    if (exact.length > 0 || !prefix) return exact;
    const beginning = `attempt = 0 AND substr(jobs.id, 1, length(?)) = ? ${within}`;
    return this.where(beginning, [text, text, ...scope]);
  }

  /** The pod of a job whose Job was removed at its end, as it was then. */
  lastPod({ key }: Keyed): string | undefined {
    const sql = "SELECT last_pod AS lastPod FROM jobs WHERE key = ?";
    return this.#db.get<{ lastPod: string | null }>(sql, [key])?.lastPod ?? undefined;
  }

  /** The largest invocation id that a workflow's jobs have; 0 where none has one. */
  largestInvocationId({ key }: Keyed): number {
    const sql = "SELECT max(invocation_id) AS largest FROM jobs WHERE workflow = ?";
    return this.#db.get<{ largest: number | null }>(sql, [key])?.largest ?? 0;
  }

  /** For the store's own use: the jobs that a condition of SQL is true of, which may go on with an order. */
  where(condition: string, values: readonly Cell[]): StoredJob[] {
    return this.#db
      .all<Record<string, Cell>>(`${JOBS} WHERE ${condition}`, values)
      .map((row) => readJob<StoredJob>(row));
  }
}
