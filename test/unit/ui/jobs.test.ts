import { describe, expect, test } from "vitest";
import { historyText } from "../../../src/ui/history.ts";
import { type JobRecord, jobTable, summary } from "../../../src/ui/jobs.ts";
import { ioDouble } from "../io.ts";

const record = (more: Partial<JobRecord>): JobRecord => ({
  id: "Job-1",
  attemptId: "Job-1",
  attempt: 0,
  invocationId: null,
  workflow: "workflow-1",
  namespace: "gasw",
  directory: "/workflows/workflow-1",
  kubernetesName: "workflow-1-job-1-0123456789",
  status: "QUEUED",
  daoStatus: null,
  reason: null,
  message: null,
  exitCode: null,
  pod: null,
  node: null,
  created: "2026-01-02T03:00:00.000Z",
  submitted: null,
  started: null,
  ended: null,
  observed: null,
  ...more,
});

const change = (status: string, reason: string | null = null, message: string | null = null) => ({
  at: "2026-01-02T03:00:00.000Z",
  status,
  reason,
  message,
});

const lines = (jobs: readonly JobRecord[], io = ioDouble().io) => jobTable(io, jobs).split("\n").slice(0, -1);

describe("the table of jobs", () => {
  test("shows what each job is doing", () => {
    const jobs = [
      record({ id: "A-1", status: "COMPLETED", exitCode: 0, reason: "Completed", node: "node-1", ended: "2026-01-02T03:00:45.000Z" }),
      record({ id: "A-2", status: "ERROR", exitCode: 32, reason: "Error", node: "node-1", ended: "2026-01-02T03:01:00.000Z" }),
      record({ id: "A-3", reason: "Unschedulable", message: "0/1 nodes are available" }),
      record({ id: "A-4", status: "NOT_SUBMITTED", created: null }),
    ];
    expect(lines(jobs)).toEqual([
      "JOB  STATUS         EXIT  AGE   NODE    REASON",
      "A-1  COMPLETED      0     45s   node-1",
      "A-2  ERROR          32    1m    node-1  Error: a result with that name already exists",
      "A-3  QUEUED         -     4m5s  -       Unschedulable: 0/1 nodes are available",
      "A-4  NOT_SUBMITTED  -     -     -",
    ]);
  });

  test("names the workflows where there are several", () => {
    expect(lines([record({}), record({ workflow: "workflow-2" })])[0]).toMatch(/^WORKFLOW {4}JOB/);
    expect(lines([record({}), record({})])[0]).toMatch(/^JOB/);
  });

  test("keeps a long reason and a name of many lines on one line", () => {
    const [, line = ""] = lines([record({ id: "a\nb", reason: "ErrImagePull", message: `first\n${"x".repeat(500)}` })]);
    expect(line).toContain("a\\nb");
    expect(line).toMatch(/ErrImagePull: first\\nx{40,60}…$/);
  });

  test("has colours on a terminal only, and none with NO_COLOR or CI", () => {
    const jobs = [record({ status: "ERROR" })];
    const colour = "\u001b[31mERROR\u001b[39m";
    expect(jobTable(ioDouble({ tty: true }).io, jobs)).toContain(colour);
    for (const io of [ioDouble().io, ioDouble({ tty: true, env: { NO_COLOR: "1" } }).io, ioDouble({ tty: true, env: { CI: "true" } }).io])
      expect(jobTable(io, jobs)).not.toContain("\u001b");
  });
});

describe("the summary", () => {
  test.each([
    [[], "0 of 0 jobs have ended"],
    [["RUNNING"], "0 of 1 jobs have ended: 1 RUNNING"],
    [["COMPLETED", "ERROR", "COMPLETED", "RUNNING"], "3 of 4 jobs have ended: 2 COMPLETED, 1 ERROR, 1 RUNNING"],
    [["DELETED", "STALLED"], "2 of 2 jobs have ended: 1 DELETED, 1 STALLED"],
  ])("of %j is: %s", (statuses, text) => expect(summary(statuses.map((status) => record({ status })))).toBe(text));
});

describe("the history of jobs", () => {
  const text = (jobs: readonly JobRecord[]) => historyText(ioDouble().io, jobs);

  test("has each change under its attempt, numbered from 1, with time, status, reason and message", () => {
    const first = record({
      history: [change("NOT_SUBMITTED"), change("QUEUED", "Scheduling", "waits for a node"), change("ERROR", "Error", "")],
    });
    const second = record({ attemptId: "Job-1-r1", attempt: 1, history: [change("ERROR", "SignalRefused", "KILL: too\nlate")] });
    expect(text([first, second]).split("\n")).toEqual([
      "",
      "Job-1, attempt 1:",
      "TIME                      STATUS         REASON",
      "2026-01-02T03:00:00.000Z  NOT_SUBMITTED",
      "2026-01-02T03:00:00.000Z  QUEUED         Scheduling: waits for a node",
      "2026-01-02T03:00:00.000Z  ERROR          Error",
      "",
      "Job-1, attempt 2:",
      "TIME                      STATUS  REASON",
      "2026-01-02T03:00:00.000Z  ERROR   SignalRefused: KILL: too\\nlate",
      "",
    ]);
  });

  test("names the workflows where there are several, and is empty where nobody has asked for it or knows it", () => {
    const history = [change("QUEUED")];
    expect(text([record({ history }), record({ workflow: "workflow-2", history })])).toContain("\nworkflow-2/Job-1, attempt 1:\n");
    expect(text([record({}), record({ history: [] })])).toBe("");
  });
});
