import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resultRecord } from "../../src/services/sync/results.ts";
import { Invocations, outputOf } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin();
});
afterEach(() => life.end());

const results = () => life.store.results.since(life.workflow, 0).map(resultRecord);

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
