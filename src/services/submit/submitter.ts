import {
  type JobOptions,
  type JobRequest,
  storedRequest,
  UNKNOWN_CONTENT,
  type Workflow,
} from "../../core/job.ts";
import { ACCEPTED, MADE_READY, NOT_REFUSED, REFUSED } from "../../core/lifecycle/marks.ts";
import type { JobChange } from "../../core/lifecycle/record.ts";
import { awaitsTurn } from "../../core/lifecycle/stage.ts";
import { WRAPPER_VERSION } from "../../core/manifests/job.ts";
import type { V1Job } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { OnWait } from "../../kubernetes/ensureVolumes.ts";
import { isRefusal } from "../../kubernetes/errors.ts";
import { createJob, getJob, type MadeJob } from "../../kubernetes/jobs.ts";
import { find, remove } from "../../kubernetes/objects.ts";
import { jobsPath } from "../../kubernetes/paths.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { hasOutput } from "../output/own.ts";
import { type Leftover, leftRecords, removeLeftover } from "../output/toolFolder.ts";
import { OtherCluster } from "../workflow/cluster.ts";
import { knownWorkflow } from "../workflow/known.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { type Ended, endOf, isFinished, otherContent, ranBefore, ranElsewhere } from "./advice.ts";
import { jobFolder, keepOldStreams, standingStreams } from "./attemptFiles.ts";
import type { CheckedSubmission } from "./checks.ts";
import { optionsFor } from "./newContent.ts";
import { Plan } from "./plan.ts";
import { Preparation } from "./preparation.ts";

/** A job as it was written down before it is made. */
export interface Intent {
  readonly job: StoredJob;
  /** False when an earlier submission wrote it down. */
  readonly isNew: boolean;
  /**
   * The job as a submission with different content wrote it down, which the cluster did not accept; this one
   * takes its place.
   */
  readonly corrected?: StoredJob;
  /** What is to be different, where the job has ended and its submission has different content. */
  readonly options?: JobOptions;
}

/** A job that the cluster has accepted. */
export interface Submitted {
  readonly jobId: string;
  readonly kubeName: string;
  /** Whether this call made it; false when it was submitted before. */
  readonly created: boolean;
  /** How it has ended, where it has: nothing was run. */
  readonly ended?: Ended;
}

/** What is submitted. */
type Content = Pick<StoredJob, "contentHash" | "script" | "image" | "request">;

/** Submits jobs of one workflow; its volumes are made sure of once, whatever the number of jobs. */
export class Submitter {
  /** As it was first submitted: the pods of all its jobs see its directory at one path. */
  readonly workflow: StoredWorkflow;
  /** The records that were there before the first submission. */
  #records: readonly Leftover[] | undefined;
  readonly #deps: Deps;
  readonly #plan: Plan;
  readonly #waits: boolean;
  readonly #onWait: OnWait;
  #preparation: Preparation | undefined;

  /**
   * @param waits whether somebody waits for the submission: it waits for volumes that are not bound yet, and
   * a workflow's first one makes the namespace; a resubmission does neither
   * @param onWait told what is waited for, once it is
   * @throws GaswError CONFLICT when the workflow's id is known from another directory, CONFIG when a volume
   * can't be planned
   */
  constructor(deps: Deps, workflow: Workflow, waits = true, onWait: OnWait = () => undefined) {
    this.#deps = deps;
    this.#waits = waits;
    this.#onWait = onWait;
    const known = knownWorkflow(deps, workflow.directory) ?? workflow;
    this.#plan = new Plan(deps, known);
    this.workflow = deps.store.workflows.register(known);
  }

  /**
   * Makes sure that the cluster is the workflow's, and the workflow this state file's, before anything is
   * written down; whatever else fails is for the submission to tell.
   * @throws OtherCluster, NotOwner
   */
  async confirmPlace(): Promise<void> {
    const failure = await this.#prepare().found.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure instanceof OtherCluster || failure instanceof NotOwner) throw failure;
  }

  /**
   * Writes down that the job will be made; nothing is in the cluster yet.
   * @throws GaswError CONFLICT when it was submitted before with different content
   */
  intend(submission: CheckedSubmission): Intent {
    const { store } = this.#deps;
    const { request } = submission;
    const { jobId, contentHash, script = null, options } = request;
    const kubeName = this.#plan.nameOf(request);
    const content = {
      contentHash,
      script,
      image: this.#plan.imageOf(request),
      request: storedRequest(options),
    };
    const prepared = standingStreams(this.workflow.directory, jobId).length === 0;
    const intent = store.intents.record(this.workflow, { id: jobId, kubeName, ...content, prepared });
    const { job: corrected, fit } = intent;
    if (fit === "other") return this.#endedAs(corrected, request);
    if (corrected.contentHash === UNKNOWN_CONTENT) return this.#learn(corrected, content);
    if (fit === "same") return intent;
    if (hasOutput(corrected)) throw ranBefore(corrected);
    const correction = correctionOf(corrected, content);
    // Somebody else may have written the row meanwhile: its content counts then.
    if (!store.changes.write(corrected, correction)) return this.intend(submission);
    return { job: { ...corrected, ...correction }, isNew: false, corrected };
  }

