import pMap from "p-map";
import { workflowHash } from "../../core/names.ts";
import { type Facts, factsOf } from "../../core/orphans/facts.ts";
import type { WorkflowObjects } from "../../core/orphans/group.ts";
import { judgeShared } from "../../core/orphans/shared.ts";
import { judge } from "../../core/orphans/verdict.ts";
import { GaswError } from "../../errors.ts";
import { type CleanupResult, type PlannedRemoval, runCleanup } from "../cleanup/cleanup.ts";
import { changed, type PlanState, removeWorkflow } from "../cleanup/removeWorkflow.ts";
import { type Deps, serverNow } from "../deps.ts";
import { refresh } from "../sync/refresh.ts";
import { databaseEvidence, evidenceOf, knownHere, type SweepDeps } from "./evidence.ts";
import { fingerprint, type Judged, removalsOf } from "./judged.ts";
import { removeLegacy } from "./legacy.ts";
import { namespacesOf, type Survey, type SurveyScope, survey } from "./survey.ts";

/** Workflows that are removed at once. */
const CONCURRENCY = 4;

/** What a sweep came to. */
export interface SweepResult {
  readonly removed: readonly PlannedRemoval[];
  /** Workflows of which nothing is left. */
  readonly ended: readonly Judged[];
  /** Why a workflow is left: it is served again, or not as it was. */
  readonly left: readonly GaswError[];
  /** Why something that was to be removed is still there. */
  readonly failures: readonly GaswError[];
}

/**
 * Judges what the cluster has of every workflow, from the cluster alone, and from what this host knows beside it;
 * with the kinds of object that could not be listed in all namespaces.
 * @param olderThan seconds without a sign of life before anything counts as left behind
 * @throws GaswError CLUSTER
 */
export async function judgeWorkflows(
  deps: SweepDeps,
  scope: SurveyScope,
  olderThan: number,
): Promise<{ readonly judged: Judged[]; readonly gaps: readonly string[] }> {
  const found = await survey(deps, scope);
  const now = serverNow(deps);
  const judged = await pMap(
    found.workflows,
    (workflow) => judgeOne(deps, workflow, factsOf(workflow, now), found, olderThan),
    { concurrency: CONCURRENCY },
  );
  return { judged: [...judged, ...found.shared.map((one) => sharedOf(one, found, now))], gaps: found.gaps };
}

function sharedOf(workflow: WorkflowObjects, found: Survey, now: Date): Judged {
  const evidence = { namespace: found.namespaceOf(workflow), unseen: found.unseen(workflow.namespace) };
  const facts = factsOf(workflow, now);
  return {
    ...{ workflow, facts, folder: "unknown", isShared: true, removal: removalsOf(workflow) },
    ...judgeShared(workflow, evidence),
  };
}

/** The GASW database is asked for what would be removed alone. */
async function judgeOne(
  deps: SweepDeps,
  workflow: WorkflowObjects,
  facts: Facts,
  found: Survey,
  olderThan: number,
): Promise<Judged> {
  const evidence = evidenceOf(deps, workflow, facts, found);
  const first = judge(facts, evidence, olderThan);
  const known = { workflow, facts, folder: evidence.directory, removal: removalsOf(workflow) };
  if (first.verdict === "in use" || first.verdict === "uncertain") return { ...known, ...first };
  const database = await databaseEvidence(deps, workflow, facts.directory ?? "");
  return { ...known, ...judge(facts, { ...evidence, database }, olderThan) };
}

/**
 * Removes what the cluster has of workflows that are over or lost. Of each, this state file becomes the owner first;
 * one that somebody serves, or that is not as it was when it was judged, is left.
 * @param timeout seconds to wait for each kind of a workflow's objects
 */
export async function sweep(
  deps: Deps,
  judged: readonly Judged[],
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
): Promise<SweepResult> {
  const results = await pMap(judged, (one) => sweepOne(deps, one, timeout, onStep), {
    concurrency: CONCURRENCY,
  });
  const failures = results.flatMap((result) => result.failures);
  return {
    removed: results.flatMap(({ removed }) => removed),
    ended: judged.filter((_, index) => results[index]?.failures.length === 0),
    left: failures.filter(isLeft),
    failures: failures.filter((failure) => !isLeft(failure)),
  };
}

function isLeft({ code }: GaswError): boolean {
  return code === "CONFLICT";
}

async function sweepOne(
  deps: Deps,
  judged: Judged,
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
): Promise<CleanupResult> {
  const { id, namespace = "" } = judged.workflow;
  const { directory = "" } = judged.facts;
  const known = knownHere(deps, judged.workflow, directory);
  const plan = { target: { namespace, id }, remove: judged.removal };
  try {
    if (judged.isShared === true) return await removeShared(deps, judged, timeout, onStep);
    if (judged.isLegacy === true) return await removeLegacy(deps, judged, timeout, onStep);
    if (known !== undefined) await refresh(deps, known);
    return await removeWorkflow(deps, plan, {
      directory,
      workflow: known,
      timeout,
      onStep,
      sweep: { stateOf: (isOwned) => stateOf(judged, deps, isOwned) },
    });
  } catch (error) {
    if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    return { removed: [], failures: [error] };
  }
}

/** Removes the shared volumes of a namespace that is gone, if it still is, in the versions that were seen. */
async function removeShared(
  deps: Deps,
  { workflow, removal }: Judged,
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
): Promise<CleanupResult> {
  const { id, namespace = "" } = workflow;
  const isGone = (await namespacesOf(deps, [workflow])).get(namespace) === "gone";
  if (!isGone) return { removed: [], failures: [changed(id)] };
  return await runCleanup(deps, { target: { namespace, id }, remove: removal }, timeout, onStep);
}

/**
 * How what the cluster has of a workflow stands to what it had when that was judged.
 * @param isOwned whether nobody else can begin anything with it
 */
async function stateOf({ workflow, facts }: Judged, deps: Deps, isOwned: boolean): Promise<PlanState> {
  const { namespace = "", id } = workflow;
  const found = await survey(deps, { namespace, workflowHash: workflowHash(namespace, id) });
  // Without a Lease somebody might submit at this moment; in a namespace that is gone, nobody can.
  if (!isOwned && found.namespaceOf(workflow) !== "gone") return "changed";
  if (found.unseen(namespace).length > 0) return "changed";
  const again = found.workflows.find((other) => other.id === id);
  const now = fingerprint(again);
  if (now !== fingerprint(workflow)) return now === "" ? "gone" : "changed";
  const running = again === undefined ? 0 : factsOf(again, serverNow(deps)).jobs.running;
  return running === facts.jobs.running ? "current" : "changed";
}
