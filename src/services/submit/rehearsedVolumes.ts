/** What a submission would make of a volume, tried as a server-side dry run: nothing is made. */
import {
  type DesiredVolume,
  describeSource,
  describeVolume,
  hasSource,
} from "../../core/manifests/volumes.ts";
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { otherSource } from "../../kubernetes/ensurePersistentVolume.ts";
import { checkClaim, findClaim, noSuchClaim } from "../../kubernetes/ensureVolumes.ts";
import { ifAllowed, isApiError } from "../../kubernetes/errors.ts";
import { find } from "../../kubernetes/objects.ts";
import { claimsPath, persistentVolumesPath, storageClassPath } from "../../kubernetes/paths.ts";
import { type Finding, type Place, problemOf } from "./finding.ts";

const DRY_RUN = { dryRun: "All" };

/** Tries one volume; what is in a namespace that does not exist yet cannot be tried. */
export async function rehearseVolume(
  client: KubernetesClient,
  place: Place,
  volume: DesiredVolume,
): Promise<Finding> {
  const { name, source } = volume.spec;
  const isMissing = place.state === "missing";
  const more =
    isMissing && volume.claim !== undefined ? "; its claim cannot be tried before the namespace exists" : "";
  const finding: Finding = { check: "volume", subject: `${name}: ${describeSource(source)}${more}` };
  try {
    if (source.type === "storageClass") await tryStorageClass(client, name, source.storageClass);
    await tryPersistentVolume(client, volume);
    if (volume.claim === undefined || !isMissing) await tryClaim(client, place.name, volume);
    return finding;
  } catch (error) {
    return { ...finding, problem: problemOf(error, client.server) };
  }
}

async function tryStorageClass(client: KubernetesClient, volume: string, name: string): Promise<void> {
  const found = await ifAllowed(lookForClass(client, name));
  if (found !== "missing") return;
  throw new GaswError("NOT_FOUND", `the storage class ${name} of volume ${volume} does not exist`, {
    hint: "set storageClassName to one of `kubectl get storageclasses`",
  });
}

async function lookForClass(client: KubernetesClient, name: string): Promise<V1StorageClass | "missing"> {
  return (await find<V1StorageClass>(client, storageClassPath(name))) ?? "missing";
}

async function tryPersistentVolume(
  client: KubernetesClient,
  { persistentVolume: wanted, spec }: DesiredVolume,
): Promise<void> {
  if (wanted === undefined || (await isAccepted(client, persistentVolumesPath(), wanted))) return;
  const name = wanted.metadata?.name ?? "";
  const found = await find<V1PersistentVolume>(client, persistentVolumesPath(name));
  if (found !== undefined && !hasSource(found, spec.source))
    throw otherSource(`PersistentVolume ${name}`, describeVolume(found), spec.source);
}

async function tryClaim(client: KubernetesClient, namespace: string, volume: DesiredVolume): Promise<void> {
  const { claim: wanted } = volume;
  if (wanted !== undefined && (await isAccepted(client, claimsPath(namespace), wanted))) return;
  const found = await findClaim(client, namespace, volume);
  if (found !== undefined) await checkClaim(client, found, volume);
  else if (wanted === undefined) throw noSuchClaim(namespace, volume);
}

/** Whether the server would make the object; not where one of its name is there. @throws GaswError CLUSTER */
async function isAccepted(
  client: KubernetesClient,
  collection: string,
  object: V1PersistentVolume | V1PersistentVolumeClaim,
): Promise<boolean> {
  try {
    await client.create(collection, object, DRY_RUN);
    return true;
  } catch (error) {
    if (isApiError(error, 409)) return false;
    throw error;
  }
}
