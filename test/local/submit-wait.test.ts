import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { kubectl, TestWorkflow } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";

describe("submit --wait", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("exits with the jobs' highest exit code, when all have ended", async () => {
    workflow = new TestWorkflow();
    const scripts = [0, 3, 42, 7].map((code) => workflow.script(`exit-${code}`, `exit ${code}\n`));
    const result = await workflow.cli("submit", ...scripts, "--wait", "--wait-timeout", "300s");
    expect(result).toEqual({ stdout: "exit-0\nexit-3\nexit-42\nexit-7\n", stderr: "", code: 42 });
    expect((await workflow.status("exit-7")).status).toBe("ERROR");
    expect((await workflow.status("exit-0")).status).toBe("COMPLETED");
  });

  test("tells programs how each job has ended: at the end of the document, or as a line of its own after those that accept the jobs", async () => {
    workflow = new TestWorkflow();
    const scripts = [0, 3].map((code) => workflow.script(`exit-${code}`, `exit ${code}\n`));
    const lines = await workflow.cli("submit", ...scripts, "--wait", "--wait-timeout", "300s", "-o", "ndjson");
    const [one, two, ...ended] = lines.stdout.trim().split("\n");
    expect([one, two].flatMap((line) => misfits("submitted", line ?? ""))).toEqual([]);
    expect(ended.flatMap((line) => misfits("job", line))).toEqual([]);
    expect(ended.map((line) => JSON.parse(line).id).sort()).toEqual(["exit-0", "exit-3"]);
    const { stdout, code } = await workflow.cli("submit", ...scripts, "--wait", "-o", "json");
    expect(misfits("submit", stdout)).toEqual([]);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 3,
      jobs: [
        { id: "exit-0", created: false },
        { id: "exit-3", created: false },
      ],
      results: [
        { id: "exit-0", status: "COMPLETED", exitCode: 0 },
        { id: "exit-3", status: "ERROR", exitCode: 3 },
      ],
    });
  });

  test("exits 1 for a job in error without an exit code", async () => {
    workflow = new TestWorkflow();
    const result = await workflow.runJob("Job-1", "true\n", "--image", "NOT//AN::IMAGE");
    expect(result).toMatchObject({ stdout: "Job-1\n", code: 1 });
    expect(await workflow.status("Job-1")).toMatchObject({ status: "ERROR", reason: "InvalidImageName", exitCode: null });
  });

  test("exits 10 for a job that vanished while it ran, or with the code that its wrapper has recorded by then", async () => {
    workflow = new TestWorkflow();
    const script = workflow.script("Job-1", "echo started; sleep 600\n");
    await workflow.cli("submit", script);
    const waiting = workflow.cli("wait", "Job-1", "--wait-timeout", "300s");
    await expect.poll(async () => (await workflow.status("Job-1")).status).toBe("RUNNING");
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace, "--cascade=orphan");
    await kubectl("delete", "pods", "--all", "-n", workflow.namespace, "--force", "--grace-period=0");
    expect([10, 143]).toContain((await waiting).code);
    expect((await workflow.status("Job-1")).status).toBe("STALLED");
  });

  test("exits 125 when the tool itself fails", async () => {
    workflow = new TestWorkflow();
    const result = await workflow.cli("submit", "sh/none.sh", "--wait");
    expect(result).toEqual({ stdout: "", stderr: expect.stringMatching(/^error: script sh\/none\.sh does not exist\nhint: /), code: 125 });
  });

  test("exits 124 when the time is over, and the job goes on", async () => {
    workflow = new TestWorkflow();
    const script = workflow.script("Job-1", "while [ ! -e go ]; do sleep 0.1; done; echo went on\n");
    const result = await workflow.cli("submit", script, "--wait", "--wait-timeout", "2s");
    expect(result).toEqual({
      stdout: "Job-1\n",
      stderr: expect.stringMatching(/^error: .*2 s waiting for the jobs\nhint: see `gasw-k8s status`/),
      code: 124,
    });
    const asJson = await workflow.cli("submit", script, "--wait", "--wait-timeout", "1s", "-o", "json");
    expect({ code: asJson.code, ...JSON.parse(asJson.stdout) }).toMatchObject({ code: 124, jobs: [{ id: "Job-1" }], results: [] });
    const again = workflow.cli("submit", script, "--wait", "--wait-timeout", "300s");
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await again).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("went on\n");
  });
});
