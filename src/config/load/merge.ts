/** Layers laid over each other, remembering whence each value came. Pure. */
import { resolve } from "node:path";
import { safeParse } from "zod/mini";
import { isRecord } from "../schema/generations.ts";
import { type KeyNode, rootNode } from "../schema/keys.ts";
import type { Origin } from "../text/origin.ts";

/** One source of values under canonical keys. */
export interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  /** Where the value at a dotted key came from. */
  origin(key: string): Origin;
  /** The folder that relative paths mean. */
  readonly base: string;
  /** What `~/` means. */
  readonly home?: string | undefined;
}

/** The values of all layers, the later ones over the earlier, and the origin of each leaf (dotted key). */
export interface Merged {
  readonly values: Record<string, unknown>;
  readonly origins: Map<string, Origin>;
}

/** Lays the layers over each other, lowest first: objects add up key by key, everything else replaces. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const merged: Merged = { values: {}, origins: new Map() };
  for (const layer of layers) mergeInto(merged.values, layer.values, rootNode, [], layer, merged.origins);
  return merged;
}

function mergeInto(
  target: Record<string, unknown>,
  source: Readonly<Record<string, unknown>>,
  node: KeyNode | undefined,
  path: readonly string[],
  layer: Layer,
  origins: Map<string, Origin>,
): void {
  for (const [name, value] of Object.entries(source)) {
    const child = node?.keys?.get(name);
    // Unknown keys are warned about elsewhere; "__proto__" would not become a key but the prototype.
    if ((node?.keys && !child) || name === "__proto__") continue;
    const childPath = [...path, name];
    const key = childPath.join(".");
    if (value === null && child) {
      // null takes a key back to its default, whatever a lower layer says.
      forget(origins, key);
      delete target[name];
    } else if (isRecord(value) && (child ? child.merges : true)) {
      const below = target[name];
      if (!isRecord(below)) origins.delete(key);
      const next: Record<string, unknown> = isRecord(below) ? below : {};
      target[name] = next;
      mergeInto(next, value, child, childPath, layer, origins);
    } else if (!isBlank(value, child)) {
      forget(origins, key);
      target[name] =
        child?.isPath && typeof value === "string" ? absolute(value, layer) : structuredCloneOf(value);
      origins.set(key, layer.origin(key));
    }
  }
}

/**
 * The plugin's files leave keys empty that are not used: an empty text counts only where the key allows one.
 */
function isBlank(value: unknown, node: KeyNode | undefined): boolean {
  return value === "" && node?.kind === "value" && !safeParse(node.schema, "").success;
}

function absolute(path: string, layer: Layer): string {
  const expanded = path.startsWith("~/") && layer.home ? `${layer.home}/${path.slice(2)}` : path;
  return resolve(layer.base, expanded);
}

function forget(origins: Map<string, Origin>, key: string): void {
  for (const known of origins.keys()) if (known === key || known.startsWith(`${key}.`)) origins.delete(known);
}

/** A caller's own objects must not end up frozen inside the configuration. */
function structuredCloneOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneOf);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, structuredCloneOf(inner)]));
}
