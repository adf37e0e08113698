import { readdirSync } from "node:fs";
import path from "node:path";
import { EXECUTOR } from "../../core/gaswRow/write.ts";
import { GASW_STATUSES, UNKNOWN_CONTENT, type Workflow } from "../../core/job.ts";
import type { Remains } from "../../core/lifecycle/found.ts";
import type { FoundJob } from "../../core/lifecycle/foundStage.ts";
import { jobIdOf } from "../../core/lifecycle/observe.ts";
import { requestIn } from "../../core/manifests/requested.ts";
import { jobName, KEYS } from "../../core/names.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError, systemCode } from "../../errors.ts";
import { leftovers } from "../output/toolFolder.ts";
import { type ForeignJob, observeForeign } from "./foreign.ts";
import { closeDao, type SyncDeps } from "./sync.ts";

/** Retries of a script that are looked for in its directory beside the configured ones. */
const MORE_ATTEMPTS = 10;

/**
 * Looks for all that is left of a workflow.
 * @param servedUntil when its former owner was last heard of
 * @throws GaswError CONFLICT (its Jobs were submitted in another directory), CLUSTER, DATABASE
 */
export async function remainsOf(
  deps: SyncDeps,
  workflow: Workflow,
  servedUntil: Date | undefined,
): Promise<Remains> {
  const { namespace, id, directory } = workflow;
  const [jobs, rows] = await Promise.all([jobsOf(deps, workflow), rowsOf(deps, workflow)]);
  const left = new Set(leftovers(directory).map(({ attempt }) => attempt));
  const hasTraces = (attempt: string) => left.size > 0 && left.has(jobName(namespace, id, attempt));
  const inCluster = new Set(jobs.map((job) => job.id));
  // The engine may have other executors, whose rows these are.
  const own = rows.filter((row) => row.executor === EXECUTOR || inCluster.has(row.id) || hasTraces(row.id));
  return {
    jobs,
    rows: own,
    scripts: scriptsIn(directory),
    hasTraces,
    servedUntil,
    hasDatabase: deps.config.dao.url !== undefined || rows.length > 0,
    mostAttempts: left.size === 0 ? 0 : deps.config.retryCount + MORE_ATTEMPTS,
  };
}

async function jobsOf(deps: SyncDeps, { namespace, id, directory }: Workflow): Promise<FoundJob[]> {
  const jobs = await observeForeign(deps, namespace, id);
  const other = jobs
    .map((job) => job.directory)
    .find((named) => named !== undefined && !isSameDirectory(named, directory));
  if (other !== undefined) throw otherDirectory(id, other, directory);
  return jobs.filter(({ kubeJob }) => jobIdOf(kubeJob) !== undefined).map((job) => foundJob(deps, job));
}

function foundJob({ config }: SyncDeps, { id, fileName, created, decision, kubeJob }: ForeignJob): FoundJob {
  const { uid, deletionTimestamp, annotations = {} } = kubeJob.metadata ?? {};
  return {
    ...{ id, fileName, created, decision },
    kubeUid: uid ?? null,
    wrapper: Number(annotations[KEYS.wrapper] ?? 0),
    contentHash: annotations[KEYS.content] ?? UNKNOWN_CONTENT,
    request: requestIn(kubeJob, config.env),
    isLeaving: deletionTimestamp !== undefined,
  };
}

async function rowsOf(deps: SyncDeps, workflow: Workflow): Promise<Remains["rows"]> {
  if (!(await deps.hasDatabase(workflow))) return [];
  const dao = await deps.openDao(workflow, deps.signal);
  try {
    return await dao.rowsInStatus(GASW_STATUSES);
  } finally {
    await closeDao(deps, dao);
  }
}

/** Base names of the scripts in a workflow directory. */
function scriptsIn(directory: string): string[] {
  return namesIn(path.join(directory, "sh"))
    .filter((name) => name.endsWith(".sh"))
    .map((name) => name.slice(0, -".sh".length));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return [];
  }
}

/** Whether a script has left its output where GASW looks for it. */
export function hasOutput(directory: string, script: string): boolean {
  return namesIn(path.join(directory, "out")).includes(`${script}.sh.out`);
}

function otherDirectory(id: string, other: string, directory: string): GaswError {
  return new GaswError(
    "CONFLICT",
    `the Jobs of workflow ${id} were submitted in ${other}, not in ${directory}: pods see the directory at that path`,
    { hint: `mount it there, then run gasw-k8s adopt ${other}` },
  );
}
