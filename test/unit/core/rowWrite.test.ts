import { describe, expect, test } from "vitest";
import type { GaswRow } from "../../../src/core/gaswRow/row.ts";
import { type RecordedJob, rowWrite } from "../../../src/core/gaswRow/write.ts";
import { stageOf } from "./attempts.ts";

const JOB: RecordedJob = {
  id: "Job-1-r1",
  workflow: "workflow-1",
  fileName: "Job-1",
  status: "QUEUED",
  stage: stageOf({ status: "QUEUED" }),
  signal: null,
  replicating: false,
  exitCode: null,
  message: null,
  created: "2026-01-02T03:00:00.000Z",
  started: null,
  ended: null,
  command: "app.sh",
  parameters: "a b",
  output: null,
};
const RAN = { started: "2026-01-02T03:01:00.000Z", ended: "2026-01-02T03:09:00.000Z" };

/** @param settled whether its end has been seen to */
const jobOf = ({ settled = false, ...more }: Partial<RecordedJob> & { readonly settled?: boolean }): RecordedJob => {
  const job = { ...JOB, ...more };
  return { ...job, stage: stageOf({ status: job.status, settled }) };
};

const inserted = (more: Parameters<typeof jobOf>[0]) => {
  const write = rowWrite(jobOf(more), undefined, 7, {});
  if (write.kind !== "insert") throw new Error("an update");
  return write.row;
};
const FOUND: GaswRow = {
  ...inserted({}),
  command: "engine.sh",
  parameters: "x",
  creation: "2026-01-02T02:00:00.000Z",
  queued: "2026-01-02T02:00:01.000Z",
};
const updated = (more: Partial<RecordedJob>, found: Partial<GaswRow> = {}) => {
  const write = rowWrite(jobOf(more), { ...FOUND, ...found }, 7, {});
  if (write.kind !== "update") throw new Error("an insert");
  return write;
};

describe("a row that shows an end", () => {
  test.each(["COMPLETED", "ERROR_HELD", "DELETED"])(
    "of another state file (%s) stays while the job is only written down here",
    (status) => {
      expect(updated({ status: "NOT_SUBMITTED", delivered: false }, { status }).change).toEqual({ status });
      expect(updated({ status: "QUEUED", delivered: false }, { status }).change.status).toBe("QUEUED");
      expect(updated({ status: "NOT_SUBMITTED", delivered: true }, { status }).change.status).toBe("QUEUED");
    },
  );
});

describe("a row that is made", () => {
  test("has what ties it to its invocation and workflow, and nothing where GASW's lists choke", () => {
    expect(inserted({})).toEqual({
      id: "Job-1-r1",
      simulationId: "workflow-1",
      status: "QUEUED",
      isReplicating: false,
      isBeingKilled: false,
      exitCode: -1,
      exitMessage: "",
      creation: JOB.created,
      queued: JOB.created,
      download: null,
      running: null,
      upload: null,
      end: null,
      nodeSite: null,
      nodeName: null,
      command: "app.sh",
      fileName: "Job-1",
      parameters: "a b",
      executor: "Kubernetes",
      invocationId: 7,
    });
    expect(inserted({ status: "NOT_SUBMITTED", parameters: null })).toMatchObject({ status: "QUEUED", parameters: "" });
  });
});

