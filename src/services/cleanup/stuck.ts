import { finalizerPurpose, forcedFinalizers, usesClaim } from "../../core/finalizers.ts";
import { wayOut } from "../../core/lifecycle/observe.ts";
import type { KubernetesObject, V1PersistentVolume, V1Pod } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { find } from "../../kubernetes/objects.ts";
import { podsPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";

/** An object that is being deleted, and stays. */
interface Stuck {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly uid: string | undefined;
}

/**
 * Explains why an object is still there: which finalizers hold it and what each waits for, and which pods, on
 * which nodes, hold it.
 * @param found the object as the cluster shows it
 * @param waited seconds that it had to go
 */
export async function stillThere(
  client: KubernetesClient,
  { kind, name }: Stuck,
  found: KubernetesObject,
  waited: number,
): Promise<GaswError> {
  const finalizers = found.metadata?.finalizers ?? [];
  const all = await podsBeside(client, found, kind);
  const pods = all instanceof GaswError ? [] : holdersOf(kind, found, all);
  const unseen = all instanceof GaswError ? "pods that could not be listed" : "";
  const blockers = [
    finalizers.length === 0
      ? ""
      : `finalizers ${finalizers.map((one) => `${one} (${finalizerPurpose(one)})`).join(", ")}`,
    pods.length === 0 ? unseen : `pods ${pods.map(podText).join(", ")}`,
  ].filter((text) => text !== "");
  const forced = all instanceof GaswError ? [] : forcedFinalizers(kind, found, all);
  const dying = pods.find((pod) => pod.metadata?.deletionTimestamp !== undefined && !hasStopped(pod));
  const hint = "run cleanup again for the rest; the object is deleted once nothing blocks it";
  return new GaswError(
    "TIMEOUT",
    `${kind} ${name} was not deleted after ${waited} s${blockers.length === 0 ? "" : `: blocked by ${blockers.join("; ")}`}`,
    {
      hint:
        forced.length > 0
          ? `${hint}. No pod uses the claim: --force removes ${forced.join(", ")}`
          : dying === undefined
            ? hint
            : `${hint}. The pod of a dead node is not deleted automatically: ${wayOut(dying)}`,
    },
  );
}

/**
 * Removes from an object that does not go the finalizers that may be removed by force, if it is still as it
 * was when that was decided. What is removed, and what may come of it, is told.
 * @returns whether something was removed, or the object has gone by itself
 * @throws GaswError CLUSTER
 */
export async function forceFinalizers({ client, warn }: Deps, object: Stuck): Promise<boolean> {
  const { kind, name, path, uid } = object;
  const found = await find<KubernetesObject>(client, path);
  if (found?.metadata === undefined || found.metadata.uid !== uid) return true;
  // After the object itself: a pod that uses it since then has changed nothing about it, and is seen.
  const pods = await podsBeside(client, found, kind);
  if (pods instanceof GaswError) {
    warn(`no finalizer of ${kind} ${name} was removed, since the pods could not be listed: ${pods.message}`);
    return false;
  }
  const forced = forcedFinalizers(kind, found, pods);
  if (forced.length === 0) return false;
  const { resourceVersion, finalizers = [] } = found.metadata;
  const left = finalizers.filter((one) => !forced.includes(one));
  try {
    await client.patch(path, { metadata: { uid, resourceVersion, finalizers: left } });
  } catch (error) {
    if (isApiError(error, 404)) return true;
    if (!isApiError(error, 409)) throw error;
    warn(`no finalizer of ${kind} ${name} was removed: it has changed since it was looked at`);
    return false;
  }
  warn(
    `removed the finalizer ${forced.join(", ")} of ${kind} ${name}, since no pod in its namespace uses it. A pod that the cluster no longer shows, for example on a node that is down, may still write to its files`,
  );
  return true;
}

/** All pods of an object's namespace, or of the namespace of a volume's claim; or why they are not known. */
async function podsBeside(
  client: KubernetesClient,
  found: KubernetesObject,
  kind: string,
): Promise<V1Pod[] | GaswError> {
  const namespace = kind === "PersistentVolume" ? claimOf(found)?.namespace : found.metadata?.namespace;
  if (namespace === undefined) return [];
  try {
    return await client.list<V1Pod>(podsPath(namespace));
  } catch (error) {
    if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    return error;
  }
}

/** The pods that keep an object from going; of a pod, itself. */
function holdersOf(kind: string, found: KubernetesObject, pods: readonly V1Pod[]): V1Pod[] {
  const uid = found.metadata?.uid;
  switch (kind) {
    case "Pod":
      return [found];
    case "Job":
      return pods.filter((pod) => pod.metadata?.ownerReferences?.some((owner) => owner.uid === uid));
    case "PersistentVolumeClaim":
      return pods.filter((pod) => usesClaim(pod, found));
    default: {
      const metadata = claimOf(found);
      return metadata === undefined ? [] : pods.filter((pod) => usesClaim(pod, { metadata }));
    }
  }
}

/** Name and namespace of the claim that a volume is bound to. */
function claimOf(
  volume: V1PersistentVolume,
): { readonly name: string; readonly namespace: string } | undefined {
  const { name, namespace } = volume.spec?.claimRef ?? {};
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

function hasStopped({ status }: V1Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

function podText({ metadata, spec }: V1Pod): string {
  const { name, deletionTimestamp } = metadata ?? {};
  const where = spec?.nodeName === undefined ? "on no node" : `on node ${spec.nodeName}`;
  return `${name} (${deletionTimestamp === undefined ? "" : "Terminating "}${where})`;
}
