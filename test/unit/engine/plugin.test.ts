import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const plugin = path.resolve(import.meta.dirname, "../../../engine/gasw-plugin");
const sources = path.join(plugin, "src/gaswk8s");

test("the plugin's jar is of its source (scripts/build-engine.sh makes it)", () => {
  const hash = createHash("sha256");
  for (const file of readdirSync(sources).sort()) hash.update(readFileSync(path.join(sources, file)));
  expect(readFileSync(path.join(plugin, "SOURCE.sha256"), "utf8")).toBe(`${hash.digest("hex")}\n`);
});
