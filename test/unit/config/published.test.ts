import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { requestJsonSchema } from "../../../src/commands/requestReference.ts";
import { environmentNames, type KeyNode, rootNode } from "../../../src/config/schema/keys.ts";
import { exampleFile, jsonSchema } from "../../../src/config/schema/reference.ts";
import { referencePage } from "../../../src/config/schema/referencePage.ts";
import { EXIT_CODES } from "../../../src/errors.ts";
import { folderWith } from "../folders.ts";
import { load } from "./support.ts";

const committed = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const STALE = "stale: run node scripts/generate-config-docs.mjs";

describe("what is published", () => {
  test.each([
    ["docs/configuration.md", () => referencePage()],
    ["docs/gasw-k8s.schema.json", () => `${JSON.stringify(jsonSchema(), null, 2)}\n`],
    ["docs/request.schema.json", () => `${JSON.stringify(requestJsonSchema(), null, 2)}\n`],
    ["kubernetes_plugin.conf.example", () => exampleFile()],
  ])("is current: %s", (path, generate) => expect(committed(path) === generate(), STALE).toBe(true));

  test("knows every code of an error", () => {
    const { $defs } = JSON.parse(committed("docs/output.schema.json"));
    expect($defs.failure.properties.code.enum).toEqual(Object.keys(EXIT_CODES));
  });

  test("describes every key", () => {
    for (const [name, schema] of Object.entries(jsonSchema().properties ?? {})) expect(schema.description, name).toBeTruthy();
  });

  test("can be read in a terminal: no line of the page is longer than 100 characters", () => {
    expect(
      referencePage()
        .split("\n")
        .filter((line) => line.length > 100),
    ).toEqual([]);
  });

  test("names every environment variable on the page", () => {
    const page = committed("docs/configuration.md");
    for (const name of environmentNames().keys()) expect(page).toContain(`\`${name}\``);
  });
});

describe("the example", () => {
  const text = committed("kubernetes_plugin.conf.example");

  test("loads without a warning", async () => {
    const { warnings } = await load({ cwd: folderWith({ "kubernetes_plugin.conf": text }), file: "kubernetes_plugin.conf" });
    expect(warnings).toEqual([]);
  });

  test("has every key", () => {
    const example: unknown = JSON.parse(text);
    const missing = (node: KeyNode, values: readonly unknown[], path: string): string[] =>
      [...(node.keys ?? [])].flatMap(([name, child]) => {
        const given = values.flatMap((value) =>
          typeof value === "object" && value !== null && name in value ? [(value as Record<string, unknown>)[name]] : [],
        );
        if (given.length === 0) return [path + name];
        return child.item
          ? missing(child.item, given.flat(), `${path}${name}[].`)
          : child.merges
            ? missing(child, given, `${path}${name}.`)
            : [];
      });
    expect(missing(rootNode, [example], "")).toEqual([]);
  });
});

test.each(
  [...committed("docs/configuration.md").matchAll(/```(json|yaml)\n([\s\S]*?)```/g)].map(([, kind = "", text = ""]) => [kind, text]),
)("an example of the page loads without a warning: %s", async (kind, text) => {
  const { warnings } = await load({ cwd: folderWith({ [`gasw-k8s.config.${kind}`]: text }) });
  expect(warnings).toEqual([]);
});
