import {
  type DesiredVolume,
  describeVolume,
  hasSource,
  isOurs,
  sourceHash,
} from "../core/manifests/volumes.ts";
import { KEYS, MANAGED_BY } from "../core/names.ts";
import type {
  V1Namespace,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1StorageClass,
} from "../core/wire.ts";
import { isSameDirectory } from "../directory.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import {
  ensurePersistentVolume,
  isGoing,
  otherSource,
  pause,
  unlessGoing,
} from "./ensurePersistentVolume.ts";
import { isApiError } from "./errors.ts";
import { createIfMissing, find, listEvents } from "./objects.ts";
import { claimsPath, namespacesPath, persistentVolumesPath, storageClassPath } from "./paths.ts";
import { follow } from "./watch.ts";

/**
 * Milliseconds before a claim that does not bind is touched, so that the controller looks at it again;
 * doubled each time.
 */
const FIRST_TOUCH_MS = 100;

/** The namespace that a workflow's objects were in is gone: somebody has deleted it. */
export class NamespaceGone extends GaswError {}

/** How a volume is made ready. */
/** Told what is waited for, once it is; nothing when that is over. */
export type OnWait = (text: string | undefined) => void;

export interface Making {
  /** Ends the waiting for what is not bound or not gone yet. */
  readonly deadline: AbortSignal;
  /** Whether a namespace that is missing is made: only where nothing of the workflow was ever in it. */
  readonly makesNamespace: boolean;
  readonly onWait: OnWait;
}

/**
 * Makes the namespace when it is missing, where that is wanted: one that was deleted had labels (Pod
 * Security), quotas and policies that nobody here knows.
 * @throws NamespaceGone; GaswError CLUSTER when it is being deleted: it would take the volume and then refuse
 * the claim
 */
async function ensureNamespace(client: KubernetesClient, name: string, makes: boolean): Promise<void> {
  const found = await findNamespace(client, name, makes);
  if (found?.metadata?.deletionTimestamp !== undefined) {
    throw new GaswError("CLUSTER", `the cluster ${client.server} is deleting the namespace ${name}`, {
      hint: "wait until it is deleted, or use another namespace (--namespace)",
    });
  }
  if (found !== undefined) return;
  if (!makes) throw namespaceGone(client, name);
  const metadata = { name, labels: { [KEYS.managedBy]: MANAGED_BY } };
  await createIfMissing(client, namespacesPath(), { apiVersion: "v1", kind: "Namespace", metadata });
}

/**
 * Without the right to look, a namespace that need not be made is taken to be there: what is made in it would
 * tell.
 */
async function findNamespace(
  client: KubernetesClient,
  name: string,
  makes: boolean,
): Promise<V1Namespace | undefined> {
  try {
    return await find<V1Namespace>(client, namespacesPath(name));
  } catch (error) {
    if (makes || !isApiError(error, 403)) throw error;
    return { metadata: { name } };
  }
}

function namespaceGone(client: KubernetesClient, name: string): NamespaceGone {
  return new NamespaceGone(
    "CLUSTER",
    `the namespace ${name} no longer exists in the cluster ${client.server}`,
    {
      hint: `recreate it with its labels, quotas and policies (kubectl create namespace ${name}), or abandon the workflow with \`gasw-k8s cleanup\``,
    },
  );
}

/** The claim of a volume, where it is there. */
export function findClaim(
  client: KubernetesClient,
  namespace: string,
  { claimName }: Pick<DesiredVolume, "claimName">,
): Promise<V1PersistentVolumeClaim | undefined> {
  return find<V1PersistentVolumeClaim>(client, claimsPath(namespace, claimName));
}

/**
 * Makes sure that a volume is there, is the wanted one, and is bound; a bound claim costs nothing.
 * @param found its claim as `findClaim` has found it
 * @returns the claim that is there then
 * @throws NamespaceGone; GaswError CONFLICT (another source), NOT_FOUND (a claim that must exist),
 * VOLUME_NOT_READY (deadline), CLUSTER
 */
