import { type PlanFacts, type Planned, plan } from "../../core/lifecycle/round.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { Tenancy } from "../workflow/owner.ts";
import { carryOut } from "./carryOut.ts";
import { readEnds } from "./ends.ts";
import { takeLateOutputs } from "./lateOutput.ts";
import { look } from "./look.ts";

/**
 * Brings a workflow's jobs up to date with the cluster, by the rule "ends only": one query for its Jobs and
 * one for its pods, however many there are. A read that fails changes nothing.
 * @throws GaswError CLUSTER
 */
export async function refresh(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const { store, now, config } = deps;
  await takeLateOutputs(deps, workflow);
  // Read before the cluster is asked: a job that is known as submitted now must show up in the answer, unless
  // it is gone.
  const jobs = [...store.jobs.active(workflow), ...store.jobs.lingering(workflow)];
  if (jobs.length === 0) return;
  const seen = await look(deps, workflow, jobs);
  const ends = await readEnds(deps, workflow, jobs, seen, "ends only");
  const facts: PlanFacts<StoredJob> = {
    extent: "ends only",
    rules: config,
    now: now(),
    kill: { reason: "Killed", message: "killed" },
    seen,
    signal: () => undefined,
    own: ({ key }) => ends.get(key),
  };
  const planned = plan(jobs, facts);
  const isAll = !planned.some(removes) || (await mayRemove(deps, workflow));
  const failure = await carryOut(deps, workflow, {
    attempts: jobs,
    planned: isAll ? planned : planned.flatMap(withoutRemoval),
    seen,
  });
  if (failure !== undefined) throw failure;
}

/** Refreshes look, judge ends, and remove: nothing else. */
function removes({ effects }: Planned<StoredJob>): boolean {
  return effects.length > 0;
}

/**
 * Whether Jobs may be removed by this state file, now; whoever else serves the workflow sees to them itself.
 */
async function mayRemove(deps: Deps, workflow: StoredWorkflow): Promise<boolean> {
  try {
    return (await new Tenancy(deps, workflow).taken()) !== "followed";
  } catch (error) {
    if (error instanceof NotOwner) return false;
    throw error;
  }
}

/** What is left of a plan where nothing may be removed: an end that needs no removal is one all the same. */
function withoutRemoval(planned: Planned<StoredJob>): Planned<StoredJob>[] {
  return planned.step.decision.removeJob ? [] : [{ ...planned, effects: [] }];
}
