import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoredRequest } from "../../src/core/job.ts";
import { active, ended, held } from "../../src/core/lifecycle/make.ts";
import type { JobChange } from "../../src/core/lifecycle/record.ts";
import type { Dao } from "../../src/dao/dao.ts";
import { openDao } from "../../src/dao/open.ts";
import type { Deps } from "../../src/services/deps.ts";
import { deliver } from "../../src/services/sync/deliver.ts";
import { readSignals } from "../../src/services/sync/sync.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

const NOW = new Date("2026-01-02T03:04:05Z");

let folder: string;
let store: Store;
let warnings: string[];
/** Another program's way into the GASW database. */
let database: Database.Database;
const daos: Dao[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-deliver-"));
  store = new Store({ path: path.join(folder, "state.db"), now: () => NOW, warn: () => undefined });
  database = new Database(path.join(folder, "gasw.db"), { timeout: 10_000 });
  warnings = [];
});
afterEach(async () => {
  for (const dao of daos.splice(0)) await dao.close();
  store.close();
  database.close();
  rmSync(folder, { recursive: true });
});

const query = (sql: string) => database.prepare<[], Record<string, unknown>>(sql).all();
const rows = () => query("select id, simulation_id, status from Jobs order by id");

/** A workflow with its part of the GASW database. */
class Side {
  readonly workflow: StoredWorkflow;
  readonly dao: Dao;

  private constructor(workflow: StoredWorkflow, dao: Dao) {
    this.workflow = workflow;
    this.dao = dao;
  }

  static async open(id: string): Promise<Side> {
    const limits = { timeZone: "UTC", timeout: 10_000, env: process.env, signal: new AbortController().signal };
    const dao = await openDao({ ...limits, simulationId: id, url: `sqlite:${folder}/gasw.db` });
    daos.push(dao);
    return new Side(store.workflows.register({ namespace: "vip", id, directory: `/workflows/${id}` }), dao);
  }

  submit(id: string, request: StoredRequest = {}) {
    const kubeName = `${this.workflow.id}-${id.toLowerCase()}`;
    return store.intents.record(this.workflow, { id, kubeName, contentHash: "c0ffee", image: "debian", request, prepared: true }).job;
  }

  job(id: string) {
    const job = store.jobs.find(this.workflow, id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  }

  change(id: string, change: JobChange): void {
    if (!store.changes.write(this.job(id), change)) throw new Error(`${id} was not changed`);
  }

  /** Tells the database of everything, as often as a monitor would. */
  async deliver(): Promise<void> {
    const deps = { store, config: { dao: { minorStatus: false } }, warn: (text: string) => warnings.push(text) } as unknown as Deps;
    await deliver(deps, this.dao, this.workflow);
  }

  get left(): number {
    return store.outbox.size(this.workflow);
  }
}

describe("two workflows in one database", () => {
  const first = "workflow-first";
  const second = "workflow-second";

  test("leave each other's rows alone, and say once that a job has none", async () => {
    const [a, b] = [await Side.open(first), await Side.open(second)];
    a.submit("Job-1");
    a.change("Job-1", { stage: ended("COMPLETED"), exitCode: 0 });
    await a.deliver();
    for (const id of ["Job-1", "Job-2"]) b.submit(id);
    await b.deliver();
    expect(rows()).toEqual([
      { id: "Job-1", simulation_id: first, status: "COMPLETED" },
      { id: "Job-2", simulation_id: second, status: "QUEUED" },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^job Job-1 has no row in the GASW database: workflow workflow-first has .*{workflowDir}/),
    ]);
    expect(b.left).toBe(0);
    b.change("Job-1", { stage: ended("ERROR"), exitCode: 3 });
    await b.deliver();
    expect(rows()[0]).toMatchObject({ status: "COMPLETED" });
    expect(warnings).toHaveLength(1);
    expect(b.left).toBe(0);
  });

  test("are named in one sentence for all jobs that have no row", async () => {
    const [a, b] = [await Side.open(first), await Side.open(second)];
    for (const side of [a, b]) for (const id of ["Job-1", "Job-2", "Job-3"]) side.submit(id);
    await a.deliver();
    await b.deliver();
    expect(warnings).toEqual([expect.stringMatching(/^job Job-1 \(and 2 more\) has no row /)]);
  });

  test("follow no signal in the other one's rows, and show none of their statuses", async () => {
    const [a, b] = [await Side.open(first), await Side.open(second)];
    for (const side of [a, b]) {
      side.submit("Job-1");
      await side.deliver();
    }
    database.exec("update Jobs set status = 'KILL'");
    expect(await readSignals(a.dao)).toEqual(new Map([["Job-1", "KILL"]]));
    expect(await readSignals(b.dao)).toEqual(new Map());
    expect(await b.dao.rows(["Job-1"])).toEqual(new Map());
  });

  test("get their own rows once the other one's are gone", async () => {
    const [a, b] = [await Side.open(first), await Side.open(second)];
    for (const side of [a, b]) {
      side.submit("Job-1");
      await side.deliver();
    }
    database.exec("delete from Jobs");
    b.change("Job-1", { stage: active("RUNNING"), started: NOW.toISOString() });
    await b.deliver();
    expect(rows()).toEqual([{ id: "Job-1", simulation_id: second, status: "RUNNING" }]);
  });
});

