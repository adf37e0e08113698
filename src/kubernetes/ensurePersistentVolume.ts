import { setTimeout as sleep } from "node:timers/promises";
import {
  type DesiredVolume,
  describeSource,
  describeVolume,
  hasSource,
  isOurs,
  type VolumeSource,
} from "../core/manifests/volumes.ts";
import type { KubernetesObject, V1PersistentVolume, V1PersistentVolumeClaim } from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { isApiError } from "./errors.ts";
import { createIfMissing, find } from "./objects.ts";
import { claimsPath, persistentVolumesPath } from "./paths.ts";

const GONE_POLL_MS = 250;

/**
 * Makes the PersistentVolume, or makes sure that the one there is the wanted one and free for our claim.
 * @param claim our claim, where it is there already
 */
export async function ensurePersistentVolume(
  client: KubernetesClient,
  volume: DesiredVolume,
  claim: V1PersistentVolumeClaim | undefined,
  deadline: AbortSignal,
): Promise<void> {
  const { persistentVolume: wanted } = volume;
  if (wanted === undefined) return;
  const path = persistentVolumesPath(wanted.metadata?.name ?? "");
  const known = await unlessGoing(
    client,
    path,
    await find<V1PersistentVolume>(client, path),
    volume,
    deadline,
  );
  if (known === undefined) await createIfMissing(client, persistentVolumesPath(), reservedFor(wanted, claim));
  const found = known ?? (await client.get<V1PersistentVolume>(path));
  const name = found.metadata?.name;
  if (!hasSource(found, volume.spec.source))
    throw otherSource(`PersistentVolume ${name}`, describeVolume(found), volume.spec.source);
  const holder = found.spec?.claimRef;
  const ours = wanted.spec?.claimRef;
  if (holder !== undefined && (holder.namespace !== ours?.namespace || holder.name !== ours?.name)) {
    throw new GaswError(
      "CONFLICT",
      `PersistentVolume ${name} is bound to claim ${holder.namespace}/${holder.name}`,
      {
        hint: "delete it if it is not needed, or rename the volume in the configuration",
      },
    );
  }
  if (isOurs(found)) await freeOfFormerClaim(client, found);
}

/** A claim that lost its volume is bound again only to one that names this very claim. */
function reservedFor(
  wanted: V1PersistentVolume,
  claim: V1PersistentVolumeClaim | undefined,
): V1PersistentVolume {
  const uid = claim?.metadata?.uid;
  if (uid === undefined) return wanted;
  return { ...wanted, spec: { ...wanted.spec, claimRef: { ...wanted.spec?.claimRef, uid } } };
}

/** A volume whose claim was deleted stays Released until it no longer names that very claim. */
async function freeOfFormerClaim(client: KubernetesClient, found: V1PersistentVolume): Promise<void> {
  const holder = found.spec?.claimRef;
  if (holder === undefined) return;
  // Read after the volume: whoever binds the two in between changes the volume, and the patch below is
  // refused.
  const claim = await find<V1PersistentVolumeClaim>(
    client,
    claimsPath(holder.namespace ?? "", holder.name ?? ""),
  );
  const uid = claim?.metadata?.uid;
  if (holder.uid === uid || (holder.uid === undefined && claim?.status?.phase !== "Lost")) return;
  const { name = "", resourceVersion } = found.metadata ?? {};
  const change = {
    metadata: { resourceVersion },
    spec: { claimRef: { uid: uid ?? null, resourceVersion: null } },
  };
  try {
    await client.patch(persistentVolumesPath(name), change);
  } catch (error) {
    if (!isApiError(error, 409)) throw error;
  }
}

/**
 * Waits while an object is being deleted.
 * @returns the object that stands there then, if any
 */
export async function unlessGoing<T extends KubernetesObject>(
  client: KubernetesClient,
  path: string,
  object: T | undefined,
  volume: DesiredVolume,
  deadline: AbortSignal,
): Promise<T | undefined> {
  let current = object;
  while (current !== undefined && isGoing(current)) {
    if (deadline.aborted) {
      const held = (current.metadata?.finalizers ?? []).join(", ");
      throw new GaswError(
        "VOLUME_NOT_READY",
        `volume ${volume.spec.name}: ${current.metadata?.name} is still being deleted${held ? `, held by ${held}` : ""}`,
        {
          hint: "wait until it is deleted, then submit again; a pod may still use it: `gasw-k8s debug pods`",
        },
      );
    }
    await pause(GONE_POLL_MS, deadline);
    current = await find<T>(client, path);
  }
  return current;
}

/** Whether an object is being deleted. */
export function isGoing(object: KubernetesObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

/** Sleeps, or returns at once when the deadline comes. */
export async function pause(milliseconds: number, deadline: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: deadline }).catch((error: unknown) => {
    if (!deadline.aborted) throw error;
  });
}

/** The refusal of an object that leads to other files than the wanted ones. */
export function otherSource(object: string, found: string, wanted: VolumeSource): GaswError {
  return new GaswError(
    "CONFLICT",
    `${object} already exists with a different source: found ${found}, expected ${describeSource(wanted)}`,
    {
      hint: "change the configuration to the existing source, or delete the object if it is not needed",
    },
  );
}
