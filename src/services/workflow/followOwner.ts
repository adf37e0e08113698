import { hasEnded } from "../../core/job.ts";
import { killHash, type Tenure } from "../../core/owner.ts";
import type { V1Namespace } from "../../core/wire.ts";
import { find } from "../../kubernetes/objects.ts";
import { namespacesPath } from "../../kubernetes/paths.ts";
import type { LeaseNote, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { ownObjects } from "./cluster.ts";
import { nameOf } from "./notOwner.ts";

/**
 * Writes down what an owner before this one has done.
 * @param tenure what its Lease tells; undefined: it has cleaned the workflow up and is gone
 * @returns whether anything is to be decided anew
 */
export function followOwner(
  { store, warn }: Pick<Deps, "store" | "warn">,
  workflow: StoredWorkflow | undefined,
  tenure: Tenure | undefined,
): boolean {
  if (workflow === undefined) return false;
  const by = tenure === undefined ? "" : ` by ${nameOf(tenure.owner)}`;
  if (tenure === undefined || tenure.isCleaned) return followCleanup({ store, warn }, workflow, by);
  const killed = store.jobs.all(workflow).filter(({ id }) => tenure.killed.has(killHash(id)));
  // What is submitted here later, or would be tried again, may have been killed there, too.
  store.adoption.noteTakeover(workflow, [...tenure.killed]);
  return store.adoption.followKills(killed, {
    reason: "Killed",
    message: `killed from another state file${by}`,
  });
}

function followCleanup(
  { store, warn }: Pick<Deps, "store" | "warn">,
  workflow: StoredWorkflow,
  by: string,
): boolean {
  const jobs = store.jobs.all(workflow);
  const active = jobs.filter(({ status }) => !hasEnded(status) && status !== "NOT_SUBMITTED");
  const message = `deleted by a cleanup of the workflow from another state file${by}`;
  const isNew = store.adoption.followKills(active, { reason: "Deleted", message });
  store.intents.giveUp(workflow);
  if (isNew)
    warn(
      `workflow ${workflow.id} was cleaned up from another state file${by}: its jobs are given up here too`,
    );
  return isNew || jobs.some(({ stage }) => stage.status === "NOT_SUBMITTED" || stage.name === "ended");
}

/**
 * Whether the workflow was cleaned up where nothing but its Lease is known to be gone: nothing else that was
 * noted is there either, and not because somebody has deleted the namespace.
 */
export async function isCleanedUp(
  deps: Deps,
  workflow: StoredWorkflow | undefined,
  { created }: LeaseNote,
): Promise<boolean> {
  const { store, client } = deps;
  if (workflow === undefined || store.placements.of(workflow).state !== "bound") return false;
  const [objects, namespace] = await Promise.all([
    ownObjects(deps, workflow),
    find<V1Namespace>(client, namespacesPath(workflow.namespace)),
  ]);
  if (namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined) return false;
  const isAnew =
    created !== null && Date.parse(namespace.metadata?.creationTimestamp ?? "") > Date.parse(created);
  const uids = objects.map(({ metadata }) => metadata?.uid).filter((uid) => uid !== undefined);
  return !isAnew && !store.placements.knowsObject(workflow, uids);
}
