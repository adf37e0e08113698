import type { CoreV1Event, KubernetesObject, V1Node, V1PersistentVolume } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { find, listEvents } from "../../kubernetes/objects.ts";
import { claimsPath, jobsPath, nodesPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";

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
    pod: podsPath(namespace, name),
    job: jobsPath(namespace, name),
    pvc: claimsPath(namespace, name),
    pv: persistentVolumesPath(name),
    node: nodesPath(name),
  }[kind];
  const object = await find<KubernetesObject | V1Node | V1PersistentVolume>(client, path);
  if (object === undefined) throw noSuchObject(kind, name, namespace);
  return {
    object,
    events: isNamespaced(kind)
      ? await listEvents(client, namespace, { name })
      : await clusterEvents(deps, name),
  };
}

function isNamespaced(kind: Kind): boolean {
  return kind !== "pv" && kind !== "node";
}

/** Events about an object outside all namespaces; none where the account may not see them. */
async function clusterEvents({ client, warn }: Deps, name: string): Promise<CoreV1Event[]> {
  try {
    return await listEvents(client, "default", { name });
  } catch (error) {
    if (!isApiError(error, 403)) throw error;
    warn(`the events about ${name} are in the namespace default, where this account cannot list events`);
    return [];
  }
}

function noSuchObject(kind: Kind, name: string, namespace: string): GaswError {
  return new GaswError(
    "NOT_FOUND",
    `no ${kind} ${name} found${isNamespaced(kind) ? ` in namespace ${namespace}` : ""}`,
    {
      hint: `list them with \`gasw-k8s debug ${kind === "pod" || kind === "job" || kind === "node" ? `${kind}s` : kind} --all\``,
    },
  );
}
