import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findTarget } from "../../src/services/jobTarget.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin({ retryCount: 1 });
});
afterEach(() => life.end());

const has = (file: string) => existsSync(path.join(life.directory, file));

/** An attempt that has run, printed its own id, and failed. */
function failed(id: string): void {
  for (const file of ["out/Job-1.sh.out", "err/Job-1.sh.err"]) life.write(file, `${id}\n`);
  life.show(id, 3);
}

/** Whose streams are kept as those of each attempt; the newest one's stand where GASW looks. */
const kept = () =>
  ["out/Job-1.sh.out.0", "out/Job-1.sh.out.1", "err/Job-1.sh.err.0", "err/Job-1.sh.err.1"].map((file) =>
    has(file) ? life.text(file).trim() : undefined,
  );

describe("the streams of an attempt are kept under its own number", () => {
  test("when the newest attempt runs anew", async () => {
    life.submitted("Job-1");
    failed("Job-1");
    await life.round();
    failed("Job-1-r1");
    await life.round();
    expect(life.job("Job-1-r1").status).toBe("ERROR_HELD");
    life.lose("Job-1-r1");
    await life.round({ "Job-1-r1": "RESCHEDULE" });
    expect(life.job("Job-1-r1")).toMatchObject({ status: "QUEUED", prepared: true });
    expect(kept()).toEqual(["Job-1", "Job-1-r1", "Job-1", "Job-1-r1"]);
    expect(has("out/Job-1.sh.out")).toBe(false);
  });

  test("when the attempt between them could not be submitted", async () => {
    life.submitted("Job-1");
    failed("Job-1");
    life.hide("sh/Job-1.sh");
    await life.round();
    expect(life.job("Job-1-r1")).toMatchObject({ status: "ERROR_HELD", reason: "NotSubmittable" });
    life.write("sh/Job-1.sh", "true\n");
    await life.round({ "Job-1-r1": "UNHOLD_ERROR" });
    expect(life.job("Job-1-r2").status).toBe("QUEUED");
    expect(kept()).toEqual(["Job-1", undefined, "Job-1", undefined]);
  });

  test("when the attempt between them was killed before its turn", async () => {
    const job = life.submitted("Job-1");
    failed("Job-1");
    life.store.changeJob(job, { status: "ERROR", settled: true });
    life.store.addAttempt(job, {});
    await life.round({ "Job-1-r1": "KILL" });
    expect(life.job("Job-1-r1")).toMatchObject({ status: "DELETED", submitted: null });
    await life.round({ "Job-1-r1": "REPLICATE" });
    expect(life.job("Job-1-r2").status).toBe("QUEUED");
    expect(kept()).toEqual(["Job-1", undefined, "Job-1", undefined]);
  });
});

test("the streams that are shown for an attempt are its own; the invocation's id means the newest there are", async () => {
  const job = life.submitted("Job-1");
  failed("Job-1");
  life.store.changeJob(job, { status: "ERROR", settled: true });
  const shown = async (text: string) => (await findTarget(life.deps, text, { cwd: life.directory })).superseded;
  life.store.addAttempt(job, {});
  expect([await shown("Job-1"), await shown(job.kubeName), await shown("Job-1-r1")]).toEqual([undefined, undefined, 1]);
  await life.round();
  expect(life.job("Job-1-r1").status).toBe("QUEUED");
  expect([await shown("Job-1"), await shown(job.kubeName), await shown("Job-1-r1")]).toEqual([undefined, 0, undefined]);
});
