import { attemptId, type StoredRequest } from "../core/job.ts";
import { KILLED_BEFORE, type Words } from "../core/lifecycle/giveUp.ts";
import { ADDED } from "../core/lifecycle/marks.ts";
import { jobName } from "../core/names.ts";
import type { Changes } from "./changes.ts";
import { cellsOf } from "./columns.ts";
import type { Connection } from "./connection.ts";
import type { History } from "./history.ts";
import type { Jobs } from "./jobs.ts";
import { nextKey } from "./keys.ts";
import type { Kills } from "./kills.ts";
import type { Keyed, OwnContent, StoredJob } from "./records.ts";

/** What a row of a job is made from. */
export type NewJob = Pick<
  StoredJob,
  | "id"
  | "fileName"
  | "attempt"
  | "kubeName"
  | "contentHash"
  | "script"
  | "image"
  | "request"
  | "stage"
  | "prepared"
  | "invocationId"
>;

/** The making of jobs' rows, and their end. */
export class Attempts {
  readonly #db: Connection;
  readonly #jobs: Jobs;
  readonly #changes: Changes;
  readonly #history: History;
  readonly #kills: Kills;

  constructor(db: Connection, jobs: Jobs, changes: Changes, history: History, kills: Kills) {
    this.#db = db;
    this.#jobs = jobs;
    this.#changes = changes;
    this.#history = history;
    this.#kills = kills;
  }

  /** Writes down one more attempt of a script, which this tool submits itself. */
  add({ key }: Pick<StoredJob, "key">, request: StoredRequest, own: OwnContent = {}): StoredJob {
    return this.#db.write(() => {
      const [job] = this.#jobs.where("jobs.key = ?", [key]) as [StoredJob];
      const workflow = this.#db.get<Keyed>("SELECT workflow AS key FROM jobs WHERE key = ?", [key]) as Keyed;
      let attempt = (this.#jobs.attempts(workflow, job.fileName).at(-1)?.attempt ?? 0) + 1;
      // A script may be called like another one's attempt.
      while (this.#jobs.find(workflow, attemptId(job.fileName, attempt)) !== undefined) attempt++;
      const id = attemptId(job.fileName, attempt);
      const kubeName = jobName(job.namespace, job.workflow, id);
      return this.make(workflow, { ...job, ...ADDED, id, attempt, kubeName, request, ...own });
    });
  }

  /** For the store's own use: writes down a job that was killed elsewhere as one that is given up. */
  make(workflow: Keyed, job: NewJob): StoredJob {
    const made = this.insert(workflow, job);
    if (!this.#kills.has(workflow, made.id)) return made;
    this.#changes.write(made, KILLED_BEFORE);
    return this.#jobs.find(workflow, made.id) as StoredJob;
  }

  /**
   * For the store's own use: writes down a job as it is.
   * @param created when it was first heard of (RFC 3339)
   * @param words why it is as it is
   */
  insert(workflow: Keyed, job: NewJob, created = this.#db.timestamp(), words?: Words): StoredJob {
    const { id, fileName, attempt, kubeName, contentHash, script, image, request, stage, prepared } = job;
    const invocationId = job.invocationId ?? request.invocationId ?? null;
    const cells = cellsOf({
      ...{ id, fileName, attempt, kubeName, contentHash, script, image, request, stage, prepared },
      ...{ invocationId, created },
    });
    const columns = cells.map(([column]) => column).join(", ");
    const sql = `INSERT INTO jobs (key, workflow, ${columns}) VALUES (${nextKey("jobs")}, ?${", ?".repeat(cells.length)})`;
    const values = [workflow.key, ...cells.map(([, cell]) => cell)];
    const key = Number(this.#db.run(sql, values).lastInsertRowid);
    this.#history.note({ key }, { reason: null, message: null, ...words, status: stage.status });
    return this.#jobs.find(workflow, id) as StoredJob;
  }

  /** For the store's own use: forgets jobs that were never submitted, and of which nobody else knows. */
  forgetUntold(condition: string, key: number): void {
    const untold = `${condition} AND status = 'NOT_SUBMITTED' AND delivered = 0`;
    for (const job of this.#jobs.where(untold, [key])) this.forget(job);
  }

  /** For the store's own use: forgets a job with its history. */
  forget(job: Keyed): void {
    this.#history.forget(job);
    this.#db.run("DELETE FROM jobs WHERE key = ?", [job.key]);
  }
}
