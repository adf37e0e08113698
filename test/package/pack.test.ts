import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

describe("the published package", () => {
  let folder: string;
  let files: string[];

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-pack-"));
    const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root, encoding: "utf8" }));
    files = packed.files.map((file: { path: string }) => file.path);
    writeFileSync(path.join(folder, "package.json"), '{ "name": "empty", "private": true, "allowScripts": { "better-sqlite3": true } }');
    execFileSync("npm", ["install", "--no-audit", "--no-fund", path.join(folder, packed.filename)], { cwd: folder, stdio: "pipe" });
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds the program, its manifests, its pages and its licences, and no source or test", () => {
    for (const file of [
      "bin/gasw-k8s.js",
      "bridge/classes/JdbcBridge.class",
      "dist/hot.cache",
      "dist/hot.cjs",
      "dist/start.cjs",
      "deploy/rbac.yaml",
      "kubernetes_plugin.conf.example",
      "README.md",
      "LICENSE",
      "CHANGELOG.md",
    ]) {
      expect(files).toContain(file);
    }
    expect(files).toContain("dist/THIRD_PARTY_LICENSES.txt");
    expect(files.filter((file) => /^(src|test|cluster|bench|scripts|node_modules|\.)/.test(file))).toEqual([]);
  });

  test("runs from an empty folder, with nothing installed but its own dependencies", () => {
    const program = path.join(folder, "node_modules/.bin/gasw-k8s");
    const env = { PATH: process.env.PATH, HOME: folder };
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    expect(execFileSync(program, ["--version"], { env, cwd: folder, encoding: "utf8" })).toBe(`${version}\n`);
    // Opens the state, so the native module is there and loads.
    expect(execFileSync(program, ["status", "--cached", "-o", "json"], { env, cwd: folder, encoding: "utf8" })).toBe(
      '{\n  "jobs": []\n}\n',
    );
  });
});
