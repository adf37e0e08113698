import path from "node:path";
import type { Context } from "../context.ts";
import { hasEnded } from "../core/job.ts";
import { GaswError } from "../errors.ts";
import { findJob, isScriptPath } from "../services/findJob.ts";
import { follow, isLeftUnsubmitted, refreshAll } from "../services/follow.ts";
import { type ForeignJob, observeForeign } from "../services/refresh.ts";
import { knownWorkflow, targetDirectory, unknownWorkflow } from "../services/workflows.ts";
import type { StoredJob, StoredWorkflow } from "../store/store.ts";
import type { OutputFormat } from "../ui/io.ts";
import { type JobRecord, jobTable, summary } from "../ui/jobs.ts";
import { duration, printable } from "../ui/output.ts";
import { isWatched, progress } from "../ui/progress.ts";

export interface StatusOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly quiet?: boolean;
  readonly cached?: boolean;
  readonly watch?: boolean;
  /** Only jobs in one of these statuses. */
  readonly status?: readonly string[];
  /** Seconds: only jobs submitted at least so long ago. */
  readonly olderThan?: number;
  /** Seconds: only jobs submitted at most so long ago. */
  readonly newerThan?: number;
}

/** What `status` is about: workflows to be refreshed, and which of their jobs to show. */
interface Scope {
  readonly workflows: readonly StoredWorkflow[];
  select(): StoredJob[];
}

/** `status [JOB…]` */
export async function status(context: Context, names: readonly string[], options: StatusOptions): Promise<number> {
  const { cwd } = context.io;
  const directory = targetDirectory(options.workflow, cwd);
  const workflow = directory === undefined ? undefined : knownWorkflow(context, directory);
  if (directory !== undefined && workflow === undefined && !names.some((name) => isScriptPath(name, cwd))) {
    if (options.cached === true) throw unknownWorkflow(context, directory);
    return await foreignStatus(context, directory, names, options);
  }
  const scope = scopeOf(context, names, workflow);
  const records = () => scope.select().map(jobRecord).filter(filterOf(context, options));
  if (options.cached === true) return print(context, records(), options);
  if (options.watch === true) return await watch(context, scope, records, options);
  try {
    await refreshAll(context, scope.workflows);
  } catch (error) {
    if (!(error instanceof GaswError && error.code === "CLUSTER")) throw error;
    print(context, records(), options);
    const age = ageOf(context, scope.select());
    if (age !== undefined) context.warn(`the cluster could not be asked: this is what was known ${age} ago`);
    throw error;
  }
  return print(context, records(), options);
}

function scopeOf(context: Context, names: readonly string[], workflow: StoredWorkflow | undefined): Scope {
  const { store } = context;
  if (names.length > 0) {
    const keys = names.map((name) => findJob(store, name, { prefix: true, workflow, cwd: context.io.cwd }));
    const workflows = new Map(
      keys.map((job) => [job.workflow + job.namespace, store.findWorkflow(job.namespace, job.workflow) as StoredWorkflow]),
    );
    const wanted = new Set(keys.map((job) => job.key));
    return {
      workflows: [...workflows.values()],
      select: () => [...workflows.values()].flatMap((one) => store.jobs(one)).filter((job) => wanted.has(job.key)),
    };
  }
  if (workflow !== undefined) return { workflows: [workflow], select: () => store.jobs(workflow) };
  const workflows = store.activeWorkflows();
  const shown = new Set(workflows.flatMap((one) => store.activeJobs(one)).map((job) => job.key));
  return { workflows, select: () => workflows.flatMap((one) => store.jobs(one)).filter((job) => shown.has(job.key)) };
}

function filterOf({ io }: Context, { status: wanted, olderThan, newerThan }: StatusOptions): (job: JobRecord) => boolean {
  const age = (job: JobRecord) => (job.created === null ? 0 : (io.now().getTime() - Date.parse(job.created)) / 1000);
  return (job) =>
    (wanted === undefined || wanted.includes(job.status)) &&
    (olderThan === undefined || age(job) >= olderThan) &&
    (newerThan === undefined || age(job) <= newerThan);
}

/** How long ago the cluster was last heard of, in words; undefined where it never was. */
function ageOf({ io }: Context, jobs: readonly StoredJob[]): string | undefined {
  const times = jobs.map((job) => job.observed).filter((time) => time !== null);
  const newest = times.sort().at(-1);
  return newest === undefined ? undefined : duration(io.now().getTime() - Date.parse(newest));
}

