import path from "node:path";
import type { Context } from "../context.ts";
import { GaswError } from "../errors.ts";
import { refreshEach } from "../services/sync/follow.ts";
import { sync } from "../services/sync/sync.ts";
import { nameFailures, type WorkflowFailure } from "../services/sync/workflowFailures.ts";
import { isUnasked } from "../services/workflow/cluster.ts";
import { unknownWorkflow } from "../services/workflow/known.ts";
import { resolve } from "../services/workflow/resolve.ts";
import { StateFull } from "../store/errors.ts";
import type { StoredJob, StoredWorkflow } from "../store/records.ts";
import { historyText } from "../ui/history.ts";
import type { OutputFormat } from "../ui/io.ts";
import type { JobRecord } from "../ui/jobs.ts";
import { jobTable } from "../ui/jobTable.ts";
import { duration, errorReport, printable } from "../ui/output.ts";
import { filterOf, noJobs } from "./jobFilter.ts";
import { jobRecord } from "./jobRecord.ts";
import { printTold } from "./results.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { recordsElsewhere } from "./statusElsewhere.ts";

export interface StatusOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly cached?: boolean;
  readonly watch?: boolean;
  /** Whether the GASW database is brought up to date, signals are taken and failures retried. */
  readonly sync?: boolean;
  /** Shows all attempts of each invocation, and each change of their status. */
  readonly history?: boolean;
  /** Seconds: what was seen so short a time ago is not asked for again. */
  readonly maxAge?: number;
  /** With `sync` and NDJSON: only invocations that were over after this one. */
  readonly since?: number;
  /** Only jobs in one of these statuses. */
  readonly status?: readonly string[];
  /** Seconds: only jobs submitted at least this long ago. */
  readonly olderThan?: number;
  /** Seconds: only jobs submitted at most this long ago. */
  readonly newerThan?: number;
}

/** The jobs that are shown, as they are known now. */
interface View {
  readonly records: () => JobRecord[];
  /** Why there are none, in words. */
  readonly noJobs: () => string;
}

function checkUsage({ sync, watch, cached, since, output, quiet, history }: StatusOptions): void {
  const refuse = (message: string, hint: string) => new GaswError("USAGE", message, { hint });
  if (sync === true && (watch === true || cached === true)) {
    throw refuse(
      "--sync cannot be combined with --watch or --cached",
      "use `gasw-k8s monitor` to synchronise continuously; --cached makes no request",
    );
  }
  const printsResults = sync === true && output === "ndjson";
  if (since !== undefined && !printsResults) {
    throw refuse(
      "--since requires --sync -o ndjson",
      "use `status --sync -o ndjson`, whose results --since resumes",
    );
  }
  if (printsResults && (quiet === true || history === true)) {
    throw refuse(
      "--sync -o ndjson cannot be combined with -q or --history",
      "use `status --sync -q` for ids, or `status --sync --history -o json` for all attempts",
    );
  }
}

/** `status [JOB…]`; a state that can't be written keeps nobody from seeing what the cluster says. */
export async function status(
  context: Context,
  names: readonly string[],
  options: StatusOptions,
): Promise<number> {
  checkUsage(options);
  try {
    return await shown(context, names, options);
  } catch (error) {
    if (!(error instanceof StateFull)) throw error;
    // Results are told once they are written down, and signals followed.
    if (options.sync === true && options.output === "ndjson") throw error;
    context.useCopyOfState();
    const unwritten = `could not be saved because the disk of the state file ${context.store.path} is full`;
    if (options.cached !== true)
      context.warn(`showing the cluster's current state, which ${unwritten}: free some space there`);
    const exitCode = await shown(context, names, { ...options, sync: false });
    if (options.sync === true) throw error;
    return exitCode;
  }
}

