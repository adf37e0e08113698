import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject, V1Job, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { KEYS, selector, workflowHash } from "../core/names.ts";
import { jobIdOf } from "../core/observe.ts";
import { isOurs } from "../core/volumes.ts";
import { GaswError } from "../errors.ts";
import { asUserError, type KubernetesClient } from "../kubernetes/client.ts";
import { jobPath, listJobs } from "../kubernetes/jobs.ts";
import { find, listPods, remove } from "../kubernetes/objects.ts";
import { claimsPath, persistentVolumePath } from "../kubernetes/volumes.ts";
import type { Deps } from "./deps.ts";

const POLL_MS = 250;

/** The kinds of object that a clean-up removes, in the order in which they must go: a claim in use stays until its pods are gone. */
const STEPS = ["Job", "Pod", "PersistentVolumeClaim", "PersistentVolume"] as const;

export type Kind = (typeof STEPS)[number];

/** An object that a clean-up would remove. */
export interface PlannedRemoval {
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string | undefined;
  /** What it is for: a job's id, or a volume's name. */
  readonly purpose: string;
  readonly path: string;
}

/** Something that stays, and why. */
export interface Kept {
  readonly kind: Kind;
  readonly name: string;
  readonly reason: string;
}

export interface CleanupPlan {
  readonly remove: readonly PlannedRemoval[];
  readonly keep: readonly Kept[];
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
}

/**
 * Finds everything of a workflow in the cluster by its labels; nothing without this tool's label is ever in the plan.
 * @param shared whether the configured volumes may go too
 * @throws GaswError CLUSTER
 */
export async function planCleanup({ client }: Deps, target: CleanupTarget, shared: boolean): Promise<CleanupPlan> {
  const { namespace } = target;
  const hash = workflowHash(namespace, target.id);
  try {
    const [jobs, pods, claims] = await Promise.all([
      listJobs(client, namespace, hash),
      listPods(client, namespace, hash),
      client.list<V1PersistentVolumeClaim>(claimsPath(namespace), { labelSelector: selector() }),
    ]);
    const others = claims.filter((claim) => claim.metadata?.labels?.[KEYS.component] === "workflow-volume" && !isOf(claim, hash));
    const own = claims.filter((claim) => isOf(claim, hash));
    const sharedClaims = claims.filter((claim) => claim.metadata?.labels?.[KEYS.component] === "shared-volume");
    const going = shared && others.length === 0 ? [...own, ...sharedClaims] : own;
    const volumes = await volumesOf(client, namespace, hash, going);
    return {
      remove: [
        ...jobs.map((job) => removal("Job", job, jobPath(namespace, job.metadata?.name ?? ""), jobIdOf(job))),
        ...pods.filter((pod) => !hasController(pod)).map((pod) => removal("Pod", pod, podPath(namespace, pod), jobIdOf(pod))),
        ...going.map((claim) =>
          removal("PersistentVolumeClaim", claim, `${claimsPath(namespace)}/${claim.metadata?.name}`, purposeOf(claim)),
        ),
        ...volumes.map((volume) =>
          removal("PersistentVolume", volume, persistentVolumePath(volume.metadata?.name ?? ""), purposeOf(volume)),
        ),
      ],
      keep: sharedClaims.filter((claim) => !going.includes(claim)).map((claim) => kept(claim, shared, others)),
    };
  } catch (error) {
    throw asUserError(error, client);
  }
}

function isOf(object: KubernetesObject, hash: string): boolean {
  return object.metadata?.labels?.[KEYS.workflowHash] === hash;
}

function hasController(pod: V1Pod): boolean {
  return pod.metadata?.ownerReferences?.some((owner) => owner.controller === true) ?? false;
}

