import type { Context } from "../context.ts";
import { findJob } from "../services/workflow/findJob.ts";
import { workflowsOf } from "../services/workflow/known.ts";
import type { StoredJob, StoredWorkflow, Told } from "../store/records.ts";

/** What `status` is about: workflows to be refreshed, and which of their jobs to show. */
export interface Scope {
  readonly workflows: readonly StoredWorkflow[];
  select(): StoredJob[];
  /** The file names of the invocations that were named; undefined where none was. */
  fileNames?(workflow: StoredWorkflow): ReadonlySet<string>;
  /** What a reader of these jobs is to be told after its cursor, of what it asks for. */
  tell(since: number, isMeant: (told: Told) => boolean): Told[];
}

/** What a choice of jobs depends on. */
interface Choice {
  /** Whether all attempts are asked for. */
  readonly history: boolean;
  /** Whether the jobs are to be synchronised. */
  readonly sync: boolean;
}

/**
 * The jobs that are named, else a workflow's, else the active ones of all workflows that this host knows, and
 * with a synchronisation all for which it has something to do. Of each invocation the newest attempt stands
 * for it, unless all are asked for.
 * @throws GaswError NOT_FOUND, USAGE
 */
export function scopeOf(
  context: Context,
  names: readonly string[],
  workflow: StoredWorkflow | undefined,
  { history, sync }: Choice,
): Scope {
  const { store } = context;
  if (names.length > 0) return namedScope(context, names, workflow, history);
  const jobsOf = (one: StoredWorkflow) => (history ? store.jobs.all(one) : store.jobs.newest(one));
  const tell: Scope["tell"] = (since, isMeant) => store.results.tell(workflow, since, isMeant);
  if (workflow !== undefined) return { workflows: [workflow], select: () => jobsOf(workflow), tell };
  const workflows = sync ? store.workflows.unfinished() : store.workflows.active();
  const jobs = sync ? store.jobs.unfinished() : workflows.flatMap((one) => store.jobs.active(one));
  const shown = new Set(jobs.map(invocationOf));
  return {
    workflows,
    select: () => workflows.flatMap(jobsOf).filter((job) => shown.has(invocationOf(job))),
    tell,
  };
}

function namedScope(
  context: Context,
  names: readonly string[],
  workflow: StoredWorkflow | undefined,
  history: boolean,
): Scope {
  const { store, io } = context;
  const jobs = names.map((name) => findJob(store, name, { prefix: true, workflow, cwd: io.cwd }));
  const workflows = workflowsOf(context, jobs);
  const [only, ...others] = workflows;
  const attemptsOf = (job: StoredJob) => {
    const own = workflows.find(({ id, namespace }) => id === job.workflow && namespace === job.namespace);
    return own === undefined ? [] : store.jobs.attempts(own, job.fileName);
  };
  // An attempt that is named itself, and is history, stays what is shown.
  const exact = new Set(jobs.filter((job) => attemptsOf(job).at(-1)?.key !== job.key).map(({ key }) => key));
  const shownOf = (job: StoredJob) => {
    const attempts = attemptsOf(job);
    return history
      ? attempts
      : exact.has(job.key)
        ? attempts.filter(({ key }) => key === job.key)
        : attempts.slice(-1);
  };
  const named = new Set(jobs.map(invocationOf));
  const tell: Scope["tell"] = (since, isMeant) =>
    store.results.tell(
      others.length === 0 ? only : undefined,
      since,
      (told) => named.has(invocationOf(told)) && isMeant(told),
    );
  return {
    workflows,
    select: () => [...new Map(jobs.flatMap(shownOf).map((job) => [job.key, job])).values()],
    fileNames: ({ id, namespace }) =>
      new Set(
        jobs
          .filter((job) => job.workflow === id && job.namespace === namespace)
          .map(({ fileName }) => fileName),
      ),
    tell,
  };
}

function invocationOf({
  namespace,
  workflow,
  fileName,
}: Pick<StoredJob, "namespace" | "workflow" | "fileName">): string {
  return JSON.stringify([namespace, workflow, fileName]);
}
