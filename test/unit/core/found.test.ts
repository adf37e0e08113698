import path from "node:path";
import { describe, expect, test } from "vitest";
import type { GaswRow } from "../../../src/core/gaswRow/row.ts";
import { GASW_STATUSES, hasEnded, isEnd, type LocalStatus } from "../../../src/core/job.ts";
import { type FoundAttempt, foundAttempts, type Remains } from "../../../src/core/lifecycle/found.ts";
import type { FoundJob } from "../../../src/core/lifecycle/foundStage.ts";

const TABLE = path.join(import.meta.dirname, "found.table.md");
const AT = "2026-01-02T03:04:05.000Z";

/** Statuses in which a job has ended whose row holds nothing else of that. */
const ENDS = new Set<string>([...GASW_STATUSES.filter((status) => isEnd(status)), "CANCELLED_REPLICA", "UNHOLD_ERROR", "UNHOLD_STALLED"]);
const SIGNALS = ["KILL", "KILL_REPLICA", "REPLICATE", "RESCHEDULE"];

/** What stands in the row: each status of GASW, and each signal over each end. */
const ROWS: Readonly<Record<string, Partial<GaswRow> | undefined>> = {
  none: undefined,
  ...Object.fromEntries(
    GASW_STATUSES.map((status) => [
      status,
      { status, ...(ENDS.has(status) ? { end: AT, exitCode: 1, download: AT } : {}), ...(status === "RUNNING" ? { download: AT } : {}) },
    ]),
  ),
  ...Object.fromEntries(
    SIGNALS.flatMap((status) =>
      Object.entries({ completed: 0, failed: 1, deleted: 9, "ended without a code": -1 }).map(([end, exitCode]) => [
        `${status} (${end})`,
        { status, exitCode, end: AT },
      ]),
    ),
  ),
};

const JOBS: Readonly<Record<string, { status: LocalStatus; isLeaving?: true } | undefined>> = {
  absent: undefined,
  waiting: { status: "QUEUED" },
  running: { status: "RUNNING" },
  succeeded: { status: "COMPLETED" },
  failed: { status: "ERROR" },
  Terminating: { status: "RUNNING", isLeaving: true },
};

function rowOf(id: string, fileName: string | null, more: Partial<GaswRow>): GaswRow {
  const none = { exitMessage: null, nodeSite: null, nodeName: null, running: null, upload: null, download: null, end: null };
  const known = { id, fileName, simulationId: "workflow-1", executor: "Kubernetes", command: "true", parameters: "", invocationId: 1 };
  return {
    ...none,
    ...known,
    status: "QUEUED",
    isReplicating: false,
    isBeingKilled: false,
    exitCode: -1,
    creation: AT,
    queued: AT,
    ...more,
  };
}

function jobOf(id: string, fileName: string, status: LocalStatus, more: Partial<FoundJob> = {}): FoundJob {
  const decision = { status, pendingFamily: null, pendingSince: null, removeJob: false } as FoundJob["decision"];
  const known = { kubeUid: `uid-${id}`, wrapper: 1, contentHash: "hash", request: { memory: "2Gi" }, created: AT, isLeaving: false };
  return { id, fileName, decision, ...known, ...more };
}

function remains(more: Partial<Remains>): Remains {
  const none = { jobs: [], rows: [], scripts: [], hasTraces: () => false, servedUntil: undefined, hasDatabase: true, mostAttempts: 0 };
  return { ...none, ...more };
}

interface Case {
  row: string;
  job: string;
  record: boolean;
  isNewest: boolean;
  hasDatabase: boolean;
  found: FoundAttempt | undefined;
}

/** The second attempt of a script, whose first and third are known to be over. */
function cases(): Case[] {
  const all: Case[] = [];
  for (const hasDatabase of [true, false])
    for (const isNewest of [true, false])
      for (const row of hasDatabase ? Object.keys(ROWS) : ["none"])
        for (const job of Object.keys(JOBS))
          for (const record of [false, true]) all.push(caseOf({ row, job, record, isNewest, hasDatabase }));
  return all;
}