function podPath(namespace: string, pod: V1Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${pod.metadata?.name}`;
}

function purposeOf(object: KubernetesObject): string {
  const annotations = object.metadata?.annotations ?? {};
  return annotations[KEYS.directory] ?? annotations[KEYS.volume] ?? "";
}

function removal(kind: Kind, object: KubernetesObject, path: string, purpose: string | undefined): PlannedRemoval {
  return { kind, name: object.metadata?.name ?? "", uid: object.metadata?.uid, purpose: purpose ?? "", path };
}

function kept(claim: V1PersistentVolumeClaim, shared: boolean, others: readonly V1PersistentVolumeClaim[]): Kept {
  const users = others.map((other) => other.metadata?.annotations?.[KEYS.workflow]).join(", ");
  const reason = shared ? `shared with the workflows ${users}` : "shared with other workflows (--shared removes it when no other uses it)";
  return { kind: "PersistentVolumeClaim", name: claim.metadata?.name ?? "", reason };
}

/** The workflow's own PersistentVolumes, also those whose claim is gone, and those of the claims that go. */
async function volumesOf(
  client: KubernetesClient,
  namespace: string,
  hash: string,
  claims: readonly V1PersistentVolumeClaim[],
): Promise<V1PersistentVolume[]> {
  const names = new Set(claims.map((claim) => `${namespace}/${claim.metadata?.name}`));
  const all = await client.list<V1PersistentVolume>("/api/v1/persistentvolumes", { labelSelector: selector() });
  return all.filter(
    (volume) => isOurs(volume) && (isOf(volume, hash) || names.has(`${volume.spec?.claimRef?.namespace}/${volume.spec?.claimRef?.name}`)),
  );
}

/**
 * Removes what the plan lists, kind by kind, each kind only when what uses it is gone; a failure of one object does not stop the others.
 * @param timeout seconds to wait for each kind
 * @param onStep called with each object once it is gone
 */
export async function runCleanup(
  { client, signal }: Deps,
  plan: CleanupPlan,
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
): Promise<CleanupResult> {
  const removed: PlannedRemoval[] = [];
  const failures: GaswError[] = [];
  for (const kind of STEPS) {
    const step = plan.remove.filter((object) => object.kind === kind);
    const deadline = performance.now() + timeout * 1000;
    await Promise.all(
      step.map(async (object) => {
        try {
          await remove(client, object.path, object.uid);
          await untilGone(client, object, deadline, timeout, signal);
          removed.push(object);
          onStep(object);
        } catch (error) {
          const known = asUserError(error, client);
          if (!(known instanceof GaswError)) throw known;
          failures.push(known);
        }
      }),
    );
  }
  return { removed, failures };
}

async function untilGone(
  client: KubernetesClient,
  object: PlannedRemoval,
  deadline: number,
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const found = await find<V1Job>(client, object.path);
    if (found === undefined || found.metadata?.uid !== object.uid) return;
    if (performance.now() >= deadline) throw await stillThere(client, object, found, timeout);
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function stillThere(client: KubernetesClient, object: PlannedRemoval, found: KubernetesObject, timeout: number): Promise<GaswError> {
  const finalizers = (found.metadata?.finalizers ?? []).join(", ");
  const users = object.kind === "PersistentVolumeClaim" ? await podsUsing(client, found) : [];
  const blockers = [finalizers === "" ? "" : `finalizers ${finalizers}`, users.length === 0 ? "" : `pods ${users.join(", ")}`].filter(
    (text) => text !== "",
  );
  return new GaswError(
    "TIMEOUT",
    `${object.kind} ${object.name} was not gone after ${timeout} s${blockers.length === 0 ? "" : `: held by ${blockers.join("; ")}`}`,
    { hint: "it is marked for deletion and goes when what holds it is gone; run cleanup again to see to the rest" },
  );
}

async function podsUsing(client: KubernetesClient, claim: KubernetesObject): Promise<string[]> {
  const pods = await client.list<V1Pod>(`/api/v1/namespaces/${claim.metadata?.namespace}/pods`);
  return pods
    .filter((pod) => pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim.metadata?.name))
    .map((pod) => pod.metadata?.name ?? "");
}
