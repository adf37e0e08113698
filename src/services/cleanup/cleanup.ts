import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import { jobIdOf } from "../../core/lifecycle/observe.ts";
import { KEYS, selector, workflowHash } from "../../core/names.ts";
import { countJobs } from "../../core/orphans/facts.ts";
import type {
  KubernetesObject,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { ifAllowed } from "../../kubernetes/errors.ts";
import { listJobs } from "../../kubernetes/jobs.ts";
import { listPods } from "../../kubernetes/objects.ts";
import { claimsPath, jobsPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";
import { removePlanned } from "./removePlanned.ts";
import { forceFinalizers, stillThere } from "./stuck.ts";

const POLL_MS = 250;
/** Deletions that are asked for at once. */
const CONCURRENCY = 16;
/** Seconds that an object has to go once nothing holds it any more. */
const FREED_S = 10;

/**
 * The kinds of object that a clean-up removes, in the order in which they must go: a claim in use stays until
 * its pods are gone.
 */
const STEPS = ["Job", "Pod", "PersistentVolumeClaim", "PersistentVolume"] as const;

/** A kind of object that a clean-up removes. */
export type Kind = (typeof STEPS)[number];

/** An object that a clean-up would remove. */
export interface PlannedRemoval {
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string | undefined;
  /** What it is for: a job's id, or a volume's name. */
  readonly purpose: string;
  readonly path: string;
  /** Directory of the workflow that it names. */
  readonly directory: string | undefined;
  /** The resourceVersion that it must still have. */
  readonly version?: string | undefined;
  /** Of a PersistentVolume: the uids of which it must still have one for its claim. */
  readonly claimUids?: readonly (string | undefined)[] | undefined;
}

/** Something that stays, and why. */
interface Kept {
  readonly kind: Kind;
  readonly name: string;
  readonly reason: string;
}

/** What is to be removed of a workflow. */
export interface Removals {
  readonly target: CleanupTarget;
  readonly remove: readonly PlannedRemoval[];
}

export interface CleanupPlan extends Removals {
  readonly keep: readonly Kept[];
  /** Its jobs in the cluster that have not ended. */
  readonly activeJobs: number;
}

/** What a clean-up came to. */
export interface CleanupResult {
  readonly removed: readonly PlannedRemoval[];
  readonly failures: readonly GaswError[];
}

/** The workflow whose objects are to go. */
export interface CleanupTarget {
  readonly namespace: string;
  readonly id: string;
  /** Whether another program has made its objects, which bear no labels of this tool. */
  readonly isForeign?: true;
}

/**
 * Finds everything of a workflow in the cluster by its labels; nothing without this tool's label is ever in
 * the plan.
 * @param shared whether the configured volumes may go too
 * @throws GaswError CLUSTER
 */
export async function planCleanup(
  { client, config }: Deps,
  target: CleanupTarget,
  shared: boolean,
): Promise<CleanupPlan> {
  const { namespace } = target;
  const hash = workflowHash(namespace, target.id);
  const [allJobs, pods, claims, allVolumes] = await Promise.all([
    // Other workflows' Jobs matter for what is shared only.
    listJobs(client, namespace, shared ? undefined : hash),
    listPods(client, namespace, hash),
    client.list<V1PersistentVolumeClaim>(claimsPath(namespace), { labelSelector: selector() }),
    listVolumes(client, config),
  ]);
  const jobs = allJobs.filter((job) => isOf(job, hash));
  const others = otherWorkflows([...claims, ...allJobs], hash);
  const own = claims.filter((claim) => isOf(claim, hash));
  const sharedClaims = claims.filter((claim) => claim.metadata?.labels?.[KEYS.component] === "shared-volume");
  const sharedGo = shared && others.length === 0;
  const going = sharedGo ? [...own, ...sharedClaims] : own;
  const isTargets = (volume: V1PersistentVolume) =>
    isOf(volume, hash) || (sharedGo && isSharedIn(volume, namespace));
  const volumes = allVolumes.filter(isTargets);
  const held = volumes.filter(
    (volume) => volume.status?.phase === "Bound" && !going.some((claim) => isHeldBy(volume, claim)),
  );
  const { running, waiting } = countJobs({ jobs, pods: pods.filter(hasController) });
  return {
    target,
    activeJobs: running + waiting,
    remove: [
      ...jobs.map((job) => removal("Job", job, jobsPath(namespace, job.metadata?.name ?? ""), jobIdOf(job))),
      ...pods
        .filter((pod) => !hasController(pod))
        .map((pod) => removal("Pod", pod, podsPath(namespace, pod.metadata?.name ?? ""), jobIdOf(pod))),
      ...going.map((claim) =>
        removal(
          "PersistentVolumeClaim",
          claim,
          claimsPath(namespace, claim.metadata?.name ?? ""),
          purposeOf(claim),
        ),
      ),
      ...volumes
        .filter((volume) => !held.includes(volume))
        .map((volume) =>
          removal(
            "PersistentVolume",
            volume,
            persistentVolumesPath(volume.metadata?.name ?? ""),
            purposeOf(volume),
          ),
        ),
    ],
    keep: [
      ...sharedClaims.filter((claim) => !going.includes(claim)).map((claim) => kept(claim, shared, others)),
      ...held.map((volume) => keptVolume(volume)),
    ],
  };
}

/** An account without a right to PersistentVolumes has none, where the configuration makes none. */
async function listVolumes(client: KubernetesClient, config: Deps["config"]): Promise<V1PersistentVolume[]> {
  const listed = client.list<V1PersistentVolume>(persistentVolumesPath(), { labelSelector: selector() });
  const types = [config.workflowVolume, ...config.volumes].map((volume) => volume?.type);
  const makesVolumes = types.some((type) => type === "nfs" || type === "hostPath");
  return makesVolumes ? await listed : ((await ifAllowed(listed)) ?? []);
}

function isOf(object: KubernetesObject, hash: string): boolean {
  return object.metadata?.labels?.[KEYS.workflowHash] === hash;
}

/** Ids of the other workflows that still have a volume or Jobs in the namespace. */
function otherWorkflows(objects: readonly KubernetesObject[], hash: string): string[] {
  const others = objects.filter(
    (object) => object.metadata?.labels?.[KEYS.workflowHash] !== undefined && !isOf(object, hash),
  );
  return [...new Set(others.map((object) => object.metadata?.annotations?.[KEYS.workflow] ?? "?"))];
}

/** Whether a pod goes with what has made it. */
export function hasController(pod: V1Pod): boolean {
  return pod.metadata?.ownerReferences?.some((owner) => owner.controller === true) ?? false;
}

function purposeOf(object: KubernetesObject): string {
  const annotations = object.metadata?.annotations ?? {};
  return annotations[KEYS.directory] ?? annotations[KEYS.volume] ?? "";
}

/** A removal of exactly this object. */
export function removal(
  kind: Kind,
  object: KubernetesObject,
  path: string,
  purpose: string | undefined,
): PlannedRemoval {
  const { name = "", uid, annotations } = object.metadata ?? {};
  return { kind, name, uid, purpose: purpose ?? "", path, directory: annotations?.[KEYS.directory] };
}

function kept(claim: V1PersistentVolumeClaim, shared: boolean, others: readonly string[]): Kept {
  const reason = shared
    ? `shared with the workflows ${others.join(", ")}`
    : "shared with other workflows (use --shared to remove it if no other workflow uses it)";
  return { kind: "PersistentVolumeClaim", name: claim.metadata?.name ?? "", reason };
}

function keptVolume(volume: V1PersistentVolume): Kept {
  const { namespace, name } = volume.spec?.claimRef ?? {};
  return {
    kind: "PersistentVolume",
    name: volume.metadata?.name ?? "",
    reason: `bound to claim ${namespace}/${name}, which is kept`,
  };
}

/** Whether a volume was made for a configured volume of the namespace, also where its claim is gone. */
function isSharedIn(volume: V1PersistentVolume, namespace: string): boolean {
  return (
    volume.metadata?.labels?.[KEYS.component] === "shared-volume" &&
    volume.spec?.claimRef?.namespace === namespace
  );
}

function isHeldBy(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  const { namespace, name } = volume.spec?.claimRef ?? {};
  return namespace === claim.metadata?.namespace && name === claim.metadata?.name;
}

interface RunOptions {
  readonly onLook?: (() => Promise<void>) | undefined;
  readonly forces?: boolean | undefined;
}

/**
 * Removes what the plan lists, kind by kind, each kind only when what uses it is gone; a failure of one
 * object does not stop the others.
 * @param timeout seconds to wait for each kind
 * @param onStep called with each object once it is gone
 * @param onLook called before each deletion, and at every look whether objects are gone; may refuse to go on
 * @param forces whether finalizers that protect nothing any more are removed from what does not go
 */
export async function runCleanup(
  deps: Deps,
  plan: Removals,
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
  { onLook = async () => undefined, forces = false }: RunOptions = {},
): Promise<CleanupResult> {
  const removed: PlannedRemoval[] = [];
  const failures: GaswError[] = [];
  const tried = async (action: () => Promise<unknown>): Promise<boolean> => {
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof GaswError)) throw error;
      if (!failures.includes(error)) failures.push(error);
      return false;
    }
  };
  // What has changed since it was planned is in use again: nothing more is taken from it.
  const isInUse = () => failures.some(({ code }) => code === "CONFLICT");
  const ask = (object: PlannedRemoval) => onLook().then(() => removePlanned(deps.client, object));
  for (const kind of STEPS) {
    if (isInUse()) break;
    const step = plan.remove.filter((object) => object.kind === kind);
    const asked = await pMap(step, async (object) => !isInUse() && (await tried(() => ask(object))), {
      concurrency: CONCURRENCY,
    });
    const going = step.filter((_, index) => asked[index]);
    await tried(async () => {
      const onGone = (object: PlannedRemoval) => {
        removed.push(object);
        onStep(object);
      };
      const wait = (objects: readonly PlannedRemoval[], seconds: number) =>
        untilGone(deps, kind, plan.target, objects, seconds, { onGone, onLook });
      const stuck = await wait(going, timeout);
      const freed = forces ? await freeStuck(deps, stuck, tried) : [];
      const held = stuck.filter(([object]) => !freed.includes(object));
      for (const [object, found] of [...held, ...(await wait(freed, Math.min(timeout, FREED_S)))])
        failures.push(await stillThere(deps.client, object, found, timeout));
    });
  }
  return { removed, failures };
}

