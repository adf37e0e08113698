import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LocalStatus } from "../../src/core/job.ts";
import { active, ended, held, over, WRITTEN } from "../../src/core/lifecycle/make.ts";
import { leftOf, type Stage } from "../../src/core/lifecycle/stage.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { type StageWords, stageOf } from "../unit/core/attempts.ts";

const FIXTURES = path.resolve(import.meta.dirname, "../fixtures/state");
const ACTIVE = ["NOT_SUBMITTED", "QUEUED", "RUNNING"];
const HELD = ["ERROR_HELD", "STALLED_HELD"];

/** A job's row as it stands in a dump; what a version has no column for is what its migration says. */
interface Row {
  readonly [column: string]: string | number | null;
  readonly key: number;
  readonly workflow: number;
  readonly id: string;
  readonly file_name: string;
  readonly attempt: number;
  readonly status: string;
}

let folder: string;
let file: string;
/** The connection of a process that had the file open before today's program came. */
let old: Database.Database;
let opened: Store | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-state-"));
  file = path.join(folder, "state.db");
});
afterEach(() => {
  opened?.close();
  opened = undefined;
  old.close();
  rmSync(folder, { recursive: true });
});

function restore(name: string): Row[] {
  old = new Database(file);
  old.pragma("journal_mode = WAL");
  old.exec(readFileSync(path.join(FIXTURES, `${name}.sql`), "utf8"));
  return old.prepare("SELECT * FROM jobs ORDER BY key").all() as Row[];
}

function open(): { store: Store; one: StoredWorkflow; two: StoredWorkflow } {
  const store = new Store({
    path: file,
    now: () => new Date("2026-02-01T00:00:00Z"),
    warn: (text) => {
      throw new Error(text);
    },
  });
  opened = store;
  const [one, two] = ["workflow-1", "workflow-2"].map((id) => store.workflows.find("vip", id));
  if (one === undefined || two === undefined) throw new Error("no workflow");
  return { store, one, two };
}

const ids = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => id);
const isTrue = (value: string | number | null | undefined) => value === 1;

function expectedJob(row: Row): StoredJob {
  const workflow = `workflow-${row.workflow}`;
  const { key, id, attempt, status, reason, message, image, pod, node, signal, created, submitted, started, ended, observed } = row;
  return {
    ...{ key, id, attempt, status, reason, message, image, pod, node, signal, created, submitted, started, ended, observed },
    ...{ workflow, namespace: "vip", directory: `/workflows/${workflow}`, fileName: row.file_name },
    ...{ kubeName: row.kube_name, kubeUid: row.kube_uid ?? null, wrapper: row.wrapper ?? 0, contentHash: row.content_hash },
    ...{ script: JSON.parse(String(row.script ?? null)), request: JSON.parse(String(row.request)), exitCode: row.exit_code },
    ...{ pendingFamily: row.pending_family, pendingSince: row.pending_since, invocationId: row.invocation_id },
    ...{ prepared: isTrue(row.prepared), replicating: isTrue(row.replicating), delivered: isTrue(row.delivered) },
    stage: expectedStage(row),
  } as StoredJob;
}

/** The stage that a row of an older version comes to: what means nothing in it is forgotten. */
function expectedStage({ status, removal, settled, due, lingers, output_late }: Row): Stage {
  return stageOf({
    status: status as LocalStatus,
    removal: removal as NonNullable<StageWords["removal"]> | null,
    settled: isTrue(settled),
    due: isTrue(due),
    lingers: isTrue(lingers),
    outputLate: isTrue(output_late),
  });
}

