import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { build } from "rolldown";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GaswError } from "../../src/errors.ts";
import { migrations } from "../../src/store/migrations.ts";
import { Store } from "../../src/store/store.ts";
import { many } from "../full.ts";

const root = path.resolve(import.meta.dirname, "../..");
let scratch: string;
let program: string;
let file: string;
let number = 0;
beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-store-"));
  symlinkSync(path.join(root, "node_modules"), path.join(scratch, "node_modules"));
  program = path.join(scratch, "storeProcess.mjs");
  await build({
    input: path.join(import.meta.dirname, "storeProcess.ts"),
    platform: "node",
    external: ["better-sqlite3"],
    output: { file: program, format: "esm" },
  });
});
beforeEach(() => {
  file = path.join(scratch, `${number++}`, "state.db");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const WORKFLOW = { namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" };
const warnings: string[] = [];
const open = (options: { fileSystemType?: (folder: string) => number } = {}) =>
  new Store({ path: file, now: () => new Date(), warn: (text) => warnings.push(text), ...options });
const failureOf = (action: () => unknown): GaswError => {
  try {
    action();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

/** Starts processes, lets them all begin at the same moment, and collects what they say. */
async function atOnce(count: number): Promise<{ code: number; stdout: string; stderr: string }[]> {
  const children = Array.from({ length: count }, (_, index) =>
    spawn(process.execPath, [program, file, String(index)], { stdio: ["pipe", "pipe", "pipe"] }),
  );
  const results = children.map((child) => {
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
    return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) =>
      child.once("close", (code) => resolve({ code: code ?? -1, ...texts })),
    );
  });
  await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once("data", resolve))));
  for (const child of children) child.stdin.end();
  return await Promise.all(results);
}

const PROCESSES = many(100, 40);

describe("many processes at once", () => {
  test("make one state file and lose nothing: no `database is locked`, one of them makes the common job, one renews the marks", async () => {
    const results = await atOnce(PROCESSES);
    expect(results.filter(({ code, stderr }) => code !== 0 || stderr !== "")).toEqual([]);
    const answers = results.map(({ stdout }) => JSON.parse(stdout.split("\n")[1] ?? ""));
    expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1);
    const store = open();
    const [workflow, ...others] = store.workflows.all();
    expect({ workflow, others }).toMatchObject({ workflow: WORKFLOW, others: [] });
    const jobs = store.jobs.all();
    expect(jobs).toHaveLength(5 * PROCESSES + 1);
    expect(jobs.filter((job) => job.status === "COMPLETED")).toHaveLength(5 * PROCESSES);
    for (const job of jobs.slice(0, 20).filter((one) => one.id !== "Same-1"))
      expect(store.history.of(job).map(({ status }) => status)).toEqual(["NOT_SUBMITTED", "QUEUED", "COMPLETED"]);
    store.close();
    expect(readdirSync(path.dirname(file)).filter((name) => name.startsWith("state.db.new"))).toEqual([]);
  });

  test.each([
    ["an empty file", (): void => writeFileSync(file, "")],
    ["a corrupt file", (): void => writeFileSync(file, "garbage".repeat(1000))],
    ["what a process that was killed while it made the file left", (): void => writeFileSync(`${file}.new`, "half made")],
  ])("beside %s work too", async (_, arrange) => {
    mkdirSync(path.dirname(file), { recursive: true });
    arrange();
    const results = await atOnce(20);
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    const warned = results.filter(({ stderr }) => stderr !== "");
    const kept = readdirSync(path.dirname(file)).filter((name) => name.includes(".corrupt-") && !/-(wal|shm)$/.test(name));
    expect({ warned: warned.length, kept: kept.length }).toEqual(_ === "a corrupt file" ? { warned: 1, kept: 1 } : { warned: 0, kept: 0 });
    const store = open();
    expect(store.jobs.all()).toHaveLength(101);
    store.close();
  });

  test("of which some are killed leave a whole file", async () => {
    const children = Array.from({ length: 20 }, (_, index) =>
      spawn(process.execPath, [program, file, String(index)], { stdio: ["pipe", "pipe", "ignore"] }),
    );
    await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once("data", resolve))));
    const ends = children.map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const [index, child] of children.entries()) {
      child.stdin.end();
      if (index % 2 === 0) setTimeout(() => child.kill("SIGKILL"), 5 * index);
    }
    await Promise.all(ends);
    const store = open();
    for (const job of store.jobs.all()) expect(store.history.of(job).at(-1)?.status).toBe(job.status);
    store.close();
    const database = new Database(file, { readonly: true });
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    database.close();
  });
});

describe("the place of the state file", () => {
  test.each([
    ["NFS", 0x6969],
    ["CIFS", 0xff534d42],
    ["SMB2", 0xfe534d42],
    ["Lustre", 0x0bd00bd0],
    ["CephFS", 0x00c36400],
    ["9p", 0x01021997],
  ])("is refused on %s, and nothing is made", (kind, type) => {
    const error = failureOf(() => open({ fileSystemType: () => type }));
    expect(error).toMatchObject({
      code: "CONFIG",
      message: `the state file ${file} is on a network file system (${kind})`,
      hint: expect.stringContaining("state.path"),
    });
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    ["ext4", 0xef53],
    ["xfs", 0x58465342],
    ["tmpfs", 0x01021994],
    ["overlayfs", 0x794c7630],
    ["btrfs", 0x9123683e],
  ])("may be on %s", (_, type) => {
    open({ fileSystemType: () => type }).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("whose database was moved away by hand is begun anew, without playing the old log into it", () => {
    const old = open();
    old.workflows.register(WORKFLOW);
    renameSync(file, `${file}.moved`);
    const store = open();
    expect(store.workflows.all()).toEqual([]);
    store.workflows.register({ ...WORKFLOW, id: "workflow-2" });
    expect(store.workflows.all().map(({ id }) => id)).toEqual(["workflow-2"]);
    store.close();
    old.close();
  });
});

describe("versions", () => {
  test("a file of a newer version is refused and left as it is", () => {
    open().close();
    const database = new Database(file);
    database.pragma(`user_version = ${migrations.length + 1}`);
    database.close();
    const before = readFileSync(file);
    expect(failureOf(() => open())).toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("has a newer version"),
      exitCode: 3,
    });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("a new file has the version of this program and write-ahead logging", () => {
    open().close();
    const database = new Database(file);
    expect(database.pragma("user_version", { simple: true })).toBe(migrations.length);
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
    database.close();
  });
});
