/** docs/configuration.md: every key, read off the schema, in a form that a terminal shows without cutting it. Pure. */
import { wrapped } from "../text/wrap.ts";
import { otherSpellings } from "./generations.ts";
import { environmentNames } from "./keys.ts";
import { type JsonSchema, jsonSchema } from "./reference.ts";
import {
  CLUSTER,
  EXAMPLES,
  GENERATIONS,
  INTRODUCTION,
  KINDS,
  SECRETS,
  SOURCES,
  VOLUMES,
} from "./referenceText.ts";

const WIDTH = 100;

/** The sections of the keys, by the first key of each in the order of the schema. */
const SECTIONS: Readonly<Record<string, string>> = {
  k8sAddress: "Cluster",
  nfsAddress: "Volumes",
  image: "Images, resources and environment",
  nodeSelector: "Labels and scheduling",
  timeout: "Limits, containers and queue",
  options: "Timeouts and requests",
  pending: "Waiting",
  retryCount: "Retries",
  dao: "The GASW database",
  state: "State",
};

/** A key, as the page shows it. */
interface Entry {
  readonly key: string;
  readonly schema: JsonSchema;
}

/** `docs/configuration.md`. */
export function referencePage(): string {
  const { properties = {} } = jsonSchema();
  const variables = new Map([...environmentNames()].map(([name, { path }]) => [path.join("."), name]));
  const keys = entriesOf(properties).filter(({ key }) => key !== "$schema");
  const forms = (properties.workflowVolume?.oneOf ?? []).map(
    ({ properties: fields }) =>
      `With \`"type": ${JSON.stringify(fields?.type?.const)}\`:\n\n${list(entriesOf(fields).filter(({ schema }) => schema.const === undefined))}`,
  );
  return [
    INTRODUCTION,
    SOURCES,
    `## Keys\n\n${KINDS}`,
    ...keys.flatMap(({ key, schema }) => {
      const title = SECTIONS[key];
      const heading = title === undefined ? [] : [`### ${title}`];
      return [...heading, list([{ key, schema }, ...entriesOf(schema.properties, `${key}.`)], variables)];
    }),
    `### \`workflowVolume\`\n\n${forms.join("\n\n")}`,
    `### Entries of \`volumes\`\n\n${VOLUMES}\n\n${list(entriesOf(properties.volumes?.items?.properties))}`,
    CLUSTER,
    SECRETS,
    `## Three generations of the plugin's file\n\n${GENERATIONS}\n\n${spellings()}`,
    EXAMPLES,
  ].join("\n\n");
}

function entriesOf(properties: JsonSchema["properties"] = {}, prefix = ""): Entry[] {
  return Object.entries(properties).map(([name, schema]) => ({ key: `${prefix}${name}`, schema }));
}

/** Each key in a paragraph of its own: what it takes, then what it means. */
function list(entries: readonly Entry[], variables: ReadonlyMap<string, string> = new Map()): string {
  return entries.map((entry) => item(entry, variables.get(entry.key))).join("\n\n");
}

function item({ key, schema }: Entry, variable: string | undefined): string {
  const fallback =
    schema.default === undefined || schema.properties ? "" : `, default ${defaultText(schema.default)}`;
  const environment = variable === undefined ? "" : `; \`${variable}\``;
  const head = `- **\`${key}\`**: ${typeText(schema)}${fallback}${environment}`;
  const lines = [wrapped(head, WIDTH, "", "  ")];
  if (schema.description !== undefined) lines.push("", wrapped(schema.description, WIDTH, "  "));
  return lines.join("\n");
}

/** With spaces, at which a line may end. */
function defaultText(value: unknown): string {
  return `\`${JSON.stringify(value).replaceAll(/(?<=[,:])(?=")|(?<=":)(?=\S)/g, " ")}\``;
}

function typeText({ type, title, items }: JsonSchema): string {
  if (type === "array") return items?.title ? `list of: ${items.title}` : "list of objects";
  return title ?? "object";
}

function spellings(): string {
  const lines = otherSpellings.map(([spelling, key]) => `| \`${spelling}\` | \`${key}\` |`);
  return ["| also read | means |", "| --- | --- |", ...lines].join("\n");
}
