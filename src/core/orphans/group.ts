import { isOurs } from "../manifests/volumes.ts";
import { KEYS, workflowHash } from "../names.ts";
import type { Lease } from "../owner.ts";
import type { KubernetesObject, V1Job, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from "../wire.ts";

/** Everything in the cluster that bears this tool's label, as far as it could be listed. */
export interface Inventory {
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
  readonly claims: readonly V1PersistentVolumeClaim[];
  readonly volumes: readonly V1PersistentVolume[];
  readonly leases: readonly Lease[];
}

/** What the cluster has of one workflow. */
export interface WorkflowObjects extends Inventory {
  /** Undefined of a PersistentVolume that is reserved for no claim. */
  readonly namespace: string | undefined;
  /** The workflow's id; of an object that names none, its own name. */
  readonly id: string;
}

/**
 * Sorts objects by the workflows that they belong to. Volumes that workflows share belong to none; what bears this
 * tool's label and names no workflow stands alone.
 */
export function byWorkflow(inventory: Inventory): WorkflowObjects[] {
  const groups = new Map<string, Mutable>();
  const add = <K extends keyof Inventory>(kind: K, objects: Inventory[K]) => {
    for (const object of objects) {
      // Whatever a server answers: what does not bear this tool's label is never looked at.
      if (!isOurs(object) || isShared(object)) continue;
      groupOf(groups, object)[kind].push(object as never);
    }
  };
  add("leases", inventory.leases);
  add("claims", inventory.claims);
  add("volumes", inventory.volumes);
  add("jobs", inventory.jobs);
  add("pods", inventory.pods);
  return [...groups.values()];
}

/** Whether a volume is one that the workflows of a namespace share. */
export function isShared(object: KubernetesObject): boolean {
  return isOurs(object) && object.metadata?.labels?.[KEYS.component] === "shared-volume";
}

type Mutable = {
  namespace: string | undefined;
  id: string;
} & { [K in keyof Inventory]: Inventory[K][number][] };

function groupOf(groups: Map<string, Mutable>, object: KubernetesObject): Mutable {
  const { labels = {}, annotations = {}, name = "", uid = "" } = object.metadata ?? {};
  const namespace = namespaceOf(object);
  const hash = labels[KEYS.workflowHash] ?? uid;
  const key = `${namespace ?? ""}/${hash}`;
  const known = groups.get(key);
  if (known !== undefined) return known;
  const made: Mutable = {
    namespace,
    id: annotations[KEYS.workflow] ?? name,
    jobs: [],
    pods: [],
    claims: [],
    volumes: [],
    leases: [],
  };
  groups.set(key, made);
  return made;
}

/** The namespace that an object is in; of a PersistentVolume, that of the claim that it is reserved for. */
function namespaceOf(object: KubernetesObject): string | undefined {
  return object.metadata?.namespace ?? (object as V1PersistentVolume).spec?.claimRef?.namespace;
}

/** All objects of a workflow. */
export function objectsOf({ leases, claims, volumes, jobs, pods }: Inventory): readonly KubernetesObject[] {
  return [...leases, ...claims, ...volumes, ...jobs, ...pods];
}

/** Whether the labels of an object say the same as its annotations. */
export function isNamedRight(object: KubernetesObject, namespace: string): boolean {
  const { labels, annotations } = object.metadata ?? {};
  const id = annotations?.[KEYS.workflow];
  return id !== undefined && labels?.[KEYS.workflowHash] === workflowHash(namespace, id);
}
