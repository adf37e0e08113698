import { engineOf, type Life } from "../../core/inventory/life.ts";
import { presenceOf } from "../../directory.ts";
import { ifAllowed } from "../../kubernetes/errors.ts";
import type { Deps } from "../deps.ts";
import { tenureOf } from "../workflow/tenure.ts";
import type { CleanupPlan } from "./cleanup.ts";

/**
 * Whether anybody or anything is at work for a workflow that is to be cleaned up.
 * @throws GaswError CLUSTER
 */
export async function lifeOf(
  deps: Deps,
  { target, activeJobs }: CleanupPlan,
  directory: string,
): Promise<Life> {
  const tenure = await ifAllowed(tenureOf(deps, target));
  return {
    engine: tenure === undefined ? null : engineOf(tenure),
    activeJobs,
    folder: presenceOf(directory),
  };
}
