import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { folderWith } from "../unit/folders.ts";
import { ioDouble } from "../unit/io.ts";

const root = path.resolve(import.meta.dirname, "../..");
let scratch: string;
let program: string;
let number = 0;
let store: Store;
let workflow: StoredWorkflow;
beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-hold-"));
  symlinkSync(path.join(root, "node_modules"), path.join(scratch, "node_modules"));
  program = path.join(scratch, "holdProcess.mjs");
  await build({
    input: path.join(import.meta.dirname, "holdProcess.ts"),
    platform: "node",
    external: ["better-sqlite3"],
    output: { file: program, format: "esm" },
  });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const open = (file: string) => new Store({ path: file, now: () => new Date(), warn: () => undefined });
const processes: ChildProcess[] = [];
beforeEach(() => {
  store = open(path.join(scratch, `${number++}`, "state.db"));
  workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
});
afterEach(() => {
  for (const child of processes.splice(0)) child.kill("SIGKILL");
  store.close();
});

interface Other {
  readonly child: ChildProcess;
  /** The next line that it prints. */
  line(): Promise<string>;
}

function other(role: "monitor" | "look"): Other {
  const child = spawn(process.execPath, ["--expose-gc", program, store.path, role], { stdio: ["pipe", "pipe", "inherit"] });
  processes.push(child);
  const lines = (createInterface({ input: child.stdout }) as Interface)[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value };
}

/** A monitor that was killed while it held the workflow. */
async function killedMonitor(): Promise<void> {
  const { child, line } = other("monitor");
  expect(await line()).toBe("held");
  expect(store.holds.isMonitored(workflow)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Processes that look whether there is a monitor, all of them at it. */
async function lookers(count: number): Promise<{ end(): Promise<{ seen: boolean[]; last: boolean }[]> }> {
  const all = Array.from({ length: count }, () => other("look"));
  await Promise.all(all.map(({ line }) => line()));
  return {
    end: async () => {
      for (const { child } of all) child.stdin?.end();
      return (await Promise.all(all.map(({ line }) => line()))).map((line) => JSON.parse(line));
    },
  };
}

describe("a monitor that waits for another command's synchronisation", () => {
  test.each([
    ["SIGTERM", 0, /^$/],
    ["SIGINT", 130, /^error: interrupted: /],
  ] as const)("ends at %s with %i", async (signal, expected, told) => {
    const folder = folderWith();
    const beside = store.workflows.register({ namespace: "default", id: path.basename(folder), directory: folder });
    store.intents.record(beside, { id: "Job-1", kubeName: "job-1", contentHash: "c", image: "i", request: {}, prepared: true });
    const hold = store.holds.take(beside, { words: "process 2", isMonitor: false });
    const { io, stderr } = ioDouble({
      cwd: folder,
      env: { HOME: folder, GASW_K8S_STATE_PATH: store.path, GASW_K8S_ADDRESS: "https://127.0.0.1:1", GASW_K8S_TOKEN: "none" },
    });
    const stopped = { ...io, signal: AbortSignal.abort(), stoppedBy: () => signal };
    const code = await run(["monitor", "--workflow", folder], stopped, "1.2.3");
    expect(stderr()).toMatch(told);
    expect(code).toBe(expected);
    hold?.release();
  });
});

describe("the hold on a workflow", () => {
  test("is one process's at a time, and says whose", () => {
    const hold = store.holds.take(workflow, { words: "monitor, process 1", isMonitor: true });
    const second = open(store.path);
    expect(second.holds.take(workflow, { words: "process 2", isMonitor: false })).toBeUndefined();
    expect(second.holds.take(workflow, { words: "process 2", isMonitor: true })).toBeUndefined();
    expect([second.holds.holderOf(workflow), second.holds.isMonitored(workflow)]).toEqual(["monitor, process 1", true]);
    hold?.release();
    expect(second.holds.isMonitored(workflow)).toBe(false);
    const next = second.holds.take(workflow, { words: "process 2", isMonitor: false });
    expect([store.holds.holderOf(workflow), store.holds.isMonitored(workflow)]).toEqual(["process 2", false]);
    next?.release();
    second.close();
  });

  test("is another workflow's no concern", () => {
    const hold = store.holds.take(workflow, { words: "monitor, process 1", isMonitor: true });
    const beside = store.workflows.register({ namespace: "vip", id: "workflow-2", directory: "/workflows/workflow-2" });
    expect(store.holds.isMonitored(beside)).toBe(false);
    const own = store.holds.take(beside, { words: "process 1", isMonitor: false });
    expect(own).toBeDefined();
    own?.release();
    hold?.release();
  });

  test("lasts as long as its process lives, also when nothing there refers to it any more", async () => {
    const { line } = other("monitor");
    expect(await line()).toBe("held");
    expect([store.holds.isMonitored(workflow), store.holds.take(workflow, { words: "second", isMonitor: false })]).toEqual([
      true,
      undefined,
    ]);
  });

  test("ends with its process, also when that is killed: nobody takes the dead for a monitor", async () => {
    await killedMonitor();
    expect(store.holds.isMonitored(workflow)).toBe(false);
    const hold = store.holds.take(workflow, { words: "second", isMonitor: true });
    expect(hold).toBeDefined();
    hold?.release();
  });

  test("is no monitor's where a monitor was killed, however many look at once", async () => {
    await killedMonitor();
    const looking = await lookers(16);
    const answers = await looking.end();
    expect(answers).toHaveLength(16);
    for (const answer of answers) expect(answer).toEqual({ seen: [false], last: false });
  });

  test("is no monitor's while another command has it, whatever monitor there was before", async () => {
    await killedMonitor();
    const hold = store.holds.take(workflow, { words: "process 2", isMonitor: false });
    const looking = await lookers(4);
    expect(await looking.end()).toEqual(Array(4).fill({ seen: [false], last: false }));
    hold?.release();
  });

  test("is taken by a monitor among many who look, who see it from then on", async () => {
    const looking = await lookers(16);
    // One who looks may be in the way for as long as one attempt goes on.
    const hold = await vi.waitUntil(() => store.holds.take(workflow, { words: "monitor, process 1", isMonitor: true }), {
      timeout: 60_000,
    });
    for (const { last } of await looking.end()) expect(last).toBe(true);
    hold?.release();
  });
});
