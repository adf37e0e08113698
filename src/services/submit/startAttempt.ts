import type { JobOptions, StoredRequest } from "../../core/job.ts";
import { MADE_READY } from "../../core/lifecycle/marks.ts";
import { plain } from "../../core/manifests/container.ts";
import { MAIN_CONTAINER } from "../../core/manifests/mainContainer.ts";
import { scaleMemory } from "../../core/manifests/quantity.ts";
import type { V1Job } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { getJob } from "../../kubernetes/jobs.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { clearForAttempt } from "./attemptFiles.ts";
import { type CheckedSubmission, checkSubmissions } from "./checks.ts";
import { refuseChangedScript } from "./scriptContent.ts";
import type { Submitter } from "./submitter.ts";

/** The submission of an attempt that this tool wrote down itself: the same script once more. */
export class AttemptStart {
  readonly #deps: Deps;
  readonly #submitter: Submitter;
  readonly #workflow: StoredWorkflow;
  readonly #job: StoredJob;
  #checked: Promise<CheckedSubmission> | undefined;

  constructor(deps: Deps, submitter: Submitter, workflow: StoredWorkflow, job: StoredJob) {
    this.#deps = deps;
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
    this.#checked ??= checkAttempt(this.#deps, this.#workflow, this.#job);
    return this.#checked;
  }
}

/** @throws ScriptChanged; GaswError USAGE (the script is gone), CONFIG, CLUSTER */
async function checkAttempt(
  deps: Deps,
  workflow: StoredWorkflow,
  job: StoredJob,
): Promise<CheckedSubmission> {
  const options = await optionsOf(deps, workflow, job);
  const script = `${workflow.directory}/sh/${job.fileName}.sh`;
  const [checked] = checkSubmissions(deps.config, workflow, [{ script, options }], workflow.directory);
  if (checked === undefined) throw new Error("a checked submission is missing");
  refuseChangedScript(job, checked.request.script);
  const { id: jobId, fileName, contentHash } = job;
  const { avoidNodes = [] } = job.request;
  return { ...checked, request: { ...checked.request, jobId, fileName, contentHash, avoidNodes } };
}

/**
 * The request's own options. The values of its environment are kept in the cluster alone, in the Job of an
 * attempt before; without it, the configuration may state them.
 * @throws GaswError CONFIG when that Job is gone, and the configuration does not
 */
async function optionsOf(deps: Deps, workflow: StoredWorkflow, job: StoredJob): Promise<JobOptions> {
  const { envNames = [], avoidNodes: _, corrects: __, ...options } = job.request;
  if (envNames.length === 0) return options;
  const given = { ...deps.config.env, ...(await environmentOf(deps, workflow, job)) };
  const env = Object.fromEntries(Object.entries(given).filter(([name]) => envNames.includes(name)));
  if (envNames.every((name) => Object.hasOwn(env, name))) return { ...options, env };
  throw new GaswError(
    "CONFIG",
    `job ${job.fileName} cannot be submitted again: its --env values were stored only in its Job, which no longer exists`,
    {
      hint: "set the variables in `env` of the configuration, or submit the script under another name",
    },
  );
}

async function environmentOf(
  deps: Deps,
  workflow: StoredWorkflow,
  job: StoredJob,
): Promise<Record<string, string> | undefined> {
  const attempts = deps.store.jobs.attempts(workflow, job.fileName).reverse();
  for (const { namespace, kubeName } of attempts) {
    const found = await getJob(deps.client, namespace, kubeName);
    if (found !== undefined) return environmentIn(found);
  }
  return undefined;
}

function environmentIn(job: V1Job): Record<string, string> {
  const main = job.spec?.template.spec?.containers.find(({ name }) => name === MAIN_CONTAINER);
  return Object.fromEntries((main?.env ?? []).map(({ name, value }) => [name, plain(value ?? "")]));
}

/** The request of the attempt after one that failed. */
export function nextRequest(
  { request, node, reason }: Pick<StoredJob, "request" | "node" | "reason">,
  { retryMemoryGrowth, retryAvoidNode, resources }: Deps["config"],
): StoredRequest {
  // What was refused before the first attempt is told of in its row alone.
  const { corrects: _, ...asked } = request;
  const memory = asked.memory ?? resources.memory;
  const isTooSmall = reason === "OOMKilled" && retryMemoryGrowth !== 1 && memory !== undefined;
  const avoidNodes =
    retryAvoidNode && node !== null ? [...new Set([...(asked.avoidNodes ?? []), node])] : asked.avoidNodes;
  return {
    ...asked,
    ...(isTooSmall ? { memory: scaleMemory(memory, retryMemoryGrowth) } : {}),
    ...(avoidNodes === undefined ? {} : { avoidNodes }),
  };
}
