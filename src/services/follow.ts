import { setTimeout as sleep } from "node:timers/promises";
import { GaswError } from "../errors.ts";
import type { StoredWorkflow } from "../store/store.ts";
import type { Deps } from "./deps.ts";
import { refresh } from "./refresh.ts";

const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Refreshes workflows again and again; every round is one step of the loop, and the caller ends it.
 * A slow answer of the cluster makes the pauses longer, so that the tool never takes more than a fifth of anybody's time.
 * @param timeout seconds after which the following ends; undefined: none
 * @throws GaswError TIMEOUT, and what refresh throws
 */
export async function* follow(deps: Deps, workflows: readonly StoredWorkflow[], timeout?: number): AsyncGenerator<void> {
  const end = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout * 1000;
  for (;;) {
    const begin = performance.now();
    await Promise.all(workflows.map((workflow) => refresh(deps, workflow)));
    yield;
    const now = performance.now();
    if (now >= end) {
      throw new GaswError("TIMEOUT", `the jobs had not ended after ${timeout} s`, {
        hint: "they go on in the cluster: `gasw-k8s status` shows them, `gasw-k8s debug why JOB` says what one waits for",
      });
    }
    const pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, 4 * (now - begin)));
    await sleep(Math.min(pause, end - now), undefined, { signal: deps.signal });
  }
}
