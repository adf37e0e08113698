import { engineOf, type Life } from "../../core/inventory/life.ts";
import { hasEnded } from "../../core/job.ts";
import { leaseName } from "../../core/names.ts";
import { readLease } from "../../core/owner.ts";
import { presenceOf } from "../../directory.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { findLease } from "../../kubernetes/leases.ts";
import { type Deps, serverNow } from "../deps.ts";
import { observeForeign } from "../sync/foreign.ts";
import type { CleanupTarget } from "./cleanup.ts";

/**
 * Whether anybody or anything is at work for a workflow that is to be cleaned up.
 * @throws GaswError CLUSTER
 */
export async function lifeOf(
  deps: Deps,
  { namespace, id }: CleanupTarget,
  directory: string,
): Promise<Life & { readonly folder: NonNullable<Life["folder"]> }> {
  const [lease, jobs] = await Promise.all([
    findLease(deps.client, namespace, leaseName(namespace, id)).catch(unlessForbidden),
    observeForeign(deps, namespace, id),
  ]);
  return {
    engine: lease === undefined ? null : engineOf(readLease(lease, serverNow(deps))),
    activeJobs: jobs.filter(({ decision }) => !hasEnded(decision.status)).length,
    folder: presenceOf(directory),
  };
}

function unlessForbidden(error: unknown): undefined {
  if (isApiError(error, 403)) return undefined;
  throw error;
}
