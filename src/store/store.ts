import type Database from "better-sqlite3";
import { hasEnded, type LocalStatus, type Workflow } from "../core/job.ts";
import { GaswError } from "../errors.ts";
import { type OpenOptions, openDatabase, stateError } from "./database.ts";

/** A workflow as the state knows it. */
export interface StoredWorkflow extends Workflow {
  readonly key: number;
}

/** A job as the state knows it; times are RFC 3339 in UTC. */
export interface StoredJob {
  readonly key: number;
  readonly id: string;
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string;
  readonly kubeName: string;
  readonly contentHash: string;
  readonly image: string;
  readonly status: LocalStatus;
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly pod: string | null;
  readonly node: string | null;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  readonly removal: "ERROR" | "DELETED" | null;
  readonly created: string;
  readonly submitted: string | null;
  readonly started: string | null;
  readonly ended: string | null;
  readonly observed: string | null;
}

/** What a change of a job writes; what is left out stays. */
export type JobChange = Partial<
  Pick<
    StoredJob,
    | "contentHash"
    | "image"
    | "status"
    | "reason"
    | "message"
    | "exitCode"
    | "pod"
    | "node"
    | "pendingFamily"
    | "pendingSince"
    | "removal"
    | "submitted"
    | "started"
    | "ended"
  >
>;

/** One entry of a job's history. */
export interface Transition {
  readonly at: string;
  readonly status: LocalStatus;
  readonly reason: string | null;
  readonly message: string | null;
}

const JOB_COLUMNS = `jobs.key, jobs.id, workflows.id AS workflow, workflows.namespace, workflows.directory, kube_name AS kubeName,
  content_hash AS contentHash, image, status, reason, message, exit_code AS exitCode, pod, node, pending_family AS pendingFamily,
  pending_since AS pendingSince, removal, jobs.created, submitted, started, ended, observed`;
const JOBS = `SELECT ${JOB_COLUMNS} FROM jobs JOIN workflows ON workflows.key = jobs.workflow`;
/** The very condition of the index on active jobs. */
const ACTIVE = "status NOT IN ('COMPLETED', 'ERROR', 'STALLED', 'DELETED')";
const WORKFLOWS = "SELECT key, id, namespace, directory FROM workflows";