describe.each(["0.1.0", "schema-9", "schema-10"])("the state of %s, with jobs of every kind", (name) => {
  test("has every job as that version wrote it", () => {
    const rows = restore(name);
    const { store } = open();
    expect(rows.length).toBeGreaterThan(100);
    expect(new Set(rows.map(({ status }) => status))).toContain("DELETED_REPLICA");
    expect(store.jobs.all()).toEqual(rows.map(expectedJob));
  });

  test("tells which jobs go on, are late, linger, are held or wait to be told of", () => {
    const rows = restore(name).filter(({ workflow }) => workflow === 1);
    const { store, one, two } = open();
    const keysOf = (isMeant: (row: Row) => boolean) => rows.filter(isMeant).map(({ key }) => key);
    const keys = (jobs: readonly StoredJob[]) => jobs.map(({ key }) => key);
    expect(keys(store.jobs.active(one))).toEqual(keysOf(({ status }) => ACTIVE.includes(status)));
    expect(keys(store.jobs.late(one))).toEqual(keysOf((row) => leftOf(expectedStage(row)).outputLate));
    expect(keys(store.jobs.lingering(one))).toEqual(keysOf((row) => leftOf(expectedStage(row)).lingers));
    expect(keys(store.jobs.openInvocations(one))).toEqual(keysOf((row) => row.settled === 0 || leftOf(expectedStage(row)).lingers));
    expect(rows.filter(({ status }) => HELD.includes(status)).length).toBeGreaterThan(1);
    // Nothing of this workflow was ever told.
    expect(keys(store.outbox.read(one, store.outbox.end(), 1000).map(({ job }) => job))).toEqual(keysOf(() => true));
    expect(store.outbox.size(one)).toBe(rows.length);
    expect(keys(store.jobs.unfinished()).filter((key) => rows.some((row) => row.key === key))).toEqual(keysOf(() => true));
    expect([one, two].map((workflow) => store.workflows.isOpen(workflow))).toEqual([true, true]);
    expect(store.workflows.active().map(({ id }) => id)).toEqual(["workflow-1", "workflow-2"]);
    expect(store.workflows.unfinished().map(({ id }) => id)).toEqual(["workflow-1", "workflow-2"]);
  });

  test("tells of a usual run its attempts, its results, what is to be told, and its history", () => {
    restore(name);
    const { store, two } = open();
    expect(ids(store.jobs.attempts(two, "Retried-1"))).toEqual(["Retried-1", "Retried-1-r1", "Retried-1-r2"]);
    expect(store.jobs.find(two, "Retried-1-r1")?.request).toEqual({ memory: "4Gi", avoidNodes: ["node-1"] });
    expect(ids(store.jobs.newest(two))).toEqual(["Done-1", "Retried-1-r2", "Held-1", "Killed-1", "Waiting-1"]);
    expect(ids(store.jobs.openInvocations(two))).toEqual(["Retried-1", "Retried-1-r1", "Retried-1-r2", "Waiting-1"]);
    expect(ids(store.jobs.openInvocations(two, ["Held-1"]))).toContain("Held-1");
    expect(store.results.since(two, 0)).toMatchObject([
      { id: "Done-1", status: "COMPLETED", invocationId: 1, output: '{"exitCode":0}' },
      { id: "Killed-1", status: "DELETED", invocationId: null, output: null },
    ]);
    expect(ids(store.outbox.read(two, store.outbox.end(), 100).map(({ job }) => job))).not.toContain("Done-1");
    expect(store.jobs.find(two, "Done-1")).toMatchObject({ delivered: true, invocationId: 1, exitCode: 0 });
    expect(store.jobs.largestInvocationId(two)).toBe(1);
    const history = (id: string) =>
      store.history.of({ key: store.jobs.find(two, id)?.key ?? 0 }).map(({ status, reason }) => [status, reason]);
    expect(history("Killed-1")).toEqual([
      ["NOT_SUBMITTED", null],
      ["QUEUED", "Scheduling"],
      ["RUNNING", null],
      ["DELETED", name === "0.1.0" ? null : "Killed"],
    ]);
    expect(history("Held-1").slice(-2)).toEqual([
      ["ERROR_HELD", "Error"],
      ["ERROR_HELD", "SignalRefused"],
    ]);
  });

  test("goes on to serve a process of that version which is still alive: it is answered as before", () => {
    restore(name);
    const session = readFileSync(path.join(FIXTURES, `${name}.session.ndjson`), "utf8")
      .trim()
      .split("\n");
    open();
    for (const line of session) {
      const { sql, values, rows, changes } = JSON.parse(line);
      const statement = old.prepare(sql);
      if (rows === undefined) expect({ sql, changes: statement.run(...values).changes }).toEqual({ sql, changes });
      else expect({ sql, rows: statement.all(...values) }).toEqual({ sql, rows });
    }
    const { store } = { store: opened as Store };
    const nine = store.workflows.find("vip", "workflow-9");
    expect(nine && store.jobs.all(nine).map(({ id, status }) => `${id} ${status}`)).toEqual(["New-1 ERROR", "New-1-r1 COMPLETED"]);
    expect(nine && ids(store.results.since(nine, 0))).toEqual(["New-1-r1"]);
  });
});