describe("a row that is there", () => {
  test("keeps what its maker wrote: only what this executor is responsible for is written", () => {
    const { change, ifStatus } = updated({ status: "RUNNING", ...RAN, ended: null });
    expect(ifStatus).toBe("QUEUED");
    expect(Object.keys(change).sort()).toEqual(
      ["download", "end", "exitCode", "exitMessage", "isBeingKilled", "isReplicating", "running", "status", "upload"].sort(),
    );
    expect(change).toMatchObject({ status: "RUNNING", download: RAN.started });
  });

  test("shows a corrected request as soon as what it showed was the refused one; its number where the correction has one", () => {
    const told = { command: "refused.sh", parameters: null, invocationId: 3 };
    const refused = { command: "refused.sh", parameters: "", invocationId: 3 };
    expect(updated({ corrects: [told] }, refused).change).toMatchObject({ command: "app.sh", parameters: "a b", invocationId: 7 });
    const unknown = { ...told, invocationId: null };
    expect(updated({ corrects: [{ ...told, command: "other.sh" }, unknown] }, refused).change).toMatchObject({ command: "app.sh" });
    expect(updated({ corrects: [told], command: null, parameters: null }, refused).change).toMatchObject({ command: null, parameters: "" });
  });

  test.each<Partial<GaswRow>>([
    { command: "engine.sh", parameters: "", invocationId: 3 },
    { command: "refused.sh", parameters: "x", invocationId: 3 },
    { command: "refused.sh", parameters: "", invocationId: 4 },
  ])("keeps the request that its maker wrote, whatever was corrected: %j", (found) => {
    const { change } = updated({ corrects: [{ command: "refused.sh", parameters: null, invocationId: 3 }] }, found);
    for (const column of ["command", "parameters", "invocationId"]) expect(change).not.toHaveProperty(column);
  });

  test("gets its date of queueing where it has none", () => {
    expect(updated({}, { queued: null }).change.queued).toBe(JOB.created);
  });

  test("keeps a signal that was not taken yet; everything else is written", () => {
    const { change, ifStatus } = updated({ status: "RUNNING", ...RAN }, { status: "KILL" });
    expect(ifStatus).toBe("KILL");
    expect(change.status).toBeUndefined();
    expect(change.download).toBe(RAN.started);
  });
});

describe("the dates of a job that is over", () => {
  const over = { ...RAN, status: "COMPLETED", exitCode: 0 } as const;

  test("follow one from the other by the seconds that its output tells", () => {
    const output = { downloadSeconds: 10, executionSeconds: 60.5, uploadSeconds: 3 };
    expect(inserted({ ...over, output })).toMatchObject({
      download: "2026-01-02T03:01:00.000Z",
      running: "2026-01-02T03:01:10.000Z",
      upload: "2026-01-02T03:02:10.500Z",
      end: "2026-01-02T03:02:13.500Z",
    });
  });

  test("without a time of download, the application began at once; without one of upload, the end is what the cluster saw", () => {
    expect(inserted({ ...over, output: { executionSeconds: 60 } })).toMatchObject({
      running: "2026-01-02T03:01:00.000Z",
      upload: "2026-01-02T03:02:00.000Z",
      end: RAN.ended,
    });
  });

  test("without timings in its output, nobody knows when the application began", () => {
    for (const output of [null, {}, { message: "Killed" }])
      expect(inserted({ ...over, output })).toMatchObject({ download: RAN.started, running: null, upload: null, end: RAN.ended });
  });

  test("with a time of download alone, the application began after it", () => {
    const output = { downloadSeconds: 10, uploadSeconds: 5 };
    expect(inserted({ ...over, output })).toMatchObject({ running: "2026-01-02T03:01:10.000Z", upload: null, end: RAN.ended });
  });

  test.each(["ERROR", "ERROR_HELD", "STALLED", "DELETED"] as const)("of one that never ran (%s) are empty, but for its end", (status) => {
    const never = { download: null, running: null, upload: null };
    expect(inserted({ status, ended: RAN.ended, exitCode: 1 })).toMatchObject({ queued: JOB.created, ...never, end: RAN.ended });
    expect(updated({ status, ended: RAN.ended }).change).toMatchObject({ ...never, end: RAN.ended });
  });

  test("begin when it was queued where its output alone shows that it ran", () => {
    const output = { downloadSeconds: 10, executionSeconds: 60 };
    expect(inserted({ ...over, started: null, output })).toMatchObject({
      download: JOB.created,
      running: "2026-01-02T03:00:10.000Z",
      upload: "2026-01-02T03:01:10.000Z",
      end: RAN.ended,
    });
  });

  test.each([
    ["the cluster's whole second", "2026-01-02T03:00:00.700Z", { started: "2026-01-02T03:00:00.000Z", ended: "2026-01-02T03:00:00.000Z" }],
    ["a node whose clock is an hour behind", JOB.created, { started: "2026-01-02T02:00:05.000Z", ended: "2026-01-02T02:00:07.000Z" }],
    ["a host whose clock is set back", JOB.created, { started: "2026-01-02T03:00:05.000Z", ended: "2026-01-02T02:00:00.000Z" }],
    ["a node whose clock is an hour ahead", JOB.created, { started: "2026-01-02T04:00:05.000Z", ended: "2026-01-02T03:00:09.000Z" }],
  ])("are in order with %s", (_, created, times) => {
    for (const output of [
      null,
      {},
      { downloadSeconds: 0 },
      { executionSeconds: 1 },
      { downloadSeconds: 1, executionSeconds: 1, uploadSeconds: 0 },
    ]) {
      const { queued, download, running, upload, end } = inserted({ ...over, ...times, created, output });
      const known = [queued, download, running, upload, end].filter((time) => time !== null);
      expect(known, JSON.stringify(output)).toEqual([...known].sort());
      expect([queued, end]).not.toContain(null);
    }
    expect(inserted({ status: "RUNNING", created, ...times, ended: null }).download?.localeCompare(created)).toBeGreaterThanOrEqual(0);
  });

  test("are not before the queueing that its row shows, whoever has made that", () => {
    const queued = "2026-01-02T03:01:00.400Z";
    expect(updated(over, { queued }).change).toMatchObject({ download: queued, end: RAN.ended });
    expect(updated({ ...RAN, status: "RUNNING", ended: null }, { queued }).change).toMatchObject({ download: queued });
  });
});

