import { setTimeout as sleep } from "node:timers/promises";
import { retryCommand } from "../../core/commandWords.ts";
import { changesInWords, mergeChanges } from "../../core/contentChange.ts";
import { hasEnded, type JobOptions } from "../../core/job.ts";
import { ADDED, WRITTEN_DOWN } from "../../core/lifecycle/marks.ts";
import { SUBMIT } from "../../core/lifecycle/signal.ts";
import { blockerOf } from "../../core/lifecycle/turns.ts";
import { GaswError } from "../../errors.ts";
import { getJob } from "../../kubernetes/jobs.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { completed, isRunning } from "../submit/advice.ts";
import { optionsToRepeat } from "../submit/environment.ts";
import { type NewContent, newContent } from "../submit/newContent.ts";
import { warnOfScript } from "../submit/scriptContent.ts";
import { AttemptStart } from "../submit/startAttempt.ts";
import { Submitter } from "../submit/submitter.ts";
import { look } from "./look.ts";

/** How long an attempt that nobody else can submit waits for an earlier run to be gone. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;

/** What invocations are to be from their next attempts on, by their file names. */
export type NewContents = ReadonlyMap<string, NewContent>;

/**
 * Finds out what jobs are to be once they run again, before anything of them is changed.
 * @param given options that a person has stated for all of them
 * @throws GaswError CONFLICT (one has completed, or runs as something else), USAGE, CONFIG, CLUSTER
 */
export async function newContents(
  deps: Deps,
  workflow: StoredWorkflow,
  jobs: readonly StoredJob[],
  given: JobOptions,
): Promise<NewContents> {
  const contents = new Map<string, NewContent>();
  for (const job of jobs) {
    if (job.status === "COMPLETED") throw completed(job);
    if (!isNewest(deps, workflow, job)) {
      if (isStated(given)) throw followed(job, given);
      continue;
    }
    if (isGoingOn(job) && !isStated(given)) continue;
    const content = await newContent(deps, workflow, job, given);
    if (content === undefined) continue;
    if (isGoingOn(job) || (await isMade(deps, job))) throw isRunning(job, given);
    contents.set(job.fileName, content);
  }
  return contents;
}

/** Tells in what jobs will differ, and writes it down of those that were never submitted. */
export function beginRetry(deps: Deps, jobs: readonly StoredJob[], contents: NewContents): void {
  for (const job of jobs) {
    if (!isGoingOn(job)) warnOfScript(deps, job);
    const content = contents.get(job.fileName);
    if (content === undefined) continue;
    if (content.changes.length > 0) deps.warn(`job ${job.id}: ${changesInWords(content.changes)}`);
    if (job.status === "NOT_SUBMITTED") correct(deps, job, content);
  }
}

/** What a retry means for a job; nothing for one that goes on. */
export function retried(job: StoredJob, contents: NewContents): "REPLICATE" | typeof SUBMIT | undefined {
  if (hasEnded(job.status)) return "REPLICATE";
  // What never got as far as the cluster is started itself; by whoever knows its environment's values.
  const isSubmitted = job.status !== "NOT_SUBMITTED" || contents.get(job.fileName)?.stated !== undefined;
  return isSubmitted ? undefined : SUBMIT;
}

/**
 * Submits the attempts of which nobody else knows the environment's values, once no earlier run is alive.
 * @throws GaswError TIMEOUT where one is for a minute; whatever a submission throws
 */
export async function submitStated(
  deps: Deps,
  workflow: StoredWorkflow,
  contents: NewContents,
): Promise<void> {
  let submitter: Submitter | undefined;
  for (const [fileName, { contentHash, stated }] of contents) {
    const job = deps.store.jobs.attempts(workflow, fileName).at(-1);
    const isMeant = job?.stage.name === "written" && job.contentHash === contentHash;
    if (stated === undefined || job === undefined || !isMeant) continue;
    await turnOf(deps, workflow, job);
    submitter ??= new Submitter(deps, workflow);
    const start = new AttemptStart(deps, submitter, workflow, job, stated);
    if (job.prepared || (await start.moveStreams())) await start.createJob();
  }
}

/** @throws GaswError CONFLICT where a job is not what was asked for: somebody else had it run meanwhile */
export function confirmContents(deps: Deps, workflow: StoredWorkflow, contents: NewContents): void {
  for (const [fileName, { contentHash }] of contents) {
    const job = deps.store.jobs.attempts(workflow, fileName).at(-1);
    if (job === undefined || job.contentHash === contentHash) continue;
    throw new GaswError(
      "CONFLICT",
      `job ${fileName} was submitted again by another command at the same moment, without these changes`,
      { hint: `\`gasw-k8s status --history ${fileName}\` shows its attempts` },
    );
  }
}

function isStated(given: JobOptions): boolean {
  return Object.keys(given).length > 0;
}

function isNewest({ store }: Deps, workflow: StoredWorkflow, job: StoredJob): boolean {
  return store.jobs.attempts(workflow, job.fileName).at(-1)?.key === job.key;
}

/** Whether a job is in the cluster, or about to end there. */
function isGoingOn({ status, stage }: StoredJob): boolean {
  return stage.name === "removing" || (status !== "NOT_SUBMITTED" && !hasEnded(status));
}

/** Whether a job that is written down as not submitted has a Job all the same: it was submitted just now. */
async function isMade({ client }: Deps, { status, namespace, kubeName }: StoredJob): Promise<boolean> {
  return status === "NOT_SUBMITTED" && (await getJob(client, namespace, kubeName)) !== undefined;
}

/** Writes down what a job is to be that was never submitted: it has no attempt to be told from. */
function correct({ store }: Deps, job: StoredJob, content: NewContent): void {
  const { contentHash, script, image, invocationId, request, stated } = content;
  const { command = null, parameters = null, corrects = [], changes = [] } = job.request;
  const told = { command, parameters, invocationId: job.invocationId };
  store.changes.write(job, {
    ...{ contentHash, script, image, invocationId },
    request: {
      ...request,
      ...(job.attempt === 0 ? { corrects: [...corrects, told] } : {}),
      changes: mergeChanges(changes, content.changes),
    },
    ...(stated === undefined ? {} : WRITTEN_DOWN),
  });
}

/** Waits until an attempt's turn has come. */
async function turnOf(deps: Deps, workflow: StoredWorkflow, job: StoredJob): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let isTold = false; ; isTold = true) {
    const attempts = deps.store.jobs.attempts(workflow, job.fileName);
    const seen = await look(deps, workflow, attempts);
    const blocker = blockerOf(
      { ...job, ...ADDED },
      { attempts, seen: (one) => seen(one as StoredJob), rules: deps.config, now: deps.now() },
    );
    if (blocker === undefined) return;
    if (performance.now() >= deadline) throw stillBlocked(job, blocker);
    if (!isTold) deps.warn(`job ${job.id} ${blocker}`);
    await sleep(PAUSE_MS, undefined, { signal: deps.signal });
  }
}

function stillBlocked(job: StoredJob, blocker: string): GaswError {
  const command = retryCommand(job.fileName, optionsToRepeat(job));
  return new GaswError("TIMEOUT", `job ${job.id} is recorded but not submitted: it ${blocker}`, {
    hint: `run \`${command}\` when that is gone: values of --env are not stored`,
  });
}

function followed({ id, fileName }: StoredJob, given: JobOptions): GaswError {
  const command = retryCommand(fileName, given);
  return new GaswError("CONFLICT", `job ${id} was submitted again since: a newer attempt exists`, {
    hint: `run that one again: \`${command}\``,
  });
}
