import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WRITTEN } from "../../src/core/lifecycle/make.ts";
import { checkSubmissions } from "../../src/services/submit/checks.ts";
import { type Submitted, Submitter } from "../../src/services/submit/submitter.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
let warnings: string[];
beforeEach(async () => {
  life = await Invocations.begin();
  warnings = [];
  life.onWarning = (message) => warnings.push(message);
});
afterEach(() => life.end());

/** Submits a script as a person or an engine does. */
async function submit(id: string): Promise<Submitted> {
  life.write(`sh/${id}.sh`, "true\n");
  const script = `${life.directory}/sh/${id}.sh`;
  const [checked] = checkSubmissions(life.deps.config, life.workflow, [{ script, options: {} }], life.directory);
  if (checked === undefined) throw new Error("not checked");
  const submitter = new Submitter(life.deps, life.workflow);
  return await submitter.submit(checked, submitter.intend(checked));
}

const told = () => warnings.filter((warning) => warning.includes("earlier run"));

describe("the streams that an earlier run has left under a script's name", () => {
  test("are moved aside before its first submission, with a warning, and none is lost", async () => {
    for (const file of ["out/Job-1.sh.out", "err/Job-1.sh.err", "out/Job-1.sh.app.out"]) life.write(file, "older\n");
    life.write("out/Job-1.sh.out.old-1", "oldest\n");
    expect(await submit("Job-1")).toMatchObject({ created: true });
    expect(readdirSync(path.join(life.directory, "out")).sort()).toEqual([
      "Job-1.sh.app.out.old-2",
      "Job-1.sh.out.old-1",
      "Job-1.sh.out.old-2",
    ]);
    expect(life.text("out/Job-1.sh.out.old-1")).toBe("oldest\n");
    expect(life.text("err/Job-1.sh.err.old-2")).toBe("older\n");
    expect(told()).toEqual([
      "job Job-1: the output of an earlier run was kept as out/Job-1.sh.out.old-2, err/Job-1.sh.err.old-2, out/Job-1.sh.app.out.old-2",
    ]);
  });

  test("are left alone where the very Job is in the cluster: they are its own", async () => {
    await submit("Job-1");
    life.write("out/Job-1.sh.out", "its own\n");
    const { kubeName } = life.job("Job-1");
    life.store.changes.write(life.job("Job-1"), { stage: WRITTEN, prepared: false, submitted: null });
    expect(await submit("Job-1")).toEqual({ jobId: "Job-1", kubeName, created: false });
    expect(life.text("out/Job-1.sh.out")).toBe("its own\n");
    expect(told()).toEqual([]);
  });

  test("are not taken for the output of the job that is submitted, whatever their dates", async () => {
    life.write("out/Job-1.sh.out", "Exiting with return value 0\n");
    await submit("Job-1");
    life.lose("Job-1");
    await life.round();
    expect(life.job("Job-1").status).toBe("STALLED");
    expect(existsSync(path.join(life.directory, "out/Job-1.sh.out"))).toBe(false);
  });
});
