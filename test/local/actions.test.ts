import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, get, TestWorkflow } from "../e2e/harness.ts";

/** As GASW's scripts do: a folder of its own, never removed, whose being there makes the script empty the whole workflow directory. */
const LIKE_GASW = (job: string, end: string) => `
if [ -d ${job} ]; then echo destroyed; rm -Rf -- *; exit 22; fi
mkdir ${job}
echo "attempt by $HOSTNAME"
${end}
`;

describe("cancel", () => {
  let workflow: TestWorkflow;
  beforeAll(async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Done-1", "true\n");
  });
  afterAll(() => workflow.cleanup());

  test("ends a running job, whose Job is removed, and says so again without harm", async () => {
    await workflow.cli("submit", workflow.script("Long-1", "sleep 600\n"));
    await eventually(
      () => workflow.status("Long-1"),
      (job) => job.status === "RUNNING",
    );
    expect(await workflow.cli("cancel", "Long-1")).toEqual({ stdout: "Long-1\n", stderr: "", code: 0 });
    expect(await workflow.status("Long-1")).toMatchObject({ status: "DELETED", reason: "Killed", message: "killed by gasw-k8s cancel" });
    // Other words for it, the options first.
    expect(await workflow.cli("-o", "text", "-v", "kill", "Long-1", "-q")).toEqual({ stdout: "Long-1\n", stderr: "", code: 0 });
    await eventually(
      () => workflow.jobs(),
      (jobs) => !JSON.stringify(jobs).includes("Long-1"),
    );
    expect((await workflow.cli("wait", "Long-1")).code).toBe(9);
  });

  test("leaves a job that has completed as it is", async () => {
    expect((await workflow.cli("cancel", "Done-1")).code).toBe(0);
    expect((await workflow.status("Done-1")).status).toBe("COMPLETED");
  });

  test("wants a job named in full, and refuses one that is unknown", async () => {
    const result = await workflow.cli("cancel", "Don");
    expect(result).toMatchObject({ code: 6, stdout: "" });
    expect(result.stderr).toContain("no job Don in workflow");
  });
});

