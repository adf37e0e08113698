import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of any kind
export type Item = any;

/** A refusal, worded as the API server's. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** A change of an object, as a watch tells it. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Item;
}

/** Where objects of one kind stand: `/api/v1/namespaces/one/pods`, or without a namespace for all of them. */
export class Place {
  readonly api: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;

  /** @throws Refusal for what is no path of objects */
  constructor(path: string) {
    const found = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/status)?$/.exec(path);
    if (found === null) throw new Refusal(404, "NotFound", "the server could not find the requested resource");
    [, this.api = "", this.namespace, this.plural = "", this.name] = found;
  }

  /** The key of one object. */
  keyOf(name: string, namespace = this.namespace): string {
    return [this.api, namespace ?? "", this.plural, name].join(" ");
  }

  holds(key: string): boolean {
    const [api, namespace, plural] = key.split(" ");
    return api === this.api && plural === this.plural && (this.namespace === undefined || namespace === this.namespace);
  }
}

/** The objects of a cluster, each change of which is told. */
export class Objects {
  readonly changes = new EventEmitter<{ change: [key: string, change: Change] }>().setMaxListeners(0);
  readonly #objects = new Map<string, Item>();
  #version = 1;

  get version(): string {
    return String(this.#version);
  }

  get(key: string): Item | undefined {
    return this.#objects.get(key);
  }

  list(place: Place): Item[] {
    return [...this.#objects].filter(([key]) => place.holds(key)).map(([, object]) => object);
  }

  add(key: string, object: Item): Item {
    const given = { uid: randomUUID(), creationTimestamp: now(), ...object.metadata };
    return this.#keep(key, "ADDED", { ...object, metadata: given });
  }

  /** Merges a change into an object that is there (RFC 7396); what it was deleted with meanwhile stays away. */
  change(key: string, change: Item): Item | undefined {
    const known = this.get(key);
    return known === undefined ? undefined : this.#keep(key, "MODIFIED", merged(known, change));
  }

  remove(key: string): void {
    const known = this.get(key);
    if (known === undefined) return;
    this.#objects.delete(key);
    this.#version++;
    this.changes.emit("change", key, { type: "DELETED", object: stamped(known, this.version) });
  }

  #keep(key: string, type: Change["type"], object: Item): Item {
    this.#version++;
    const kept = stamped(object, this.version);
    this.#objects.set(key, kept);
    this.changes.emit("change", key, { type, object: kept });
    return kept;
  }
}

function stamped(object: Item, resourceVersion: string): Item {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

/** A time as the API server writes it: whole seconds. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

function merged(target: Item, patch: Item): Item {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const kept = typeof target === "object" && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete kept[key];
    else kept[key] = merged(kept[key], value);
  }
  return kept;
}

/** Whether an object is chosen by the selectors of a query. */
export function isSelected(object: Item, query: URLSearchParams): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    terms(query.get("labelSelector")).every((term) => holds(term, (name) => labels[name])) &&
    terms(query.get("fieldSelector")).every((term) => holds(term, (path) => fieldOf(object, path)))
  );
}

function terms(selector: string | null): string[] {
  return selector === null || selector === "" ? [] : selector.split(",");
}

function holds(term: string, read: (name: string) => string | undefined): boolean {
  const [, name = "", operator, wanted] = /^([^=!]+)(?:(!=|==?)(.*))?$/.exec(term) ?? [];
  const value = read(name);
  if (operator === undefined) return value !== undefined;
  return operator === "!=" ? value !== wanted : value === wanted;
}

function fieldOf(object: Item, path: string): string | undefined {
  return path.split(".").reduce((value, name) => value?.[name], object);
}
