import { MADE_READY } from "../../core/lifecycle/marks.ts";
import { getJob } from "../../kubernetes/jobs.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { clearForAttempt } from "./attemptFiles.ts";
import { type CheckedSubmission, checkSubmissions } from "./checks.ts";
import { type Environment, optionsOf } from "./environment.ts";
import { refuseChangedScript } from "./scriptContent.ts";
import type { Submitter } from "./submitter.ts";

/** The submission of an attempt that this tool wrote down itself: the same script once more. */
export class AttemptStart {
  readonly #deps: Deps;
  readonly #submitter: Submitter;
  readonly #workflow: StoredWorkflow;
  readonly #job: StoredJob;
  readonly #env: Environment;
  #checked: Promise<CheckedSubmission> | undefined;

  /** @param env values that were stated for this very attempt, and are kept nowhere yet */
  constructor(
    deps: Deps,
    submitter: Submitter,
    workflow: StoredWorkflow,
    job: StoredJob,
    env: Environment = {},
  ) {
    this.#deps = deps;
    this.#env = env;
    this.#submitter = submitter;
    this.#workflow = workflow;
    this.#job = job;
  }

  /**
   * Makes the workflow directory ready for it; only when no attempt of its script is alive.
   * @returns false where somebody has given it up meanwhile
   * @throws ScriptChanged; GaswError USAGE (the script is gone), CONFIG, CLUSTER
   */
  async moveStreams(): Promise<boolean> {
    const { store, client } = this.#deps;
    const { directory } = this.#workflow;
    const job = this.#job;
    await this.#check();
    // The look may be a while ago: a submission of its own may have made the Job since, whose files these are
    // then.
    if ((await getJob(client, job.namespace, job.kubeName)) !== undefined) return true;
    clearForAttempt({ ...job, directory, attempts: store.jobs.attempts(this.#workflow, job.fileName) });
    return store.changes.write(job, MADE_READY);
  }

  /**
   * Has its Job made.
   * @throws ScriptChanged; GaswError USAGE (the script is gone), CONFIG, CLUSTER, VOLUME_NOT_READY, CONFLICT
   */
  async createJob(): Promise<boolean> {
    const job = { ...this.#job, prepared: true };
    await this.#submitter.submit(await this.#check(), { job, isNew: !this.#job.prepared });
    return true;
  }

  #check(): Promise<CheckedSubmission> {
    this.#checked ??= checkAttempt(this.#deps, this.#workflow, this.#job, this.#env);
    return this.#checked;
  }
}

/** @throws ScriptChanged; GaswError USAGE (the script is gone), CONFIG, CLUSTER */
async function checkAttempt(
  deps: Deps,
  workflow: StoredWorkflow,
  job: StoredJob,
  env: Environment,
): Promise<CheckedSubmission> {
  const options = await optionsOf(deps, workflow, job, env);
  const script = `${workflow.directory}/sh/${job.fileName}.sh`;
  const [checked] = checkSubmissions(deps.config, workflow, [{ script, options }], workflow.directory);
  if (checked === undefined) throw new Error("a checked submission is missing");
  refuseChangedScript(job, checked.request.script);
  const { id: jobId, fileName, contentHash } = job;
  const { avoidNodes = [] } = job.request;
  return { ...checked, request: { ...checked.request, jobId, fileName, contentHash, avoidNodes } };
}
