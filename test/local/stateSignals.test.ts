import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../e2e/expectations.ts";
import { eventually, get, PROGRAM, type Result, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

/** A running program and what it has written so far. */
function begin(...args: string[]): { child: ChildProcess; texts: { stdout: string }; ended: Promise<Result> } {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: workflow.directory,
    env: workflow.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name]?.setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  const ended = new Promise<Result>((resolve) => child.once("close", (code) => resolve({ ...texts, code: code ?? -1 })));
  return { child, texts, ended };
}

const running = () =>
  eventually(
    async () => (await workflow.status("Job-1")).status,
    (status) => status === "RUNNING",
  );
const goesOn = () =>
  eventually(
    () => workflow.jobs(),
    (jobs) => jobs[0]?.status?.active === 1,
    5,
  );

describe.each(["SIGINT", "SIGTERM"] as const)("%s", (signal) => {
  test("ends submit --wait with 130 and says that the job goes on, which it does", async () => {
    workflow.script("Job-1", "sleep 600\n");
    const { child, texts, ended } = begin("submit", "sh/Job-1.sh", "--wait");
    await eventually(
      async () => texts.stdout,
      (text) => text === "Job-1\n",
    );
    await running();
    child.kill(signal);
    const { stdout, ...error } = await ended;
    expect(stdout).toBe("Job-1\n");
    expect(errorOf({ stdout: "", ...error })).toEqual({
      code: 130,
      message: "interrupted: jobs in the cluster continue",
      hint: expect.stringMatching(/gasw-k8s status.*repeating any command is safe/),
    });
    await goesOn();
  });

  test.each([
    { command: ["status", "--watch"], says: /^Job-1: RUNNING\n0 of 1 jobs have ended: 1 RUNNING\n$/ },
    { command: ["wait", "Job-1"], says: /^(waiting for 1 of 1 job: 1 RUNNING\n)stopped waiting: the jobs continue in the cluster\n$/ },
    { command: ["debug", "logs", "Job-1", "-f"], says: /^(==> .* <==\n|\n)+$/ },
  ])("ends $command with 130 and no error, since it only watched, and the job goes on", async ({ command, says }) => {
    expect(await workflow.cli("submit", workflow.script("Job-1", "sleep 600\n"))).toMatchObject({ code: 0 });
    await running();
    const { child, ended } = begin(...command);
    await new Promise((resolve) => child.stderr?.once("data", resolve));
    child.kill(signal);
    expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: expect.stringMatching(says) });
    await goesOn();
  });

  test("while the volumes do not come: ends with 130 at once, and the same submission later makes the job once", async () => {
    // A claim that nobody binds: there is no such volume.
    workflow.configure({
      volumes: [{ name: "never", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/never" }],
    });
    workflow.script("Job-1", "true\n");
    const { child, ended } = begin("submit", "sh/Job-1.sh", "-o", "json");
    await eventually(
      async () => (await get("pvc", "-n", workflow.namespace)).items.length,
      (claims) => claims > 0,
    );
    child.kill(signal);
    const { stdout, stderr, code } = await ended;
    expect({ stdout, code }).toEqual({ stdout: "", code: 130 });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "INTERRUPTED" } });
    expect(await workflow.jobs()).toHaveLength(0);
    workflow.configure({});
    expect(await workflow.cli("submit", "sh/Job-1.sh")).toMatchObject({ stdout: "Job-1\n", code: 0 });
    expect(await workflow.jobs()).toHaveLength(1);
  });
});

test("a submission says which claim it waits for", async () => {
  workflow.configure({
    volumes: [{ name: "never", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/never" }],
  });
  workflow.script("Job-1", "true\n");
  const { child, ended } = begin("submit", "sh/Job-1.sh");
  await new Promise((resolve) => child.stderr?.once("data", resolve));
  child.kill("SIGTERM");
  expect((await ended).stderr).toMatch(/^waiting for claim \S+ of volume never to be bound\nerror: interrupted: /);
});

test("a watch whose reader goes away ends by itself, while the job goes on", async () => {
  const scripts = [workflow.script("Job-1", "sleep 600\n"), workflow.script("Job-2", "until test -e go; do sleep 0.2; done\n")];
  expect(await workflow.cli("submit", ...scripts)).toMatchObject({ code: 0 });
  await running();
  const { child, ended } = begin("status", "--watch", "-o", "ndjson");
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  child.stdout?.destroy();
  // The end of the second job is a line that nobody reads.
  writeFileSync(path.join(workflow.directory, "go"), "");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
  await goesOn();
});
