import { setTimeout as sleep } from "node:timers/promises";
import { GaswError } from "../errors.ts";
import type { StoredWorkflow } from "../store/store.ts";
import type { Deps } from "./deps.ts";

const PAUSE_MS = 200;
/** How long another command's synchronisation is waited for. */
const PATIENCE_MS = 60_000;
const MONITOR = "monitor";

/** How a monitor calls itself. */
export function monitorName(deps: Pick<Deps, "host" | "now">): string {
  return `${MONITOR}, process ${process.pid} on ${deps.host} since ${deps.now().toISOString()}`;
}

/** The monitor that holds a workflow, in words; undefined where there is none. */
export function monitorOf({ store }: Pick<Deps, "store">, workflow: StoredWorkflow): string | undefined {
  const holder = store.holderOf(workflow);
  return holder?.startsWith(MONITOR) ? holder : undefined;
}

/**
 * Runs an action while this process alone synchronises the workflow; another command's synchronisation is waited for.
 * @param action is told whether the workflow is held; it is not where a monitor holds it, which sees to what is left to it
 * @throws GaswError TIMEOUT when another command is not done in a minute
 */
export async function whileHolding<T>(deps: Deps, workflow: StoredWorkflow, action: (isHeld: boolean) => Promise<T>): Promise<T> {
  const hold = await takeHold(deps, workflow, `process ${process.pid} on ${deps.host}`);
  try {
    return await action(hold !== undefined);
  } finally {
    hold?.release();
  }
}

/**
 * Takes a workflow's synchronisation over from whichever command is at it, when that is done.
 * @param holder who takes it, in words for others
 * @returns undefined where a monitor has it
 * @throws GaswError TIMEOUT when another command is not done in a minute
 */
export async function takeHold(
  deps: Pick<Deps, "store" | "signal">,
  workflow: StoredWorkflow,
  holder: string,
): Promise<{ release(): void } | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const hold = deps.store.hold(workflow, holder);
    if (hold !== undefined || monitorOf(deps, workflow) !== undefined) return hold;
    if (performance.now() >= deadline) throw stillHeld(deps, workflow);
    await sleep(PAUSE_MS, undefined, { signal: deps.signal });
  }
}

function stillHeld({ store }: Pick<Deps, "store">, workflow: StoredWorkflow): GaswError {
  return new GaswError("TIMEOUT", `workflow ${workflow.id} is still being synchronised by ${store.holderOf(workflow)}`, {
    hint: "try again when that is done, or end that process: its hold ends with it",
  });
}
