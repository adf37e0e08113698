import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

test("docs/commands.md shows the commands' help as it is (else: node scripts/generate-command-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-command-docs.mjs"), "--check"])).not.toThrow();
});

test("docs/ends.md shows the table that the tests hold the code to (else: node scripts/generate-ends-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-ends-docs.mjs"), "--check"])).not.toThrow();
});

test("docs/errors.md shows every error as the source words it (else: node scripts/generate-errors-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-errors-docs.mjs"), "--check"])).not.toThrow();
});

test("docs/lifecycle.md is drawn from the life cycle as it is (else: node scripts/generate-lifecycle-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-lifecycle-docs.mjs"), "--check"])).not.toThrow();
});

test("docs/gasw-database.md names every figure that a monitor serves", () => {
  const read = (file: string) => readFileSync(path.join(root, file), "utf8");
  const figures = (text: string) => [...new Set(text.match(/\bgasw_k8s_\w+/g))].sort();
  expect(figures(read("docs/gasw-database.md"))).toEqual(figures(read("src/services/sync/metrics.ts")));
});
