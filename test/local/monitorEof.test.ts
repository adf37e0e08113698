import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";
import { PROGRAM, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
afterEach(() => workflow.cleanup());

test("monitor --stop-on-eof goes on while its stdin is open, and ends with the program at the other end", async () => {
  workflow = new TestWorkflow();
  await workflow.cli("submit", workflow.script("Job-1", "true\n"));
  const args = [PROGRAM, "monitor", "--forever", "--stop-on-eof", "-o", "ndjson"];
  const monitor = spawn(process.execPath, args, { cwd: workflow.directory, env: workflow.env, stdio: ["pipe", "pipe", "inherit"] });
  try {
    const ended = once(monitor, "close");
    const [line] = await once(createInterface({ input: monitor.stdout }), "line");
    expect(JSON.parse(line)).toMatchObject({ id: "Job-1", status: "COMPLETED" });
    // As the kernel does for a program that is killed.
    monitor.stdin.destroy();
    expect(await ended).toEqual([0, null]);
    // It has let the workflow go.
    expect(await workflow.cli("monitor")).toMatchObject({ code: 0 });
  } finally {
    monitor.kill("SIGKILL");
  }
});
