import { setTimeout as sleep } from "node:timers/promises";
import { SILENCE_S } from "../../core/owner.ts";
import { GaswError } from "../../errors.ts";
import type { Hold } from "../../store/lockFiles.ts";
import type { Holder, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";

const PAUSE_MS = 200;
/** How long another command's synchronisation is waited for. */
const PATIENCE_MS = 60_000;

/** A monitor, as others read of it. */
export function asMonitor(deps: Pick<Deps, "host" | "now">): Holder {
  return {
    words: `monitor, process ${process.pid} on ${deps.host} since ${deps.now().toISOString()}`,
    isMonitor: true,
  };
}

/**
 * Runs an action while this process alone synchronises the workflow; another command's synchronisation is
 * waited for.
 * @param action is told whether the workflow is held; it is not where a monitor holds it, which sees to what
 * is left to it
 * @throws GaswError TIMEOUT when another command is not done in a minute
 */
export async function whileHolding<T>(
  deps: Deps,
  workflow: StoredWorkflow,
  action: (isHeld: boolean) => Promise<T>,
): Promise<T> {
  const hold = await takeHold(deps, workflow, {
    words: `process ${process.pid} on ${deps.host}`,
    isMonitor: false,
  });
  try {
    return await action(hold !== undefined);
  } finally {
    hold?.release();
  }
}

/**
 * Takes a workflow's synchronisation over from whichever command is at it, when that is done.
 * @returns undefined where a monitor has it
 * @throws GaswError TIMEOUT when another command is not done in a minute
 */
export async function takeHold(
  deps: Pick<Deps, "store" | "signal">,
  workflow: StoredWorkflow,
  holder: Holder,
): Promise<Hold | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const hold = deps.store.holds.take(workflow, holder);
    if (hold !== undefined || deps.store.holds.isMonitored(workflow)) return hold;
    if (performance.now() >= deadline) throw stillHeld(deps, workflow);
    await sleep(PAUSE_MS, undefined, { signal: deps.signal });
  }
}

/**
 * Whether a monitor holds a workflow and sees what becomes of it: one that is stopped, or that the cluster
 * does not answer, holds it still, and its picture is old. It has an answer of the cluster every 20 s, and
 * after a minute without one is not relied on.
 */
export function isSeenTo({ store, now }: Pick<Deps, "store" | "now">, workflow: StoredWorkflow): boolean {
  if (!store.holds.isMonitored(workflow)) return false;
  const age = now().getTime() - Date.parse(store.holds.lastWatch(workflow) ?? "");
  // A time to come is a clock's that was set back since: it says nothing.
  return age >= 0 && age <= SILENCE_S * 1000;
}

/**
 * Tells of a monitor that holds a workflow and does not see what becomes of it.
 * @returns whether there is one
 */
export function tellBlind({ store, warn }: Pick<Deps, "store" | "warn">, workflow: StoredWorkflow): boolean {
  const isIdle = store.jobs.active(workflow).length === 0 && !store.workflows.isOpen(workflow);
  if (isIdle || !store.holds.isMonitored(workflow)) return false;
  const since = store.holds.lastWatch(workflow) ?? "its start";
  warn(
    `workflow ${workflow.id} is locked by ${store.holds.holderOf(workflow)}, which has not reached the cluster since ${since}: this command reads the cluster itself, and no job is resubmitted until that monitor reconnects or ends`,
  );
  return true;
}

function stillHeld({ store }: Pick<Deps, "store">, workflow: StoredWorkflow): GaswError {
  return new GaswError(
    "TIMEOUT",
    `workflow ${workflow.id} is still being synchronised by ${store.holds.holderOf(workflow)}`,
    {
      hint: "try again later, or stop that process",
    },
  );
}
