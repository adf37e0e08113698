import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadedModules, SUBMIT_LOADS } from "../loadedModules.ts";

const root = path.resolve(import.meta.dirname, "../..");

describe("the published package", () => {
  let folder: string;
  let files: string[];

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-pack-"));
    const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root, encoding: "utf8" }));
    files = packed.files.map((file: { path: string }) => file.path);
    writeFileSync(path.join(folder, "package.json"), '{ "name": "empty", "private": true, "allowScripts": { "better-sqlite3": true } }');
    // Where the native module has been compiled before it is taken from there, as scripts/lib.sh says. CI_FULL=1 compiles it.
    const install = `${process.env.CI_FULL === "1" ? "" : ". scripts/lib.sh;"} exec npm install --no-audit --no-fund --prefix "$@"`;
    execFileSync("bash", ["-ec", install, "bash", folder, path.join(folder, packed.filename)], { cwd: root, stdio: "pipe" });
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds the program, its manifests, its pages and its licences, and no source or test", () => {
    for (const file of [
      "bin/gasw-k8s.js",
      "bridge/classes/JdbcBridge.class",
      "dist/hot.cache",
      "dist/hot.cjs",
      "dist/start.cjs",
      "deploy/image/Containerfile",
      "deploy/prometheus-rules.yaml",
      "deploy/rbac.yaml",
      "deploy/rbac-namespace.yaml",
      "deploy/sweep-cronjob.yaml",
      "deploy/systemd/gasw-k8s-sweep.service",
      "deploy/systemd/gasw-k8s-sweep.timer",
      "docs/sweeping.md",
      "engine/gasw-plugin/gasw-k8s-plugin.jar",
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
    const env = { PATH: process.env.PATH, HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "empty/state.db") };
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    expect(execFileSync(program, ["--version"], { env, cwd: folder, encoding: "utf8" })).toBe(`${version}\n`);
    // Opens the state, so the native module is there and loads.
    expect(execFileSync(program, ["status", "--cached", "-o", "json"], { env, cwd: folder, encoding: "utf8" })).toBe(
      '{\n  "jobs": []\n}\n',
    );
  });

  test("is repaired by the command that its error names where its native module was not compiled", () => {
    const program = path.join(folder, "node_modules/.bin/gasw-k8s");
    const env = { PATH: process.env.PATH, HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "repaired/state.db") };
    const status = () => spawnSync(program, ["status", "--cached"], { env, cwd: folder, encoding: "utf8" });
    rmSync(path.join(folder, "node_modules/better-sqlite3/build"), { recursive: true });
    const { stderr } = status();
    const [, command = "", place = ""] = /^hint: run `(npm rebuild better-sqlite3)` in (\S+),/m.exec(stderr) ?? [];
    expect(realpathSync(place)).toBe(realpathSync(folder));
    execFileSync("bash", ["-ec", `. scripts/lib.sh; cd ${place}; ${command}`], { cwd: root, stdio: "pipe" });
    expect(status().status).toBe(0);
  });

  test.each([
    ["to a cluster that does not answer", [], 4],
    ["that makes nothing", ["--dry-run=client"], 0],
  ])("loads one file of its own for a submission %s", (_, options, code) => {
    for (const name of ["sh", "out", "err"]) mkdirSync(path.join(folder, "workflow", name), { recursive: true });
    writeFileSync(path.join(folder, "workflow/sh/Job-1.sh"), "true\n");
    const cluster = { k8sAddress: "https://127.0.0.1:1", k8sToken: "none", nfsAddress: "127.0.0.1", nfsPath: "/", image: "none" };
    const securityContext = { runAsUser: process.getuid?.(), runAsGroup: process.getgid?.() };
    const config = { ...cluster, securityContext, options: { maxRetryToPush: 0, statusRetry: 0 } };
    writeFileSync(path.join(folder, "gasw-k8s.json"), JSON.stringify(config));
    const loaded = loadedModules(folder);
    const { status, stderr } = spawnSync(
      path.join(folder, "node_modules/.bin/gasw-k8s"),
      ["submit", "--config", "gasw-k8s.json", "workflow/sh/Job-1.sh", ...options],
      { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...loaded.env }, encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([code, code === 0 ? "" : expect.stringContaining("cannot reach the cluster")]);
    const names = loaded.names();
    expect(names).toContain("hot.cjs");
    expect(SUBMIT_LOADS).toEqual(expect.arrayContaining(names));
  });

  test.each([
    ["yaml", "YAMLParseError"],
    ["ora", "dots12"],
    ["kysely", "SelectQueryNode"],
    ["pg", "SCRAM-SHA-256"],
    ["mysql2", "caching_sha2_password"],
    ["prom-client", "collectDefaultMetrics"],
    ["fastest-levenshtein", "myers_32"],
    ["terminals", "WebSocketHandler"],
    ["proxies", "SocksClient"],
    ["OpenID Connect", "code_challenge_methods_supported"],
    ["the parser of outputs", "application_execution"],
  ])("keeps %s out of the file that every submission reads", (_, text) => {
    const dist = path.join(folder, "node_modules/gasw-k8s/dist");
    const having = readdirSync(dist).filter((name) => name.endsWith(".cjs") && readFileSync(path.join(dist, name), "utf8").includes(text));
    // Somewhere it is, else this text shows nothing.
    expect(having).not.toEqual([]);
    expect(having).not.toContain("hot.cjs");
  });
});
