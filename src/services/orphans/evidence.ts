import type { GaswRow } from "../../core/gaswRow/row.ts";
import { GASW_STATUSES, isEnd } from "../../core/job.ts";
import type { Facts } from "../../core/orphans/facts.ts";
import type { WorkflowObjects } from "../../core/orphans/group.ts";
import type { Evidence } from "../../core/orphans/verdict.ts";
import { isSameDirectory, presenceOf } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { closeDao, type SyncDeps } from "../sync/sync.ts";
import type { Survey } from "./survey.ts";

/** A workflow as this host's state has it, if that is the very one. */
export function knownHere(
  { store }: Pick<Deps, "store">,
  { namespace, id }: WorkflowObjects,
  directory?: string,
): StoredWorkflow | undefined {
  const known = namespace === undefined ? undefined : store.workflows.find(namespace, id);
  return known !== undefined && (directory === undefined || isSameDirectory(known.directory, directory))
    ? known
    : undefined;
}

/** What a sweep works with. */
export interface SweepDeps extends SyncDeps {
  /** Whether this host has a state file. */
  readonly hasState: boolean;
}

/** What is known of a workflow beside what the cluster shows. */
export function evidenceOf(
  deps: SweepDeps,
  workflow: WorkflowObjects,
  { directory }: Facts,
  found: Survey,
): Evidence {
  // A look makes no state file.
  const known = deps.hasState ? knownHere(deps, workflow, directory) : undefined;
  return {
    unseen: found.unseen(workflow.namespace),
    namespace: found.namespaceOf(workflow),
    here: known && {
      isMonitored: deps.store.holds.isMonitored(known),
      active: deps.store.jobs.active(known).length,
    },
    directory: directory === undefined ? "unknown" : presenceOf(directory),
    database: undefined,
  };
}

/**
 * What the GASW database shows of a workflow that would be removed, where one is configured.
 */
export async function databaseEvidence(
  deps: SweepDeps,
  { id, namespace = "" }: WorkflowObjects,
  directory: string,
): Promise<Evidence["database"]> {
  const workflow = { id, namespace, directory };
  if (!(await deps.hasDatabase(workflow))) return undefined;
  try {
    const dao = await deps.openDao(workflow, deps.signal);
    try {
      return ofRows(await dao.rowsInStatus(GASW_STATUSES), deps.now());
    } finally {
      await closeDao(deps, dao);
    }
  } catch (error) {
    if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    deps.warn(`workflow ${id}: ${error.message}`);
    return "unread";
  }
}

function ofRows(rows: readonly GaswRow[], now: Date): Evidence["database"] {
  const dates = rows.flatMap(({ creation, queued, download, running, upload, end }) =>
    [creation, queued, download, running, upload, end].map((date) => Date.parse(date ?? "")),
  );
  const known = dates.filter((date) => !Number.isNaN(date));
  if (known.length === 0) return undefined;
  return {
    quiet: Math.max(0, (now.getTime() - known.reduce((a, b) => Math.max(a, b))) / 1000),
    open: rows.filter(({ status }) => !isEnd(status)).length,
  };
}
