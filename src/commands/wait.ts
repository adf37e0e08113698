import type { Context } from "../context.ts";
import { hasEnded } from "../core/job.ts";
import { forgotten } from "../core/lifecycle/giveUp.ts";
import { isSettled, isUnsubmitted } from "../core/lifecycle/stage.ts";
import { follow, isLeftUnsubmitted } from "../services/sync/follow.ts";
import { isSeenTo } from "../services/sync/hold.ts";
import { workflowsOf } from "../services/workflow/known.ts";
import { resolveJobs } from "../services/workflow/resolve.ts";
import type { StoredJob, StoredWorkflow } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import { type JobRecord, statusCounts } from "../ui/jobs.ts";
import { progress, type Wait } from "../ui/progress.ts";
import { jobRecord } from "./jobRecord.ts";

export interface WaitOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  /** Whether nothing is said of what is waited for. */
  readonly quiet?: boolean;
  /** Seconds. */
  readonly waitTimeout?: number;
}

/**
 * `wait JOB…`: the highest exit code of the jobs, when all have ended; for programs also how each has ended.
 */
export async function wait(
  context: Context,
  names: readonly string[],
  options: WaitOptions,
): Promise<number> {
  const named = { cwd: context.io.cwd, workflow: options.workflow, names };
  const jobs = resolveJobs(context, named, { prefix: true });
  const unsubmitted = jobs.find((job) => isUnsubmitted(job.stage));
  if (unsubmitted !== undefined)
    context.warn(`job ${unsubmitted.id} is not submitted yet: it will not end until \`submit\` starts it`);
  const { stdout } = context.io;
  const tell =
    options.output === "ndjson"
      ? (job: StoredJob) => void stdout.write(`${JSON.stringify(jobRecord(job))}\n`)
      : () => undefined;
  const ended = await waitFor(context, jobs, options, tell);
  if (options.output === "json") stdout.write(`${JSON.stringify({ jobs: ended.map(jobRecord) }, null, 2)}\n`);
  return highestCode(ended);
}

/**
 * Waits for jobs of one workflow by their ids.
 * @param tell is called with the record of each as it ends
 * @returns their highest exit code
 */
export async function waitForJobs(
  context: Context,
  workflow: { namespace: string; id: string },
  ids: readonly string[],
  options: WaitOptions,
  tell: (job: JobRecord) => void,
): Promise<number> {
  const stored = context.store.workflows.find(workflow.namespace, workflow.id) as StoredWorkflow;
  const jobs = ids.map((id) => context.store.jobs.find(stored, id) as StoredJob);
  return highestCode(await waitFor(context, jobs, options, (job) => tell(jobRecord(job))));
}

/**
 * @param tell is called with each job as it ends
 * @returns the jobs as they have ended, each once
 */
async function waitFor(
  context: Context,
  jobs: readonly StoredJob[],
  { waitTimeout, ...audience }: WaitOptions,
  tell: (job: StoredJob) => void,
): Promise<StoredJob[]> {
  const { store } = context;
  const workflows = workflowsOf(context, jobs);
  // Whatever attempt it is that the invocation comes to its end with; one that a clean-up has forgotten
  // meanwhile never ran.
  const newest = (job: StoredJob) =>
    store.jobs.attempts(keyOf(workflows, job), job.fileName).at(-1) ?? forgotten(job);
  const current = () => [...new Map(jobs.map(newest).map((job) => [job.key, job])).values()];
  const tellOnce = oncePerJob(tell);
  const line = await progress(context.io, waitText(jobs, jobs.length), audience);
  try {
    for await (const _ of follow(context, workflows, waitTimeout)) {
      const now = current();
      // What a monitor has yet to see to may be run again; one that sees nothing is not waited for.
      const monitored = new Set(workflows.filter((one) => isSeenTo(context, one)));
      const isOver = (job: StoredJob) =>
        hasEnded(job.status) && (isSettled(job.stage) || !monitored.has(keyOf(workflows, job)));
      for (const job of now.filter(isOver)) tellOnce(job);
      const left = now.filter((job) => !isOver(job));
      if (left.length > 0) line.update(waitText(left, now.length));
      if (!now.every((job) => isOver(job) || isLeftUnsubmitted(job, context.now()))) continue;
      for (const job of now) tellOnce(job);
      return now;
    }
  } finally {
    line.stop();
  }
  return [];
}

/** What is waited for; its reason is which statuses the jobs are in, not how many are in each. */
function waitText(left: readonly StoredJob[], all: number): Wait {
  const states = left.map((job) => ({ status: stateOf(job) }));
  const text = `waiting for ${left.length} of ${all} ${all === 1 ? "job" : "jobs"}: ${statusCounts(states)}`;
  return { text, reason: [...new Set(states.map(({ status }) => status))].sort().join() };
}

/** A status, with what a job in it waits for. */
function stateOf({ status, reason }: StoredJob): string {
  return reason === null || status === "RUNNING" ? status : `${status} (${reason})`;
}

function oncePerJob(action: (job: StoredJob) => void): (job: StoredJob) => void {
  const seen = new Set<number>();
  return (job) => {
    if (!seen.has(job.key)) action(job);
    seen.add(job.key);
  };
}

function highestCode(jobs: readonly StoredJob[]): number {
  return Math.max(0, ...jobs.map(exitCodeOf));
}

function keyOf(workflows: readonly StoredWorkflow[], job: StoredJob): StoredWorkflow {
  return workflows.find(
    ({ id, namespace }) => id === job.workflow && namespace === job.namespace,
  ) as StoredWorkflow;
}

/** What `wait` ends with for a job: its own exit code; without one 1 (ERROR), 9 (deleted), 10 (STALLED). */
function exitCodeOf(job: Pick<StoredJob, "status" | "exitCode">): number {
  if (job.status === "COMPLETED") return 0;
  if (job.status === "DELETED" || job.status === "DELETED_REPLICA") return 9;
  // A code of 0 or below belongs to a job that failed all the same; a process can end with no code above 255.
  if (job.exitCode !== null && job.exitCode > 0) return Math.min(job.exitCode, 255);
  return job.status === "STALLED" || job.status === "STALLED_HELD" ? 10 : 1;
}
