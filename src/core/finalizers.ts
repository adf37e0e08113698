import type { KubernetesObject, V1PersistentVolumeClaim, V1Pod } from "./wire.ts";

/** Keeps a claim until no pod uses it. */
const CLAIM_PROTECTION = "kubernetes.io/pvc-protection";

/** What the finalizers that Kubernetes and its storage drivers set wait for. */
const PURPOSES: ReadonlyMap<string, string> = new Map([
  [CLAIM_PROTECTION, "waits until no pod uses the claim"],
  ["kubernetes.io/pv-protection", "waits until no claim is bound to the volume"],
  ["kubernetes.io/pv-controller", "waits until the cluster has deleted the storage"],
  [
    "external-provisioner.volume.kubernetes.io/finalizer",
    "waits until the CSI driver has deleted the storage",
  ],
  ["batch.kubernetes.io/job-tracking", "waits until the Job has recorded the pod's end"],
  ["foregroundDeletion", "waits until everything that belongs to the object is deleted"],
  ["orphan", "waits until what belongs to the object is released"],
]);

/** Beginning of the finalizers of CSI attachers, one for each driver. */
const ATTACHER = "external-attacher/";

/** What a finalizer is for, in a few words. */
export function finalizerPurpose(name: string): string {
  if (name.startsWith(ATTACHER)) return "waits until the CSI driver has detached the volume from its nodes";
  return PURPOSES.get(name) ?? "set by another program";
}

/**
 * Whether a pod uses a claim. One that has ended, or that no node runs, counts too: whoever removes the
 * protection by hand cannot see what the cluster's own controller sees.
 */
export function usesClaim({ metadata, spec }: V1Pod, { metadata: claim }: V1PersistentVolumeClaim): boolean {
  if (metadata?.namespace !== claim?.namespace) return false;
  return (spec?.volumes ?? []).some(
    ({ name, persistentVolumeClaim, ephemeral }) =>
      persistentVolumeClaim?.claimName === claim?.name ||
      (ephemeral !== undefined && `${metadata?.name}-${name}` === claim?.name),
  );
}

/**
 * The finalizers that `cleanup --force` removes from an object: of one that is being deleted, the protection
 * of a claim that no pod uses. All others stay: only the program that has set one knows when it may go.
 * @param pods all pods of the object's namespace; undefined where they could not be listed
 */
export function forcedFinalizers(
  kind: string,
  object: KubernetesObject,
  pods: readonly V1Pod[] | undefined,
): string[] {
  const { deletionTimestamp, finalizers = [] } = object.metadata ?? {};
  if (kind !== "PersistentVolumeClaim" || deletionTimestamp === undefined || pods === undefined) return [];
  if (pods.some((pod) => usesClaim(pod, object))) return [];
  return finalizers.filter((name) => name === CLAIM_PROTECTION);
}
