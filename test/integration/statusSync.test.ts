import { mkdirSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { held, over } from "../../src/core/lifecycle/make.ts";
import type { EndStatus } from "../../src/core/lifecycle/stage.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
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
  return store.workflows.register({ namespace: "default", id, directory });
}

/** A job that has ended, and of whose invocation everything was seen to. */
function overJob(of: StoredWorkflow, id: string, status: EndStatus | "ERROR_HELD" = "COMPLETED"): StoredJob {
  const { job } = store.intents.record(of, { id, kubeName: `k-${of.id}-${id}`, contentHash: "c", image: "i", request: {}, prepared: true });
  store.updates.apply(
    [{ job, change: { stage: status === "ERROR_HELD" ? held(status) : over(status) }, announce: status !== "ERROR_HELD" }],
    NOW,
  );
  return store.jobs.find(of, id) as StoredJob;
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
    const job = store.jobs.find(one, "Job-3") as StoredJob;
    store.attempts.add(job, {});
    expect(store.changes.write(store.jobs.find(one, "Job-3-r1") as StoredJob, { stage: over("DELETED") })).toBe(true);
    expect(await results("Job-3")).toEqual(["Job-3"]);
  });

  test("are those of jobs in the statuses, and of the age, that are asked for", async () => {
    expect(await results("--workflow", one.directory, "--status", "DELETED")).toEqual(["Job-3"]);
    expect(await results("--workflow", one.directory, "--older-than", "1h")).toEqual([]);
  });
});

describe("status --sync outside a workflow directory", () => {
  const rowOf = (id: string) => {
    const database = new Database(path.join(folder, "gasw.db"), { readonly: true });
    try {
      return database.prepare("SELECT status FROM Jobs WHERE id = ?").pluck().get(id);
    } finally {
      database.close();
    }
  };
  const signal = (id: string, status: string) => {
    const database = new Database(path.join(folder, "gasw.db"));
    database.prepare("UPDATE Jobs SET status = ? WHERE id = ?").run(status, id);
    database.close();
  };
  const idle = async () =>
    expect(await sync()).toEqual({
      code: 0,
      stdout: "",
      stderr: expect.stringMatching(/^no jobs to synchronise in the state of this host \(.*\)\n$/),
    });

  test("tells what has ended without being told", async () => {
    overJob(workflow("workflow-1"), "Job-1");
    expect(await sync("-q")).toEqual({ code: 0, stdout: "Job-1\n", stderr: "" });
    expect(rowOf("Job-1")).toBe("COMPLETED");
    await idle();
  });

  test("looks for the signals of a job that is held, also when nothing else is left to be done", async () => {
    overJob(workflow("workflow-1"), "Job-1", "ERROR_HELD");
    for (const _ of [1, 2]) expect(await sync("-q")).toEqual({ code: 0, stdout: "Job-1\n", stderr: "" });
    signal("Job-1", "KILL");
    // What is to be done about it is asked of the cluster first.
    expect(await sync("-q")).toMatchObject({ code: 3, stdout: "Job-1\n", stderr: expect.stringContaining("no cluster is configured") });
  });

  test("tells the results of all workflows, each once, whoever has synchronised them", async () => {
    const [one, two] = [workflow("workflow-1"), workflow("workflow-2")];
    overJob(one, "Job-1");
    overJob(two, "Job-2");
    expect(await results("--since", "0")).toEqual(["Job-1", "Job-2"]);
    overJob(one, "Job-3");
    await sync("--workflow", one.directory);
    await idle();
    expect(await results("--since", "2")).toEqual(["Job-3"]);
    expect(await results("--since", "3")).toEqual([]);
  });
});

test("the jobs with something to do are found among a thousand others", () => {
  const of = workflow("workflow-1");
  for (let index = 0; index < 1000; index++) overJob(of, `Job-${index}`);
  store.outbox.acknowledge(
    store.outbox.read(of, store.outbox.end(), 1000).map(({ seq, job }) => ({ seq, job, invocationId: 1, isAnswered: true })),
  );
  overJob(workflow("workflow-2"), "Held-1", "ERROR_HELD");
  expect(store.workflows.unfinished().map(({ id }) => id)).toEqual(["workflow-2"]);
  expect(store.jobs.unfinished().map(({ id }) => id)).toEqual(["Held-1"]);
});
