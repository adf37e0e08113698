import type { GaswRow } from "../../core/gaswRow/row.ts";
import { GASW_STATUSES, isEnd, isHeld } from "../../core/job.ts";
import { jobName } from "../../core/names.ts";
import type { Dao } from "../../dao/dao.ts";
import type { AdoptedAttempt, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { leftovers } from "../output/toolFolder.ts";

/**
 * Takes up what the owner before this state file has done with jobs that are known here: attempts that it has
 * made, and those over which it had run again. The GASW database, where both keep the same one, has a row of
 * each. Without that, their ends would be nobody's, and what has run could be run again under the same
 * number.
 * @throws GaswError DATABASE
 */
export async function adoptAttempts(
  { store, now }: Pick<Deps, "store" | "now">,
  dao: Dao,
  workflow: StoredWorkflow,
): Promise<void> {
  if (!store.isToAdopt(workflow)) return;
  const since = now();
  const rows = (await dao.rowsInStatus(GASW_STATUSES)).filter(({ fileName }) => fileName !== null);
  const begun = new Set(leftovers(workflow.directory).map(({ attempt }) => attempt));
  const hasBegun = (id: string) => begun.has(jobName(workflow.namespace, workflow.id, id));
  const attempts = rows.map((row) => adopted(row, hasBegun(row.id)));
  store.adopt(
    workflow,
    attempts.toSorted((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1)),
    since,
  );
}

/**
 * An attempt as its row shows it. What has not ended there is looked for in the cluster; only what has never
 * begun may be submitted.
 */
function adopted(
  { id, fileName, status, exitCode, queued, running, creation }: GaswRow,
  hasBegun: boolean,
): AdoptedAttempt {
  const known = { id, fileName: fileName ?? id, goesOn: status === "QUEUED" || status === "RUNNING" };
  const words = { reason: "Followed", message: "as another state file has left it" };
  const submitted = queued ?? creation;
  if (isEnd(status)) {
    // Its end is seen to here: told, retried; a hold is one.
    const change = {
      ...words,
      status,
      exitCode: exitCode < 0 ? null : exitCode,
      submitted,
      prepared: true,
      settled: isHeld(status),
    };
    return { ...known, change };
  }
  const open = { ...words, ...NO_END };
  if (running === null && !hasBegun)
    return { ...known, change: { ...open, status: "NOT_SUBMITTED", due: true } };
  return { ...known, change: { ...open, status: "RUNNING", submitted, started: running, prepared: true } };
}

const NO_END = {
  settled: false,
  exitCode: null,
  output: null,
  outputLate: false,
  lingers: false,
  lastPod: null,
} as const;
