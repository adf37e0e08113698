// What is not the tool's own, in a namespace in which it works: nobody may touch it.
const OURS = { "app.kubernetes.io/managed-by": "gasw-k8s" };
/** No claim is bound to these volumes, and no volume to these claims. */
const CLASSES = { claim: "sweeping-no-volume", volume: "sweeping-no-claim" };

/** Objects beside the tool's: without its label, or with its label and something else than it makes. @param {string} namespace */
export function foreignObjects(namespace) {
  const named = (name, more = {}) => ({ name: `${namespace}-${name}`, ...more });
  const here = (name, more = {}) => named(name, { namespace, ...more });
  const claim = (metadata) => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata,
    spec: { accessModes: ["ReadWriteMany"], storageClassName: CLASSES.claim, resources: { requests: { storage: "1Gi" } } },
  });
  const volume = (metadata, claimRef) => ({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata,
    spec: {
      accessModes: ["ReadWriteMany"],
      capacity: { storage: "1Gi" },
      storageClassName: CLASSES.volume,
      persistentVolumeReclaimPolicy: "Retain",
      nfs: { server: "127.0.0.1", path: "/somebody/elses" },
      ...(claimRef === undefined ? {} : { claimRef: { namespace, name: claimRef } }),
    },
  });
  return [
    claim(here("claim")),
    claim(here("claim-with-label", { labels: OURS })),
    volume(named("volume")),
    volume(named("volume-of-a-claim"), "nobody"),
    volume(named("volume-with-label", { labels: OURS }), "nobody"),
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: here("job"),
      spec: {
        suspend: true,
        template: {
          spec: { restartPolicy: "Never", containers: [{ name: "job", image: "localhost/gasw-k8s/bash:1", command: ["true"] }] },
        },
      },
    },
    { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: here("lease"), spec: { holderIdentity: "somebody" } },
  ];
}

/** A PersistentVolume under the names and marks of a workflow, with the source of somebody else. @param {any} own as the tool makes it */
export function replacedVolume({ metadata, spec, ...own }) {
  return { ...own, metadata, spec: { ...spec, nfs: { ...spec.nfs, path: "/somebody/elses" } } };
}