describe("a row that the database refuses", () => {
  const refuseNothing = "drop index one_code";
  beforeEach(async () => {
    await (await Side.open("workflow-1")).dao.rows([]);
    database.exec("create unique index one_code on Jobs (exit_code, exit_message) where exit_code >= 0");
  });

  test("keeps nobody else's waiting: it is told, and written again with the job's next change", async () => {
    const side = await Side.open("workflow-1");
    for (const id of ["Job-1", "Job-2", "Job-3"]) side.submit(id);
    await side.deliver();
    for (const id of ["Job-1", "Job-2"]) side.change(id, { stage: ended("ERROR"), exitCode: 1, message: "same" });
    side.change("Job-3", { stage: ended("COMPLETED"), exitCode: 0 });
    await side.deliver();
    expect(rows().map(({ id, status }) => `${id} ${status}`)).toEqual(["Job-1 ERROR", "Job-2 QUEUED", "Job-3 COMPLETED"]);
    expect(warnings).toEqual([expect.stringMatching(/^job Job-2 keeps its old row in the GASW database: the database rejects a value \(/)]);
    expect(side.left).toBe(0);
    database.exec(refuseNothing);
    side.change("Job-2", { stage: held("ERROR_HELD") });
    await side.deliver();
    expect(rows()[1]).toMatchObject({ id: "Job-2", status: "ERROR_HELD" });
  });

  test("has its signal still, which is not taken again", async () => {
    const side = await Side.open("workflow-1");
    for (const id of ["Job-1", "Job-2"]) side.submit(id);
    await side.deliver();
    database.exec("update Jobs set status = 'KILL'");
    for (const id of ["Job-1", "Job-2"]) side.change(id, { stage: ended("DELETED"), signal: "KILL", message: "killed" });
    await side.deliver();
    expect(rows().map(({ status }) => status)).toEqual(["DELETED", "KILL"]);
    expect([side.job("Job-1").signal, side.job("Job-2").signal]).toEqual([null, "KILL"]);
  });
});

test("an answer to a signal is noted together with the delivery, or not at all", async () => {
  const side = await Side.open("workflow-1");
  side.submit("Job-1");
  await side.deliver();
  database.exec("update Jobs set status = 'KILL'");
  side.change("Job-1", { stage: ended("DELETED"), signal: "KILL" });
  // The state can't be written in the very moment in which the signal is forgotten.
  const state = new Database(path.join(folder, "state.db"));
  state.exec("create trigger full before update of signal on jobs when new.signal is null begin select raise(abort, 'full'); end");
  await expect(side.deliver()).rejects.toThrow("full");
  expect({ left: side.left, signal: side.job("Job-1").signal }).toEqual({ left: 1, signal: "KILL" });
  state.exec("drop trigger full");
  state.close();
  await side.deliver();
  expect(rows()).toMatchObject([{ status: "DELETED" }]);
  // The next one is a new one.
  expect(side.job("Job-1").signal).toBeNull();
});

describe("invocation ids", () => {
  const ids = () => query("select id, invocation_id from Jobs order by id").map((row) => `${row.id} ${row.invocation_id}`);

  test("that were stated are given to no other job, be it told before or with them", async () => {
    const side = await Side.open("workflow-1");
    side.submit("Job-1");
    side.submit("Job-2", { invocationId: 1 });
    side.submit("Job-3", { invocationId: 2 });
    side.submit("Job-4");
    await side.deliver();
    expect(ids()).toEqual(["Job-1 3", "Job-2 1", "Job-3 2", "Job-4 4"]);
  });

  test("of jobs without a row are given to no other job", async () => {
    const [a, b] = [await Side.open("workflow-first"), await Side.open("workflow-second")];
    a.submit("Job-1");
    await a.deliver();
    for (const id of ["Job-1", "Job-2"]) {
      b.submit(id);
      await b.deliver();
    }
    expect([b.job("Job-1"), b.job("Job-2")].map(({ invocationId }) => invocationId)).toEqual([1, 2]);
  });
});

describe("a resubmission's row", () => {
  const words = () => query("select id, file_name, command, parameters from Jobs order by id").map((row) => Object.values(row).join(" "));

  test("has the command and the parameters of the one that the engine made", async () => {
    const side = await Side.open("workflow-1");
    const first = side.submit("Job-1");
    database.exec(`insert into Jobs (id, simulation_id, status, file_name, invocation_id, command, parameters)
      values ('Job-1', 'workflow-1', 'QUEUED', 'Job-1', 7, 'app.json', '-i x')`);
    await side.deliver();
    store.attempts.add(first, first.request);
    await side.deliver();
    expect(words()).toEqual(["Job-1 Job-1 app.json -i x", "Job-1-r1 Job-1 app.json -i x"]);
  });

  test("has those that the request states", async () => {
    const side = await Side.open("workflow-1");
    const first = side.submit("Job-1", { command: "own.json", parameters: "-o y" });
    await side.deliver();
    store.attempts.add(first, first.request);
    await side.deliver();
    expect(words()).toEqual(["Job-1 Job-1 own.json -o y", "Job-1-r1 Job-1 own.json -o y"]);
  });
});
