import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, kubectl, TestWorkflow } from "./harness.ts";
import { endTimeLimit } from "./timeLimit.ts";

const APPLICATION = "echo '<application_execution>'; echo work; echo '</application_execution>'\n";

interface Ending {
  readonly job: string;
  readonly when: string;
  readonly script: string;
  readonly options?: readonly string[];
  readonly shows: Record<string, unknown>;
  readonly waits: number;
}

const ENDINGS: readonly Ending[] = [
  { job: "Ok-1", when: "exits with 0", script: "true\n", shows: { status: "COMPLETED", reason: "Completed", exitCode: 0 }, waits: 0 },
  { job: "Exit-1", when: "exits with 3", script: "exit 3\n", shows: { status: "ERROR", reason: "Error", exitCode: 3 }, waits: 3 },
  { job: "Segv-1", when: "dies of SIGSEGV", script: "kill -SEGV $$\n", shows: { status: "ERROR", exitCode: 139 }, waits: 139 },
  {
    job: "Memory-1",
    when: "takes more memory than it may",
    script: "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo \"$x\" | wc -c\n",
    options: ["--memory", "24Mi"],
    shows: { status: "ERROR", reason: "OOMKilled", exitCode: 137 },
    waits: 137,
  },
  {
    job: "Late-1",
    when: "runs out of its time",
    script: "sleep 300\n",
    shows: { status: "ERROR", reason: "DeadlineExceeded" },
    waits: 143,
  },
  {
    job: "Told-1",
    when: "exits with 0, but its output says 1",
    script: `${APPLICATION}echo 'Exiting with return value 1'\n`,
    shows: { status: "ERROR", exitCode: 1 },
    waits: 1,
  },
  {
    job: "Stderr-1",
    when: "says 0 on stdout, but 40 on stderr",
    script: `${APPLICATION}echo 'Exiting with return value 0'; echo 'Exiting with return value 40' >&2; exit 1\n`,
    shows: { status: "ERROR", exitCode: 40 },
    waits: 40,
  },
  {
    job: "Chatty-1",
    when: "exits with 0, and only its application said otherwise",
    script: "echo '<application_execution>'; echo 'Exiting with return value 9'; echo '</application_execution>'\n",
    shows: { status: "COMPLETED", exitCode: 0 },
    waits: 0,
  },
  {
    job: "Lies-1",
    when: "says 0, but exits with 4",
    script: `${APPLICATION}echo 'Exiting with return value 0'; exit 4\n`,
    shows: { status: "ERROR", exitCode: 0 },
    waits: 1,
  },
];

describe("status of a job that has ended", () => {
  let workflow: TestWorkflow;
  beforeAll(async () => {
    workflow = new TestWorkflow();
    for (const { job, script, options = [] } of ENDINGS) {
      const { stderr, code } = await workflow.cli("submit", workflow.script(job, script), ...options);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    }
    await eventually(
      () => workflow.status("Late-1"),
      ({ status }) => status === "RUNNING",
    );
    await endTimeLimit(workflow, "Late-1");
    await workflow.cli("wait", ...ENDINGS.map(({ job }) => job), "--wait-timeout", "300s");
  });
  afterAll(() => workflow.cleanup());

  test.each(ENDINGS)("one that $when: $shows", async ({ job, shows }) => {
    const record = await workflow.status(job);
    expect(record).toMatchObject(shows);
    expect(Date.parse(record.started)).toBeLessThanOrEqual(Date.parse(record.ended));
    expect(record.node).not.toBeNull();
  });

  test.each(ENDINGS)("`wait` for one that $when exits with $waits", async ({ job, waits }) => {
    expect(await workflow.cli("wait", job)).toEqual({ stdout: "", stderr: "", code: waits });
  });

  test("ended jobs never change again, whatever becomes of their Jobs", async () => {
    const before = (await workflow.cli("status", "-o", "json")).stdout;
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace);
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );
    expect((await workflow.cli("status", "-o", "json")).stdout).toBe(before);
  });
});

describe("status of a job whose init container fails", () => {
  let workflow: TestWorkflow;
  afterAll(() => workflow.cleanup());

  test("names the container and its exit code; the script has not run", async () => {
    const prepare = { name: "prepare", image: "localhost/gasw-k8s/bash:1", command: ["bash", "-c", "exit 7"] };
    workflow = new TestWorkflow({ config: { initContainers: [prepare] } });
    const { code } = await workflow.runJob("Job-1", "echo ran\n");
    expect(code).toBe(7);
    const message = "init container prepare ended with exit code 7";
    expect(await workflow.status("Job-1")).toMatchObject({ status: "ERROR", reason: "InitError", message, exitCode: 7 });
    expect(() => workflow.out("Job-1")).toThrow("ENOENT");
  });
});
