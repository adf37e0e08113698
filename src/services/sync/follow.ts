import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isUnsubmitted } from "../../core/lifecycle/stage.ts";
import { GaswError, messageOf } from "../../errors.ts";
import { isOutage } from "../../kubernetes/errors.ts";
import { StateFull } from "../../store/errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { Tenancy } from "../workflow/owner.ts";
import { isSeenTo, tellBlind } from "./hold.ts";
import { refresh } from "./refresh.ts";
import { nameFailures, type WorkflowFailure } from "./workflowFailures.ts";

const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;
/** How long the cluster may be out of reach before the following is given up. */
const OUTAGE_PATIENCE_MS = 5 * 60_000;
/** How long a job that was written down may take until it is submitted: its volumes have to bind. */
const SUBMISSION_PATIENCE_MS = 2 * 60_000;
/** The longest time that a timer can take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Whether a job was written down, but nobody has submitted it for so long that it is not waited for: `submit`
 * starts it. One that is due is started by a synchronisation, however long its turn or the room for it takes
 * to come.
 */
export function isLeftUnsubmitted(
  { stage, created }: Pick<StoredJob, "stage" | "created">,
  now: Date,
): boolean {
  return isUnsubmitted(stage) && now.getTime() - Date.parse(created) >= SUBMISSION_PATIENCE_MS;
}

/** Says of jobs that they are not waited for, since nobody submits them. */
export function tellUnsubmitted(
  { warn }: Pick<Deps, "warn">,
  [first, ...others]: readonly Pick<StoredJob, "id">[],
): void {
  if (first === undefined) return;
  if (others.length === 0) warn(`${first.id} was never submitted: submit it again, or clean up`);
  else warn(`${first.id} and ${others.length} more were never submitted: submit them again, or clean up`);
}

/**
 * Refreshes workflows, each whatever becomes of the others; what a monitor holds that sees the cluster is up
 * to date already, unless it can't write that down either.
 * @param told keys of the workflows of whose blind monitor was told
 * @returns what went wrong, by workflow
 * @throws StateFull; the signal's reason
 */
export async function refreshEach(
  deps: Deps,
  workflows: readonly StoredWorkflow[],
  told = new Set<number>(),
): Promise<WorkflowFailure[]> {
  const { store, signal } = deps;
  const own = workflows.filter((workflow) => store.isCopy || !isSeenTo(deps, workflow));
  for (const workflow of own.filter(({ key }) => !told.has(key)))
    if (tellBlind(deps, workflow)) told.add(workflow.key);
  const results = await Promise.allSettled(own.map((workflow) => refresh(deps, workflow)));
  const failures = results.flatMap((result, index) =>
    result.status === "rejected"
      ? [{ workflow: own[index] as StoredWorkflow, error: result.reason as unknown }]
      : [],
  );
  const general = failures.find(({ error }) => signal.aborted || error instanceof StateFull);
  if (general !== undefined) throw general.error;
  return failures;
}

/**
 * Refreshes workflows, as `refreshEach` does.
 * @throws what went wrong with the first that fails; a refusal rather than an outage
 */
async function refreshAll(
  deps: Deps,
  workflows: readonly StoredWorkflow[],
  told?: Set<number>,
): Promise<void> {
  const failures = nameFailures(await refreshEach(deps, workflows, told), workflows);
  if (failures.length > 0) throw failures.find((failure) => !isOutage(failure)) ?? failures[0];
}

/**
 * Refreshes workflows again and again; every successful round is one step of the loop, and the caller ends
 * it. A slow answer of the cluster makes the pauses longer, so that the tool never takes more than a fifth of
 * anybody's time. An outage of the cluster is told once and waited out for five minutes.
 * @param timeout seconds after which the following ends, whatever goes on then; undefined: none
 * @throws GaswError TIMEOUT, and what refresh throws
 */
export async function* follow(
  deps: Deps,
  workflows: readonly StoredWorkflow[],
  timeout?: number,
): AsyncGenerator<void> {
  const deadline =
    timeout === undefined ? undefined : AbortSignal.timeout(Math.min(timeout * 1000, LONGEST_TIMER_MS));
  const limited = deadline === undefined ? undefined : until(deps, deadline);
  const bounded = limited ?? deps;
  let outageBegan: number | undefined;
  const told = new Set<number>();
  try {
    for (;;) {
      const begin = performance.now();
      try {
        // What is followed is served: its owner is not taken for dead.
        await Promise.all([
          refreshAll(bounded, workflows, told),
          ...workflows.map((workflow) => keepOwning(bounded, workflow)),
        ]);
        if (outageBegan !== undefined) deps.warn("the cluster is reachable again");
        outageBegan = undefined;
        yield;
        await sleep(
          Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, 4 * (performance.now() - begin))),
          undefined,
          {
            signal: bounded.signal,
          },
        );
      } catch (error) {
        if (deadline?.aborted === true && !deps.signal.aborted) throw timedOut(timeout);
        if (!isOutage(error) || begin - (outageBegan ?? begin) >= OUTAGE_PATIENCE_MS) throw error;
        if (outageBegan === undefined)
          deps.warn(`${messageOf(error)}: retrying for ${OUTAGE_PATIENCE_MS / 60_000} minutes`);
        outageBegan ??= begin;
        await sleep(SHORTEST_PAUSE_MS, undefined, { signal: deps.signal });
      }
    }
  } finally {
    limited?.close();
  }
}

async function keepOwning(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  if (deps.store.jobs.active(workflow).length > 0) await new Tenancy(deps, workflow).keep();
}

function until(deps: Deps, deadline: AbortSignal) {
  const either = AbortSignal.any([deps.signal, deadline]);
  // Every request under way listens to it.
  setMaxListeners(0, either);
  return deps.withSignal(either);
}

function timedOut(timeout: number | undefined): GaswError {
  return new GaswError("TIMEOUT", `timed out after ${timeout} s waiting for the jobs`, {
    hint: "see `gasw-k8s status`, or `gasw-k8s debug why JOB` for one job; the jobs continue in the cluster",
  });
}
