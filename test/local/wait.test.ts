import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually, kubectl, TestWorkflow } from "../e2e/harness.ts";

const FOREVER = "while :; do sleep 1; done\n";

function isRunning(workflow: TestWorkflow, job: string): Promise<unknown> {
  return eventually(
    () => workflow.status(job),
    ({ status }) => status === "RUNNING",
  );
}

describe("wait", () => {
  let workflow: TestWorkflow;
  beforeAll(async () => {
    workflow = new TestWorkflow();
    const scripts = [0, 3, 40].map((code) => workflow.script(`Exit-${code}`, `exit ${code}\n`));
    await workflow.cli("submit", ...scripts, workflow.script("Gate-1", "until [ -e go ]; do sleep 0.2; done; exit 7\n"));
    await workflow.cli("submit", workflow.script("Image-1", "true\n"), "--image", "localhost/Upper/Case:1");
    await workflow.cli("wait", "Exit-0", "Exit-3", "Exit-40", "Image-1");
    await isRunning(workflow, "Gate-1");
  });
  afterAll(() => workflow.cleanup());

  test.each([
    { jobs: ["Exit-0"], code: 0, because: "its own code" },
    { jobs: ["Exit-3"], code: 3, because: "its own code" },
    { jobs: ["Exit-3", "Exit-40", "Exit-0"], code: 40, because: "the highest of several" },
    { jobs: ["Image-1"], code: 1, because: "failed without a code" },
    { jobs: ["sh/Exit-3.sh"], code: 3, because: "a script names its job" },
  ])("of $jobs exits with $code: $because", async ({ jobs, code }) => {
    expect(await workflow.cli("wait", ...jobs)).toEqual({ stdout: "", stderr: "", code });
  });

  test("ends when the last of its jobs does, and not before: it gives up with 124 when its time is over, and the job goes on", async () => {
    let hasEnded = false;
    const waiting = workflow.cli("wait", "Exit-3", "Gate-1").then((result) => {
      hasEnded = true;
      return result;
    });
    const { stdout, stderr, code } = await workflow.cli("wait", "Gate-1", "--wait-timeout", "2s");
    expect({ stdout, code }).toEqual({ stdout: "", code: 124 });
    expect(stderr).toMatch(/^error: timed out after 2 s waiting for the jobs\nhint: see `gasw-k8s status`/);
    expect(await workflow.status("Gate-1")).toMatchObject({ status: "RUNNING" });
    expect(hasEnded).toBe(false);
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await waiting).toEqual({ stdout: "", stderr: "", code: 7 });
  });

  test("tells programs how each job has ended: -o json in one document, in the order in which they were named, each once", async () => {
    const { stdout, stderr, code } = await workflow.cli("wait", "Exit-3", "Image-1", "Exit-0", "sh/Exit-3.sh", "-o", "json");
    expect({ stderr, code }).toEqual({ stderr: "", code: 3 });
    expect(JSON.parse(stdout)).toEqual({ jobs: await Promise.all(["Exit-3", "Image-1", "Exit-0"].map((id) => workflow.status(id))) });
    expect(JSON.parse(stdout).jobs).toMatchObject([
      { id: "Exit-3", status: "ERROR", exitCode: 3 },
      { id: "Image-1", status: "ERROR", exitCode: null, reason: "InvalidImageName" },
      { id: "Exit-0", status: "COMPLETED", exitCode: 0 },
    ]);
  });

  test("tells with -o ndjson of each job as it ends, and once its time is over of no more", async () => {
    await workflow.cli("submit", workflow.script("Gate-2", "until [ -e open ]; do sleep 0.2; done; exit 7\n"));
    const waiting = workflow.start("wait", "Gate-2", "Exit-3", "-o", "ndjson");
    const first = await eventually(
      async () => waiting.printed.stdout,
      (text) => text.endsWith("\n"),
    );
    expect(JSON.parse(first)).toEqual(await workflow.status("Exit-3"));
    const impatient = await workflow.cli("wait", "Gate-2", "Exit-3", "-o", "ndjson", "--wait-timeout", "10s");
    expect({ stdout: impatient.stdout, code: impatient.code }).toEqual({ stdout: first, code: 124 });
    expect(JSON.parse(impatient.stderr)).toMatchObject({ error: { code: "TIMEOUT" } });
    expect(await workflow.cli("wait", "Gate-2", "-o", "json", "--wait-timeout", "1s")).toMatchObject({ stdout: "", code: 124 });
    writeFileSync(path.join(workflow.directory, "open"), "");
    const { stdout, code } = await waiting.ended;
    expect(code).toBe(7);
    expect(stdout.startsWith(first)).toBe(true);
    expect(JSON.parse(stdout.slice(first.length))).toEqual(await workflow.status("Gate-2"));
  });

  test.each([
    { what: "an unknown job", args: ["wait", "Nobody-1"], says: /no job Nobody-1/ },
    {
      what: "an unknown workflow",
      args: ["wait", "Exit-3", "--workflow", "/nowhere/workflow-1"],
      says: /workflow workflow-1 \(.*\) was not found/,
    },
    { what: "a name that may mean several", args: ["wait", "Exit-"], says: /Exit- matches 3 jobs/ },
    { what: "a missing configuration", args: ["wait", "Exit-3", "--config", "/nowhere.json"], says: /nowhere\.json/ },
  ])("is told apart from its jobs' codes with 125 when it fails itself: $what", async ({ args, says }) => {
    const { stdout, stderr, code } = await workflow.cli(...args);
    expect({ stdout, code }).toEqual({ stdout: "", code: 125 });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/^hint: /m);
  });
});

describe("wait, whichever is asked about later,", () => {
  let workflow: TestWorkflow;
  beforeEach(() => {
    workflow = new TestWorkflow();
  });
  afterEach(() => workflow.cleanup());

  test("exits with 10 for a job that was lost and with 9 for one that was deleted", async () => {
    await workflow.cli("submit", workflow.script("Forever-1", FOREVER));
    await isRunning(workflow, "Forever-1");
    await kubectl("delete", "job", (await workflow.status("Forever-1")).kubernetesName, "-n", workflow.namespace);
    const lost = await eventually(
      () => workflow.status("Forever-1"),
      ({ status }) => status === "STALLED",
    );
    expect((await workflow.cli("wait", "Forever-1")).code).toBe(lost.exitCode ?? 10);
    await workflow.cli("submit", workflow.script("Victim-1", FOREVER));
    const waiting = workflow.cli("wait", "Victim-1");
    await workflow.cli("cleanup", "--cancel", "--yes");
    expect(await waiting).toEqual({ stdout: "", stderr: "", code: 9 });
    expect((await workflow.cli("wait", "Victim-1")).code).toBe(9);
  });
});
