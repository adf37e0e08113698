/** Paths of the API server's REST interface: all that the program asks for. They are built here alone. */

const CORE = "/api/v1";

/** @param namespace undefined: all of them */
function inNamespace(api: string, namespace: string | undefined, resource: string, name?: string): string {
  const place = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return within(`${api}${place}/${resource}`, name);
}

/** A collection, or the object of that name in it. */
function within(collection: string, name: string | undefined): string {
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

/** Jobs of a namespace, or one of them; of all namespaces where none is named. */
export function jobsPath(namespace: string | undefined, name?: string): string {
  return inNamespace("/apis/batch/v1", namespace, "jobs", name);
}

/** Pods of a namespace, or one of them; of all namespaces where none is named. */
export function podsPath(namespace: string | undefined, name?: string): string {
  return inNamespace(CORE, namespace, "pods", name);
}

/** What a pod's containers wrote. */
export function podLogPath(namespace: string, pod: string): string {
  return `${podsPath(namespace, pod)}/log`;
}

/** Where a command is run in a pod. */
export function podExecPath(namespace: string, pod: string): string {
  return `${podsPath(namespace, pod)}/exec`;
}

/** Events of a namespace. */
export function eventsPath(namespace: string): string {
  return inNamespace(CORE, namespace, "events");
}

/** PersistentVolumeClaims of a namespace, or one of them; of all namespaces where none is named. */
export function claimsPath(namespace: string | undefined, name?: string): string {
  return inNamespace(CORE, namespace, "persistentvolumeclaims", name);
}

/** Leases of a namespace, or one of them; of all namespaces where none is named. */
export function leasesPath(namespace: string | undefined, name?: string): string {
  return inNamespace("/apis/coordination.k8s.io/v1", namespace, "leases", name);
}

/** All namespaces, or one of them. */
export function namespacesPath(name?: string): string {
  return within(`${CORE}/namespaces`, name);
}

/** All nodes, or one of them. */
export function nodesPath(name?: string): string {
  return within(`${CORE}/nodes`, name);
}

/** All PersistentVolumes, or one of them. */
export function persistentVolumesPath(name?: string): string {
  return within(`${CORE}/persistentvolumes`, name);
}

/** A storage class. */
export function storageClassPath(name: string): string {
  return within("/apis/storage.k8s.io/v1/storageclasses", name);
}

/** The name of the collection that a path is of, or in: `jobs`. */
export function collectionOf(path: string): string {
  const [first = "", , within] = path.split("/").slice(path.startsWith("/apis/") ? 4 : 3);
  return first === "namespaces" && within !== undefined ? within : first;
}

/** Where an account asks who it is. */
export const IDENTITY_REVIEWS_PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/** Where an account asks what it may do. */
export const ACCESS_REVIEWS_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
