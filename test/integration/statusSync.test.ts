import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { held, over } from "../../src/core/lifecycle/make.ts";
import type { EndStatus } from "../../src/core/lifecycle/stage.ts";
import { sqlite as sqliteDialect } from "../../src/dao/dialects.ts";
import { schemaStatements } from "../../src/dao/schema.ts";
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

/** Where a workflow has its rows unless a database is configured. */
const databaseOf = (id: string) => path.join(folder, "gasw/default", id, "jobs.db");
/** Where all had them before. */
const sharedDatabase = () => path.join(folder, "gasw.db");

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
    const again = store.jobs.find(one, "Job-3-r1") as StoredJob;
    store.updates.apply([{ job: again, change: { stage: over("DELETED") }, announce: true }], NOW);
    expect(await results("Job-3")).toEqual(["Job-3"]);
  });

  test("are those of jobs in the statuses, and of the age, that are asked for", async () => {
    expect(await results("--workflow", one.directory, "--status", "DELETED")).toEqual(["Job-3"]);
    expect(await results("--workflow", one.directory, "--older-than", "1h")).toEqual([]);
  });
});

describe("status --sync outside a workflow directory", () => {
  const rowOf = (id: string) => {
    const database = new Database(databaseOf("workflow-1"), { readonly: true });
    try {
      return database.prepare("SELECT status FROM Jobs WHERE id = ?").pluck().get(id);
    } finally {
      database.close();
    }
  };
  const signal = (id: string, status: string) => {
    const database = new Database(databaseOf("workflow-1"));
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

describe("the database of a workflow for which none is configured", () => {
  const rowsIn = (file: string) => {
    const database = new Database(file, { readonly: true });
    try {
      return database.prepare("SELECT simulation_id || ' ' || id || ' ' || status FROM Jobs ORDER BY 1").pluck().all();
    } finally {
      database.close();
    }
  };
  /** The database that all workflows shared, with a row of one of them. */
  function share(row?: { id: string; simulation: string; status: string }): void {
    const database = new Database(sharedDatabase());
    for (const statement of schemaStatements(sqliteDialect)) database.exec(statement);
    if (row !== undefined) database.prepare("INSERT INTO Jobs (id, simulation_id, status) VALUES (:id, :simulation, :status)").run(row);
    database.close();
  }

  test("is its own: jobs of one name in two workflows have a row each", async () => {
    for (const id of ["workflow-1", "workflow-2"]) overJob(workflow(id), "Job-1");
    expect(await sync()).toMatchObject({ code: 0, stderr: "" });
    expect(rowsIn(databaseOf("workflow-1"))).toEqual(["workflow-1 Job-1 COMPLETED"]);
    expect(rowsIn(databaseOf("workflow-2"))).toEqual(["workflow-2 Job-1 COMPLETED"]);
    expect(existsSync(sharedDatabase())).toBe(false);
  });

  test("is its own in each namespace, and whatever characters and length its name has", async () => {
    const names = ["Workflow 1.db", "作業", "x".repeat(255)];
    for (const id of names) overJob(workflow(id), "Job-1");
    const other = store.workflows.register({ namespace: "other", id: "作業", directory: path.join(folder, "作業") });
    overJob(other, "Job-2");
    expect(await sync()).toMatchObject({ code: 0, stderr: "" });
    for (const id of names) expect(rowsIn(databaseOf(id))).toEqual([`${id} Job-1 COMPLETED`]);
    expect(rowsIn(path.join(folder, "gasw/other/作業/jobs.db"))).toEqual(["作業 Job-2 COMPLETED"]);
  });

  test("is the one that all shared, where it has rows there, for good; others get their own", async () => {
    share({ id: "Job-1", simulation: "workflow-1", status: "RUNNING" });
    for (const id of ["workflow-1", "workflow-2"]) overJob(workflow(id), "Job-1");
    expect(await sync()).toMatchObject({ code: 0, stderr: "" });
    overJob(workflow("workflow-1"), "Job-2");
    expect(await sync()).toMatchObject({ code: 0, stderr: "" });
    expect(rowsIn(sharedDatabase())).toEqual(["workflow-1 Job-1 COMPLETED", "workflow-1 Job-2 COMPLETED"]);
    expect(rowsIn(databaseOf("workflow-2"))).toEqual(["workflow-2 Job-1 COMPLETED"]);
    expect(existsSync(databaseOf("workflow-1"))).toBe(false);
  });

  test.each([
    ["has no rows", () => share()],
    ["has no tables", () => new Database(sharedDatabase()).exec("VACUUM").close()],
    ["is empty", () => writeFileSync(sharedDatabase(), "")],
  ])("is its own where the one that all shared %s", async (_, arrange) => {
    arrange();
    overJob(workflow("workflow-1"), "Job-1");
    expect(await sync()).toMatchObject({ code: 0, stderr: "" });
    expect(rowsIn(databaseOf("workflow-1"))).toEqual(["workflow-1 Job-1 COMPLETED"]);
  });

  test("is not guessed where the one that all shared cannot be read: exit 8, and the next synchronisation writes it", async () => {
    writeFileSync(sharedDatabase(), "not a database".repeat(100));
    overJob(workflow("workflow-1"), "Job-1");
    expect(await sync()).toMatchObject({ code: 8, stderr: expect.stringContaining(`cannot use the GASW database ${sharedDatabase()}`) });
    rmSync(sharedDatabase());
    expect(await sync()).toMatchObject({ code: 0 });
    expect(rowsIn(databaseOf("workflow-1"))).toEqual(["workflow-1 Job-1 COMPLETED"]);
  });
});
