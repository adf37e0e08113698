import pMap from "p-map";
import { jobIdOf } from "../../core/lifecycle/observe.ts";
import { KEYS, workflowHash } from "../../core/names.ts";
import { factsOf } from "../../core/orphans/facts.ts";
import type { WorkflowObjects } from "../../core/orphans/group.ts";
import { type JudgedWorkflow, judge } from "../../core/orphans/verdict.ts";
import type { KubernetesObject } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { claimsPath, jobsPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import { type CleanupResult, type PlannedRemoval, removal } from "../cleanup/cleanup.ts";
import { type PlanState, removeWorkflow } from "../cleanup/removeWorkflow.ts";
import type { Deps } from "../deps.ts";
import { refresh } from "../sync/refresh.ts";
import { evidenceOf, knownHere } from "./evidence.ts";
import { type SurveyScope, survey } from "./survey.ts";

/** Workflows that are removed at once. */
const CONCURRENCY = 4;

/** A judged workflow, and what there is to be deleted of it. */
export interface Judged extends JudgedWorkflow {
  /** What a removal would delete. */
  readonly removal: readonly PlannedRemoval[];
}

/** What a sweep came to. */
export interface SweepResult {
  readonly removed: readonly PlannedRemoval[];
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
  deps: Deps,
  scope: SurveyScope,
  olderThan: number,
): Promise<{ readonly judged: Judged[]; readonly gaps: readonly string[] }> {
  const found = await survey(deps, scope);
  const now = deps.client.serverTime ?? deps.now();
  const judged = found.workflows.map((workflow) => {
    const facts = factsOf(workflow, now);
    const judgement = judge(facts, evidenceOf(deps, workflow, facts, found), olderThan);
    return { workflow, facts, removal: removalsOf(workflow), ...judgement };
  });
  return { judged, gaps: found.gaps };
}

function removalsOf({ namespace = "", jobs, pods, claims, volumes }: WorkflowObjects): PlannedRemoval[] {
  const name = ({ metadata }: KubernetesObject) => metadata?.name ?? "";
  const directoryOf = ({ metadata }: KubernetesObject) => metadata?.annotations?.[KEYS.directory];
  const alone = pods.filter(
    ({ metadata }) => metadata?.ownerReferences?.some(({ controller }) => controller === true) !== true,
  );
  return [
    ...jobs.map((job) => removal("Job", job, jobsPath(namespace, name(job)), jobIdOf(job))),
    ...alone.map((pod) => removal("Pod", pod, podsPath(namespace, name(pod)), jobIdOf(pod))),
    ...claims.map((claim) => ({
      ...removal("PersistentVolumeClaim", claim, claimsPath(namespace, name(claim)), directoryOf(claim)),
      // Whoever submits marks it as used.
      version: claim.metadata?.resourceVersion,
    })),
    ...volumes.map((volume) => ({
      ...removal("PersistentVolume", volume, persistentVolumesPath(name(volume)), directoryOf(volume)),
      // The removal of its claim changes it.
      version: claims.length > 0 ? undefined : volume.metadata?.resourceVersion,
    })),
  ];
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
  const plan = { target: { namespace, id }, remove: judged.removal, keep: [] };
  try {
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
  const running = again === undefined ? 0 : factsOf(again, deps.client.serverTime ?? deps.now()).jobs.running;
  return running === facts.jobs.running ? "current" : "changed";
}

/** All objects but the Lease, which is this state file's now. */
function fingerprint(workflow: WorkflowObjects | undefined): string {
  const { claims = [], volumes = [], jobs = [], pods = [] } = workflow ?? {};
  const parts = [
    ...claims.map(({ metadata }) => `${metadata?.uid} ${metadata?.resourceVersion}`),
    ...volumes.map(({ metadata }) => `${metadata?.uid} ${metadata?.resourceVersion}`),
    ...[...jobs, ...pods].map(({ metadata }) => `${metadata?.uid}`),
  ];
  return parts.sort().join("\n");
}