test.each(["0.1.0", "schema-9", "schema-10"])("no row that %s wrote is changed by being opened", (name) => {
  const before = restore(name);
  open();
  const columns = Object.keys(before[0] as Row).join(", ");
  expect(old.prepare(`SELECT ${columns} FROM jobs ORDER BY key`).all()).toEqual(before);
});

test.each(["0.1.0", "schema-9", "schema-10"])(
  "what %s holds, or its process that is still alive, is told of, beside its results",
  (name) => {
    const heldBefore = restore(name)
      .filter(({ status }) => HELD.includes(status))
      .map(({ id }) => id);
    const { store, two } = open();
    const held = (cursor: number) => {
      const told = store.results.tell(undefined, cursor);
      return { holds: told.filter(({ kind }) => kind === "held").map(({ id }) => id), last: told.at(-1)?.cursor ?? 0 };
    };
    const { holds, last } = held(0);
    expect(holds.sort()).toEqual(heldBefore.sort());
    old.prepare("UPDATE jobs SET status = 'ERROR_HELD', settled = 1 WHERE workflow = ? AND id = 'Waiting-1'").run(two.key);
    expect(held(last)).toEqual({ holds: ["Waiting-1"], last: last + 1 });
    // A result that another version has found is one that it may have told.
    old.prepare("UPDATE jobs SET status = 'QUEUED', settled = 0, removal = NULL WHERE workflow = ? AND id = 'Killed-1'").run(two.key);
    expect(ids(store.results.since(two, 0))).toContain("Killed-1");
  },
);

test("a process of the last version that is still alive writes every combination that it could", () => {
  const rows = restore("schema-9");
  open();
  const flags = ["status", "removal", "settled", "due", "prepared", "replicating", "lingers", "output_late"];
  const update = old.prepare(`UPDATE jobs SET ${flags.map((flag) => `${flag} = ?`).join(", ")} WHERE key = 1`);
  for (const row of rows) expect(update.run(...flags.map((flag) => row[flag] ?? null)).changes).toBe(1);
});

describe("a combination that no version writes", () => {
  test.each<[string, string, Stage]>([
    ["a job that goes on, and was seen to", "status = 'RUNNING', settled = 1", active("RUNNING")],
    ["one that was never submitted, and was seen to", "status = 'NOT_SUBMITTED', settled = 1", WRITTEN],
    ["one that is held, and was not seen to", "status = 'ERROR_HELD'", held("ERROR_HELD")],
    ["one that runs, and whose Job is removed to run again", "status = 'RUNNING', removal = 'NOT_SUBMITTED'", active("RUNNING")],
    ["one that is to run again, and not by this tool", "removal = 'NOT_SUBMITTED'", WRITTEN],
    ["an end that is none", "status = 'QUEUED', removal = 'COMPLETED'", active("QUEUED")],
    ["an end that is none, of what has ended", "status = 'ERROR', removal = 'x', settled = 1", over("ERROR")],
    ["a status that is none", "status = 'UNDEFINED', removal = 'x', settled = 7", held("STALLED_HELD")],
    ["a flag that is neither set nor not", "status = 'COMPLETED', settled = 7", ended("COMPLETED")],
  ])("is opened as the nearest safe stage: %s", (_, sql, stage) => {
    const rows = restore("schema-9");
    const clean = "status = 'NOT_SUBMITTED', removal = NULL, settled = 0, due = 0, lingers = 0, output_late = 0";
    old.exec(`UPDATE jobs SET ${clean} WHERE key = 1; UPDATE jobs SET ${sql} WHERE key = 1`);
    const { store } = open();
    expect(store.jobs.all().find(({ key }) => key === 1)?.stage).toEqual(stage);
    expect(store.jobs.all()).toHaveLength(rows.length);
  });
});

test("a workflow of 0.1.0 is in a cluster that nobody knows, and owned by nobody", () => {
  restore("0.1.0");
  const { store, one } = open();
  expect(store.placements.of(one)).toMatchObject({ state: "unknown", clusterUid: null });
  expect(store.leases.of(one).uid).toBeNull();
  expect(store.adoption.isDue(one)).toBe(false);
});
