import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leftOf } from "../../src/core/lifecycle/stage.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import { Invocations, outputOf } from "./invocations.ts";

/** What a file server shows late can't be had on one machine: the test puts the files there when they are to arrive (DOUBLES.md). */
let life: Invocations;
let warnings: string[];
let seconds: number;

async function begin(config: Readonly<Record<string, unknown>> = {}): Promise<void> {
  life = await Invocations.begin({ retryCount: 1, outputGrace: "90s", ...config });
  warnings = [];
  seconds = 0;
  life.onWarning = (message) => warnings.push(message);
  life.now = () => new Date(Date.parse("2026-01-02T03:06:00Z") + seconds * 1000);
}
beforeEach(() => begin());
afterEach(() => life.end());

const WHOLE = outputOf("42", 0);
const arrive = (text = WHOLE) => life.write("out/Job-1.sh.out", text);
const shown = () => {
  const { status, reason, exitCode } = life.job("Job-1");
  return `${status} ${reason} ${exitCode}`;
};
const results = () => life.store.results.since(life.workflow, 0).map(({ fileName, status }) => `${fileName} ${status}`);

/** A job that has run, of which nothing but the pod tells. */
function ended(code: number): void {
  life.submitted("Job-1");
  life.show("Job-1", code);
}

describe.each([
  ["a synchronisation", () => life.round()],
  ["a plain look", () => refresh(life.deps, life.workflow)],
])("the output of a job that has ended, at %s", (_, look) => {
  test("is waited for while it has not arrived, and its pod's end is shown", async () => {
    ended(0);
    await look();
    expect(shown()).toBe("RUNNING OutputLate 0");
    expect(life.job("Job-1").message).toBe(
      "its pod has ended (Completed, exit code 0); its output has not arrived (out/Job-1.sh.out): waiting for it until 2026-01-02T03:07:30.000Z (outputGrace)",
    );
    seconds = 89;
    await look();
    expect(shown()).toBe("RUNNING OutputLate 0");
    arrive();
    await look();
    expect(shown()).toBe("COMPLETED Completed 0");
    expect(leftOf(life.job("Job-1").stage).outputLate).toBe(false);
  });

  test("is waited for once, whatever becomes of its Job and pod meanwhile", async () => {
    ended(3);
    await look();
    seconds = 60;
    life.lose("Job-1");
    await look();
    expect(shown()).toBe("RUNNING OutputLate 3");
    seconds = 90;
    await look();
    expect(life.job("Job-1").status).toMatch(/^(STALLED|ERROR)/);
  });

  test("is whole only when it has as many bytes as the record says", async () => {
    ended(0);
    const { kubeName } = life.job("Job-1");
    life.write(`.gasw-k8s/end/${kubeName}.pod-uid`, `1 ${kubeName} pod-uid 0 - - 1767323105 ${WHOLE.length} 0 end\n`);
    arrive(WHOLE.slice(0, 30));
    life.lose("Job-1");
    await look();
    expect(life.job("Job-1").message).toContain(
      `its output is incomplete: out/Job-1.sh.out has 30 of the ${WHOLE.length} bytes written by its pod`,
    );
    arrive();
    await look();
    expect(shown()).toBe("COMPLETED Completed 0");
  });

  test("that never arrives is said to be missing, when it has been waited for", async () => {
    ended(0);
    await look();
    seconds = 90;
    await look();
    expect(shown()).toBe("COMPLETED OutputIncomplete 0");
    expect(life.job("Job-1").message).toBe("its output has not arrived (out/Job-1.sh.out), 90 s after the job had ended");
  });

  test("that arrives later still corrects what was told, with a warning, once", async () => {
    ended(0);
    await look();
    seconds = 90;
    await look();
    arrive(outputOf("42", 5));
    await look();
    expect(shown()).toBe("ERROR Error 5");
    await look();
    expect(warnings.filter((warning) => warning.includes("arrived after"))).toEqual([
      "job Job-1: its output arrived after it was reported as COMPLETED and shows exit code 5, so it is ERROR",
    ]);
  });
});

test("a result is told once, be its output late or not", async () => {
  ended(0);
  await life.round();
  expect(results()).toEqual([]);
  seconds = 90;
  await life.round();
  expect(results()).toEqual(["Job-1 COMPLETED"]);
  arrive();
  await life.round();
  expect(results()).toEqual(["Job-1 COMPLETED"]);
  expect(life.store.jobs.all(life.workflow).map(({ id }) => id)).toEqual(["Job-1"]);
});

test("a failure whose output says late that it had done its work is a success after all, and is told as that", async () => {
  await life.end();
  await begin({ retryCount: 0 });
  life.submitted("Job-1");
  life.show("Job-1", "running");
  await life.round();
  life.lose("Job-1");
  await life.round();
  seconds = 90;
  await life.round();
  expect(shown()).toBe("STALLED_HELD Gone null");
  arrive();
  await life.round();
  expect(shown()).toBe("COMPLETED Completed 0");
  expect(results()).toEqual(["Job-1 COMPLETED"]);
});

test("no attempt is made while the output of the one before is waited for", async () => {
  ended(3);
  await life.round();
  seconds = 89;
  await life.round();
  expect(life.store.jobs.all(life.workflow)).toHaveLength(1);
  seconds = 90;
  await life.round();
  expect(life.store.jobs.all(life.workflow).map(({ status }) => status)).toEqual(["ERROR", "QUEUED"]);
});

test("the output of the next attempt is not taken for the late one of the attempt before", async () => {
  ended(3);
  await life.round();
  seconds = 90;
  await life.round();
  life.show("Job-1-r1", "running");
  arrive();
  await life.round();
  expect(life.store.jobs.all(life.workflow).map(({ status }) => status)).toEqual(["ERROR", "RUNNING"]);
});

describe("a job that ran, and of whose end nothing is known", () => {
  async function vanish(config: Readonly<Record<string, unknown>>, hasRun: boolean): Promise<void> {
    life.end();
    await begin({ outputGrace: "0s", ...config });
    life.submitted("Job-1");
    if (hasRun) life.show("Job-1", "running");
    await life.round();
    life.lose("Job-1");
    await life.round();
  }
  const statuses = () => life.store.jobs.all(life.workflow).map(({ status }) => status);

  test("is held, since it may have done its work", async () => {
    await vanish({}, true);
    expect(statuses()).toEqual(["STALLED_HELD"]);
    expect(life.job("Job-1").message).toContain("its output does not show how it ended");
  });

  test("is run again where the configuration says so", async () => {
    await vanish({ retryUnknownEnd: true }, true);
    expect(statuses()).toEqual(["STALLED", "QUEUED"]);
  });

  test("is run again when it was never seen to run", async () => {
    await vanish({}, false);
    expect(statuses()).toEqual(["STALLED", "QUEUED"]);
  });

  test("is run again when somebody releases it", async () => {
    await vanish({}, true);
    await life.round({ "Job-1": "UNHOLD_STALLED" });
    expect(statuses()).toEqual(["STALLED", "QUEUED"]);
    expect(existsSync(path.join(life.directory, "out/Job-1.sh.out"))).toBe(false);
  });
});