describe("retry", () => {
  let workflow: TestWorkflow;
  beforeAll(() => {
    workflow = new TestWorkflow();
  });
  afterAll(() => workflow.cleanup());

  test("runs a failed script again under an id of its own, in a workflow directory that survives it, until it completes", async () => {
    writeFileSync(path.join(workflow.directory, "precious"), "db\n");
    await workflow.runJob("Job-1", LIKE_GASW("Job-1", "test -e repaired || exit 3"));
    expect(await workflow.status("Job-1")).toMatchObject({ status: "ERROR", exitCode: 3, attempt: 0 });
    const first = workflow.out("Job-1");
    writeFileSync(path.join(workflow.directory, "repaired"), "");
    expect(await workflow.cli("retry", "Job-1")).toEqual({ stdout: "Job-1-r1\n", stderr: "", code: 0 });
    expect((await workflow.cli("wait", "Job-1", "--wait-timeout", "300s")).code).toBe(0);
    expect(await workflow.status("Job-1")).toMatchObject({ id: "Job-1", attemptId: "Job-1-r1", attempt: 1, status: "COMPLETED" });
    expect(readFileSync(path.join(workflow.directory, "precious"), "utf8")).toBe("db\n");
    // The newest attempt's streams stand where GASW looks; the first one's beside them.
    expect(workflow.out("Job-1")).toMatch(/^attempt by /);
    expect(workflow.out("Job-1")).not.toBe(first);
    expect(readFileSync(path.join(workflow.directory, "out/Job-1.sh.out.0"), "utf8")).toBe(first);
    // Each attempt has an id of its own, and tells what has become of it.
    const { stdout } = await workflow.cli("status", "Job-1", "--history", "-o", "json");
    expect(JSON.parse(stdout).jobs[1].history.at(-1)).toMatchObject({ at: expect.any(String), status: "COMPLETED", reason: "Completed" });
    expect(JSON.parse(stdout).jobs.map((job: { attemptId: string; status: string }) => [job.attemptId, job.status])).toEqual([
      ["Job-1", "ERROR"],
      ["Job-1-r1", "COMPLETED"],
    ]);
    expect(await workflow.cli("status", "Job-1", "-q")).toMatchObject({ stdout: "Job-1\n" });
    const logsOf = async (...args: string[]) => (await workflow.cli("debug", "logs", ...args, "--stdout-only")).stdout;
    expect(await logsOf("Job-1-r1")).toBe(workflow.out("Job-1"));
    // Both have one number everywhere.
    expect(await logsOf("Job-1", "--attempt", "1")).toBe(first);
    expect(await logsOf("Job-1", "--attempt", "2")).toBe(workflow.out("Job-1"));
    expect(await workflow.cli("debug", "logs", "Job-1", "--attempt", "3")).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("job Job-1 has no attempt 3"),
    });
    const shown = (await workflow.cli("status", "Job-1", "--history", "--cached")).stdout;
    const [jobs, ...attempts] = shown.split("\n\n");
    expect(jobs?.split("\n").map((line) => line.split(/ +/).slice(0, 3).join(" "))).toEqual([
      "JOB ATTEMPT STATUS",
      "Job-1 1 ERROR",
      "Job-1 2 COMPLETED",
    ]);
    expect(attempts.map((text) => text.trim().split("\n")[0])).toEqual(["Job-1, attempt 1:", "Job-1, attempt 2:"]);
    expect(attempts[0]).toMatch(/\n\d{4}-\S+Z {2}NOT_SUBMITTED\n\d{4}-\S+Z {2}QUEUED\n(\S+ {2}RUNNING.*\n)?\d{4}-\S+Z {2}ERROR +Error$/);
    // Another host, which knows what the cluster's labels tell, numbers them alike.
    const env = { GASW_K8S_STATE_PATH: path.join(workflow.folder, "elsewhere", "state.db") };
    const elsewhere = JSON.parse((await workflow.cliWith({ env }, "status", "Job-1", "--history", "-o", "json")).stdout).jobs;
    expect(elsewhere.sort((a: { attempt: number }, b: { attempt: number }) => a.attempt - b.attempt)).toMatchObject([
      { id: "Job-1", attemptId: "Job-1", attempt: 0, history: [] },
      { id: "Job-1", attemptId: "Job-1-r1", attempt: 1, history: [] },
    ]);
    const refused = await workflow.cli("retry", "Job-1");
    expect(refused).toMatchObject({ code: 7, stdout: "" });
    expect(refused.stderr).toContain("has already completed");
  });

  test("of what is under way does nothing, and of what was cancelled runs it again", async () => {
    await workflow.cli("submit", workflow.script("Job-2", "sleep 600\n"));
    expect(await workflow.cli("retry", "Job-2")).toMatchObject({ code: 0, stdout: "Job-2\n" });
    expect((await get("jobs", "-n", workflow.namespace)).items.filter((job: object) => JSON.stringify(job).includes("Job-2"))).toHaveLength(
      1,
    );
    await workflow.cli("cancel", "Job-2");
    workflow.script("Job-2", "echo again\n");
    expect((await workflow.cli("retry", "Job-2")).stdout).toBe("Job-2-r1\n");
    // It is submitted as soon as the first attempt's pod is gone.
    const { attemptId } = await eventually(
      async () => {
        await workflow.cli("retry", "Job-2");
        return await workflow.status("Job-2");
      },
      (job) => job.status !== "NOT_SUBMITTED",
    );
    expect(attemptId).toBe("Job-2-r1");
    expect((await workflow.cli("wait", "Job-2", "--wait-timeout", "300s")).code).toBe(0);
  });

  test("leaves a folder of GASW's own alone, whatever the script is called", async () => {
    mkdirSync(path.join(workflow.directory, "db"), { recursive: true });
    writeFileSync(path.join(workflow.directory, "db/jobs.mv.db"), "");
    await workflow.runJob("db", "exit 3\n");
    await workflow.cli("retry", "db");
    await workflow.cli("wait", "db", "--wait-timeout", "300s");
    expect(existsSync(path.join(workflow.directory, "db/jobs.mv.db"))).toBe(true);
  });
});
