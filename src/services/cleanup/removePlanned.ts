import type { V1PersistentVolume } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { find, remove } from "../../kubernetes/objects.ts";

/** What identifies an object that is to go. */
interface Planned {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly uid: string | undefined;
  readonly version?: string | undefined;
  readonly claimUids?: readonly (string | undefined)[] | undefined;
}

/** Tries while the cluster itself changes a volume. */
const TRIES = 5;

/**
 * Asks for the deletion of an object, if it still is what was planned to go.
 * @throws GaswError CONFLICT where it is not; CLUSTER
 */
export async function removePlanned(client: KubernetesClient, object: Planned): Promise<void> {
  const { path, uid, version, claimUids } = object;
  if (claimUids === undefined) return await remove(client, path, uid, version);
  // The cluster changes a volume when its claim is gone; whoever submits again has it reserved for a new one.
  for (let tried = 1; ; tried++) {
    const volume = await find<V1PersistentVolume>(client, path);
    if (volume === undefined || volume.metadata?.uid !== uid) return;
    if (!claimUids.includes(volume.spec?.claimRef?.uid)) throw boundAgain(object);
    try {
      return await remove(client, path, uid, volume.metadata?.resourceVersion);
    } catch (error) {
      if (!(error instanceof GaswError) || error.code !== "CONFLICT" || tried === TRIES) throw error;
    }
  }
}

function boundAgain({ kind, name }: Planned): GaswError {
  return new GaswError("CONFLICT", `${kind} ${name} has been bound to a new claim since it was listed`, {
    hint: "run the command again to see what has changed",
  });
}
