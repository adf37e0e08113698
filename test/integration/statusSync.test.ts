import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli.ts";
import type { LocalStatus } from "../../src/core/job.ts";
import { Store, type StoredJob, type StoredWorkflow } from "../../src/store/store.ts";
import { folderWith } from "../unit/folders.ts";
import { ioDouble } from "../unit/io.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
let folder: string;
let store: Store;
beforeEach(() => {
  folder = folderWith();
  store = new Store({ path: path.join(folder, "state.db"), now: () => NOW, warn: () => undefined });
});
afterEach(() => store.close());

function workflow(id: string): StoredWorkflow {
  const directory = path.join(folder, id);
  mkdirSync(path.join(directory, "sh"), { recursive: true });
  return store.registerWorkflow({ namespace: "default", id, directory });
}

/** A job that has ended, and of whose invocation everything was seen to. */
function overJob(of: StoredWorkflow, id: string, status: LocalStatus = "COMPLETED"): StoredJob {
  const { job } = store.recordIntent(of, { id, kubeName: `k-${of.id}-${id}`, contentHash: "c", image: "i", request: {} });
  store.applyUpdates([{ job, change: { status, settled: true }, announce: true }], NOW);
  return store.findJob(of, id) as StoredJob;
}

/** Runs `status --sync` outside every workflow directory; no cluster is configured, since nothing there is to be asked for. */
async function sync(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { io, stdout, stderr } = ioDouble({ cwd: folder, env: { HOME: folder, GASW_K8S_STATE_PATH: store.path }, now: NOW });
  const code = await run(["status", "--sync", ...args], io, "1.2.3");
  return { code, stdout: stdout(), stderr: stderr() };
}

async function results(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await sync("-o", "ndjson", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).id);
}

describe("the results that status --sync -o ndjson tells", () => {
  let one: StoredWorkflow;
  beforeEach(() => {
    one = workflow("workflow-1");
    for (const id of ["Job-1", "Job-2"]) overJob(one, id);
    overJob(one, "Job-3", "DELETED");
  });

  test("are the workflow's", async () => expect(await results("--workflow", one.directory)).toEqual(["Job-1", "Job-2", "Job-3"]));

  test("are those of the jobs that are named", async () => {
    expect(await results("Job-2")).toEqual(["Job-2"]);
    expect(await results("Job-3", path.join(one.directory, "sh/Job-1.sh"))).toEqual(["Job-1", "Job-3"]);
    expect(await results("Job-1", "--since", "1")).toEqual([]);
  });

  test("are those of an invocation whose earlier attempt is named", async () => {
    const job = store.findJob(one, "Job-3") as StoredJob;
    store.addAttempt(job, {});
    expect(store.changeJob(store.findJob(one, "Job-3-r1") as StoredJob, { status: "DELETED", settled: true })).toBe(true);
    expect(await results("Job-3")).toEqual(["Job-3"]);
  });

  test("are those of jobs in the statuses, and of the age, that are asked for", async () => {
    expect(await results("--workflow", one.directory, "--status", "DELETED")).toEqual(["Job-3"]);
    expect(await results("--workflow", one.directory, "--older-than", "1h")).toEqual([]);
  });
});
