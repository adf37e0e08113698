import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TOOL_FOLDER } from "../../core/gasw/files.ts";
import { hasEnded } from "../../core/job.ts";
import { RENEWAL_MS } from "../../core/owner.ts";
import { GaswError, systemCode } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { leftovers, removeLeftover, removeToolFolder } from "../output/toolFolder.ts";
import { cleanUpJobs } from "../sync/cleanUpJobs.ts";
import { look, reasonOf } from "../workflow/directory.ts";
import { Tenancy } from "../workflow/owner.ts";
import { type CleanupResult, type PlannedRemoval, type Removals, runCleanup } from "./cleanup.ts";

/** Milliseconds after which the former owner has spoken, and so has noticed that it is one; and a few more. */
const NOTICE_MS = RENEWAL_MS + 5000;

/** Whether what is planned still is what there is; `gone`: somebody else has removed it. */
export type PlanState = "current" | "changed" | "gone";

/** How a workflow's objects are removed. */
export interface RemovalOptions {
  /** Directory of the workflow. */
  readonly directory: string;
  /** As this host's state knows it. */
  readonly workflow: StoredWorkflow | undefined;
  /** Seconds to wait for each kind of object. */
  readonly timeout: number;
  /** Called with each object once it is gone. */
  readonly onStep: (gone: PlannedRemoval) => void;
  /**
   * Whether a workflow that somebody serves is taken from them, and what does not go is freed of finalizers
   * that protect nothing any more.
   */
  readonly forces?: boolean | undefined;
  /** Of a sweep over workflows that nobody has named: what it asks before anything of one is removed. */
  readonly sweep?: {
    /** @param isOwned whether nobody else can begin anything with the workflow meanwhile */
    stateOf(isOwned: boolean): Promise<PlanState>;
  };
}

/**
 * Removes what a plan lists, as the owner of the workflow: others see on its Lease that it is cleaned up. Once
 * everything is gone the Lease goes, what waits to be retried is given up, and what pods have left in the directory
 * is removed.
 * @throws NotOwner; GaswError CLUSTER
 */
export async function removeWorkflow(
  deps: Deps,
  plan: Removals,
  options: RemovalOptions,
): Promise<CleanupResult> {
  const { directory, workflow, timeout, onStep, sweep } = options;
  const tenancy = new Tenancy(deps, workflow ?? { ...plan.target, directory });
  const ownership = await tenancy.taken({
    makes: plan.remove.length > 0,
    announces: sweep === undefined,
    forces: options.forces === true,
  });
  const isOwned = ownership !== "unguarded";
  const state = (await sweep?.stateOf(isOwned)) ?? "current";
  if (state === "changed") return { removed: [], failures: [changed(plan.target.id)] };
  if (state === "gone") {
    if (isOwned) await tenancy.end();
    return { removed: [], failures: [] };
  }
  if (isOwned) await tenancy.noteCleanup();
  if (tenancy.hasForced) await sleep(NOTICE_MS, undefined, { signal: deps.signal });
  // A long clean-up is not taken for a dead one; one that was, because it was stopped, goes on with nothing.
  const onLook = async () => (isOwned ? await tenancy.held() : undefined);
  const remove = () => runCleanup(deps, plan, timeout, onStep, { onLook, forces: options.forces });
  const { removed, failures } = await (workflow === undefined
    ? remove()
    : cleanUpJobs(deps, workflow, plan.remove, remove));
  if (isOwned && failures.length > 0) tenancy.leaveCleanup();
  else if (isOwned) await tenancy.end();
  if (failures.length === 0) {
    // While objects are left, the workflow is not over: what waits to be retried stays so until a clean-up has come
    // to its end.
    if (workflow !== undefined) {
      deps.store.intents.giveUp(workflow);
      deps.store.placements.clear(workflow);
    }
    // A directory of that name may be another one on this host.
    if (sweep === undefined || workflow !== undefined) removeRunFolders(deps, plan, directory, workflow);
  }
  return { removed, failures };
}

/** What is said of a workflow that is left, since it is not as it was. */
export function changed(id: string): GaswError {
  return new GaswError("CONFLICT", `workflow ${id} has changed since it was listed: nothing was removed`, {
    hint: "run the command again to see what has changed",
  });
}

/**
 * Removes what pods have left in the workflow directory, where that is on this host: those of the Jobs that
 * were removed, and of attempts that this host's state knows to be over. Anything else may belong to a pod
 * that this configuration does not show.
 */
function removeRunFolders(
  { store, warn }: Deps,
  plan: Removals,
  directory: string,
  workflow: StoredWorkflow | undefined,
): void {
  if (workflow === undefined && plan.remove.length === 0) return;
  const known =
    workflow === undefined
      ? []
      : store.jobs.all(workflow).filter(({ status }) => hasEnded(status) || status === "NOT_SUBMITTED");
  const over = new Map<string, string | undefined>([
    ...plan.remove
      .filter(({ kind }) => kind === "Job")
      .map(({ name }): [string, undefined] => [name, undefined]),
    ...known.map(({ kubeName, fileName }): [string, string] => [kubeName, fileName]),
    // What names no attempt is a known workflow's own, of which nothing is left in the cluster.
    ...(workflow === undefined ? [] : [["", undefined] as [string, undefined]]),
  ]);
  const folder = look(path.join(directory, TOOL_FOLDER));
  if (folder instanceof Error && systemCode(folder) === "EACCES")
    warn(`${path.join(directory, TOOL_FOLDER)} ${reasonOf(folder)}: what pods have left there stays`);
  try {
    for (const leftover of leftovers(directory).filter(({ attempt }) => over.has(attempt)))
      removeLeftover(directory, leftover, over.get(leftover.attempt));
    removeToolFolder(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    warn(`${path.join(directory, TOOL_FOLDER)} could not be removed (${code})`);
  }
}