function caseOf(one: Omit<Case, "found">, attempt = 1): Case {
  const { row, job, record, isNewest, hasDatabase } = one;
  const id = attempt === 0 ? "Job-1" : `Job-1-r${attempt}`;
  const [shown, seen] = [ROWS[row], JOBS[job]];
  const later = `Job-1-r${attempt + 1}`;
  const { status, ...more } = seen ?? { status: "QUEUED" };
  const found = foundAttempts(
    remains({
      rows: shown === undefined ? [] : [rowOf(id, "Job-1", shown)],
      jobs: [
        ...(seen === undefined ? [] : [jobOf(id, "Job-1", status as LocalStatus, more)]),
        ...(isNewest ? [] : [jobOf(later, "Job-1", "ERROR")]),
      ],
      scripts: ["Job-1"],
      hasTraces: (named) => record && named === id,
      hasDatabase,
      mostAttempts: record ? 3 : 0,
    }),
  );
  const last = isNewest ? attempt : attempt + 1;
  const isThere = shown !== undefined || seen !== undefined || record || !isNewest;
  expect(found.map((other) => other.attempt)).toEqual(isThere ? Array.from({ length: last + 1 }, (_, number) => number) : []);
  return { ...one, found: found.find((other) => other.id === id) };
}

const HEADER = ["row", "Job", "record", "attempt", "database", "stage", "end"];

test("every attempt is taken up as the committed table says", async () => {
  const lines = cases().map(({ row, job, record, isNewest, hasDatabase, found }) => [
    row,
    job,
    record ? "there" : "-",
    isNewest ? "newest" : "older",
    hasDatabase ? "yes" : "no",
    found === undefined ? "not taken up" : `${found.stage.name} ${found.stage.status}`,
    found === undefined ? "-" : found.isTold ? "told" : "to be told",
  ]);
  const first = [...GASW_STATUSES].flatMap((row) =>
    [false, true].map((record) => {
      const { found } = caseOf({ row, job: "absent", record, isNewest: true, hasDatabase: true }, 0);
      const stage = `${found?.stage.name} ${found?.stage.status}`;
      return [row, "absent", record ? "there" : "-", "first", "yes", stage, found?.isTold ? "told" : "to be told"];
    }),
  );
  const table = [HEADER, HEADER.map(() => "---"), ...lines, ...first].map((cells) => `| ${cells.join(" | ")} |`);
  await expect(`${table.join("\n")}\n`).toMatchFileSnapshot(TABLE);
});

