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
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const hold = deps.store.hold(workflow, `process ${process.pid} on ${deps.host}`);
    if (hold !== undefined) {
      try {
        return await action(true);
      } finally {
        hold.release();
      }
    }
    if (monitorOf(deps, workflow) !== undefined) return await action(false);
    if (performance.now() >= deadline) throw stillHeld(deps, workflow);
    await sleep(PAUSE_MS, undefined, { signal: deps.signal });
  }
}

function stillHeld({ store }: Deps, workflow: StoredWorkflow): GaswError {
  return new GaswError("TIMEOUT", `workflow ${workflow.id} is still being synchronised by ${store.holderOf(workflow)}`, {
    hint: "try again when that is done, or end that process: its hold ends with it",
  });
}
