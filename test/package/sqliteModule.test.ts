import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const PACKAGE = "node_modules/better-sqlite3";
/** A user who is not root. */
const OTHER = 12345;
const NATIVE = `${PACKAGE}/build/Release/better_sqlite3.node`;

/** A copy of the installation, whose SQLite module a test breaks. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-broken-"));
  for (const name of ["bin", "dist", "package.json"]) cpSync(path.join(root, name), at(name), { recursive: true });
  writeFileSync(at("gasw-k8s.json"), JSON.stringify({ k8sNamespace: "vip" }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(at(PACKAGE), { recursive: true, force: true });
  mkdirSync(path.dirname(at(NATIVE)), { recursive: true });
  for (const name of [`${PACKAGE}/package.json`, NATIVE]) cpSync(path.join(root, name), at(name));
});

const at = (name: string) => path.join(folder, name);

const cli = (...argv: string[]) => cliWith({}, ...argv);

function cliWith(more: NodeJS.ProcessEnv, ...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { PATH: process.env.PATH, HOME: folder, GASW_K8S_CONFIG: at("gasw-k8s.json"), GASW_K8S_STATE_PATH: at("state/state.db") };
  return spawnSync(process.execPath, [at("bin/gasw-k8s.js"), ...argv], { cwd: folder, env: { ...env, ...more }, encoding: "utf8" });
}

/** Replaces a text in the native module by another one of the same length. */
function patch(from: string, to: string): void {
  const content = readFileSync(at(NATIVE));
  for (let found = content.indexOf(from); found >= 0; found = content.indexOf(from)) content.write(to, found, "latin1");
  writeFileSync(at(NATIVE), content);
}

/** Makes the module say that it was compiled for a version of Node.js that there is not: `nm_version` of its `node_module`, and its entry. */
function buildForAnotherNode(): void {
  const version = Number(process.versions.modules);
  patch(`node_register_module_v${version}`, `node_register_module_v${"9".repeat(String(version).length)}`);
  const content = readFileSync(at(NATIVE));
  for (let offset = 0; offset + 24 < content.length; offset += 8) {
    const isBegin = content.readInt32LE(offset) === version && content.subarray(offset + 4, offset + 16).every((byte) => byte === 0);
    if (isBegin && content[offset + 16] !== 0) content.writeInt32LE(999, offset);
  }
  writeFileSync(at(NATIVE), content);
}

const FAULTS: readonly [name: string, fault: () => void, said: string, hint: RegExp, cause: RegExp][] = [
  ["not installed", () => rmSync(at(PACKAGE), { recursive: true }), "is not installed", /install gasw-k8s again/, /Cannot find module/],
  [
    "not compiled",
    () => rmSync(at(`${PACKAGE}/build`), { recursive: true }),
    "cannot be loaded: it was not compiled when it was installed",
    /npm rebuild better-sqlite3/,
    /Cannot find module/,
  ],
  [
    "built for another version of Node.js",
    buildForAnotherNode,
    `cannot be loaded: it was built for a version of Node.js other than this ${process.version}`,
    /npm rebuild better-sqlite3/,
    /NODE_MODULE_VERSION 999/,
  ],
  [
    "built for another C library",
    () => patch("libc.so.6", "libc.musl"),
    "cannot be loaded: it was built for another C library (glibc or musl)",
    /npm rebuild better-sqlite3/,
    /libc\.musl: cannot open shared object file/,
  ],
  [
    "damaged",
    () => writeFileSync(at(NATIVE), "not a module"),
    "cannot be loaded: it is damaged, or was built for another system",
    /npm rebuild better-sqlite3/,
    /file too short|invalid ELF header/,
  ],
];

describe.each(FAULTS)("with an SQLite module that is %s", (_, fault, said, hint, cause) => {
  beforeEach(fault);

  test("a command that needs the state says so in one line, what to do, and, with -v, why", () => {
    const { status, stdout, stderr } = cli("status", "--cached", "-v");
    expect([status, stdout]).toEqual([1, ""]);
    const [error, remedy, reason, ...others] = stderr.split("\n");
    expect(error).toBe(`error: the SQLite module better-sqlite3 ${said}`);
    expect(remedy).toMatch(/^hint: /);
    expect(remedy).toMatch(hint);
    expect(reason).toMatch(/^cause: /);
    expect(reason).toMatch(cause);
    expect(others).toEqual([""]);
  });

  test("what needs no state works", () => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    expect(cli("--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  });
});

test.skipIf(process.getuid?.() !== 0)("an installation that only root can read opens the state of another user", () => {
  const state = mkdtempSync(path.join(tmpdir(), "gasw-k8s-state-"));
  try {
    chmodSync(folder, 0o700);
    chownSync(state, OTHER, OTHER);
    const { status, stderr } = cliWith({ GASW_K8S_STATE_PATH: path.join(state, "state.db") }, "status", "--workflow", folder);
    expect({ status, stderr }).toEqual({ status: 3, stderr: expect.stringContaining("no cluster is configured") });
    expect(statSync(path.join(state, "state.db")).uid).toBe(OTHER);
  } finally {
    rmSync(state, { recursive: true });
  }
});

describe("without an SQLite module", () => {
  beforeEach(() => rmSync(at(PACKAGE), { recursive: true }));

  test.each([
    ["--help", /^Usage: gasw-k8s/],
    ["submit --help", /^Usage: gasw-k8s submit/],
    ["config show", /vip +.*gasw-k8s\.json/],
    ["config check", /^OK: /],
    ["config init new.yaml", /^new\.yaml\n$/],
    ["config schema", /^\{/],
  ])("%s works", (command, answer) => {
    const { status, stdout, stderr } = cli(...command.split(" "));
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(answer);
  });

  test.each([
    ["release Job-1", 1],
    ["cancel Job-1", 1],
    ["wait Job-1", 125],
    ["status --sync -o json", 1],
  ])("%s says what is missing, in its own format, with exit code %d", (command, code) => {
    const { status, stdout, stderr } = cli(...command.split(" "));
    expect([status, stdout]).toEqual([code, ""]);
    expect(stderr).toContain("the SQLite module better-sqlite3 is not installed");
    expect(stderr.trimEnd().split("\n")).toHaveLength(command.includes("json") ? 1 : 2);
  });
});
