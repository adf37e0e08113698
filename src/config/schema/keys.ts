/**
 * The known keys, read off the schema: what merges, what is a path, what an environment variable is called.
 */
import type { $ZodType } from "zod/v4/core";
import { docs } from "./fields.ts";
import { configSchema } from "./schema.ts";

/** One place in the configuration. */
export interface KeyNode {
  readonly kind: "value" | "list" | "record" | "object";
  /** The known keys below; undefined where any key may stand. */
  readonly keys?: ReadonlyMap<string, KeyNode>;
  readonly item?: KeyNode;
  /** Whether layers add up here, rather than the higher replacing the lower. */
  readonly merges: boolean;
  /** Whether it names a file or folder of this machine. */
  readonly isPath: boolean;
  readonly schema: $ZodType;
}

interface AnyDef {
  readonly type: string;
  readonly innerType?: $ZodType;
  readonly in?: $ZodType;
  readonly element?: $ZodType;
  readonly shape?: Record<string, $ZodType>;
  readonly options?: readonly $ZodType[];
  readonly catchall?: $ZodType;
}

/** The schema below its wrappers (optional, default, normalisation). */
function unwrap(schema: $ZodType): $ZodType {
  const def = definition(schema);
  const inner =
    def.innerType ?? (def.type === "pipe" && definition(def.in).type !== "unknown" ? def.in : undefined);
  return inner ? unwrap(inner) : schema;
}

function definition(schema: $ZodType | undefined): AnyDef {
  return (schema?._zod.def ?? { type: "unknown" }) as unknown as AnyDef;
}

function describe(outer: $ZodType): KeyNode {
  const schema = unwrap(outer);
  const def = definition(schema);
  const common = { schema: outer, isPath: docs.get(schema)?.format === "path" };
  if (def.type === "object") {
    const keys = childNodes(def.shape ?? {});
    return { ...common, kind: "object", merges: true, ...(def.catchall ? {} : { keys }) };
  }
  if (def.type === "union") {
    const keys = new Map((def.options ?? []).flatMap((option) => [...(describe(option).keys ?? [])]));
    return { ...common, kind: "object", merges: false, keys };
  }
  if (def.type === "record") return { ...common, kind: "record", merges: true };
  if (def.type === "array")
    return {
      ...common,
      kind: "list",
      merges: false,
      ...(def.element ? { item: describe(def.element) } : {}),
    };
  return { ...common, kind: "value", merges: false };
}

function childNodes(shape: Record<string, $ZodType>): Map<string, KeyNode> {
  return new Map(Object.entries(shape).map(([name, schema]) => [name, describe(schema)]));
}

/** The whole tree of keys. */
export const rootNode: KeyNode = describe(configSchema);

export const ENVIRONMENT_PREFIX = "GASW_K8S_";

/** `GASW_K8S_OPTIONS_TTL_JOB` of `["options", "ttlJob"]`; a leading `k8s` is not said twice. */
function environmentName(path: readonly string[]): string {
  const words = path.map((segment, index) =>
    snakeCase(index === 0 ? segment.replace(/^k8s(?=[A-Z])/, "") : segment),
  );
  return ENVIRONMENT_PREFIX + words.join("_");
}

function snakeCase(text: string): string {
  return text.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}

/** Every environment variable that sets a key, with the key's path and node. */
export function environmentNames(): ReadonlyMap<string, { path: readonly string[]; node: KeyNode }> {
  const names = new Map<string, { path: readonly string[]; node: KeyNode }>();
  const visit = (node: KeyNode, path: readonly string[]): void => {
    if (path.length > 0) names.set(environmentName(path), { path, node });
    if (!node.merges) return;
    for (const [name, child] of node.keys ?? []) visit(child, [...path, name]);
  };
  visit(rootNode, []);
  return names;
}
