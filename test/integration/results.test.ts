import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withLateOutput } from "../../src/core/lifecycle/lateOutput.ts";
import { held, over } from "../../src/core/lifecycle/make.ts";
import { toldRecord } from "../../src/services/sync/results.ts";
import { Invocations, outputOf } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin();
});
afterEach(() => life.end());

const results = () => life.store.results.tell(life.workflow, 0).map(toldRecord);

describe("the result of a killed job", () => {
  test("stays as it was told, whatever becomes of the job when it is run anew", async () => {
    life.submitted("Job-1");
    life.show("Job-1", "running");
    life.write("out/Job-1.sh.out", "<inputs_download>\n<file_download uri=file:/in>\n</inputs_download>\n");
    await life.round();
    await life.round({ "Job-1": "KILL" });
    life.lose("Job-1");
    const told = results();
    expect(told).toMatchObject([
      { status: "DELETED", exitCode: 9, message: "killed by a signal in the GASW database", inputs: ["file:/in"] },
    ]);
    await life.round({ "Job-1": "RESCHEDULE" });
    life.show("Job-1", "running");
    await life.round();
    expect(life.job("Job-1").status).toBe("RUNNING");
    expect(results()).toEqual(told);
    life.show("Job-1", 0);
    life.write("out/Job-1.sh.out", outputOf("fine", 0));
    await life.round();
    expect(life.job("Job-1").status).toBe("COMPLETED");
    expect(results()).toEqual(told);
  });
});

describe("the result of a job that was killed and runs again before anybody is told", () => {
  test.each([
    ["RESCHEDULE", "Job-1"],
    ["REPLICATE", "Job-1-r1"],
  ])("at a %s: not the kill is told but what it completes with, once", async (signal, attempt) => {
    life.submitted("Job-1");
    await life.round({ "Job-1": "KILL" });
    life.lose("Job-1");
    await life.round({ "Job-1": signal });
    expect(results()).toEqual([]);
    life.show(attempt, 0);
    life.write("out/Job-1.sh.out", outputOf("fine", 0));
    await life.round();
    expect(results()).toMatchObject([{ kind: "result", id: "Job-1", attemptId: attempt, status: "COMPLETED", exitCode: 0 }]);
  });
});

describe("the last exit code of the job itself", () => {
  test("stands beside GASW's in the result of one that had failed before it was given up; of an earlier attempt where the last has none", async () => {
    for (const [job, code] of [["Job-1", 3] as const, ["Job-2", 4] as const]) {
      life.submitted(job);
      life.show(job, code);
    }
    await life.round();
    life.show("Job-2-r1", "running");
    life.store.changes.write(life.job("Job-1-r1"), { stage: held("ERROR_HELD"), exitCode: 5 });
    await life.round({ "Job-1-r1": "KILL", "Job-2-r1": "KILL" });
    expect(results().filter(({ kind }) => kind === "result")).toMatchObject([
      { attemptId: "Job-1-r1", status: "DELETED", exitCode: 9, exitName: "EXECUTION_CANCELED", ownExitCode: 5 },
      { attemptId: "Job-2-r1", status: "DELETED", exitCode: 9, ownExitCode: 4 },
    ]);
  });
});

test("a success that shows late takes the place of a failure that nobody was told, and not of one that was", () => {
  for (const id of ["Job-1", "Job-2"]) {
    const failed = life.submitted(id);
    life.store.updates.apply([{ job: failed, change: { stage: over("ERROR") }, announce: true }], new Date());
    if (id === "Job-2") expect(results().map(({ status }) => status)).toEqual(["COMPLETED", "ERROR"]);
    const { change } = withLateOutput(life.job(id), 0);
    life.store.updates.apply([{ job: life.job(id), change, announce: true }], new Date());
  }
  expect(results()).toMatchObject([
    { id: "Job-1", status: "COMPLETED" },
    { id: "Job-2", status: "ERROR", exitCode: -1, ownExitCode: null },
  ]);
});

describe("a job that is held", () => {
  const failed = async (id: string) => {
    life.submitted(id);
    life.show(id, 3);
    await life.round();
  };

  test("is told of once per hold, and once when it is released, in one order with the results", async () => {
    life.end();
    life = await Invocations.begin({ retryCount: 0 });
    await failed("Job-1");
    await life.round();
    const told = results();
    expect(told).toMatchObject([{ kind: "held", id: "Job-1", attemptId: "Job-1", status: "ERROR_HELD", ownExitCode: 3 }]);
    expect(told[0]).not.toHaveProperty("exitCode");
    await life.round({ "Job-1": "UNHOLD_ERROR" });
    life.submitted("Job-2");
    life.show("Job-2", 0);
    await life.round();
    life.show("Job-1-r1", 4);
    await life.round();
    await life.round({ "Job-1-r1": "KILL" });
    expect(results().map(({ kind, attemptId, status }) => `${kind} ${attemptId} ${status}`)).toEqual([
      "held Job-1 ERROR_HELD",
      "released Job-1 ERROR",
      "result Job-2 COMPLETED",
      "held Job-1-r1 ERROR_HELD",
      "result Job-1-r1 DELETED",
    ]);
    const cursors = results().map(({ cursor }) => cursor);
    expect(cursors).toEqual([...new Set(cursors)].sort((one, other) => one - other));
    expect(life.store.results.tell(life.workflow, cursors[2] ?? 0).map(({ cursor }) => cursor)).toEqual(cursors.slice(3));
  });
});

describe("the result of a job that has completed", () => {
  test.each<[string, string | undefined, object]>([
    ["has the code that its output states", outputOf("fine", 0), { exitCode: 0, exitName: "SUCCESS", stage: null }],
    ["has none where there is no output", undefined, { exitCode: -1, exitName: "UNDEFINED", stage: null }],
    ["has none where its output states none", "hello\n", { exitCode: -1, exitName: "UNDEFINED", stage: null }],
    [
      "has none, and no stage that failed, where its output has broken off",
      "<application_execution>\nwork\n",
      { exitCode: -1, exitName: "UNDEFINED", stage: null },
    ],
  ])("%s", async (_, output, told) => {
    life.submitted("Job-1");
    if (output !== undefined) life.write("out/Job-1.sh.out", output);
    life.show("Job-1", 0);
    await life.round();
    expect(life.job("Job-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect(results()).toMatchObject([{ status: "COMPLETED", ...told }]);
  });
});
