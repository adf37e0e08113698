import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { signal } from "../e2e/gaswDatabase.ts";
import { printed } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

/** Submits a job that completes, and one that fails until the file `repaired` is there. */
async function submitBoth(): Promise<void> {
  const scripts = [workflow.script("Good-1", "true\n"), workflow.script("Bad-1", "[ -e repaired ] || exit 3\n")];
  await workflow.cli("submit", ...scripts);
}

const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const shortly = (stdout: string) => linesOf(stdout).map(({ kind, attemptId, status }) => `${kind} ${attemptId} ${status}`);

describe("a job that is held", () => {
  test("keeps a monitor waiting, which says so once, and is told in a line of its kind; it ends when the job is cancelled", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    await submitBoth();
    const running = workflow.start("monitor", "-o", "ndjson");
    await printed(running, /^1 completed, 1 held: waiting until it is released or cancelled$/m);
    expect(running.printed.stderr).toContain(
      "warning: job Bad-1 is held after the last retry: see `gasw-k8s debug why Bad-1`, then use `gasw-k8s release Bad-1` or `gasw-k8s cancel Bad-1`\n",
    );
    await workflow.cli("cancel", "Bad-1");
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(shortly(stdout).filter((line) => line.includes("Bad-1"))).toEqual(["held Bad-1 ERROR_HELD", "result Bad-1 DELETED"]);
    expect(linesOf(stdout).at(-1)).toMatchObject({ exitCode: 9, ownExitCode: 3 });
    expect(stderr.match(/is held after the last retry|1 held: waiting/g)).toHaveLength(2);
  });

  test("ends a monitor that runs until jobs are settled, which says what is left", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    await submitBoth();
    const { code, stdout, stderr } = await workflow.cli("monitor", "--until", "settled", "-o", "ndjson");
    expect(code).toBe(0);
    expect(stderr.trim().split("\n").at(-1)).toBe("1 completed, 1 held");
    expect(shortly(stdout).sort()).toEqual(["held Bad-1-r1 ERROR_HELD", "result Good-1 COMPLETED"]);
    expect(await workflow.cli("monitor", "--until", "settled", "--forever")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("with onHeld: announce", () => {
  test("a job that has failed for good is told with its own exit code and over: not released, but run anew, and then told again", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, onHeld: "announce" });
    await submitBoth();
    const { code, stdout, stderr } = await workflow.cli("monitor", "-o", "ndjson");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .trim()
        .split("\n")
        .flatMap((line) => misfits("result", line)),
    ).toEqual([]);
    expect(linesOf(stdout).find(({ id }) => id === "Bad-1")).toMatchObject({
      kind: "result",
      attemptId: "Bad-1-r1",
      status: "ERROR",
      exitCode: 3,
      exitName: "ERROR_FILE_NOT_FOUND",
      ownExitCode: 3,
    });
    expect(await workflow.rows("Bad-1")).toEqual(["Bad-1 ERROR 3", "Bad-1-r1 ERROR 3"]);
    expect(await workflow.cli("wait", "Bad-1")).toMatchObject({ code: 3 });

    expect(await workflow.cli("release", "Bad-1")).toEqual({
      code: 7,
      stdout: "",
      stderr: "error: job Bad-1 has failed and is over, not held\nhint: use `gasw-k8s retry Bad-1` to run it again\n",
    });
    await signal(workflow.database, "Bad-1-r1", "UNHOLD_ERROR");
    expect((await workflow.sync()).stderr).toContain("UNHOLD_ERROR of job Bad-1-r1 was ignored: it has failed and is over, not held");
    expect(await workflow.rows("Bad-1")).toEqual(["Bad-1 ERROR 3", "Bad-1-r1 ERROR 3"]);

    const cursor = Math.max(...linesOf(stdout).map((line) => line.cursor));
    workflow.put("repaired");
    expect(await workflow.cli("retry", "Bad-1-r1")).toMatchObject({ code: 0, stdout: "Bad-1-r2\n" });
    await workflow.until("Bad-1-r2", "COMPLETED");
    for (let time = 0; time < 2; time++)
      expect(await workflow.results("--since", String(cursor))).toMatchObject([
        { id: "Bad-1", attemptId: "Bad-1-r2", status: "COMPLETED" },
      ]);
  });

  test("a job that cannot be submitted again is told, too", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, onHeld: "announce" });
    await submitBoth();
    await workflow.cli("wait", "Bad-1", "--wait-timeout", "300s");
    workflow.script("Bad-1", "echo another\n");
    await workflow.until("Bad-1-r1", "ERROR");
    expect((await workflow.results()).filter(({ id }) => id === "Bad-1")).toMatchObject([
      { attemptId: "Bad-1-r1", status: "ERROR", exitCode: 3, ownExitCode: 3, message: expect.stringContaining("changed") },
    ]);
  });
});
