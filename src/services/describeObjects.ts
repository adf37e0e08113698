import type { CoreV1Event, KubernetesObject, V1Node, V1PersistentVolume } from "@kubernetes/client-node";
import { GaswError } from "../errors.ts";
import { asUserError } from "../kubernetes/client.ts";
import { jobPath } from "../kubernetes/jobs.ts";
import { find, listEvents } from "../kubernetes/objects.ts";
import { claimsPath, persistentVolumePath } from "../kubernetes/persistentVolumes.ts";
import type { Deps } from "./deps.ts";
import { type JobObjects, readJobObjects } from "./jobObjects.ts";
import type { JobTarget } from "./jobTarget.ts";

export const KINDS = ["pod", "job", "pvc", "pv", "node"] as const;
export type Kind = (typeof KINDS)[number];

const OTHER_NAMES: Readonly<Record<string, Kind>> = {
  pods: "pod",
  po: "pod",
  jobs: "job",
  persistentvolumeclaim: "pvc",
  persistentvolumeclaims: "pvc",
  claim: "pvc",
  persistentvolume: "pv",
  persistentvolumes: "pv",
  volume: "pv",
  nodes: "node",
  no: "node",
};

/** The kind that a word means, as kubectl takes it. */
export function kindOf(word: string): Kind | undefined {
  const lower = word.toLowerCase();
  return KINDS.find((kind) => kind === lower) ?? OTHER_NAMES[lower];
}

/** An object and its events, oldest first. */
export interface Described {
  readonly object: KubernetesObject;
  readonly events: readonly CoreV1Event[];
}

/**
 * Reads an object by its Kubernetes name.
 * @throws GaswError NOT_FOUND, CLUSTER
 */
export async function readObject(deps: Deps, kind: Kind, name: string): Promise<Described> {
  const { client, config } = deps;
  const namespace = config.k8sNamespace;
  const path = {
    pod: `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}`,
    job: jobPath(namespace, encodeURIComponent(name)),
    pvc: `${claimsPath(namespace)}/${encodeURIComponent(name)}`,
    pv: persistentVolumePath(encodeURIComponent(name)),
    node: `/api/v1/nodes/${encodeURIComponent(name)}`,
  }[kind];
  try {
    const object = await find<KubernetesObject | V1Node | V1PersistentVolume>(client, path);
    if (object === undefined) throw noSuchObject(kind, name, namespace);
    // Events about objects outside all namespaces are kept in "default".
    return { object, events: await listEvents(client, kind === "pv" || kind === "node" ? "default" : namespace, { name }) };
  } catch (error) {
    throw asUserError(error, client);
  }
}

function noSuchObject(kind: Kind, name: string, namespace: string): GaswError {
  const isNamespaced = kind !== "pv" && kind !== "node";
  return new GaswError("NOT_FOUND", `there is no ${kind} ${name}${isNamespaced ? ` in namespace ${namespace}` : ""}`, {
    hint: `\`gasw-k8s debug ${kind === "pod" || kind === "job" || kind === "node" ? `${kind}s` : kind} --all\` lists what is there`,
  });
}

/** All objects of a job. */
export async function readAboutJob(deps: Deps, target: JobTarget): Promise<JobObjects> {
  try {
    return await readJobObjects(deps, target);
  } catch (error) {
    throw asUserError(error, deps.client);
  }
}
