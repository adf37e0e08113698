import { setTimeout as sleep } from "node:timers/promises";
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from "@kubernetes/client-node";
import { KEYS } from "../core/names.ts";
import { type DesiredVolume, describeSource, describeVolume, hasSource, isOurs, sourceHash, type VolumeSource } from "../core/volumes.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { createIfMissing, find, listEvents } from "./objects.ts";
import { follow } from "./watch.ts";

const PERSISTENT_VOLUMES = "/api/v1/persistentvolumes";
/** Milliseconds before a claim that does not bind is touched, so that the controller looks at it again; doubled each time. */
const FIRST_TOUCH_MS = 700;
const GONE_POLL_MS = 250;

export function claimsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
}

export function persistentVolumePath(name: string): string {
  return `${PERSISTENT_VOLUMES}/${name}`;
}

/** Makes the namespace when it is missing. */
export async function ensureNamespace(client: KubernetesClient, name: string): Promise<void> {
  if ((await find(client, `/api/v1/namespaces/${name}`)) !== undefined) return;
  await createIfMissing(client, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

/**
 * Makes sure that a volume is there, is the wanted one, and is bound; one bound claim costs one read.
 * @throws GaswError CONFLICT (another source), NOT_FOUND (a claim that must exist), VOLUME_NOT_READY (deadline)
 */
export async function ensureVolume(
  client: KubernetesClient,
  namespace: string,
  volume: DesiredVolume,
  deadline: AbortSignal,
): Promise<void> {
  const path = `${claimsPath(namespace)}/${volume.claimName}`;
  let claim = await find<V1PersistentVolumeClaim>(client, path);
  if (claim === undefined && volume.claim === undefined) throw noSuchClaim(namespace, volume);
  if (claim === undefined || claim.metadata?.deletionTimestamp !== undefined) {
    await ensureNamespace(client, namespace);
    await untilGone(client, path, claim, volume, deadline);
    if (volume.persistentVolume !== undefined) await ensurePersistentVolume(client, volume.persistentVolume, volume, deadline);
    await createIfMissing(client, claimsPath(namespace), volume.claim as V1PersistentVolumeClaim);
    claim = await client.get<V1PersistentVolumeClaim>(path);
  }
  await checkClaim(client, claim, volume);
  if (claim.status?.phase === "Bound") return;
  if (await bindsAtFirstUse(client, claim)) return;
  if (isOurs(claim) && volume.persistentVolume !== undefined) {
    await ensurePersistentVolume(client, volume.persistentVolume, volume, deadline);
  }
  await untilBound(client, namespace, volume, deadline);
}

/** The claim must lead to the wanted files, and belong to the same workflow directory. */
async function checkClaim(client: KubernetesClient, claim: V1PersistentVolumeClaim, { spec, claim: wanted }: DesiredVolume): Promise<void> {
  const { annotations = {}, name, namespace } = claim.metadata ?? {};
  if (spec.source.type === "claim") return;
  if (isOurs(claim)) {
    const directory = wanted?.metadata?.annotations?.[KEYS.directory];
    if (directory !== undefined && annotations[KEYS.directory] !== undefined && annotations[KEYS.directory] !== directory) {
      throw new GaswError(
        "CONFLICT",
        `claim ${namespace}/${name} belongs to the workflow of the same name in ${annotations[KEYS.directory]}`,
        {
          hint: "a workflow's id is its directory's base name: use another namespace, or clean up the other workflow first",
        },
      );
    }
    if (annotations[KEYS.content] === sourceHash(spec.source)) return;
  }
  if (spec.source.type === "storageClass") {
    if (claim.spec?.storageClassName === spec.source.storageClass) return;
    throw otherSource(`claim ${namespace}/${name}`, `storage class ${claim.spec?.storageClassName ?? "(none)"}`, spec.source);
  }
  const bound = claim.spec?.volumeName;
  const found = bound === undefined ? undefined : await find<V1PersistentVolume>(client, persistentVolumePath(bound));
  if (found !== undefined && hasSource(found, spec.source)) return;
  const shows = found === undefined ? "no volume" : describeVolume(found);
  throw otherSource(`claim ${namespace}/${name}`, shows, spec.source);
}

function otherSource(object: string, found: string, wanted: VolumeSource): GaswError {
  return new GaswError("CONFLICT", `${object} is already there with another source: ${found}, wanted ${describeSource(wanted)}`, {
    hint: "change the configuration to the source that is there, or delete the object if nobody needs it",
  });
}

function noSuchClaim(namespace: string, { spec, claimName }: DesiredVolume): GaswError {
  return new GaswError("NOT_FOUND", `claim ${namespace}/${claimName} of volume ${spec.name} does not exist`, {
    hint: "an existing claim is used as it is: create it, or correct its name or the namespace in the configuration",
  });
}

/** Makes the PersistentVolume, or makes sure that the one there is the wanted one and free for our claim. */
async function ensurePersistentVolume(
  client: KubernetesClient,
  wanted: V1PersistentVolume,
  volume: DesiredVolume,
  deadline: AbortSignal,
): Promise<void> {
  const path = persistentVolumePath(wanted.metadata?.name ?? "");
  const known = await find<V1PersistentVolume>(client, path);
  await untilGone(client, path, known, volume, deadline);
  await createIfMissing(client, PERSISTENT_VOLUMES, wanted);
  const found = await client.get<V1PersistentVolume>(path);
  const name = found.metadata?.name;
  if (!hasSource(found, volume.spec.source)) throw otherSource(`PersistentVolume ${name}`, describeVolume(found), volume.spec.source);
  const holder = found.spec?.claimRef;
  const ours = wanted.spec?.claimRef;
  if (holder !== undefined && (holder.namespace !== ours?.namespace || holder.name !== ours?.name)) {
    throw new GaswError("CONFLICT", `PersistentVolume ${name} is held by claim ${holder.namespace}/${holder.name}`, {
      hint: "delete it if nobody needs it, or rename the volume in the configuration",
    });
  }
  // A volume whose claim was deleted stays Released until the reference to that very claim is taken off.
  if (found.status?.phase === "Released" && isOurs(found))
    await client.patch(path, { spec: { claimRef: { uid: null, resourceVersion: null } } });
}

/** Waits until an object that is being deleted is gone. */
async function untilGone(
  client: KubernetesClient,
  path: string,
  object: { metadata?: { name?: string; deletionTimestamp?: unknown; finalizers?: string[] } } | undefined,
  volume: DesiredVolume,
  deadline: AbortSignal,
): Promise<void> {
  let current = object;
  while (current?.metadata?.deletionTimestamp !== undefined) {
    if (deadline.aborted) {
      const held = (current.metadata.finalizers ?? []).join(", ");
      throw new GaswError(
        "VOLUME_NOT_READY",
        `volume ${volume.spec.name}: ${current.metadata.name} is still being deleted${held ? `, held by ${held}` : ""}`,
        {
          hint: "a pod may still use it: see `gasw-k8s debug pods`, wait until it is gone, and submit again",
        },
      );
    }
    await pause(GONE_POLL_MS, deadline);
    current = await find(client, path);
  }
}

/** Sleeps, or returns at once when the deadline comes. */
async function pause(milliseconds: number, deadline: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: deadline }).catch((error: unknown) => {
    if (!deadline.aborted) throw error;
  });
}