async function shown(context: Context, names: readonly string[], options: StatusOptions): Promise<number> {
  const named = { cwd: context.io.cwd, workflow: options.workflow, names };
  const { directory, workflow, unknown } = resolve(context, named);
  if (unknown !== undefined) {
    if (options.cached === true || options.sync === true) throw unknownWorkflow(context, unknown);
    if (options.watch === true) throw notWatchable(unknown);
    return await elsewhere(context, unknown, names, options);
  }
  const isPlain = options.cached !== true && options.watch !== true && options.sync !== true;
  if (directory !== undefined && workflow !== undefined && isPlain && isOthers(context, workflow))
    return await elsewhere(context, directory, names, options);
  const scope = scopeOf(context, names, workflow, {
    history: options.history === true,
    sync: options.sync === true,
  });
  const recordOf = (job: StoredJob): JobRecord => ({
    ...jobRecord(job),
    ...(options.history === true ? historyOf(context, job) : {}),
  });
  const all = () => scope.select().map(recordOf);
  const view = {
    records: () => all().filter(filterOf(context, options)),
    noJobs: () => noJobs(context, workflow?.id, all(), options),
  };
  if (options.cached === true) return print(context, view.records(), view, options);
  if (options.watch === true) return await watch(context, scope, view, options);
  if (options.sync === true) return await synchronised(context, scope, view, options);
  return await refreshed(context, scope, view, options);
}

/** What has become of an attempt, and in what it differs from the one before. */
function historyOf({ store }: Context, job: StoredJob): Pick<JobRecord, "history" | "changes"> {
  const { changes = [] } = job.request;
  return { history: store.history.of(job), ...(changes.length === 0 ? {} : { changes }) };
}

/** What the cluster tells of a workflow that another state file serves. */
async function elsewhere(
  context: Context,
  directory: string,
  names: readonly string[],
  options: StatusOptions,
): Promise<number> {
  const records = await recordsElsewhere(context, directory, names, options.history === true);
  const none = { noJobs: () => noJobs(context, path.basename(directory), records, options) };
  return print(context, records.filter(filterOf(context, options)), none, options);
}

/** Whether nothing is known of a workflow but that another state file serves it: a submission was refused. */
function isOthers({ store }: Context, workflow: StoredWorkflow): boolean {
  const isRefused = store.placements.of(workflow).state === "bound" && store.leases.of(workflow).uid === null;
  return isRefused && store.jobs.all(workflow).length === 0;
}

/** One look at the cluster; of what that can't be had for, what was known is shown with its age. */
async function refreshed(
  context: Context,
  scope: Scope,
  view: View,
  options: StatusOptions,
): Promise<number> {
  const failures = await refreshEach(
    context,
    scope.workflows.filter((workflow) => isStale(context, workflow, options.maxAge)),
  );
  const [first] = nameFailures(failures, scope.workflows);
  // What fails for all, and is no matter of the cluster's, leaves nothing to be shown.
  if (
    first !== undefined &&
    failures.length === scope.workflows.length &&
    !failures.some(({ error }) => isUnasked(error))
  )
    throw first;
  print(context, view.records(), view, options);
  return tellFailures(context, scope, failures, options);
}

/**
 * Tells what went wrong with which workflows, beside what is shown.
 * @throws GaswError the first
 */
function tellFailures(
  context: Context,
  scope: Scope,
  failures: readonly WorkflowFailure[],
  options: StatusOptions,
): number {
  const [first, ...others] = nameFailures(failures, scope.workflows);
  for (const failure of others) context.io.stderr.write(errorReport(failure, options));
  tellAge(
    context,
    scope,
    failures.filter(({ error }) => isUnasked(error)).map(({ workflow }) => workflow),
  );
  if (first !== undefined) throw first;
  return 0;
}

/** Whether the cluster has not been asked about all of a workflow's active jobs for so long. */
function isStale({ store, now }: Context, workflow: StoredWorkflow, maxAge: number | undefined): boolean {
  if (maxAge === undefined) return true;
  const time = now().getTime();
  // A time to come is a clock's that was set back since: it says nothing.
  const isFresh = (observed: number) => observed >= time - maxAge * 1000 && observed <= time;
  return store.jobs
    .active(workflow)
    .some(({ observed }) => observed === null || !isFresh(Date.parse(observed)));
}

