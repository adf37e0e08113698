import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

test("docs/commands.md shows the commands' help as it is (else: node scripts/generate-command-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-command-docs.mjs"), "--check"])).not.toThrow();
});

test("docs/lifecycle.md is drawn from the life cycle as it is (else: node scripts/generate-lifecycle-docs.mjs)", () => {
  expect(() => execFileSync(process.execPath, [path.join(root, "scripts/generate-lifecycle-docs.mjs"), "--check"])).not.toThrow();
});
