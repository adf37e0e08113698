import { leaseName } from "../../core/names.ts";
import { readLease, type Tenure } from "../../core/owner.ts";
import { findLease } from "../../kubernetes/leases.ts";
import { type Deps, serverNow } from "../deps.ts";

/**
 * What the Lease of a workflow tells; undefined where there is none.
 * @throws GaswError CLUSTER
 */
export async function tenureOf(
  deps: Pick<Deps, "client" | "now">,
  { namespace, id }: { readonly namespace: string; readonly id: string },
): Promise<Tenure | undefined> {
  const lease = await findLease(deps.client, namespace, leaseName(namespace, id));
  return lease === undefined ? undefined : readLease(lease, serverNow(deps));
}