describe("how a job has ended", () => {
  test.each<[Parameters<typeof jobOf>[0], Partial<GaswRow>]>([
    [
      { status: "ERROR", exitCode: 3, message: "no such file" },
      { status: "ERROR", exitCode: 3, exitMessage: "no such file" },
    ],
    [
      { status: "ERROR_HELD", exitCode: null, message: "the image is missing" },
      { status: "ERROR_HELD", exitCode: -1, exitMessage: "the image is missing" },
    ],
    [
      { status: "DELETED", exitCode: 143 },
      { status: "DELETED", exitCode: 9 },
    ],
    [{ status: "DELETED_REPLICA" }, { status: "DELETED_REPLICA", exitCode: 9 }],
    [{ status: "ERROR", exitCode: 1, message: "Error", output: { message: "disk full" } }, { exitMessage: "disk full" }],
    [{ status: "COMPLETED", exitCode: 0, replicating: true, settled: true }, { isReplicating: false }],
  ])("%j is written as %j", (job, row) => expect(inserted({ ...RAN, ...job })).toMatchObject(row));

  test("a node is named once the job is over, where its output names one", () => {
    const output = { node: { site: "site", name: "node" } };
    expect(inserted({ ...RAN, status: "COMPLETED", output })).toMatchObject({ nodeSite: "site", nodeName: "node" });
    expect(inserted({ ...RAN, status: "RUNNING", output })).toMatchObject({ nodeSite: null, nodeName: null });
  });

  test("a long message is cut to what its column takes, in whole characters", () => {
    const { exitMessage } = inserted({ ...RAN, status: "ERROR", message: "ü😀".repeat(300) });
    expect([...(exitMessage ?? "")]).toHaveLength(255);
    expect(exitMessage).toMatch(/^ü😀.*…$/);
  });

  test("of a long text that the script itself wrote, the end is kept: it tells the cause", () => {
    const output = { message: `${"Traceback 😀\n".repeat(100)}MemoryError` };
    const { exitMessage } = inserted({ ...RAN, status: "ERROR", message: "x".repeat(300), output });
    expect([...(exitMessage ?? "")]).toHaveLength(255);
    expect(exitMessage).toMatch(/^….*MemoryError$/s);
  });
});
