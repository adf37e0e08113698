import { describe, expect, test } from "vitest";
import { historyText } from "../../../src/ui/history.ts";
import { type JobRecord, summary } from "../../../src/ui/jobs.ts";
import { jobTable } from "../../../src/ui/jobTable.ts";
import { ioDouble } from "../io.ts";
import { record } from "./records.ts";

/** Began to run after 5 seconds. */
const ran = { started: "2026-01-02T03:00:05.000Z" };

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
      record({
        ...ran,
        id: "A-1",
        status: "COMPLETED",
        exitCode: 0,
        reason: "Completed",
        node: "node-1",
        ended: "2026-01-02T03:00:45.000Z",
      }),
      record({ id: "A-2", status: "ERROR", exitCode: 32, reason: "Error", node: "node-1", ended: "2026-01-02T03:01:00.000Z" }),
      record({ id: "A-3", reason: "Unschedulable", message: "0/1 nodes are available" }),
      record({ id: "A-4", status: "NOT_SUBMITTED", created: null }),
      record({ ...ran, id: "A-5", status: "RUNNING", node: "node-1" }),
    ];
    expect(lines(jobs)).toEqual([
      "JOB  STATUS         EXIT  AGE   WAITED  RAN  NODE    REASON",
      "A-1  COMPLETED      0     45s   5s      40s  node-1",
      "A-2  ERROR          32    1m    1m      -    node-1  Error: a result with that name already exists",
      "A-3  QUEUED         -     4m5s  4m5s    -    -       Unschedulable: 0/1 nodes are available",
      "A-4  NOT_SUBMITTED  -     -     -       -    -",
      "A-5  RUNNING        -     4m5s  5s      4m   node-1",
    ]);
  });

  test("has no negative times, since the cluster tells whole seconds of its own clock, and none of an end that nobody saw", () => {
    const jobs = [
      record({ id: "A-1", status: "RUNNING", created: "2026-01-02T03:00:12.700Z", started: "2026-01-02T03:00:12.000Z" }),
      record({ id: "A-2", status: "RUNNING", created: "2026-01-02T03:04:05.000Z", started: "2026-01-02T03:04:09.000Z" }),
      record({ id: "A-3", status: "STALLED", started: "2026-01-02T03:00:05.000Z" }),
    ];
    expect(lines(jobs).map((line) => line.slice(5))).toEqual([
      "STATUS   EXIT  AGE    WAITED  RAN    NODE  REASON",
      "RUNNING  -     3m52s  0s      3m53s  -",
      "RUNNING  -     0s     4s      0s     -",
      "STALLED  -     4m5s   5s      -      -",
    ]);
  });

  test.each([
    [undefined, "STATUS EXIT AGE WAITED RAN NODE REASON", 140],
    [200, "STATUS EXIT AGE WAITED RAN NODE REASON", 140],
    [100, "STATUS EXIT AGE WAITED RAN NODE REASON", 100],
    [80, "STATUS EXIT AGE RAN NODE REASON", 80],
    [74, "STATUS EXIT AGE NODE REASON", 74],
    [60, "STATUS EXIT REASON", 60],
  ])("fits a terminal of %s columns: it shortens reasons, then leaves out columns", (columns, header, width) => {
    const jobs = [
      record({ ...ran, id: "Basic_Grep.2-36026130159447", status: "RUNNING", node: "node1" }),
      record({ id: "Basic_Grep.2-36026130159448", reason: "ErrImagePull", message: "failed to pull and unpack image ".repeat(4) }),
    ];
    const shown = lines(jobs, ioDouble({ tty: columns !== undefined, columns: columns ?? 0, env: { NO_COLOR: "1" } }).io);
    expect(shown[0]?.split(/ +/).slice(1).join(" ")).toBe(header);
    expect(Math.max(...shown.map((line) => line.length))).toBe(width);
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