/** The local state: workflows, jobs, and every change of status. Synchronous, each method one transaction. */
export class Store {
  readonly path: string;
  readonly #database: Database.Database;
  readonly #now: () => Date;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(options: OpenOptions) {
    this.path = options.path;
    this.#now = options.now;
    this.#database = openDatabase(options);
  }

  close(): void {
    this.#database.close();
  }

  /**
   * The workflow's row, made when missing.
   * @throws GaswError CONFLICT when the same id is known from another directory
   */
  registerWorkflow(workflow: Workflow): StoredWorkflow {
    return this.#write(() => {
      const known = this.findWorkflow(workflow.namespace, workflow.id);
      if (known === undefined) {
        this.#run("INSERT INTO workflows (namespace, id, directory, created, volumes_renewed) VALUES (?, ?, ?, ?, ?)", [
          workflow.namespace,
          workflow.id,
          workflow.directory,
          this.#timestamp(),
          this.#timestamp(),
        ]);
        return this.findWorkflow(workflow.namespace, workflow.id) as StoredWorkflow;
      }
      if (known.directory === workflow.directory) return known;
      throw new GaswError("CONFLICT", `workflow ${workflow.id} is already known from another directory, ${known.directory}`, {
        hint: "a workflow's id is its directory's base name: rename one directory, use another namespace, or clean up the other workflow first",
      });
    });
  }

  findWorkflow(namespace: string, id: string): StoredWorkflow | undefined {
    return this.#get<StoredWorkflow>(`${WORKFLOWS} WHERE namespace = ? AND id = ?`, [namespace, id]);
  }

  workflows(): StoredWorkflow[] {
    return this.#all<StoredWorkflow>(`${WORKFLOWS} ORDER BY key`, []);
  }

  /**
   * Writes the intent to submit a job, before anything is made for it. The same submission again is the same row; one that never got as
   * far as the cluster may be corrected.
   * @throws GaswError CONFLICT when the job was submitted with another content
   */
  recordIntent(
    workflow: StoredWorkflow,
    job: { id: string; kubeName: string; contentHash: string; image: string },
  ): { job: StoredJob; isNew: boolean } {
    return this.#write(() => {
      const known = this.findJob(workflow, job.id);
      if (known !== undefined) {
        if (known.contentHash === job.contentHash || known.status === "NOT_SUBMITTED") return { job: known, isNew: false };
        throw new GaswError("CONFLICT", `job ${job.id} of workflow ${workflow.id} was already submitted with another content`, {
          hint: "the script or an option has changed since: submit it under another name",
        });
      }
      const key = this.#run(
        "INSERT INTO jobs (workflow, id, kube_name, content_hash, image, status, created) VALUES (?, ?, ?, ?, ?, 'NOT_SUBMITTED', ?)",
        [workflow.key, job.id, job.kubeName, job.contentHash, job.image, this.#timestamp()],
      ).lastInsertRowid;
      this.#recordTransition(Number(key), { status: "NOT_SUBMITTED" });
      return { job: this.findJob(workflow, job.id) as StoredJob, isNew: true };
    });
  }

  findJob(workflow: { readonly key: number }, id: string): StoredJob | undefined {
    return this.#get<StoredJob>(`${JOBS} WHERE jobs.workflow = ? AND jobs.id = ?`, [workflow.key, id]);
  }

  /** A workflow's jobs in order of submission, or all workflows'. */
  jobs(workflow?: { readonly key: number }): StoredJob[] {
    return workflow === undefined
      ? this.#all<StoredJob>(`${JOBS} ORDER BY jobs.key`, [])
      : this.#all<StoredJob>(`${JOBS} WHERE jobs.workflow = ? ORDER BY jobs.key`, [workflow.key]);
  }

  /** A workflow's jobs that have not ended. */
  activeJobs(workflow: { readonly key: number }): StoredJob[] {
    return this.#all<StoredJob>(`${JOBS} WHERE jobs.workflow = ? AND ${ACTIVE} ORDER BY jobs.key`, [workflow.key]);
  }

  /** Workflows that have jobs which have not ended. */
  activeWorkflows(): StoredWorkflow[] {
    return this.#all<StoredWorkflow>(
      `${WORKFLOWS} WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.workflow = workflows.key AND ${ACTIVE}) ORDER BY key`,
      [],
    );
  }

  /** Jobs whose id, Kubernetes name or (where asked for) beginning of the id is the given text. */
  lookUp(text: string, prefix: boolean, workflow?: { readonly key: number }): StoredJob[] {
    const within = workflow === undefined ? "" : "AND jobs.workflow = ?";
    const scope = workflow === undefined ? [] : [workflow.key];
    const exact = this.#all<StoredJob>(`${JOBS} WHERE (jobs.id = ? OR kube_name = ?) ${within}`, [text, text, ...scope]);
    if (exact.length > 0 || !prefix) return exact;
    return this.#all<StoredJob>(`${JOBS} WHERE substr(jobs.id, 1, length(?)) = ? ${within}`, [text, text, ...scope]);
  }

  /**
   * Writes a change if the job is still in the status that the decision was made from; one that has ended is never changed.
   * @returns whether it was written
   */
  changeJob(job: Pick<StoredJob, "key" | "status">, change: JobChange): boolean {
    return this.#write(() => this.#change(job, change));
  }

  /** Writes what one refresh found out about many jobs, in one transaction. */
  applyRefresh(changes: readonly { readonly job: Pick<StoredJob, "key" | "status">; readonly change: JobChange }[], observed: Date): void {
    this.#write(() => {
      for (const { job, change } of changes) {
        if (Object.keys(change).length > 0) this.#change(job, change);
        this.#run("UPDATE jobs SET observed = ? WHERE key = ?", [observed.toISOString(), job.key]);
      }
    });
  }

  /** Forgets the jobs that were written down and never submitted: the same scripts may be submitted again. */
  forgetUnsubmitted(workflow: { readonly key: number }): void {
    this.#write(() => {
      const unsubmitted = "SELECT key FROM jobs WHERE workflow = ? AND status = 'NOT_SUBMITTED'";
      this.#run(`DELETE FROM transitions WHERE job IN (${unsubmitted})`, [workflow.key]);
      this.#run("DELETE FROM jobs WHERE workflow = ? AND status = 'NOT_SUBMITTED'", [workflow.key]);
    });
  }

  /** A job's history, oldest first. */
  history(job: { readonly key: number }): Transition[] {
    return this.#all<Transition>("SELECT at, status, reason, message FROM transitions WHERE job = ? ORDER BY key", [job.key]);
  }

  /**
   * Whether the marks of use on the workflow's volumes are due to be renewed; true for one caller only, who then renews them.
   * @param interval milliseconds between two renewals
   */
  claimRenewal(workflow: { readonly key: number }, interval: number): boolean {
    const due = new Date(this.#now().getTime() - interval).toISOString();
    return this.#write(() => {
      const sql = "UPDATE workflows SET volumes_renewed = ? WHERE key = ? AND volumes_renewed <= ?";
      return this.#run(sql, [this.#timestamp(), workflow.key, due]).changes > 0;
    });
  }

  #change(job: Pick<StoredJob, "key" | "status">, change: JobChange): boolean {
    if (hasEnded(job.status)) return false;
    const columns = Object.entries(change).filter(([, value]) => value !== undefined);
    const assignments = columns.map(([name]) => `${COLUMN_NAMES[name as keyof JobChange]} = ?`).join(", ");
    const values = columns.map(([, value]) => value as string | number | null);
    const { changes } = this.#run(`UPDATE jobs SET ${assignments} WHERE key = ? AND status = ?`, [...values, job.key, job.status]);
    if (changes === 0) return false;
    if (change.status !== undefined && change.status !== job.status) this.#recordTransition(job.key, { ...change, status: change.status });
    return true;
  }

  #recordTransition(
    job: number,
    change: { status: LocalStatus; reason?: string | null | undefined; message?: string | null | undefined },
  ): void {
    this.#run("INSERT INTO transitions (job, at, status, reason, message) VALUES (?, ?, ?, ?, ?)", [
      job,
      this.#timestamp(),
      change.status,
      change.reason ?? null,
      change.message ?? null,
    ]);
  }

  #timestamp(): string {
    return this.#now().toISOString();
  }

  /** A transaction that takes the write lock at once, so that two processes never fail by upgrading a read lock. */
  #write<T>(action: () => T): T {
    return this.#guard(() => this.#database.transaction(action).immediate());
  }

  #run(sql: string, values: readonly (string | number | null)[]): Database.RunResult {
    return this.#guard(() => this.#statement(sql).run(...values));
  }

  #get<T>(sql: string, values: readonly (string | number)[]): T | undefined {
    return this.#guard(() => this.#statement(sql).get(...values) as T | undefined);
  }

  #all<T>(sql: string, values: readonly (string | number)[]): T[] {
    return this.#guard(() => this.#statement(sql).all(...values) as T[]);
  }

  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw stateError(error, this.path);
    }
  }
}

const COLUMN_NAMES: Readonly<Record<keyof JobChange, string>> = {
  contentHash: "content_hash",
  image: "image",
  status: "status",
  reason: "reason",
  message: "message",
  exitCode: "exit_code",
  pod: "pod",
  node: "node",
  pendingFamily: "pending_family",
  pendingSince: "pending_since",
  removal: "removal",
  submitted: "submitted",
  started: "started",
  ended: "ended",
};