/** A job of the state as it is printed. */
export function jobRecord(job: StoredJob): JobRecord {
  const {
    id,
    workflow,
    namespace,
    directory,
    kubeName,
    reason,
    message,
    exitCode,
    pod,
    node,
    created,
    submitted,
    started,
    ended,
    observed,
  } = job;
  return {
    id,
    workflow,
    namespace,
    directory,
    kubernetesName: kubeName,
    status: job.status,
    reason,
    message,
    exitCode,
    pod,
    node,
    created,
    submitted,
    started,
    ended,
    observed,
  };
}

function print({ io }: Context, records: readonly JobRecord[], { output, quiet }: StatusOptions): number {
  if (output === "json") io.stdout.write(`${JSON.stringify({ jobs: records }, null, 2)}\n`);
  else if (output === "ndjson") for (const record of records) io.stdout.write(`${JSON.stringify(record)}\n`);
  else if (quiet === true) for (const { id } of records) io.stdout.write(`${printable(id)}\n`);
  else if (records.length === 0) io.stderr.write("no jobs\n");
  else io.stdout.write(jobTable(io, records));
  return 0;
}

/** Shows the jobs until all have ended: a live table on a terminal; elsewhere one line (or one NDJSON record) for every change. */
async function watch(context: Context, scope: Scope, records: () => JobRecord[], options: StatusOptions): Promise<number> {
  const { io } = context;
  const live = isWatched(io) && io.stdout.isTTY === true && options.output === "text";
  const line = await progress(io, "asking the cluster");
  const known = new Map<string, string>();
  try {
    for await (const _ of follow(context, scope.workflows)) {
      const now = records();
      if (live) line.update(`${summary(now)}\n${jobTable(io, now)}`);
      else printChanges(io, now, known, options.output);
      // Where nobody reads any more (`| head`) there is nothing to watch for.
      const left = scope.select().filter((job) => !hasEnded(job.status));
      if (!io.stdout.writable) break;
      if (!left.every((job) => isLeftUnsubmitted(job, context.now()))) continue;
      for (const job of left) context.warn(`${job.id} was never submitted: submit it again, or clean up`);
      break;
    }
  } finally {
    line.stop();
  }
  if (options.output !== "ndjson") print(context, records(), options);
  return 0;
}

function printChanges(io: Context["io"], records: readonly JobRecord[], known: Map<string, string>, output: OutputFormat): void {
  let changed = false;
  for (const record of records) {
    const state = `${record.status} ${record.reason ?? ""}`.trim();
    const key = `${record.namespace}/${record.workflow}/${record.id}`;
    if (known.get(key) === state) continue;
    known.set(key, state);
    changed = true;
    if (output === "ndjson") io.stdout.write(`${JSON.stringify(record)}\n`);
    else io.stderr.write(`${printable(record.id)}: ${state}\n`);
  }
  if (changed && output !== "ndjson") io.stderr.write(`${summary(records)}\n`);
}

/** A workflow that another host submitted: what the cluster's labels tell, nothing is written. */
async function foreignStatus(context: Context, directory: string, names: readonly string[], options: StatusOptions): Promise<number> {
  const namespace = context.config.k8sNamespace;
  const workflow = path.basename(directory);
  const isCalled = (name: string) => (job: ForeignJob) => name === job.id || name === job.kubeName;
  const found = await observeForeign(context, namespace, workflow);
  const jobs = names.length === 0 ? found : found.filter((job) => names.some((name) => isCalled(name)(job)));
  const missing = names.find((name) => !jobs.some(isCalled(name)));
  if (jobs.length === 0 || missing !== undefined) {
    const what = missing === undefined ? "no jobs" : `no job ${missing}`;
    const where = "neither in this host's state nor in the cluster";
    throw new GaswError("NOT_FOUND", `${what} of workflow ${workflow} in namespace ${namespace}, ${where}`, {
      hint: "submit a job of it first, or name another --workflow or --namespace",
    });
  }
  context.warn(`workflow ${workflow} was submitted from another host or state file: this is what the cluster shows, read-only`);
  const records = jobs.map(
    ({ id, kubeName, created, decision }): JobRecord => ({
      id,
      workflow,
      namespace,
      directory,
      kubernetesName: kubeName,
      status: decision.status,
      reason: decision.reason ?? null,
      message: decision.message ?? null,
      exitCode: decision.exitCode ?? null,
      pod: decision.pod ?? null,
      node: decision.node ?? null,
      created: created ?? null,
      submitted: created ?? null,
      started: decision.startedAt ?? null,
      ended: decision.finishedAt ?? null,
      observed: context.now().toISOString(),
    }),
  );
  return print(context, records.filter(filterOf(context, options)), options);
}
