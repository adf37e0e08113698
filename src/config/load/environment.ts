/** The `GASW_K8S_*` variables as a layer of values. Pure. */
import { isRecord } from "../schema/generations.ts";
import { ENVIRONMENT_PREFIX, environmentNames, type KeyNode } from "../schema/keys.ts";
import type { Problem } from "../text/problems.ts";

/**
 * Variables with the prefix that are not configuration keys. Kubernetes sets the last two in pods, for a
 * service named `gasw-k8s`.
 */
const RESERVED = /^GASW_K8S_(?:CONFIG$|TEST_|CLUSTER_|SERVICE_(?:HOST$|PORT)|PORT(?:$|_\d))/;

/** What the environment sets. */
export interface EnvironmentValues {
  readonly values: Record<string, unknown>;
  /** Dotted key → variable. */
  readonly names: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
  readonly problems: readonly Problem[];
}

/** Reads the variables; one that is empty is not set. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentValues {
  const given = Object.entries(env).filter(
    ([name, value]) => name.startsWith(ENVIRONMENT_PREFIX) && !RESERVED.test(name) && value,
  );
  const values: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const unknown: string[] = [];
  const problems: Problem[] = [];
  // Shorter names first: an object given whole is refined by its single keys.
  const known = given.length > 0 ? environmentNames() : new Map();
  for (const [name, text = ""] of given.sort(([a], [b]) => a.length - b.length)) {
    const target = known.get(name);
    if (!target) {
      unknown.push(name);
      continue;
    }
    const value = target.node.kind === "value" ? { ok: true, value: text } : readJsonText(text, target.node);
    if (!value.ok) problems.push(notJson(name, target.path.join("."), target.node));
    else {
      assign(values, target.path, value.value);
      names.set(target.path.join("."), name);
    }
  }
  return { values, names, unknown, problems };
}

function readJsonText(text: string, node: KeyNode): { ok: boolean; value?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return { ok: node.kind === "list" ? Array.isArray(value) : isRecord(value), value };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false };
    throw error;
  }
}

function notJson(name: string, key: string, node: KeyNode): Problem {
  const [what, example] = node.kind === "list" ? ["a JSON list", "[…]"] : ["a JSON object", '{"…":"…"}'];
  return {
    message: `${name}: ${key}: expected ${what}, found something else`,
    hint: `use ${example}, quoted for the shell`,
  };
}

/** Sets the value at a path, making the objects on the way. */
export function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) {
    const below = target[head];
    target[head] = isRecord(below) && isRecord(value) ? { ...below, ...value } : value;
    return;
  }
  const below = target[head];
  const next = isRecord(below) ? below : {};
  target[head] = next;
  assign(next, rest, value);
}
