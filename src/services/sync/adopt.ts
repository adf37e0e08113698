import { GASW_STATUSES } from "../../core/job.ts";
import { adoptedAttempt } from "../../core/lifecycle/adopt.ts";
import { jobName } from "../../core/names.ts";
import type { Dao } from "../../dao/dao.ts";
import type { StoredWorkflow } from "../../store/records.ts";
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
  if (!store.adoption.isDue(workflow)) return;
  const since = now();
  const rows = (await dao.rowsInStatus(GASW_STATUSES)).filter(({ fileName }) => fileName !== null);
  const begun = new Set(leftovers(workflow.directory).map(({ attempt }) => attempt));
  const hasBegun = (id: string) => begun.has(jobName(workflow.namespace, workflow.id, id));
  const attempts = rows.map((row) => adoptedAttempt(row, hasBegun(row.id)));
  store.adoption.adopt(
    workflow,
    attempts.toSorted((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1)),
    since,
  );
}
