import type Database from "better-sqlite3";
import {
  ACTIVE_STATUSES,
  attemptId,
  attemptOf,
  hasEnded,
  type ScriptContent,
  type StoredRequest,
  type Workflow,
} from "../core/job.ts";
import { type AdoptedAttempt, adoptionOf, SET_ASIDE } from "../core/lifecycle/adopt.ts";
import { cleanedUp, KILLED_BEFORE, killedElsewhere, type Words } from "../core/lifecycle/giveUp.ts";
import { ADDED, WRITTEN_DOWN } from "../core/lifecycle/marks.ts";
import type { JobChange } from "../core/lifecycle/record.ts";
import type { DecidedStatus } from "../core/lifecycle/status.ts";
import { jobName } from "../core/names.ts";
import { killHash } from "../core/owner.ts";
import { isSameDirectory } from "../directory.ts";
import { GaswError } from "../errors.ts";
import { type Cell, COLUMNS, cellOf, JOB_LIST, readJob } from "./columns.ts";
import {
  type Hold,
  holdLock,
  isHeld,
  type OpenOptions,
  openCopy,
  openDatabase,
  stateError,
} from "./database.ts";
import type {
  Acknowledgement,
  Decided,
  Holder,
  JobUpdate,
  LeaseNote,
  OutboxEntry,
  Placement,
  Result,
  StoredJob,
  StoredWorkflow,
  Transition,
} from "./records.ts";

const JOB_COLUMNS = `${JOB_LIST}, workflows.id AS workflow, workflows.namespace, workflows.directory`;
const JOBS = `SELECT ${JOB_COLUMNS} FROM jobs JOIN workflows ON workflows.key = jobs.workflow`;
const ACTIVE_LIST = `(${ACTIVE_STATUSES.map((status) => `'${status}'`).join(", ")})`;
/** The very condition of the index on active jobs. */
const ACTIVE = `status IN ${ACTIVE_LIST}`;
/**
 * When a job ended, whoever writes it: what is known stays, whatever is found out later; else what was
 * measured; else the time at which the end was first seen, which is not before the job began, whatever the
 * clocks say. A job that goes on, or runs again, has no end.
 */
const END = `CASE WHEN coalesce(?, status) IN ${ACTIVE_LIST} THEN NULL
  ELSE coalesce(ended, ?, max(?, coalesce(?, started, submitted, created))) END`;
/** Whether a job is as a decision was made from it; the parameters are those of `decidedFrom`. */
const AS_DECIDED = "key = ? AND status = ? AND settled = ifnull(?, settled) AND (? OR signal IS ?)";
/** The very condition of the index on held jobs. */
const HELD = "status IN ('ERROR_HELD', 'STALLED_HELD')";
/**
 * Keys of the jobs with which something is still to be done: to be followed, seen to, released, or told to
 * the GASW database.
 */
const UNFINISHED = `SELECT key FROM jobs WHERE settled = 0 UNION ALL SELECT key FROM jobs WHERE ${HELD}
  UNION ALL SELECT key FROM jobs WHERE lingers = 1 UNION ALL SELECT job FROM outbox`;
/** Jobs of which a newer attempt was made are history. */
const NEWEST = `NOT EXISTS (SELECT 1 FROM jobs AS newer
  WHERE newer.workflow = jobs.workflow AND newer.file_name = jobs.file_name AND newer.attempt > jobs.attempt)`;
const NO_LEASE =
  "lease_uid = NULL, lease_created = NULL, lease_version = NULL, lease_renewed = NULL, lease_denied = NULL";
const WORKFLOWS = "SELECT key, id, namespace, directory FROM workflows";

/**
 * Milliseconds for which those who take, or look at, a lock at the same moment may be in each other's way.
 */
const HOLD_PATIENCE_MS = 1000;

function decidedFrom({ key, status, settled, signal }: Decided): (string | number | null)[] {
  return [
    key,
    status,
    settled === undefined ? null : Number(settled),
    signal === undefined ? 1 : 0,
    signal ?? null,
  ];
}

function lockName({ key }: { readonly key: number }, kind: "sync" | "monitor"): string {
  return `${kind}-${key}`;
}

/** An entry of a job's history that is to be made. */
type NewTransition = Omit<Transition, "at"> & { readonly status: DecidedStatus };

/** The local state: workflows, jobs, and every change of status. Synchronous, each method one transaction. */
export class Store {
  readonly path: string;
  /**
   * Whether it is a copy in memory, which is lost with this process: nothing may be done that has to be
   * written down.
   */
  readonly isCopy: boolean;
  readonly #database: Database.Database;
  readonly #now: () => Date;
  readonly #statements = new Map<string, Database.Statement>();

