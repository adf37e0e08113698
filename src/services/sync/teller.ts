import { leaseName } from "../../core/names.ts";
import { RENEWAL_MS, readLease, standingOf } from "../../core/owner.ts";
import { GaswError } from "../../errors.ts";
import { findLease } from "../../kubernetes/leases.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import { type Deps, serverNow } from "../deps.ts";
import { notOwner } from "../workflow/notOwner.ts";
import { ownerHere } from "../workflow/ownerHere.ts";

/**
 * Refuses to tell what another state file sees to by now: of a workflow with nothing else to be done, nobody has asked
 * for the owner. What can't be read keeps nothing from being told.
 * @throws NotOwner
 */
export async function refuseFormerOwner(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const { uid, renewed } = deps.store.leases.of(workflow);
  if (uid === null) return;
  const age = deps.now().getTime() - Date.parse(renewed ?? "");
  if (age >= 0 && age < RENEWAL_MS) return;
  const lease = await leaseOf(deps, workflow);
  if (lease === undefined) return;
  const tenure = readLease(lease, serverNow(deps));
  const standing = standingOf(lease, tenure, ownerHere(deps));
  if (standing === "adopted" || standing === "live") throw notOwner(workflow, standing, tenure, false);
}

async function leaseOf(deps: Deps, { namespace, id }: StoredWorkflow) {
  try {
    // Without a cluster to ask, too, the database is told.
    return await findLease(deps.client, namespace, leaseName(namespace, id));
  } catch (error) {
    if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    return undefined;
  }
}
