import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { active, held, over } from "../../src/core/lifecycle/make.ts";
import { jobName } from "../../src/core/names.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

const TABLES = ["workflows", "jobs", "transitions", "results", "outbox", "killed"] as const;

let folder: string;
let file: string;
let now: Date;
const stores: Store[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-retention-"));
  file = path.join(folder, "state.db");
  now = new Date("2026-01-01T00:00:00Z");
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

/** The state file, as one more process has it open. */
function open(): Store {
  const store = new Store({ path: file, now: () => now, warn: () => undefined });
  stores.push(store);
  return store;
}

function register(store: Store, id: string): StoredWorkflow {
  return store.workflows.register({ namespace: "vip", id, directory: `/workflows/${id}` });
}

function record(store: Store, workflow: StoredWorkflow, id: string): StoredJob {
  const kubeName = jobName("vip", workflow.id, id);
  return store.intents.record(workflow, { id, kubeName, contentHash: "c", image: "debian", request: {}, prepared: true }).job;
}

/** A workflow with a job that is over, and told to its readers. */
function ended(store: Store, id: string): StoredWorkflow {
  const workflow = register(store, id);
  const job = record(store, workflow, "Job-1");
  store.changes.write(job, { stage: active("QUEUED"), submitted: now.toISOString() });
  const submitted = store.jobs.find(workflow, "Job-1") as StoredJob;
  store.updates.apply([{ job: submitted, change: { stage: over("COMPLETED") }, announce: true }], now);
  return workflow;
}

function rows(): Record<string, number> {
  const database = new Database(file);
  const counts = TABLES.map((table) => [table, database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()]);
  expect(database.pragma("foreign_key_check")).toEqual([]);
  database.close();
  return Object.fromEntries(counts);
}

const always = () => true;

describe("a workflow that is deleted from the state", () => {
  test("goes with its jobs, history, results and outbox, and leaves other workflows' alone", () => {
    const store = open();
    const workflow = ended(store, "workflow-1");
    const other = ended(store, "workflow-2");
    const before = rows();
    store.kills.note(workflow, ["hash"]);
    expect(store.retention.delete(workflow, always)).toBe("deleted");
    expect(Object.entries(before).map(([, count]) => count)).toEqual([2, 2, expect.any(Number), 2, 2, 0]);
    expect(rows()).toEqual({ workflows: 1, jobs: 1, results: 1, outbox: 1, killed: 0, transitions: (before.transitions as number) / 2 });
    expect(store.jobs.find(other, "Job-1")?.status).toBe("COMPLETED");
    expect(store.workflows.find("vip", "workflow-1")).toBeUndefined();
  });

  test("stays as it is where the question in the very transaction says so", () => {
    const store = open();
    const workflow = ended(store, "workflow-1");
    const before = rows();
    let asked: object | undefined;
    const answer = store.retention.delete(workflow, (facts) => {
      asked = facts;
      return false;
    });
    expect(answer).toBe("kept");
    expect(asked).toEqual({
      ...{ jobs: 1, open: 0, ended: 0, held: 0, lingering: 0, undelivered: 1, isDelivered: false },
      lastChange: now.toISOString(),
    });
    expect(rows()).toEqual(before);
  });

  test("is deleted once, whoever else is at it", () => {
    const [one, other] = [open(), open()];
    const workflow = ended(one, "workflow-1");
    expect(one.retention.delete(workflow, always)).toBe("deleted");
    expect(other.retention.delete(workflow, always)).toBe("gone");
    expect(other.retention.factsOf(workflow)).toBeUndefined();
  });

  test("lets no other process change it between the question and the deletion", () => {
    const [one, other] = [open(), open()];
    const workflow = ended(one, "workflow-1");
    const writer = new Database(file, { timeout: 0 });
    one.retention.delete(workflow, () => {
      expect(() => writer.exec("UPDATE workflows SET holder = 'x'")).toThrow("locked");
      return true;
    });
    writer.close();
    expect(other.workflows.all()).toEqual([]);
  });

  test("loses no job of a submission that began before", () => {
    const [cleaner, submitter] = [open(), open()];
    const workflow = ended(cleaner, "workflow-1");
    const known = register(submitter, "workflow-1");
    expect(cleaner.retention.delete(workflow, always)).toBe("deleted");
    expect(submitter.placements.of(known).state).toBe("nowhere");
    expect(submitter.leases.of(known).uid).toBeNull();
    record(submitter, known, "Job-2");
    expect(cleaner.workflows.all()).toEqual([workflow]);
    expect(cleaner.jobs.all(workflow).map(({ id }) => id)).toEqual(["Job-2"]);
    expect(rows().workflows).toBe(1);
  });

  test("is not mixed up with a workflow that was registered anew meanwhile", () => {
    const [cleaner, submitter] = [open(), open()];
    const workflow = ended(cleaner, "workflow-1");
    cleaner.retention.delete(workflow, always);
    const anew = register(cleaner, "workflow-1");
    expect(anew.key).not.toBe(workflow.key);
    expect(() => record(submitter, workflow, "Job-2")).toThrow("workflow workflow-1 was deleted from the state meanwhile");
    expect(cleaner.jobs.all()).toEqual([]);
  });

  test("hands its keys to no other row", () => {
    const store = open();
    const workflow = ended(store, "workflow-1");
    const job = store.jobs.find(workflow, "Job-1") as StoredJob;
    store.retention.delete(workflow, always);
    const other = register(store, "workflow-2");
    expect(other.key).toBeGreaterThan(workflow.key);
    expect(record(store, other, "Job-1").key).toBeGreaterThan(job.key);
    expect(store.retention.delete(ended(store, "workflow-3"), always)).toBe("deleted");
    expect(register(open(), "workflow-4").key).toBe(workflow.key + 3);
  });

  test("goes with what was told of its holds", () => {
    const store = open();
    const workflow = ended(store, "workflow-1");
    store.changes.write(record(store, workflow, "Held-1"), { stage: held("ERROR_HELD") });
    expect(store.results.tell(workflow, 0).map(({ kind, id }) => `${kind} ${id}`)).toContain("held Held-1");
    expect(store.retention.delete(workflow, always)).toBe("deleted");
    expect(rows()).toMatchObject({ workflows: 0, jobs: 0, results: 0 });
    expect(store.results.tell(undefined, 0)).toEqual([]);
  });

  test("goes quickly, however many jobs and results there are", () => {
    const store = open();
    const workflow = ended(store, "workflow-1");
    ended(store, "workflow-2");
    const database = new Database(file);
    const columns = "file_name, attempt, content_hash, image, request, status, settled, created";
    const copies = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)";
    database.exec(`${copies} INSERT INTO jobs (workflow, id, kube_name, ${columns})
      SELECT workflow, id || i, kube_name || i, file_name || i, 0, content_hash, image, request, status, settled, created FROM jobs, n`);
    database.exec(`INSERT OR IGNORE INTO results (workflow, file_name, job, status)
      SELECT workflow, file_name, key, status FROM jobs`);
    database.close();
    expect(store.retention.factsOf(workflow)?.jobs).toBe(12_000);
    const begin = process.cpuUsage();
    store.retention.delete(workflow, always);
    const { user, system } = process.cpuUsage(begin);
    // To look through all results for each job takes 14 s.
    expect((user + system) / 1e6).toBeLessThan(8);
    expect(rows()).toMatchObject({ workflows: 1, jobs: 12_000, results: 12_000 });
  });

  test("may be one that version 0.1.0 has written", () => {
    const old = new Database(file);
    old.pragma("journal_mode = WAL");
    old.exec(readFileSync(path.resolve(import.meta.dirname, "../fixtures/state/0.1.0.sql"), "utf8"));
    old.close();
    const store = open();
    for (const workflow of store.workflows.all()) expect(store.retention.delete(workflow, always)).toBe("deleted");
    expect(rows()).toEqual({ workflows: 0, jobs: 0, transitions: 0, results: 0, outbox: 0, killed: 0 });
    expect(register(store, "workflow-1").key).toBeGreaterThan(2);
  });
});
