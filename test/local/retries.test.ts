import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { likeGasw, RetriedWorkflow } from "../e2e/attempts.ts";
import { notedStatuses, signal } from "../e2e/gaswDatabase.ts";
import { eventually } from "../e2e/harness.ts";

let workflow: RetriedWorkflow;
beforeAll(async () => {
  workflow = new RetriedWorkflow({ retryCount: 2 });
  await workflow.note();
});
afterAll(() => workflow.finish());

const text = (file: string) => readFileSync(path.join(workflow.directory, file), "utf8");
const host = (stream: string) => /^ran on (\S+)$/m.exec(stream)?.[1] ?? "";

/** Submits a script like GASW's that fails until the file `<job>.repaired` is there; beside `<job>.waits` it waits for that. */
async function failing(job: string, ...options: readonly string[]): Promise<void> {
  const application = `until [ -e $top/${job}.repaired ]; do [ -e $top/${job}.waits ] || exit 3; sleep 0.2; done`;
  const script = workflow.script(job, likeGasw(job, application));
  expect((await workflow.cli("submit", script, ...options)).stdout).toBe(`${job}\n`);
}

/** Has such a job be held at its first failure. */
async function heldAtOnce(job: string): Promise<void> {
  workflow.reconfigure({ retryCount: 0 });
  try {
    await failing(job);
    await workflow.until(job, "ERROR_HELD");
    await workflow.sync();
  } finally {
    workflow.reconfigure({ retryCount: 2 });
  }
}

describe("a job that fails every time", () => {
  beforeAll(async () => {
    await failing("Bad-1", "--command", "grep.json", "--parameters", "a b");
    await workflow.until("Bad-1-r2", "ERROR_HELD");
  });

  test("runs retryCount + 1 times in all, one after the other, under an id each; the last failure is held", async () => {
    for (let round = 0; round < 3; round++) await workflow.sync();
    expect(await workflow.rows("Bad-1")).toEqual(["Bad-1 ERROR 3", "Bad-1-r1 ERROR 3", "Bad-1-r2 ERROR_HELD 3"]);
    const { invocation_id } = await workflow.row("Bad-1");
    for (const id of ["Bad-1", "Bad-1-r1", "Bad-1-r2"]) {
      expect(await workflow.row(id)).toMatchObject({
        file_name: "Bad-1",
        invocation_id,
        command: "grep.json",
        parameters: "a b",
        executor: "Kubernetes",
        isreplicating: 0,
      });
    }
    for (const id of ["Bad-1", "Bad-1-r1"]) expect((await notedStatuses(workflow.database, id)).at(-1)).toBe("ERROR");
    expect((await notedStatuses(workflow.database, "Bad-1-r2")).at(-1)).toBe("ERROR_HELD");
    // None found the folder of the one before, or ran beside it.
    workflow.expectUnharmed();
  });

  test("leaves the newest streams where GASW looks, and those of the attempts before beside them", async () => {
    const streams = ["out/Bad-1.sh.out.0", "out/Bad-1.sh.out.1", "out/Bad-1.sh.out"].map(text);
    const history = await workflow.history("Bad-1");
    expect(streams.map(host)).toEqual(history.map(({ pod }) => pod));
    expect(new Set(streams.map(host)).size).toBe(3);
    const applications = ["out/Bad-1.sh.app.out.0", "out/Bad-1.sh.app.out.1", "out/Bad-1.sh.app.out"].map(text);
    expect(applications).toEqual(streams.map((stream) => `application on ${host(stream)}\n`));
    for (const kind of ["err/Bad-1.sh.err", "err/Bad-1.sh.app.err"])
      for (const end of [".0", ".1", ""]) expect(workflow.has(kind + end)).toBe(true);
    expect(text("provenance/Bad-1.sh.provenance.json")).toBe("{}\n");
    expect(workflow.has("Bad-1.sh.provenance.json")).toBe(false);
    expect((await workflow.cli("debug", "logs", "Bad-1-r1")).stdout).toContain(host(streams[1] ?? ""));
  });

  test("is not run again by its submission, which answers its id", async () => {
    const again = await workflow.cli("submit", "sh/Bad-1.sh", "--command", "grep.json", "--parameters", "a b");
    expect(again).toMatchObject({ stdout: "Bad-1\n", code: 0 });
    expect(again.stderr).toContain("`gasw-k8s retry Bad-1");
    await workflow.sync();
    expect(await workflow.history("Bad-1")).toHaveLength(3);
  });
});

