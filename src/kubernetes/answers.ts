import type { KubernetesListObject, KubernetesObject } from "../core/wire.ts";
import type { GaswError } from "../errors.ts";
import { notAnApiServer } from "./errors.ts";
import { collectionOf } from "./paths.ts";

/** Whom was asked for what. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly server: string;
}

/** The kinds of what is asked for, by the name of their collection. */
const KINDS: Readonly<Record<string, string>> = {
  jobs: "Job",
  pods: "Pod",
  events: "Event",
  persistentvolumeclaims: "PersistentVolumeClaim",
  persistentvolumes: "PersistentVolume",
  leases: "Lease",
  namespaces: "Namespace",
  nodes: "Node",
  storageclasses: "StorageClass",
  selfsubjectreviews: "SelfSubjectReview",
  selfsubjectaccessreviews: "SelfSubjectAccessReview",
};

/**
 * Reads a successful answer: JSON that anything could have sent, such as a login page.
 * @throws GaswError CLUSTER where it is not what was asked for
 */
export function readAnswer(text: string, asked: Asked): unknown {
  const answer = parse(text, asked);
  if (!isRecord(answer)) throw other("the response is not an object", asked);
  // What a deletion answers, the object or a Status, nobody reads.
  if (asked.method === "DELETE") return answer;
  const { kind = "", metadata, items } = answer;
  const isList = "items" in answer || String(kind).endsWith("List");
  if (!isOfKind(kind, KINDS[collectionOf(asked.path)], isList))
    throw other(`the response is of the kind ${JSON.stringify(kind).slice(0, 80)}`, asked);
  if (isList && !(Array.isArray(items ?? []) && isRecord(metadata ?? {})))
    throw other("the response's items are not a list", asked);
  if (!isList && !isRecord(metadata)) throw other("the response is not a Kubernetes object", asked);
  return answer;
}

/**
 * Reads a list; the items of an empty one may be null.
 * @throws GaswError CLUSTER where the answer is no list
 */
export function readList<T extends KubernetesObject>(answer: unknown, asked: Asked): KubernetesListObject<T> {
  const list = answer as Partial<KubernetesListObject<T>> & { readonly kind?: string };
  if (!("items" in list) && !list.kind?.endsWith("List")) throw other("the response is not a list", asked);
  return { ...list, items: list.items ?? [] };
}

function parse(text: string, asked: Asked): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw other("the response is not JSON", asked);
    throw error;
  }
}

function other(why: string, { method, path, server }: Asked): GaswError {
  return notAnApiServer(why, `${method} ${path}`, server);
}

/** Not every server tells the kind, and of a list only that it is one. */
function isOfKind(kind: unknown, expected: string | undefined, isList: boolean): boolean {
  if (kind === "" || expected === undefined) return true;
  return isList ? kind === `${expected}List` || kind === "List" : kind === expected;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