export async function ensureVolume(
  client: KubernetesClient,
  namespace: string,
  volume: DesiredVolume,
  found: V1PersistentVolumeClaim | undefined,
  making: Making,
): Promise<V1PersistentVolumeClaim> {
  const { deadline, onWait } = making;
  const known = found === undefined || isGoing(found) ? undefined : found;
  const claim = known ?? (await makeClaim(client, namespace, volume, found, making));
  await checkClaim(client, claim, volume);
  if (claim.status?.phase === "Bound" || (await bindsAtFirstUse(client, claim))) return claim;
  if (known !== undefined && isOurs(known)) await ensurePersistentVolume(client, volume, known, deadline);
  onWait(`waiting for claim ${namespace}/${volume.claimName} of volume ${volume.spec.name} to be bound`);
  const bound = await untilBound(client, namespace, volume, claim, deadline).finally(() => onWait(undefined));
  await checkClaim(client, bound, volume);
  return bound;
}

/** Makes a claim, once a former one of its name is gone, and what it is to be bound to. */
async function makeClaim(
  client: KubernetesClient,
  namespace: string,
  volume: DesiredVolume,
  former: V1PersistentVolumeClaim | undefined,
  { deadline, makesNamespace }: Making,
): Promise<V1PersistentVolumeClaim> {
  // A claim of somebody else's is not to be had in a namespace made now.
  if (volume.claim === undefined && makesNamespace) throw noSuchClaim(namespace, volume);
  await ensureNamespace(client, namespace, makesNamespace);
  if (volume.claim === undefined) throw noSuchClaim(namespace, volume);
  const path = claimsPath(namespace, volume.claimName);
  await unlessGoing(client, path, former, volume, deadline);
  await ensurePersistentVolume(client, volume, undefined, deadline);
  await createIfMissing(client, claimsPath(namespace), volume.claim);
  return await client.get<V1PersistentVolumeClaim>(path);
}

/**
 * The claim must lead to the wanted files, and belong to the same workflow directory.
 * @throws GaswError CONFLICT
 */
export async function checkClaim(
  client: KubernetesClient,
  claim: V1PersistentVolumeClaim,
  { spec, claim: wanted }: DesiredVolume,
): Promise<void> {
  const { annotations = {}, name, namespace } = claim.metadata ?? {};
  if (spec.source.type === "claim") return;
  if (isOurs(claim)) {
    const directory = wanted?.metadata?.annotations?.[KEYS.directory];
    const owner = annotations[KEYS.directory];
    if (directory !== undefined && owner !== undefined && !isSameDirectory(owner, directory)) {
      throw new GaswError(
        "CONFLICT",
        `claim ${namespace}/${name} belongs to the workflow with the same name in ${owner}`,
        {
          hint: "use another namespace, or clean up the other workflow first: a workflow's id is its directory's base name",
        },
      );
    }
    if (annotations[KEYS.content] === sourceHash(spec.source)) return;
  }
  if (spec.source.type === "storageClass") {
    if (claim.spec?.storageClassName === spec.source.storageClass) return;
    throw otherSource(
      `claim ${namespace}/${name}`,
      `storage class ${claim.spec?.storageClassName ?? "(none)"}`,
      spec.source,
    );
  }
  const bound = claim.spec?.volumeName;
  const found =
    bound === undefined ? undefined : await find<V1PersistentVolume>(client, persistentVolumesPath(bound));
  if (found !== undefined && hasSource(found, spec.source)) return;
  // Somebody else's claim that leads nowhere yet may still be bound to the wanted files.
  if (found === undefined && claim.status?.phase !== "Bound" && !isOurs(claim)) return;
  const shows = found === undefined ? "no volume" : describeVolume(found);
  throw otherSource(`claim ${namespace}/${name}`, shows, spec.source);
}

/** What is said of a claim that somebody else was to create. */
export function noSuchClaim(namespace: string, { spec, claimName }: DesiredVolume): GaswError {
  return new GaswError("NOT_FOUND", `claim ${namespace}/${claimName} of volume ${spec.name} does not exist`, {
    hint: "create the claim, or fix its name or the namespace in the configuration",
  });
}

async function bindsAtFirstUse(client: KubernetesClient, claim: V1PersistentVolumeClaim): Promise<boolean> {
  const name = claim.spec?.storageClassName;
  if (!name || claim.spec?.volumeName !== undefined) return false;
  try {
    const found = await find<V1StorageClass>(client, storageClassPath(name));
    return found?.volumeBindingMode === "WaitForFirstConsumer";
  } catch (error) {
    // Without the right to look, it may: the pod waits for the claim as well.
    if (isApiError(error, 403)) return true;
    throw error;
  }
}