async function bindsAtFirstUse(client: KubernetesClient, claim: V1PersistentVolumeClaim): Promise<boolean> {
  const name = claim.spec?.storageClassName;
  if (!name || claim.spec?.volumeName !== undefined) return false;
  const found = await find<V1StorageClass>(client, `/apis/storage.k8s.io/v1/storageclasses/${name}`);
  return found?.volumeBindingMode === "WaitForFirstConsumer";
}

/** Watches the claim until it and its volume are Bound. */
async function untilBound(client: KubernetesClient, namespace: string, volume: DesiredVolume, deadline: AbortSignal): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([deadline, done.signal]);
  const touching = volume.claim === undefined ? Promise.resolve() : touchNowAndThen(client, namespace, volume.claimName, signal);
  // A touch that fails is no loss: the watch beside it meets the same trouble and reports it.
  const touched = touching.catch((error: unknown) => error);
  try {
    for await (const claim of follow<V1PersistentVolumeClaim>(client, claimsPath(namespace), volume.claimName, signal)) {
      if (claim === undefined) break;
      if (claim.status?.phase === "Bound" && (await isBound(client, claim.spec?.volumeName ?? ""))) return;
    }
  } finally {
    done.abort();
    await touched;
  }
  throw await notReady(client, namespace, volume);
}

async function isBound(client: KubernetesClient, name: string): Promise<boolean> {
  return (await find<V1PersistentVolume>(client, persistentVolumePath(name)))?.status?.phase === "Bound";
}

/**
 * The volume controller now and then stops half way and goes on only at its next resync, up to 30 s later; any change of the claim
 * makes it look again at once.
 */
async function touchNowAndThen(client: KubernetesClient, namespace: string, claim: string, signal: AbortSignal): Promise<void> {
  for (let wait = FIRST_TOUCH_MS; ; wait *= 2) {
    await pause(wait * (1 + Math.random() / 2), signal);
    if (signal.aborted) return;
    await client.patch(`${claimsPath(namespace)}/${claim}`, { metadata: { annotations: { [KEYS.touched]: new Date().toISOString() } } });
  }
}

async function notReady(client: KubernetesClient, namespace: string, { spec, claimName }: DesiredVolume): Promise<GaswError> {
  const claim = await find<V1PersistentVolumeClaim>(client, `${claimsPath(namespace)}/${claimName}`);
  const events = claim === undefined ? [] : await listEvents(client, namespace, { name: claimName });
  const said = events.slice(-3).map((event) => `${event.reason}: ${event.message}`);
  const state = claim === undefined ? "is gone" : `is ${claim.status?.phase ?? "Pending"}, not Bound`;
  return new GaswError(
    "VOLUME_NOT_READY",
    `volume ${spec.name}: claim ${namespace}/${claimName} ${state}${said.length > 0 ? ` (${said.join("; ")})` : " (it has no events)"}`,
    { hint: `look at it with \`gasw-k8s debug describe pvc ${claimName}\`; then submit again (options.bindTimeout sets how long to wait)` },
  );
}

/** Renews the mark of last use on the volume's objects, where they are ours. */
export async function renewMarks(client: KubernetesClient, namespace: string, volume: DesiredVolume, now: Date): Promise<void> {
  const path = `${claimsPath(namespace)}/${volume.claimName}`;
  const claim = await find<V1PersistentVolumeClaim>(client, path);
  if (claim === undefined || !isOurs(claim)) return;
  const change = { metadata: { annotations: { [KEYS.lastUsed]: now.toISOString() } } };
  await client.patch(path, change);
  const name = volume.persistentVolume?.metadata?.name;
  if (name !== undefined && claim.spec?.volumeName === name) await client.patch(persistentVolumePath(name), change);
}