/** Frees objects that do not go of what protects nothing any more; returns those that can go now. */
async function freeStuck(
  deps: Deps,
  stuck: readonly (readonly [PlannedRemoval, KubernetesObject])[],
  tried: (action: () => Promise<unknown>) => Promise<boolean>,
): Promise<PlannedRemoval[]> {
  const freed: PlannedRemoval[] = [];
  for (const [object] of stuck)
    await tried(async () => {
      if (await forceFinalizers(deps, object)) freed.push(object);
    });
  return freed;
}

/** All objects of a kind that may be of the target, in one query. */
function listKind(
  client: KubernetesClient,
  kind: Kind,
  { namespace, id, isForeign }: CleanupTarget,
): Promise<KubernetesObject[]> {
  const ofJobs = selector({ workflowHash: workflowHash(namespace, id) });
  const list = (path: string, labelSelector: string) => client.list(path, isForeign ? {} : { labelSelector });
  switch (kind) {
    case "Job":
      return list(jobsPath(namespace), ofJobs);
    case "Pod":
      return list(podsPath(namespace), ofJobs);
    case "PersistentVolumeClaim":
      return list(claimsPath(namespace), selector());
    case "PersistentVolume":
      return list(persistentVolumesPath(), selector());
  }
}

/**
 * Waits until objects of one kind are gone, or were made anew since; one query a look, however many there
 * are.
 * @returns those that were still there at the end of the time, as the cluster shows them
 */
async function untilGone(
  { client, signal }: Deps,
  kind: Kind,
  target: CleanupTarget,
  objects: readonly PlannedRemoval[],
  timeout: number,
  { onGone, onLook }: { onGone: (object: PlannedRemoval) => void; onLook: () => Promise<void> },
): Promise<[PlannedRemoval, KubernetesObject][]> {
  const deadline = performance.now() + timeout * 1000;
  let left = objects;
  for (;;) {
    if (left.length === 0) return [];
    await onLook();
    const there = new Map(
      (await listKind(client, kind, target)).map((object) => [object.metadata?.uid, object]),
    );
    for (const object of left) if (!there.has(object.uid)) onGone(object);
    left = left.filter((object) => there.has(object.uid));
    if (performance.now() >= deadline)
      return left.map((object) => [object, there.get(object.uid) as KubernetesObject]);
    await sleep(POLL_MS, undefined, { signal });
  }
}