/** Watches the claim until it and its volume are Bound. */
async function untilBound(
  client: KubernetesClient,
  namespace: string,
  volume: DesiredVolume,
  pending: V1PersistentVolumeClaim,
  deadline: AbortSignal,
): Promise<V1PersistentVolumeClaim> {
  const done = new AbortController();
  const signal = AbortSignal.any([deadline, done.signal]);
  const helping = isOurs(pending) ? helpToBind(client, volume, pending, signal) : Promise.resolve();
  // Help that fails is no loss: the watch beside it meets the same trouble and reports it.
  const helped = helping.catch((error: unknown) => error);
  try {
    for await (const claim of follow<V1PersistentVolumeClaim>(
      client,
      claimsPath(namespace),
      volume.claimName,
      signal,
    )) {
      if (claim === undefined) break;
      if (claim.status?.phase === "Bound" && (await isBound(client, claim.spec?.volumeName ?? "")))
        return claim;
    }
  } finally {
    done.abort();
    await helped;
  }
  throw await notReady(client, namespace, volume);
}

async function isBound(client: KubernetesClient, name: string): Promise<boolean> {
  try {
    return (await find<V1PersistentVolume>(client, persistentVolumesPath(name)))?.status?.phase === "Bound";
  } catch (error) {
    // Without the right to look, the claim's word counts.
    if (isApiError(error, 403)) return true;
    throw error;
  }
}

/**
 * The volume controller often stops half way (its own write of the new volume's phase makes its next one a conflict)
 * and goes on only at its next resync, up to 30 s later; any change of the claim makes it look again at once. It may
 * also notice late that a volume's former claim is gone.
 */
async function helpToBind(
  client: KubernetesClient,
  volume: DesiredVolume,
  claim: V1PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const path = claimsPath(claim.metadata?.namespace ?? "", volume.claimName);
  for (let wait = FIRST_TOUCH_MS; ; wait *= 2) {
    await pause(wait * (1 + Math.random() / 2), signal);
    if (signal.aborted) return;
    await ensurePersistentVolume(client, volume, claim, signal);
    await client.patch(path, { metadata: { annotations: { [KEYS.touched]: new Date().toISOString() } } });
  }
}

async function notReady(
  client: KubernetesClient,
  namespace: string,
  { spec, claimName }: DesiredVolume,
): Promise<GaswError> {
  const claim = await find<V1PersistentVolumeClaim>(client, claimsPath(namespace, claimName));
  const events = claim === undefined ? [] : await listEvents(client, namespace, { name: claimName });
  const said = events.slice(-3).map((event) => `${event.reason}: ${event.message}`);
  const state = claim === undefined ? "is gone" : `is ${claim.status?.phase ?? "Pending"}, not Bound`;
  return new GaswError(
    "VOLUME_NOT_READY",
    `volume ${spec.name}: claim ${namespace}/${claimName} ${state}${said.length > 0 ? ` (${said.join("; ")})` : " (it has no events)"}`,
    {
      hint: `check \`gasw-k8s debug describe pvc ${claimName}\`, then submit again (options.bindTimeout sets how long to wait)`,
    },
  );
}

/** Renews the mark of last use on the volume's objects, where they are ours. */
export async function renewMarks(
  client: KubernetesClient,
  namespace: string,
  volume: DesiredVolume,
  now: Date,
): Promise<void> {
  const path = claimsPath(namespace, volume.claimName);
  const claim = await find<V1PersistentVolumeClaim>(client, path);
  if (claim === undefined || !isOurs(claim)) return;
  const change = { metadata: { annotations: { [KEYS.lastUsed]: now.toISOString() } } };
  await client.patch(path, change);
  const { name } = volume.persistentVolume?.metadata ?? {};
  if (name === undefined || claim.spec?.volumeName !== name) return;
  const persistentVolume = await find<V1PersistentVolume>(client, persistentVolumesPath(name));
  if (persistentVolume !== undefined && isOurs(persistentVolume))
    await client.patch(persistentVolumesPath(name), change);
}
