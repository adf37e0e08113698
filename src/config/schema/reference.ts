/** The published JSON Schema, the example and the starter file: all read off the schema. Pure. */
import { toJSONSchema } from "zod/mini";
import { wrapped } from "../text/wrap.ts";
import { EXAMPLE } from "./examples.ts";
import { docs } from "./fields.ts";
import { isRecord } from "./generations.ts";
import { configSchema } from "./schema.ts";

/** The parts of a JSON Schema that the page shows. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}

/** The JSON Schema of a configuration file as users write it. */
export function jsonSchema(): JsonSchema & { readonly $schema?: string } {
  const generated = toJSONSchema(configSchema, {
    io: "input",
    metadata: docs,
    unrepresentable: "any",
  }) as JsonSchema;
  const { properties = {}, ...rest } = generated;
  return {
    ...rest,
    title: "gasw-k8s configuration",
    description:
      "Unknown keys are ignored with a warning. The other two generations of the plugin's keys are read too.",
    properties: { $schema: { type: "string", description: "JSON Schema for editors." }, ...properties },
  };
}

/** `kubernetes_plugin.conf.example`. */
export function exampleFile(): string {
  return `${JSON.stringify(EXAMPLE, null, 2)}\n`;
}

/**
 * A JSON file to start from: every key that has a default, at its default.
 * @param given what is set already
 */
export function starterJson(given: Values = {}): string {
  const values = Object.entries(jsonSchema().properties ?? {}).flatMap(([name, schema]) => {
    const [fallback, value] = [defaultOf(schema), given[name]];
    if (value === undefined) return fallback === undefined ? [] : [[name, fallback] as const];
    return [[name, isRecord(fallback) && isRecord(value) ? { ...fallback, ...value } : value] as const];
  });
  return `${JSON.stringify(Object.fromEntries(values), null, 2)}\n`;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * A YAML file to start from: every key with what it means, commented out at an example; `toYaml` writes one
 * entry.
 * @param given what is set already
 * @param sources the files that it comes from
 */
export function starterYaml(
  toYaml: (entry: Record<string, unknown>) => string,
  given: Values = {},
  sources: readonly string[] = [],
): string {
  const examples: Values = EXAMPLE;
  const entries = Object.entries(jsonSchema().properties ?? {}).filter(([name]) => name !== "$schema");
  const blocks = entries.map(([name, schema]) => {
    const fallback = defaultOf(schema);
    const value = given[name] ?? (fallback === undefined || isEmpty(fallback) ? examples[name] : fallback);
    const text = toYaml({ [name]: value }).trimEnd();
    const shown = given[name] === undefined ? text.replace(/^/gm, "#") : text;
    return `${comment(schema.description ?? "")}\n${shown}\n`;
  });
  const from = sources.map((file) => `# Taken from ${JSON.stringify(file)}.\n`).join("");
  return `# Configuration of gasw-k8s. Remove the "#" before a key to set it; docs/configuration.md describes all of them.\n${from}\n${blocks.join("\n")}`;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The default of a key; that of an object with known keys is put together from theirs. */
function defaultOf(schema: JsonSchema): unknown {
  if (!schema.properties || schema.default === undefined) return schema.default;
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([name, below]) =>
      below.default === undefined ? [] : [[name, below.default]],
    ),
  );
}

const COMMENT_WIDTH = 110;

function comment(text: string): string {
  return wrapped(text.replaceAll("`", ""), COMMENT_WIDTH, "# ", "# ");
}