describe("a job that is held", () => {
  test("goes on once when it is released, also twice at once; `wait` on the first id follows the newest attempt", async () => {
    await heldAtOnce("Free-1");
    workflow.put("Free-1.repaired");
    const [first, second] = await Promise.all([workflow.process({}, "release", "Free-1"), workflow.process({}, "release", "Free-1")]);
    expect([first, second].map(({ code, stdout }) => `${code} ${stdout}`)).toEqual(["0 Free-1-r1\n", "0 Free-1-r1\n"]);
    expect(await workflow.cli("wait", "Free-1", "--wait-timeout", "300s")).toMatchObject({ code: 0 });
    await workflow.until("Free-1-r1", "COMPLETED");
    expect(await workflow.rows("Free-1")).toEqual(["Free-1 ERROR 3", "Free-1-r1 COMPLETED 0"]);
    expect(await workflow.cli("release", "Free-1")).toMatchObject({ code: 0, stdout: "Free-1-r1\n" });
    expect(await workflow.history("Free-1")).toHaveLength(2);
    expect((await workflow.results()).filter(({ id }) => id === "Free-1")).toMatchObject([{ attemptId: "Free-1-r1", exitCode: 0 }]);
  });

  test("at its first failure, where retryCount is 0, runs again at `retry`, and is held again; many who ask at once get it one attempt", async () => {
    await heldAtOnce("Once-1");
    await workflow.sync();
    expect(await workflow.rows("Once-1")).toEqual(["Once-1 ERROR_HELD 3"]);
    expect(await workflow.cli("wait", "Once-1")).toMatchObject({ code: 3 });
    expect(await workflow.cli("retry", "Once-1")).toMatchObject({ code: 0, stdout: "Once-1-r1\n" });
    await workflow.until("Once-1-r1", "ERROR");
    await workflow.until("Once-1-r2", "ERROR_HELD");
    expect(await workflow.rows("Once-1")).toEqual(["Once-1 ERROR 3", "Once-1-r1 ERROR 3", "Once-1-r2 ERROR_HELD 3"]);
    workflow.put("Once-1.waits");
    await Promise.all(["retry", "retry", "release", "retry"].map((action) => workflow.process({}, action, "Once-1")));
    await workflow.sync();
    workflow.put("Once-1.repaired");
    expect(await workflow.history("Once-1")).toHaveLength(4);
    await workflow.until("Once-1-r3", "COMPLETED");
    workflow.expectUnharmed();
  });
});

test("a job that is to run anew is not taken for one that has run when its script is submitted again", async () => {
  const script = workflow.script("Anew-1", "if [ -e anew ]; then exit 0; fi; touch anew; sleep 600\n");
  await workflow.cli("submit", script);
  await workflow.until("Anew-1", "RUNNING");
  await vi.waitUntil(() => workflow.has("anew"), { timeout: 60_000 });
  await signal(workflow.database, "Anew-1", "RESCHEDULE");
  await workflow.sync();
  expect(await workflow.cli("submit", script)).toEqual({ stdout: "Anew-1\n", stderr: "", code: 0 });
  await workflow.until("Anew-1", "COMPLETED");
  expect(workflow.has("out/Anew-1.sh.out.0")).toBe(true);
});

describe("a job whose end nobody has looked at yet", () => {
  test.each([
    ["as it is", "Unseen-1", [], undefined],
    ["with other options", "Unseen-2", ["--memory", "32Mi"], "32Mi"],
  ])("runs again at `retry`, %s", async (_, job, options, memory) => {
    workflow.reconfigure({ retryCount: 0 });
    try {
      await workflow.cli("submit", workflow.script(job, "exit 3\n"));
      await eventually(
        () => workflow.jobOf(job),
        ({ status }) => status.failed === 1,
      );
      expect(await workflow.history(job)).toMatchObject([{ exitCode: null, ended: null }]);
      expect(await workflow.cli("retry", job, ...options)).toMatchObject({ code: 0, stdout: `${job}-r1\n` });
      const { containers } = (await workflow.jobOf(`${job}-r1`)).spec.template.spec;
      expect(containers[0].resources.requests?.memory).toBe(memory);
      await workflow.until(`${job}-r1`, "ERROR_HELD");
      expect(await workflow.rows(job)).toEqual([`${job} ERROR 3`, `${job}-r1 ERROR_HELD 3`]);
    } finally {
      workflow.reconfigure({ retryCount: 2 });
    }
  });
});

describe("a job that is not retried", () => {
  const LONG = "sleep 600\n";

  test.each([
    ["`cancel`", "Cancelled-1", () => workflow.cli("cancel", "Cancelled-1")],
    ["KILL in its row", "Killed-1", () => signal(workflow.database, "Killed-1", "KILL")],
  ])("is one that ended by %s", async (_, job, kill) => {
    await workflow.cli("submit", workflow.script(job, LONG));
    await workflow.until(job, "RUNNING");
    await kill();
    await workflow.until(job, "DELETED");
    for (let round = 0; round < 3; round++) await workflow.sync();
    expect(await workflow.rows(job)).toEqual([`${job} DELETED 9`]);
    expect((await workflow.results()).filter(({ id }) => id === job)).toMatchObject([{ exitCode: 9, exitName: "EXECUTION_CANCELED" }]);
  });

  test("is one whose output says that it was cancelled (9)", async () => {
    await workflow.cli("submit", workflow.script("Nine-1", likeGasw("Nine-1", "exit 9")));
    await workflow.until("Nine-1", "CANCELLED");
    for (let round = 0; round < 3; round++) await workflow.sync();
    expect(await workflow.rows("Nine-1")).toEqual(["Nine-1 CANCELLED 9"]);
    expect((await workflow.results()).filter(({ id }) => id === "Nine-1")).toMatchObject([{ exitCode: 9 }]);
  });

  test("is one that is not held: `release` leaves it as it is", async () => {
    await workflow.cli("submit", workflow.script("Going-1", LONG));
    await workflow.until("Going-1", "RUNNING");
    expect(await workflow.cli("release", "Going-1")).toEqual({ stdout: "Going-1\n", stderr: "", code: 0 });
    expect(await workflow.history("Going-1")).toMatchObject([{ status: "RUNNING" }]);
    await workflow.cli("cancel", "Going-1");
  });
});