  /** @param isCopy opens a copy of the state file in memory, for a disk that takes nothing more */
  constructor(options: OpenOptions, isCopy = false) {
    this.path = options.path;
    this.isCopy = isCopy;
    this.#now = options.now;
    this.#database = isCopy ? openCopy(options) : openDatabase(options);
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
        this.#run(
          "INSERT INTO workflows (namespace, id, directory, created, volumes_renewed, placed) VALUES (?, ?, ?, ?, ?, 'nowhere')",
          [workflow.namespace, workflow.id, workflow.directory, this.#timestamp(), this.#timestamp()],
        );
        return this.findWorkflow(workflow.namespace, workflow.id) as StoredWorkflow;
      }
      if (isSameDirectory(known.directory, workflow.directory)) return known;
      throw new GaswError(
        "CONFLICT",
        `workflow ${workflow.id} is already known from another directory, ${known.directory}`,
        {
          hint: "a workflow's id is its directory's base name: rename one directory, or use another namespace or state file (state.path)",
        },
      );
    });
  }

  findWorkflow(namespace: string, id: string): StoredWorkflow | undefined {
    return this.#get<StoredWorkflow>(`${WORKFLOWS} WHERE namespace = ? AND id = ?`, [namespace, id]);
  }

  workflows(): StoredWorkflow[] {
    return this.#all<StoredWorkflow>(`${WORKFLOWS} ORDER BY key`, []);
  }

  /** Which cluster a workflow's objects are in, as it is known now. */
  placement({ key }: { readonly key: number }): Placement {
    const sql = `SELECT placed AS state, cluster_uid AS clusterUid, claim_uid AS claimUid, cluster_server AS server,
      cluster_context AS context FROM workflows WHERE key = ?`;
    return this.#get<Placement>(sql, [key]) as Placement;
  }

  /**
   * Notes which cluster a workflow's objects are in, unless somebody has noted another one since this was
   * decided.
   * @param from what the decision was made from
   * @returns whether that is what is noted now
   */
  place(workflow: { readonly key: number }, from: Placement, to: Placement): boolean {
    return this.#write(() => {
      const now = this.placement(workflow);
      if (now.state === "bound" && now.clusterUid === to.clusterUid && now.claimUid === to.claimUid)
        return true;
      if (now.state !== from.state || now.clusterUid !== from.clusterUid || now.claimUid !== from.claimUid)
        return false;
      const sql = `UPDATE workflows SET placed = 'bound', cluster_uid = ?, claim_uid = ?, cluster_server = ?, cluster_context = ?
        WHERE key = ?`;
      this.#run(sql, [to.clusterUid, to.claimUid, to.server, to.context, workflow.key]);
      return true;
    });
  }

  /**
   * Notes that nothing of a workflow is in any cluster any more, unless another job was submitted meanwhile.
   */
  leaveCluster({ key }: { readonly key: number }): void {
    this.#write(() => {
      const inCluster = "SELECT 1 FROM jobs WHERE workflow = ? AND status IN ('QUEUED', 'RUNNING') LIMIT 1";
      if (this.#get(inCluster, [key]) !== undefined) return;
      const sql = `UPDATE workflows SET placed = 'nowhere', cluster_uid = NULL, claim_uid = NULL, cluster_server = NULL,
        cluster_context = NULL, ${NO_LEASE} WHERE key = ?`;
      this.#run(sql, [key]);
      this.#run("UPDATE jobs SET kube_uid = NULL, lingers = 0 WHERE workflow = ?", [key]);
      this.forgetKills({ key });
    });
  }

  /** The random id of this state file, which no other one has. */
  identity(): string {
    return (this.#get<{ id: string }>("SELECT id FROM identity", []) as { id: string }).id;
  }

  /** What is known of a workflow's Lease. */
  lease({ key }: { readonly key: number }): LeaseNote {
    const sql = `SELECT lease_uid AS uid, lease_created AS created, lease_version AS version, lease_renewed AS renewed,
      lease_denied AS denied FROM workflows WHERE key = ?`;
    return this.#get<LeaseNote>(sql, [key]) as LeaseNote;
  }

  /** Notes a workflow's Lease as it is now. */
  noteLease({ key }: { readonly key: number }, { uid, created, version, renewed, denied }: LeaseNote): void {
    const sql = `UPDATE workflows SET lease_uid = ?, lease_created = ?, lease_version = ?, lease_renewed = ?, lease_denied = ?
      WHERE key = ?`;
    this.#run(sql, [uid, created, version, renewed, denied, key]);
  }

  /**
   * Notes that a workflow's Lease is not any more in the version that was noted, unless a newer one was noted
   * meanwhile.
   */
  outdateLease({ key }: { readonly key: number }, version: string): void {
    this.#run(
      "UPDATE workflows SET lease_version = NULL, lease_renewed = NULL WHERE key = ? AND lease_version = ?",
      [key, version],
    );
  }

  /** Whether one of these uids is that of the workflow's claim or of one of its Jobs, as they were noted. */
  knowsObject({ key }: { readonly key: number }, uids: readonly string[]): boolean {
    if (uids.length === 0) return false;
    const sql = `SELECT 1 FROM json_each(?) AS seen WHERE seen.value IN (SELECT claim_uid FROM workflows WHERE key = ?)
      OR seen.value IN (SELECT kube_uid FROM jobs WHERE workflow = ?) LIMIT 1`;
    return this.#get(sql, [JSON.stringify(uids), key, key]) !== undefined;
  }

  /** Whether something of a workflow was seen in its namespace since it is in its cluster. */
  wasInNamespace({ key }: { readonly key: number }): boolean {
    const sql = `SELECT 1 FROM workflows WHERE key = ? AND placed = 'bound'
      AND (claim_uid IS NOT NULL OR EXISTS (SELECT 1 FROM jobs WHERE workflow = workflows.key AND kube_uid IS NOT NULL))`;
    return this.#get(sql, [key]) !== undefined;
  }

  /**
   * Writes the intent to submit a job, before anything is made for it. The same submission again is the same
   * row; one that never got as far as the cluster may be corrected.
   * @throws GaswError CONFLICT when the job was submitted with different content, even if it is to run again
   */
  recordIntent(
    workflow: StoredWorkflow,
    job: {
      id: string;
      kubeName: string;
      contentHash: string;
      script?: ScriptContent | null;
      image: string;
      request: StoredRequest;
      prepared: boolean;
    },
  ): { job: StoredJob; isNew: boolean } {
    return this.#write(() => {
      const known = this.findJob(workflow, job.id);
      if (known !== undefined) {
        if (known.contentHash === job.contentHash || this.#isCorrectable(known))
          return { job: known, isNew: false };
        throw new GaswError(
          "CONFLICT",
          `job ${job.id} of workflow ${workflow.id} was already submitted with different content`,
          {
            hint: "the script or an option has changed since: submit it under another name",
          },
        );
      }
      return {
        job: this.#insert(workflow, { ...job, fileName: job.id, attempt: 0, due: false, invocationId: null }),
        isNew: true,
      };
    });
  }

  findJob(workflow: { readonly key: number }, id: string): StoredJob | undefined {
    return this.#jobs("WHERE jobs.workflow = ? AND jobs.id = ?", [workflow.key, id])[0];
  }

  /** A workflow's jobs in order of submission, or all workflows'; every attempt is one. */
  jobs(workflow?: { readonly key: number }): StoredJob[] {
    return workflow === undefined
      ? this.#jobs("ORDER BY jobs.key", [])
      : this.#jobs("WHERE jobs.workflow = ? ORDER BY jobs.key", [workflow.key]);
  }

  /** The newest attempt of each of a workflow's invocations, in order of their first submission. */
  newestJobs(workflow: { readonly key: number }): StoredJob[] {
    const first =
      "(SELECT min(key) FROM jobs AS first WHERE first.workflow = jobs.workflow AND first.file_name = jobs.file_name)";
    return this.#jobs(`WHERE jobs.workflow = ? AND ${NEWEST} ORDER BY ${first}`, [workflow.key]);
  }

  /** All attempts of one script, oldest first. */
  attempts(workflow: { readonly key: number }, fileName: string): StoredJob[] {
    return this.#jobs("WHERE jobs.workflow = ? AND file_name = ? ORDER BY attempt", [workflow.key, fileName]);
  }

  /** A workflow's jobs that have not ended. */
  activeJobs(workflow: { readonly key: number }): StoredJob[] {
    return this.#jobs(`WHERE jobs.workflow = ? AND ${ACTIVE} ORDER BY jobs.key`, [workflow.key]);
  }

  /** A workflow's jobs of which the end was decided without all of their output. */
  lateJobs(workflow: { readonly key: number }): StoredJob[] {
    return this.#jobs("WHERE jobs.workflow = ? AND output_late = 1 ORDER BY jobs.key", [workflow.key]);
  }

  /** A workflow's jobs that have ended, and whose Jobs are to go. */
  lingeringJobs(workflow: { readonly key: number }): StoredJob[] {
    return this.#jobs("WHERE jobs.workflow = ? AND lingers = 1 ORDER BY jobs.key", [workflow.key]);
  }

  /** The pod of a job whose Job was removed at its end, as it was then. */
  lastPod(job: { readonly key: number }): string | undefined {
    return (
      this.#get<{ lastPod: string | null }>("SELECT last_pod AS lastPod FROM jobs WHERE key = ?", [job.key])
        ?.lastPod ?? undefined
    );
  }

  /**
   * All attempts of a workflow's invocations of which one has an end that was not seen to yet, or whose Job
   * is to go, or has one of these ids.
   */
  openInvocations(workflow: { readonly key: number }, ids: readonly string[] = []): StoredJob[] {
    const open =
      "SELECT file_name FROM jobs WHERE workflow = ? AND (settled = 0 OR lingers = 1 OR id IN (SELECT value FROM json_each(?)))";
    return this.#jobs(`WHERE jobs.workflow = ? AND file_name IN (${open}) ORDER BY jobs.key`, [
      workflow.key,
      workflow.key,
      JSON.stringify(ids),
    ]);
  }

  /**
   * Whether a workflow has jobs that were submitted and have not ended, or whose end was not seen to yet, or
   * that wait to be released.
   */
  isOpen({ key }: { readonly key: number }): boolean {
    const having = (condition: string) => `EXISTS (SELECT 1 FROM jobs WHERE workflow = ? AND ${condition})`;
    const sql = `SELECT 1 WHERE ${having("settled = 0 AND status <> 'NOT_SUBMITTED'")} OR ${having(HELD)}`;
    return this.#get(sql, [key, key]) !== undefined;
  }

  /** Workflows that have jobs which have not ended. */
  activeWorkflows(): StoredWorkflow[] {
    return this.#all<StoredWorkflow>(
      `${WORKFLOWS} WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.workflow = workflows.key AND ${ACTIVE}) ORDER BY key`,
      [],
    );
  }

  /** Workflows for which a synchronisation has something to do. */
  unfinishedWorkflows(): StoredWorkflow[] {
    return this.#all<StoredWorkflow>(
      `${WORKFLOWS} WHERE key IN (SELECT workflow FROM jobs WHERE key IN (${UNFINISHED})) ORDER BY key`,
      [],
    );
  }

  /**
   * The jobs of all workflows that have not ended, or whose end was not seen to or told yet, or that wait to
   * be released.
   */
  unfinishedJobs(): StoredJob[] {
    return this.#jobs(`WHERE jobs.key IN (${UNFINISHED}) ORDER BY jobs.key`, []);
  }

  /** Jobs whose id, Kubernetes name or (where asked for) beginning of the id is the given text. */
  lookUp(text: string, prefix: boolean, workflow?: { readonly key: number }): StoredJob[] {
    const within = workflow === undefined ? "" : "AND jobs.workflow = ?";
    const scope = workflow === undefined ? [] : [workflow.key];
    const exact = this.#jobs(`WHERE (jobs.id = ? OR kube_name = ?) ${within}`, [text, text, ...scope]);
    if (exact.length > 0 || !prefix) return exact;
    return this.#jobs(`WHERE attempt = 0 AND substr(jobs.id, 1, length(?)) = ? ${within}`, [
      text,
      text,
      ...scope,
    ]);
  }

  /**
   * Writes a change if the job is still in the status that the decision was made from.
   * @returns whether it was written
   */
  changeJob(job: Decided, change: JobChange): boolean {
    return this.#write(() => this.#change(job, change));
  }

  /**
   * Writes what one look found out about many jobs of a workflow, and what follows from it, in one
   * transaction.
   * @returns of each whether it was written; an invocation of which somebody else has changed an attempt
   * meanwhile is left as it is
   */
  applyUpdates(updates: readonly JobUpdate[], observed: Date): boolean[] {
    return this.#write(() => {
      const changed = new Set(
        updates.filter(({ job }) => !this.#isAsDecided(job)).map(({ job }) => job.fileName),
      );
      return updates.map((update) => {
        this.#run("UPDATE jobs SET observed = ? WHERE key = ?", [observed.toISOString(), update.job.key]);
        return !changed.has(update.job.fileName) && this.#apply(update);
      });
    });
  }

  /** Writes down one more attempt of a script, which this tool submits itself. */
  addAttempt(job: Pick<StoredJob, "key">, request: StoredRequest): StoredJob {
    return this.#write(() => this.#addAttempt(job.key, request));
  }

  /**
   * Gives up what a workflow has left to be done once it is cleaned up: failures are not retried any more,
   * and jobs that were written down and never submitted are forgotten where nobody else knows of them: their
   * scripts may be submitted again.
   */
  giveUp(workflow: { readonly key: number }): void {
    this.#write(() => {
      for (const job of this.#jobs("WHERE jobs.workflow = ? AND settled = 0", [workflow.key])) {
        const end = cleanedUp(job);
        if (end === "forget") this.#forget(job);
        else if (end !== undefined) this.#change(job, end);
      }
    });
  }

  /**
   * Gives up jobs that somebody else has killed: those that may be in the cluster end when they are gone from
   * there, and what has failed, is held or waits for its turn is not run again.
   * @returns whether there was one
   */
  followKills(jobs: readonly StoredJob[], words: Words): boolean {
    const follow = (job: StoredJob) => {
      const change = killedElsewhere(job, words);
      return change !== undefined && this.#change(job, change);
    };
    return this.#write(() => jobs.map(follow).includes(true));
  }

  /**
   * Notes that a workflow was taken over from another state file.
   * @param killed hashes of the ids of the jobs that were killed there: one that is written down here later
   * is given up at once
   */
  noteTakeover(workflow: { readonly key: number }, killed: readonly string[]): void {
    this.#write(() => {
      this.forgetKills(workflow);
      this.#run("INSERT INTO killed (workflow, hash) SELECT ?, value FROM json_each(?)", [
        workflow.key,
        JSON.stringify(killed),
      ]);
      this.#run("UPDATE workflows SET followed = ? WHERE key = ?", [this.#timestamp(), workflow.key]);
    });
  }

  /** Forgets what was killed from other state files. */
  forgetKills({ key }: { readonly key: number }): void {
    this.#run("DELETE FROM killed WHERE workflow = ?", [key]);
  }

  /**
   * Whether attempts of another state file are to be looked for: the workflow was taken over, or a job of its
   * became known, since the last look.
   */
  isToAdopt({ key }: { readonly key: number }): boolean {
    const newest =
      "(SELECT coalesce(max(created), '') FROM jobs WHERE workflow = workflows.key AND attempt = 0)";
    const sql = `SELECT 1 FROM workflows WHERE key = ? AND followed IS NOT NULL AND (adopted IS NULL OR adopted <= max(followed, ${newest}))`;
    return this.#get(sql, [key]) !== undefined;
  }

  /**
   * Takes up attempts that another state file has made of jobs that are known here, as later attempts of
   * theirs. What is known already stays, but for an end that was told, and whose attempt goes on there: it
   * has been run again.
   * @param since when they were looked for
   */
  adopt(workflow: StoredWorkflow, attempts: readonly AdoptedAttempt[], since: Date): void {
    this.#write(() => {
      for (const attempt of attempts) this.#adopt(workflow, attempt);
      this.#forgetUntold(`reason = '${SET_ASIDE}' AND jobs.workflow = ?`, workflow.key);
      this.#run("UPDATE workflows SET adopted = ? WHERE key = ?", [since.toISOString(), workflow.key]);
    });
  }

  /**
   * Forgets a job that was written down and is not to be submitted, unless the GASW database knows it; in a
   * workflow that was taken over, when the rows of its former owner have been looked at.
   */
  setAside(job: StoredJob): void {
    this.#write(() => {
      const followed =
        "SELECT 1 FROM workflows JOIN jobs ON jobs.workflow = workflows.key WHERE jobs.key = ? AND followed IS NOT NULL";
      if (this.#get(followed, [job.key]) === undefined) this.#forgetUntold("jobs.key = ?", job.key);
      else if (this.#change(job, { reason: SET_ASIDE, message: "it has run before" }))
        this.#run("DELETE FROM outbox WHERE job = ?", [job.key]);
    });
  }

  /**
   * What the GASW database has yet to be told of a workflow, oldest first.
   * @param until the last entry that counts
   */
  outbox(workflow: { readonly key: number }, until: number, limit: number): OutboxEntry[] {
    const sql = `SELECT outbox.seq, output, ${JOB_COLUMNS} FROM outbox JOIN jobs ON jobs.key = outbox.job
      JOIN workflows ON workflows.key = jobs.workflow WHERE jobs.workflow = ? AND outbox.seq <= ? ORDER BY outbox.seq LIMIT ?`;
    return this.#all<Record<string, Cell>>(sql, [workflow.key, until, limit]).map(
      ({ seq, output, ...row }) => ({
        seq: seq as number,
        output: output as string | null,
        job: readJob<StoredJob>(row),
      }),
    );
  }

  /** The newest entry of the outbox; 0 where it is empty. */
  outboxEnd(): number {
    return this.#get<{ last: number | null }>("SELECT max(seq) AS last FROM outbox", [])?.last ?? 0;
  }

  /** The largest invocation id that a workflow's jobs have; 0 where none has one. */
  largestInvocationId(workflow: { readonly key: number }): number {
    const sql = "SELECT max(invocation_id) AS largest FROM jobs WHERE workflow = ?";
    return this.#get<{ largest: number | null }>(sql, [workflow.key])?.largest ?? 0;
  }

  /** How many jobs of a workflow the GASW database has yet to be told of. */
  outboxSize(workflow: { readonly key: number }): number {
    const sql =
      "SELECT count(*) AS size FROM outbox JOIN jobs ON jobs.key = outbox.job WHERE jobs.workflow = ?";
    return this.#get<{ size: number }>(sql, [workflow.key])?.size ?? 0;
  }

  /**
   * Notes that the GASW database has a job as it was when the entry was read; a change since then stays to be
   * told. Where its row does not show its signal any more, that is forgotten with it: one that comes later is
   * a new one.
   */
  acknowledge(entries: readonly Acknowledgement[]): void {
    this.#write(() => {
      for (const { seq, job, invocationId, isAnswered } of entries) {
        this.#run("DELETE FROM outbox WHERE seq = ?", [seq]);
        this.#run("UPDATE jobs SET delivered = 1, invocation_id = ? WHERE key = ?", [invocationId, job.key]);
        if (isAnswered)
          this.#run("UPDATE jobs SET signal = NULL WHERE key = ? AND signal = ?", [job.key, job.signal]);
      }
    });
  }

  /**
   * Invocations that are over, a workflow's or all workflows', in the order in which they were found so,
   * after a reader's cursor.
   */
  results(workflow: { readonly key: number } | undefined, since: number): Result[] {
    const [within, scope] = workflow === undefined ? ["", []] : ["AND results.workflow = ?", [workflow.key]];
    const sql = `SELECT cursor, jobs.id, results.file_name AS fileName, workflows.id AS workflow, workflows.namespace, workflows.directory,
        invocation_id AS invocationId, results.status, results.message, jobs.created, results.started, results.ended, results.output
      FROM results JOIN jobs ON jobs.key = results.job JOIN workflows ON workflows.key = results.workflow
      WHERE cursor > ? ${within} ORDER BY cursor`;
    return this.#all<Result>(sql, [since, ...scope]);
  }

  /**
   * Holds a workflow's synchronisation against all other processes of this host, until it is released or this
   * process ends, however it ends.
   * @returns undefined while another process holds it
   */
  hold(workflow: { readonly key: number }, { words, isMonitor }: Holder): Hold | undefined {
    const sync = this.#guard(() => holdLock(this.path, lockName(workflow, "sync"), HOLD_PATIENCE_MS));
    if (sync === undefined) return undefined;
    try {
      this.#run("UPDATE workflows SET holder = ? WHERE key = ?", [words, workflow.key]);
    } catch (error) {
      sync.release();
      throw error;
    }
    if (!isMonitor) return sync;
    // Its first look is still to come.
    this.noteWatch(workflow);
    const monitor = this.#guard(() => holdLock(this.path, lockName(workflow, "monitor"), HOLD_PATIENCE_MS));
    if (monitor === undefined) {
      sync.release();
      return undefined;
    }
    const release = () => {
      monitor.release();
      // The last, so that whoever finds it free finds no monitor any more.
      sync.release();
    };
    return { release };
  }

  /** Whether a monitor holds a workflow's synchronisation. */
  isMonitored(workflow: { readonly key: number }): boolean {
    return this.#guard(() => isHeld(this.path, lockName(workflow, "monitor")));
  }

  /** Notes that a workflow's monitor has an answer of the cluster now. */
  noteWatch({ key }: { readonly key: number }): void {
    this.#run("UPDATE workflows SET watched = ? WHERE key = ?", [this.#timestamp(), key]);
  }

  /** When a workflow's monitor last had an answer of the cluster; undefined where there was none yet. */
  lastWatch({ key }: { readonly key: number }): string | undefined {
    return (
      this.#get<{ watched: string | null }>("SELECT watched FROM workflows WHERE key = ?", [key])?.watched ??
      undefined
    );
  }

  /** Who held a workflow's synchronisation last, in words: for messages, since it may be over. */
  holderOf(workflow: { readonly key: number }): string {
    return (
      this.#get<{ holder: string | null }>("SELECT holder FROM workflows WHERE key = ?", [workflow.key])
        ?.holder ?? "another process"
    );
  }

  /** A job's history, oldest first. */
  history(job: { readonly key: number }): Transition[] {
    return this.#all<Transition>(
      "SELECT at, status, reason, message FROM transitions WHERE job = ? ORDER BY key",
      [job.key],
    );
  }

  /**
   * Whether the marks of use on the workflow's volumes are due to be renewed; true for one caller only, who
   * then renews them.
   * @param interval milliseconds between two renewals
   */
  claimRenewal(workflow: { readonly key: number }, interval: number): boolean {
    const due = new Date(this.#now().getTime() - interval).toISOString();
    return this.#write(() => {
      const sql = "UPDATE workflows SET volumes_renewed = ? WHERE key = ? AND volumes_renewed <= ?";
      return this.#run(sql, [this.#timestamp(), workflow.key, due]).changes > 0;
    });
  }

  #jobs(condition: string, values: readonly (string | number)[]): StoredJob[] {
    return this.#all<Record<string, Cell>>(`${JOBS} ${condition}`, values).map((row) =>
      readJob<StoredJob>(row),
    );
  }

  /**
   * Whether the cluster has never accepted a job, and this tool does not submit it by itself with what was
   * asked for first.
   */
  #isCorrectable({ key, status, attempt, due, prepared }: StoredJob): boolean {
    if (status !== "NOT_SUBMITTED" || attempt > 0 || (due && !prepared)) return false;
    return (
      this.#get("SELECT 1 FROM transitions WHERE job = ? AND status <> 'NOT_SUBMITTED' LIMIT 1", [key]) ===
      undefined
    );
  }

  #insert(
    workflow: { readonly key: number },
    job: Pick<
      StoredJob,
      | "id"
      | "fileName"
      | "attempt"
      | "kubeName"
      | "contentHash"
      | "image"
      | "request"
      | "due"
      | "prepared"
      | "invocationId"
    > &
      Partial<Pick<StoredJob, "script">>,
  ): StoredJob {
    const columns =
      "workflow, id, file_name, attempt, kube_name, content_hash, script, image, request, due, prepared, invocation_id, created, status";
    const sql = `INSERT INTO jobs (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    const {
      id,
      fileName,
      attempt,
      kubeName,
      contentHash,
      image,
      request,
      due,
      prepared,
      script = null,
    } = job;
    const invocationId = job.invocationId ?? request.invocationId ?? null;
    const content = [contentHash, cellOf("script", script), image, cellOf("request", request)];
    const flags = [Number(due), Number(prepared), invocationId, this.#timestamp(), WRITTEN_DOWN.status];
    const key = this.#run(sql, [
      workflow.key,
      id,
      fileName,
      attempt,
      kubeName,
      ...content,
      ...flags,
    ]).lastInsertRowid;
    this.#recordTransition(Number(key), { status: WRITTEN_DOWN.status, reason: null, message: null });
    const made = this.findJob(workflow, id) as StoredJob;
    if (!this.#isKilled(workflow, id)) return made;
    this.#change(made, KILLED_BEFORE);
    return this.findJob(workflow, id) as StoredJob;
  }

  #adopt(workflow: StoredWorkflow, adopted: AdoptedAttempt): void {
    const { id, fileName, change } = adopted;
    const last = this.attempts(workflow, fileName).at(-1);
    const known = this.findJob(workflow, id);
    if (known !== undefined) {
      const isTold = this.#get("SELECT 1 FROM outbox WHERE job = ?", [known.key]) === undefined;
      const isKilled = this.#isKilled(workflow, id);
      const adoption = adoptionOf(known, adopted, { isNewest: id === last?.id, isTold, isKilled });
      if (adoption !== undefined) this.#change(known, adoption);
      return;
    }
    const attempt = attemptOf(fileName, id);
    if (last === undefined || attempt === undefined) return;
    const kubeName = jobName(workflow.namespace, workflow.id, id);
    const made = this.#insert(workflow, { ...last, id, attempt, kubeName, due: false, prepared: false });
    if (made.removal === null) this.#change(made, change);
  }

  #isKilled({ key }: { readonly key: number }, id: string): boolean {
    return (
      this.#get("SELECT 1 FROM killed WHERE workflow = ? AND hash = ?", [key, killHash(id)]) !== undefined
    );
  }

  #forgetUntold(condition: string, key: number): void {
    for (const job of this.#jobs(`WHERE ${condition} AND status = 'NOT_SUBMITTED' AND delivered = 0`, [key]))
      this.#forget(job);
  }

  #forget({ key }: StoredJob): void {
    this.#run("DELETE FROM transitions WHERE job = ?", [key]);
    this.#run("DELETE FROM jobs WHERE key = ?", [key]);
  }

  #addAttempt(key: number, request: StoredRequest): StoredJob {
    const [job] = this.#jobs("WHERE jobs.key = ?", [key]) as [StoredJob];
    const workflow = this.findWorkflow(job.namespace, job.workflow) as StoredWorkflow;
    let attempt = (this.attempts(workflow, job.fileName).at(-1)?.attempt ?? 0) + 1;
    // A script may be called like another one's attempt.
    while (this.findJob(workflow, attemptId(job.fileName, attempt)) !== undefined) attempt++;
    const id = attemptId(job.fileName, attempt);
    const kubeName = jobName(job.namespace, job.workflow, id);
    return this.#insert(workflow, { ...job, ...ADDED, id, attempt, kubeName, request });
  }

  #apply({ job, change, resubmit, announce, remark }: JobUpdate): boolean {
    if (!this.#change(job, change)) return false;
    if (resubmit !== undefined) this.#addAttempt(job.key, resubmit);
    if (announce === true) {
      const sql = `INSERT OR IGNORE INTO results (workflow, file_name, job, status, message, started, ended, output)
        SELECT workflow, file_name, key, status, message, started, ended, output FROM jobs WHERE key = ?`;
      this.#run(sql, [job.key]);
    }
    if (remark !== undefined)
      this.#recordTransition(job.key, { ...remark, status: change.status ?? job.status });
    return true;
  }

  #isAsDecided(job: Decided): boolean {
    return this.#get(`SELECT 1 FROM jobs WHERE ${AS_DECIDED}`, decidedFrom(job)) !== undefined;
  }

  #change(job: Decided, change: JobChange): boolean {
    const { ended, ...others } = change;
    const names = (Object.keys(others) as (keyof typeof others)[]).filter(
      (name) => others[name] !== undefined,
    );
    if (names.length === 0) return true;
    const assignments = names.map((name) => `${COLUMNS[name].name} = ?`);
    const values = names.map((name) => cellOf(name, others[name] as never));
    const end = [change.status ?? null, ended ?? null, this.#timestamp(), change.started ?? null];
    const sql = `UPDATE jobs SET ${assignments.join(", ")}, ended = ${END} WHERE ${AS_DECIDED}`;
    const { changes } = this.#run(sql, [...values, ...end, ...decidedFrom(job)]);
    if (changes === 0) return false;
    if (change.status !== undefined && change.status !== job.status)
      this.#recordTransition(job.key, this.#words(job, change.status, change));
    return true;
  }

  /**
   * The words for a change of status: those of an end may have been written down when it was decided, before
   * it came.
   */
  #words({ key }: Decided, status: DecidedStatus, { reason, message }: JobChange): NewTransition {
    const kept = hasEnded(status)
      ? this.#get<Pick<StoredJob, "reason" | "message">>("SELECT reason, message FROM jobs WHERE key = ?", [
          key,
        ])
      : undefined;
    return { status, reason: reason ?? kept?.reason ?? null, message: message ?? kept?.message ?? null };
  }

  #recordTransition(job: number, { status, reason, message }: NewTransition): void {
    const sql = "INSERT INTO transitions (job, at, status, reason, message) VALUES (?, ?, ?, ?, ?)";
    this.#run(sql, [job, this.#timestamp(), status, reason, message]);
  }

  #timestamp(): string {
    return this.#now().toISOString();
  }

  /**
   * A transaction that takes the write lock at once, so that two processes never fail by upgrading a read
   * lock.
   */
  #write<T>(action: () => T): T {
    return this.#guard(() => this.#database.transaction(action).immediate());
  }

  #run(sql: string, values: readonly (string | number | null)[]): Database.RunResult {
    return this.#guard(() => this.#statement(sql).run(...values));
  }

  #get<T>(sql: string, values: readonly (string | number | null)[]): T | undefined {
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
