import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { likeGasw, RetriedWorkflow } from "../e2e/attempts.ts";
import { errorOf } from "../e2e/expectations.ts";
import { eventually, kubectl } from "../e2e/harness.ts";

let workflow: RetriedWorkflow;
beforeEach(() => {
  workflow = new RetriedWorkflow();
});
afterEach(() => workflow.finish());

/** A script like GASW's that has run, of which the state knows nothing any more. */
async function ranAndForgotten(job: string): Promise<string> {
  const script = workflow.script(job, likeGasw(job, "echo fine"));
  await workflow.cli("submit", script);
  await workflow.until(job, "COMPLETED");
  rmSync(path.dirname(workflow.stateFile), { recursive: true });
  return script;
}

async function removeJobs(): Promise<void> {
  await kubectl("delete", "jobs", "--all", "-n", workflow.namespace);
  await eventually(
    () => workflow.jobs(),
    (jobs) => jobs.length === 0,
  );
}

describe("a script that has run, submitted from a state that knows nothing of it", () => {
  test("is refused when its Job is gone, and nothing is made or changed; it runs again when its output is moved away", async () => {
    const script = await ranAndForgotten("Job-1");
    await removeJobs();
    const output = workflow.out("Job-1");
    for (let time = 0; time < 2; time++) {
      expect(errorOf(await workflow.cli("submit", script))).toEqual({
        code: 7,
        message: `job Job-1 ran before, but is not in this state file: its output ${workflow.directory}/out/Job-1.sh.out exists`,
        hint: expect.stringContaining(`mv -- ${workflow.directory}/out/Job-1.sh.out`),
      });
      expect(await workflow.jobs()).toEqual([]);
    }
    expect(await workflow.rows("Job-1")).toEqual(["Job-1 COMPLETED 0"]);
    expect(workflow.out("Job-1")).toBe(output);
    renameSync(path.join(workflow.directory, "out/Job-1.sh.out"), path.join(workflow.directory, "out/Job-1.sh.out.old"));
    expect(await workflow.cli("submit", script, "--wait")).toMatchObject({ code: 0 });
    expect(workflow.out("Job-1")).not.toBe(output);
  });

  test("is known from the next synchronisation on by its row in the GASW database: its submission answers its id, and runs nothing", async () => {
    const script = await ranAndForgotten("Job-1");
    await removeJobs();
    const output = workflow.out("Job-1");
    expect(await workflow.cli("submit", script)).toMatchObject({ code: 7 });
    await workflow.sync();
    expect(await workflow.status("Job-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect(await workflow.cli("submit", script)).toMatchObject({ code: 0, stdout: "Job-1\n" });
    expect(await workflow.jobs()).toEqual([]);
    expect(await workflow.rows("Job-1")).toEqual(["Job-1 COMPLETED 0"]);
    expect(workflow.out("Job-1")).toBe(output);
  });

  test("is found again by its Job, as long as that is there", async () => {
    const script = await ranAndForgotten("Job-1");
    const [{ metadata }] = await workflow.jobs();
    expect(await workflow.cli("submit", script, "--wait")).toMatchObject({ code: 0, stdout: "Job-1\n" });
    expect((await workflow.jobs()).map((job) => job.metadata.uid)).toEqual([metadata.uid]);
  });

  test("is not refused for one of GASW's own folders that is called like it", async () => {
    mkdirSync(path.join(workflow.directory, "db"));
    writeFileSync(path.join(workflow.directory, "out/db.sh.out"), "");
    await workflow.cli("submit", workflow.script("db", "true\n"));
    await workflow.until("db", "COMPLETED");
    expect(existsSync(path.join(workflow.directory, "db"))).toBe(true);
  });
});