/** @param unasked the workflows whose cluster could not be asked */
function tellAge(context: Context, scope: Scope, unasked: readonly StoredWorkflow[]): void {
  const isUnasked = (job: StoredJob) =>
    unasked.some(({ id, namespace }) => id === job.workflow && namespace === job.namespace);
  const age = ageOf(context, scope.select().filter(isUnasked));
  if (age === undefined) return;
  const ids = unasked.map(({ id }) => id).join(", ");
  const about =
    unasked.length === scope.workflows.length
      ? ""
      : ` about ${unasked.length === 1 ? "workflow" : "workflows"} ${ids}`;
  context.warn(`the cluster could not be queried${about}: showing the state of ${age} ago`);
}

/**
 * Signals, cluster, retries and the GASW database, once; the state is shown whatever could not be reached.
 */
async function synchronised(
  context: Context,
  scope: Scope,
  view: View,
  options: StatusOptions,
): Promise<number> {
  const shown = new Map<string, string | null>();
  const failures: WorkflowFailure[] = [];
  for (const workflow of scope.workflows) {
    const ids = () => view.records().map((record) => record.attemptId);
    try {
      for (const [id, status] of await sync(context, workflow, ids, scope.fileNames?.(workflow)))
        shown.set(`${workflow.key}/${id}`, status);
    } catch (error) {
      if (context.signal.aborted || error instanceof StateFull) throw error;
      failures.push({ workflow, error });
    }
  }
  if (options.output === "ndjson") {
    printTold(context.io, scope.tell(options.since ?? 0, filterOf(context, options)));
  } else {
    const keys = new Map(scope.workflows.map((one) => [`${one.namespace}/${one.id}`, one.key]));
    const daoStatus = (job: JobRecord) =>
      shown.get(`${keys.get(`${job.namespace}/${job.workflow}`)}/${job.attemptId}`) ?? null;
    print(
      context,
      view.records().map((job) => ({ ...job, daoStatus: daoStatus(job) })),
      view,
      options,
    );
  }
  return tellFailures(context, scope, failures, options);
}

function notWatchable(directory: string): GaswError {
  return new GaswError(
    "USAGE",
    `workflow ${path.basename(directory)} was not submitted from this host: cannot watch its jobs here`,
    {
      hint: "use `gasw-k8s status` without --watch, or watch them on the host that submitted them",
    },
  );
}

/** How long ago the cluster was last heard of, in words; undefined where it never was. */
function ageOf({ io }: Context, jobs: readonly StoredJob[]): string | undefined {
  const times = jobs.map((job) => job.observed).filter((time) => time !== null);
  const newest = times.sort().at(-1);
  return newest === undefined ? undefined : duration(io.now().getTime() - Date.parse(newest));
}

function print(
  { io }: Context,
  records: readonly JobRecord[],
  view: Pick<View, "noJobs">,
  { output, quiet }: StatusOptions,
): number {
  if (output === "json") io.stdout.write(`${JSON.stringify({ jobs: records }, null, 2)}\n`);
  else if (output === "ndjson") for (const record of records) io.stdout.write(`${JSON.stringify(record)}\n`);
  else if (quiet === true) for (const { id } of records) io.stdout.write(`${printable(id)}\n`);
  else if (records.length === 0) io.stderr.write(`${view.noJobs()}\n`);
  else io.stdout.write(`${jobTable(io, records)}${historyText(io, records)}`);
  return 0;
}

/** Shows the jobs until all have ended, and then once more; also where the cluster can't be asked any more. */
async function watch(context: Context, scope: Scope, view: View, options: StatusOptions): Promise<number> {
  const { watchJobs } = await import("./watchJobs.ts");
  let failure: unknown;
  try {
    await watchJobs(context, scope, view.records, options);
  } catch (error) {
    if (!isUnasked(error)) throw error;
    failure = error;
  }
  if (options.output !== "ndjson") print(context, view.records(), view, options);
  if (failure === undefined) return 0;
  tellAge(context, scope, scope.workflows);
  throw failure;
}
