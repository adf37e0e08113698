import type { Lease } from "../core/owner.ts";
import type { KubernetesClient } from "./client.ts";
import { isApiError } from "./errors.ts";
import { find } from "./objects.ts";
import { leasesPath } from "./paths.ts";

/** Tries while its holder renews it. */
const TRIES = 5;

export function findLease(
  client: KubernetesClient,
  namespace: string,
  name: string,
): Promise<Lease | undefined> {
  return find<Lease>(client, leasesPath(namespace, name));
}

/** Makes a Lease; answers why not, where one of its name is there already or there is no namespace for it. */
export async function createLease(
  client: KubernetesClient,
  namespace: string,
  lease: Lease,
): Promise<Lease | "exists" | "no namespace"> {
  try {
    return await client.create<Lease>(leasesPath(namespace), lease);
  } catch (error) {
    if (isApiError(error, 409)) return "exists";
    if (isApiError(error, 404)) return "no namespace";
    throw error;
  }
}

/**
 * Changes a Lease if it is still the very one, in the very version, that the change was made for; answers
 * what it found instead.
 */
export async function changeLease(
  client: KubernetesClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { uid, version }: { readonly uid: string; readonly version: string },
  change: { readonly metadata: { readonly annotations: object }; readonly spec?: object },
): Promise<Lease | "changed" | "gone"> {
  try {
    const metadata = { ...change.metadata, uid, resourceVersion: version };
    return await client.patch<Lease>(leasesPath(namespace, name), { ...change, metadata });
  } catch (error) {
    if (isApiError(error, 409)) return "changed";
    if (isApiError(error, 404)) return "gone";
    throw error;
  }
}

/**
 * Removes this very Lease at once, while it has this holder: in the foreground, it would stay until the garbage
 * collector has come round.
 */
export async function removeLease(
  client: KubernetesClient,
  place: { readonly namespace: string; readonly name: string },
  uid: string,
  holder: string,
): Promise<void> {
  for (let tried = 0; tried < TRIES; tried++) {
    const lease = await findLease(client, place.namespace, place.name);
    if (lease?.metadata?.uid !== uid || lease.spec?.holderIdentity !== holder) return;
    const { resourceVersion } = lease.metadata;
    try {
      await client.delete(leasesPath(place.namespace, place.name), {
        propagationPolicy: "Background",
        preconditions: { uid, resourceVersion },
      });
      return;
    } catch (error) {
      if (isApiError(error, 404)) return;
      if (!isApiError(error, 409)) throw error;
    }
  }
}