const isEndTold = (row: string) => ENDS.has(row) || / \(/.test(row);
const goesOn = (job: string) => job === "waiting" || job === "running";
const words = ({ row, job, record, isNewest, hasDatabase }: Case) => [row, job, record, isNewest, hasDatabase].join(", ");

describe("whatever is left of an attempt", () => {
  test("what may run is never made due", () => {
    const due = cases().filter(({ found }) => found?.stage.name === "due" || found?.stage.name === "written");
    for (const one of due)
      expect([one.job, one.record, isEndTold(one.row), one.row === "RUNNING"], words(one)).toEqual(["absent", false, false, false]);
  });

  test("what is to be killed is never made due", () => {
    for (const one of cases().filter(({ row }) => row.startsWith("KILL"))) expect(one.found?.stage.name, words(one)).not.toBe("due");
  });

  test("an end that its row shows is not told again, unless its Job shows that it runs again", () => {
    for (const one of cases().filter(({ row }) => isEndTold(row)))
      if (!goesOn(one.job)) expect([one.found?.isTold, hasEnded(one.found?.stage.status as LocalStatus)], words(one)).toEqual([true, true]);
  });

  test("a success that was told is never undone", () => {
    for (const one of cases().filter(({ row }) => row === "COMPLETED" || row.endsWith("(completed)")))
      expect([one.found?.stage.name, one.found?.stage.status, one.found?.isTold], words(one)).toEqual(["over", "COMPLETED", true]);
  });

  test("what the cluster shows going on is followed, unless it is on its way out or has completed", () => {
    for (const one of cases().filter(({ job }) => goesOn(job)))
      if (one.row !== "COMPLETED" && !one.row.endsWith("(completed)")) expect(one.found?.stage.name, words(one)).toBe("active");
  });

  test("an older attempt is neither held nor retried", () => {
    for (const one of cases().filter(({ isNewest }) => !isNewest))
      expect(["held", "ended"], words(one)).not.toContain(one.found?.stage.name);
  });
});

describe("scripts that are called like attempts of others", () => {
  const stages = (more: Partial<Remains>) => foundAttempts(remains(more)).map(({ id, fileName, attempt }) => [id, fileName, attempt]);

  test("are jobs of their own, whose ids the others' attempts leave out", () => {
    const jobs = [jobOf("Job-1", "Job-1", "ERROR"), jobOf("Job-1-r2", "Job-1", "RUNNING"), jobOf("Job-1-r1", "Job-1-r1", "RUNNING")];
    expect(stages({ jobs, scripts: ["Job-1", "Job-1-r1"] })).toEqual([
      ["Job-1", "Job-1", 0],
      ["Job-1-r2", "Job-1", 2],
      ["Job-1-r1", "Job-1-r1", 0],
    ]);
  });

  test("leave traces of their own", () => {
    const hasTraces = (id: string) => id === "Job-1-r1";
    expect(stages({ scripts: ["Job-1", "Job-1-r1"], hasTraces, mostAttempts: 5 })).toEqual([["Job-1-r1", "Job-1-r1", 0]]);
  });

  test("are attempts where their rows or Jobs say so", () => {
    const rows = [rowOf("Job-1", "Job-1", { status: "ERROR" }), rowOf("Job-1-r1", "Job-1", {})];
    const jobs = [jobOf("Job-1-r1", "Job-1-r1", "RUNNING")];
    expect(stages({ rows, jobs, scripts: ["Job-1"] })).toEqual([
      ["Job-1", "Job-1", 0],
      ["Job-1-r1", "Job-1", 1],
    ]);
    const unnamed = [rowOf("Job-1", null, { status: "ERROR" }), rowOf("Job-1-r1", null, {})];
    expect(stages({ rows: unnamed, jobs: [jobOf("Job-1-r1", "Job-1", "RUNNING")], scripts: ["Job-1"] })).toEqual([
      ["Job-1", "Job-1", 0],
      ["Job-1-r1", "Job-1", 1],
    ]);
  });
});

test("traces are looked for beyond the newest attempt that anything names, however many there were", () => {
  const found = foundAttempts(
    remains({
      jobs: [jobOf("Job-1-r20", "Job-1", "ERROR")],
      scripts: ["Job-1"],
      hasTraces: (id) => id === "Job-1-r21",
      mostAttempts: 10,
    }),
  );
  expect(found.map(({ attempt }) => attempt).at(-1)).toBe(21);
});

test("a retry without a Job is made like the attempt before it", () => {
  const jobs = [jobOf("Job-1", "Job-1", "ERROR", { request: { memory: "2Gi", envNames: ["KEY"] } })];
  const [, retry] = foundAttempts(remains({ jobs, rows: [rowOf("Job-1-r1", "Job-1", {})] }));
  expect(retry).toMatchObject({ stage: { name: "due" }, contentHash: "hash", request: { memory: "2Gi", envNames: ["KEY"] } });
});

test("an attempt whose Job was to be removed at its end still has that removed", () => {
  const job = jobOf("Job-1", "Job-1", "COMPLETED");
  const jobs = [{ ...job, decision: { ...job.decision, lingers: true } }];
  const [found] = foundAttempts(remains({ jobs, rows: [rowOf("Job-1", "Job-1", { status: "COMPLETED", end: AT, exitCode: 0 })] }));
  expect(found?.stage).toMatchObject({ name: "over", lingers: true });
});

test("of what the cluster has nothing, it is taken that it began: it is not run again by itself", () => {
  const [found] = foundAttempts(remains({ rows: [rowOf("Job-1", "Job-1", {})] }));
  expect(found).toMatchObject({ stage: { name: "active" }, change: { started: AT } });
});

test("what a row tells of a held job, and of one that is replicated, is told on", () => {
  const rows = [
    rowOf("Job-1", "Job-1", { status: "ERROR_HELD", exitCode: 3, exitMessage: "no input", download: AT, end: AT, nodeName: "node-1" }),
    rowOf("Job-2", "Job-2", { status: "RUNNING", isReplicating: true, download: AT }),
  ];
  expect(foundAttempts(remains({ rows })).map(({ change }) => change)).toMatchObject([
    { message: "no input", exitCode: 3, started: AT, ended: AT, node: "node-1" },
    { replicating: true, started: AT },
  ]);
});