  /**
   * The answer to a submission with different content of a job that has ended: engines send what they have
   * sent, and a person is told what runs it.
   * @throws GaswError CONFLICT where it goes on, or has completed
   */
  #endedAs(job: StoredJob, request: JobRequest): Intent {
    const { config, store } = this.#deps;
    const newest = store.jobs.attempts(this.workflow, job.fileName).at(-1) ?? job;
    if (request.jobId !== job.fileName || !isFinished(newest) || newest.status === "COMPLETED")
      throw otherContent(config, newest, request);
    return { job, isNew: false, options: optionsFor(config, newest, request) };
  }

  /** Of an adopted job nobody knew what was asked for: this submission tells, for it and its later attempts. */
  #learn(job: StoredJob, content: Content): Intent {
    const { store } = this.#deps;
    for (const attempt of store.jobs.attempts(this.workflow, job.fileName))
      if (attempt.contentHash === UNKNOWN_CONTENT) store.changes.write(attempt, content);
    return { job: store.jobs.find(this.workflow, job.id) ?? job, isNew: false };
  }

  /**
   * Makes the volumes ready and the Job; the same submission again makes nothing.
   * @throws GaswError CLUSTER, VOLUME_NOT_READY, CONFLICT, NOT_FOUND
   */
  async submit(submission: CheckedSubmission, intent: Intent): Promise<Submitted> {
    const { job } = intent;
    const { jobId } = submission.request;
    const answer = { jobId, kubeName: job.kubeName };
    // What is to run again waits for its turn: its earlier run may still go on, and has left its output. What
    // was given up, and whose Job may be gone already, is not made anew.
    const { name } = job.stage;
    const isToBeMade = name === "written" || (name === "due" && job.prepared);
    if (!isToBeMade) return { ...answer, created: false, ...this.#ending(intent) };
    const { created, uid } = await this.#made(submission, intent);
    if (created) await this.#confirmMade(job, uid);
    const image = this.#plan.imageOf(submission.request);
    const accepted = {
      ...ACCEPTED,
      ...(job.reason === REFUSED ? NOT_REFUSED : {}),
      submitted: this.#deps.now().toISOString(),
      kubeUid: uid ?? null,
      wrapper: WRAPPER_VERSION,
    };
    // Another submission may have written its own content down meanwhile: what was accepted counts.
    if (!this.#deps.store.changes.write(job, { ...accepted, ...contentOf({ ...job, image }) }))
      await this.#changedMeanwhile(job);
    return { ...answer, created };
  }

  /** How the job has ended that a submission is about, where it has. */
  #ending({ job, options }: Intent): Pick<Submitted, "ended"> {
    const newest = this.#deps.store.jobs.attempts(this.workflow, job.fileName).at(-1) ?? job;
    return isFinished(newest) ? { ended: endOf(newest, options) } : {};
  }

  /**
   * Makes sure that a Job was made of a workflow that is still this state file's: a process that was stopped
   * for a minute may have been taken for dead, and the workflow taken over, or cleaned up.
   * @throws NotOwner; GaswError
   */
  async #confirmMade({ kubeName }: StoredJob, uid: string | undefined): Promise<void> {
    if (this.#preparation?.isOutdated !== true) return;
    try {
      await this.confirmPlace();
    } catch (error) {
      if (error instanceof NotOwner)
        await remove(this.#deps.client, jobsPath(this.workflow.namespace, kubeName), uid);
      throw error;
    }
  }

  /** Makes the volumes ready and the Job; where the cluster refuses one of them, its words are kept. */
  async #made(submission: CheckedSubmission, intent: Intent): Promise<MadeJob> {
    try {
      await this.volumesReady();
      return await this.#make(submission, intent);
    } catch (error) {
      if (isRefusal(error))
        this.#deps.store.changes.write(intent.job, {
          reason: REFUSED,
          message: error.body.message ?? error.message,
        });
      throw error;
    }
  }

  async #make(submission: CheckedSubmission, { job, isNew, corrected }: Intent): Promise<MadeJob> {
    try {
      // The Job may have run and been removed before its first submission could note that it was made.
      const hasRun = !isNew && hasOutput(job);
      if (hasRun && corrected !== undefined) throw ranBefore(corrected);
      if (hasRun) return { created: false };
      await this.#refuseSecondRun(job, isNew, submission.request.isGenerated === true);
      await this.#keepOldStreams(job);
      return await createJob(this.#deps.client, this.#plan.job(submission));
    } catch (error) {
      // What the cluster has is not the correction: the job stays what it was.
      const isOther = error instanceof GaswError && error.code === "CONFLICT";
      if (isOther && corrected !== undefined)
        this.#deps.store.changes.write(job, {
          ...contentOf(corrected),
          invocationId: corrected.invocationId,
        });
      throw error;
    }
  }

  /**
   * Refuses to run a script that another state file, or the Java plugin, has run already: every script leaves
   * an output, this tool's wrapper a record, and the Java plugin a folder. GASW calls no two scripts alike,
   * so that of one that it generated the output is proof enough. An attempt that this tool has made the
   * directory ready for has none.
   */
  async #refuseSecondRun(job: StoredJob, isNew: boolean, isGenerated: boolean): Promise<void> {
    if (job.attempt > 0 || awaitsTurn(job.stage) || (job.prepared && !isNew)) return;
    this.#records ??= leftRecords(job.directory);
    const records = this.#records.filter(({ attempt }) => attempt === job.kubeName);
    // Whatever its age.
    const isThere = hasOutput({ directory: job.directory, fileName: job.fileName });
    const isProof = isGenerated || records.length > 0 || jobFolder(job.directory, job.fileName) !== undefined;
    if (records.length === 0 && !(isThere && isProof)) return;
    if ((await getJob(this.#deps.client, job.namespace, job.kubeName)) !== undefined) return;
    if (!isThere) {
      for (const record of records) removeLeftover(job.directory, record);
      return;
    }
    // What the GASW database shows of that run stays; of a workflow that was taken over, the next
    // synchronisation follows it from there.
    if (isNew) this.#deps.store.intents.setAside(job);
    throw ranElsewhere(job);
  }

  /** What an earlier run has left where the job is going to write would be taken for its own output. */
  async #keepOldStreams(job: StoredJob): Promise<void> {
    if (job.prepared) return;
    const streams = standingStreams(job.directory, job.fileName);
    // Those of a Job that is there are its own.
    if (streams.length > 0 && (await getJob(this.#deps.client, job.namespace, job.kubeName)) === undefined) {
      const kept = keepOldStreams(job.directory, streams);
      this.#deps.warn(`job ${job.id}: the output of an earlier run was kept as ${kept.join(", ")}`);
    }
    this.#deps.store.changes.write(job, MADE_READY);
  }

  /**
   * Somebody else wrote the job's row: a refresh that saw the Job is welcome; a clean-up has the last word.
   */
  async #changedMeanwhile({ id, kubeName }: StoredJob): Promise<void> {
    const now = this.#deps.store.jobs.find(this.workflow, id);
    if (now !== undefined && now.status !== "DELETED") return;
    const place = jobsPath(this.workflow.namespace, kubeName);
    const made = await find<V1Job>(this.#deps.client, place);
    if (made !== undefined) await remove(this.#deps.client, place, made.metadata?.uid);
    throw new GaswError("CONFLICT", `job ${id} was cleaned up while it was being submitted`, {
      hint: "submit it again after the cleanup has finished",
    });
  }

  /**
   * Makes the volumes where they are missing, and waits until they are bound where that is wanted.
   * @throws GaswError CLUSTER, VOLUME_NOT_READY, CONFLICT, NOT_FOUND
   */
  volumesReady(): Promise<void> {
    return this.#prepare().ready();
  }

  #prepare(): Preparation {
    if (this.#preparation === undefined || this.#preparation.isOutdated)
      this.#preparation = new Preparation(
        this.#deps,
        this.workflow,
        this.#plan.volumes,
        this.#waits,
        this.#onWait,
      );
    return this.#preparation;
  }
}

/**
 * What a job was submitted with. A number that it has not got yet may have come from the GASW database
 * meanwhile.
 */
function contentOf({ contentHash, script, image, request, invocationId }: StoredJob): JobChange {
  return { contentHash, script, image, request, ...(invocationId === null ? {} : { invocationId }) };
}

/** What a submission makes of a job that was written down with different content. */
function correctionOf({ request, invocationId, delivered }: StoredJob, content: Content) {
  const { command = null, parameters = null, corrects = [] } = request;
  return {
    ...content,
    request: { ...content.request, corrects: distinct([...corrects, { command, parameters, invocationId }]) },
    invocationId: content.request.invocationId ?? (delivered ? invocationId : null),
  };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
