import type { Workflow } from "../../core/job.ts";
import { isOurs } from "../../core/manifests/volumes.ts";
import { KEYS, workflowHash, workflowVolumeNames } from "../../core/names.ts";
import type { KubernetesObject } from "../../core/wire.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import type { ClusterAccess } from "../../kubernetes/access/access.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { findClaim } from "../../kubernetes/ensureVolumes.ts";
import { listJobs } from "../../kubernetes/jobs.ts";
import { clusterUid } from "../../kubernetes/objects.ts";
import type { Placement, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";

/**
 * The cluster that is configured is not the one that a workflow's jobs are in: nothing may be concluded from
 * what it shows.
 */
export class OtherCluster extends GaswError {}

/** What was read of a cluster, which may show that it is the workflow's. */
export interface Sight {
  /** When the reading began (`performance.now()`). */
  readonly since: number;
  readonly objects: readonly KubernetesObject[];
}

/** Whether a job's cluster could not be asked: what is known of the job can be shown all the same. */
export function isUnasked(error: unknown): error is GaswError {
  return error instanceof OtherCluster || (error instanceof GaswError && error.code === "CLUSTER");
}

/** A look at nothing yet. */
export function firstSight(): Sight {
  return { since: performance.now(), objects: [] };
}

/**
 * Makes sure that the cluster is the one that a workflow's objects are in, before anything is concluded from
 * what it shows, written down or changed. An object that was noted by its uid shows it and costs nothing;
 * else the cluster is asked once who it is.
 * @returns what is noted
 * @throws OtherCluster; GaswError CLUSTER
 */
export async function confirmCluster(deps: Deps, workflow: StoredWorkflow, sight: Sight): Promise<Placement> {
  const placement = deps.store.placements.of(workflow);
  if (placement.state === "nowhere" || knows(deps, workflow, sight.objects)) return placement;
  if (placement.state === "unknown") return await recognise(deps, workflow, placement, sight);
  if (await isBoundHere(deps, workflow, placement, sight)) return placement;
  throw otherCluster(deps, workflow, placement);
}

/**
 * Notes the cluster that something of a workflow is about to be made in.
 * @param from what `confirmCluster` has found noted
 * @returns what is noted now; undefined where another command has noted something else meanwhile
 */
export function bindCluster(
  { store, client }: Pick<Deps, "store" | "client">,
  workflow: StoredWorkflow,
  from: Placement,
  found: { readonly clusterUid?: string | undefined; readonly claimUid?: string | undefined },
): Placement | undefined {
  const clusterUid = found.clusterUid ?? from.clusterUid;
  const claimUid = found.claimUid ?? from.claimUid;
  if (clusterUid === null && claimUid === null) return from;
  if (from.state === "bound" && clusterUid === from.clusterUid && claimUid === from.claimUid) return from;
  const to: Placement = {
    state: "bound",
    clusterUid,
    claimUid,
    server: addressOf(client),
    context: client.access.context ?? null,
  };
  return store.placements.bind(workflow, from, to) ? to : undefined;
}

/** Notes that the cluster is a workflow's whose record does not name one. @throws GaswError CLUSTER */
export async function bindHere(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const from = deps.store.placements.of(workflow);
  if (from.state === "bound") return;
  const [objects, uid] = await Promise.all([
    ownObjects(deps, workflow),
    askCluster(deps.client, performance.now()),
  ]);
  const claim = objects.find(({ metadata }) => metadata?.name === ownClaim(deps, workflow));
  bindCluster(deps, workflow, from, { clusterUid: uid, claimUid: claim?.metadata?.uid });
}

/** Without the right to ask the cluster who it is, the workflow's own objects tell. */
async function isBoundHere(
  deps: Deps,
  workflow: StoredWorkflow,
  { clusterUid: noted }: Placement,
  { since }: Sight,
): Promise<boolean> {
  const uid = noted === null ? undefined : await askCluster(deps.client, since);
  if (uid !== undefined) return uid === noted;
  return knows(deps, workflow, await ownObjects(deps, workflow));
}

/**
 * Recognises the cluster of a workflow whose record does not name one, and notes it. Version 0.1.0 noted no
 * uid. What comes nearest is an object of the very name that it noted, with our label, this workflow's id and
 * directory and, for a Job, the content that was submitted: no other workflow, state file or script makes
 * that.
 */
async function recognise(
  deps: Deps,
  workflow: StoredWorkflow,
  from: Placement,
  { since, objects }: Sight,
): Promise<Placement> {
  const submitted = deps.store.jobs.all(workflow).filter((job) => job.submitted !== null);
  if (submitted.length === 0) return from;
  const claim = ownClaim(deps, workflow);
  const contents = new Map(submitted.map(({ kubeName, contentHash }) => [kubeName, contentHash]));
  const isOwn = (object: KubernetesObject) => {
    const { name = "", annotations = {} } = object.metadata ?? {};
    const isSame = name === claim || (contents.has(name) && contents.get(name) === annotations[KEYS.content]);
    const isWorkflows =
      annotations[KEYS.workflow] === workflow.id &&
      isSameDirectory(annotations[KEYS.directory] ?? "/", workflow.directory);
    return isSame && isWorkflows && isOurs(object);
  };
  const known = objects.some(isOwn) ? objects : await ownObjects(deps, workflow);
  if (!known.some(isOwn)) throw otherCluster(deps, workflow, from);
  const claimUid = known.find((object) => object.metadata?.name === claim && isOwn(object))?.metadata?.uid;
  const bound = bindCluster(deps, workflow, from, {
    clusterUid: await askCluster(deps.client, since),
    claimUid,
  });
  return bound ?? (await confirmCluster(deps, workflow, { since, objects }));
}

function knows({ store }: Deps, workflow: StoredWorkflow, objects: readonly KubernetesObject[]): boolean {
  const uids = objects.map(({ metadata }) => metadata?.uid).filter((uid) => uid !== undefined);
  return store.placements.knowsObject(workflow, uids);
}

export async function ownObjects(deps: Deps, workflow: Workflow): Promise<KubernetesObject[]> {
  const { client } = deps;
  const { namespace, id } = workflow;
  const [claim, jobs] = await Promise.all([
    findClaim(client, namespace, { claimName: ownClaim(deps, workflow) }),
    listJobs(client, namespace, workflowHash(namespace, id)),
  ]);
  return claim === undefined ? jobs : [claim, ...jobs];
}

/** Name of the claim of the workflow's directory. */
function ownClaim({ config }: Pick<Deps, "config">, { namespace, id }: Workflow): string {
  const { workflowVolume } = config;
  return workflowVolume?.type === "claim" ? workflowVolume.name : workflowVolumeNames(namespace, id).claim;
}

/**
 * The last answer of each cluster, and when it was asked for: what looks at it at the same time shares it.
 */
const answers = new WeakMap<
  ClusterAccess,
  { readonly at: number; readonly uid: Promise<string | undefined> }
>();

/**
 * Asks the cluster who it is.
 * @param since an answer that was asked for before is out of date: another cluster may answer at the address
 * now
 */
export function askCluster(client: KubernetesClient, since: number): Promise<string | undefined> {
  const last = answers.get(client.access);
  if (last !== undefined && last.at >= since) return last.uid;
  const answer = { at: performance.now(), uid: clusterUid(client) };
  answers.set(client.access, answer);
  return answer.uid;
}

/** Without what is secret in it. */
function addressOf({ access: { server } }: KubernetesClient): string {
  return server.origin + server.pathname.replace(/\/$/, "");
}

function otherCluster(
  { client }: Pick<Deps, "client">,
  workflow: StoredWorkflow,
  { server, context }: Placement,
): OtherCluster {
  const here = named(addressOf(client), client.access.context);
  const there = server === null ? undefined : named(server, context);
  const message =
    there === undefined
      ? `cluster ${here} has no objects of workflow ${workflow.id}: its jobs were submitted to another cluster`
      : `workflow ${workflow.id} belongs to the cluster ${there}, not to ${here}`;
  // A context may have been made anew under its name.
  const isNamed = context !== null && context !== client.access.context;
  const back = isNamed
    ? `use that cluster (--context ${context})`
    : "use the kubeconfig that its jobs were submitted with";
  return new OtherCluster("CONFIG", message, {
    hint: `${back}; if that cluster no longer exists, run \`gasw-k8s cleanup --forget --workflow ${workflow.directory}\` to give up its jobs`,
  });
}

function named(server: string, context: string | null | undefined): string {
  return context === null || context === undefined ? server : `${server} (context ${context})`;
}
