import { writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, TestWorkflow } from "../e2e/harness.ts";
import { Terminal } from "../e2e/terminal.ts";
import { ScreenModel } from "../screenModel.ts";

/** Runs until the file `go` appears in the workflow's directory. */
const GATE = "until [ -e go ]; do sleep 0.2; done\n";

const lines = (text: string) => text.split("\n").filter((line) => line !== "");
const ids = (text: string) => lines(text).map((line) => JSON.parse(line).id);

describe("the forms of status", () => {
  let workflow: TestWorkflow;
  beforeAll(async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Old-1", "exit 3\n");
    const state = new Database(workflow.stateFile);
    state.prepare("UPDATE jobs SET created = ? WHERE id = 'Old-1'").run(new Date(Date.now() - 45 * 60_000).toISOString());
    state.close();
    await workflow.runJob("New-1", "true\n");
    await workflow.cli("submit", workflow.script("Big-1", "true\n"), "--cpu", "1000");
    await eventually(
      () => workflow.status("Big-1"),
      (job) => job.reason === "Unschedulable",
    );
  });
  afterAll(() => workflow.cleanup());

  test("a table in order of submission, with a heading, the exit code's meaning, and no colours where nobody watches", async () => {
    const { stdout, stderr, code } = await workflow.cli("status");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(lines(stdout)).toEqual([
      expect.stringMatching(/^JOB +STATUS +EXIT +AGE +WAITED +RAN +NODE +REASON$/),
      expect.stringMatching(/^Old-1 +ERROR +3 +4\dm\S* +4\dm\S* +\d+s +\S+ +Error: a file was not found$/),
      expect.stringMatching(/^New-1 +COMPLETED +0 +\d+s +\d+s +\d+s +\S+$/),
      expect.stringMatching(/^Big-1 +QUEUED +- +(\S+) +\1 +- +- +Unschedulable: .*…$/),
    ]);
  });

  test("one JSON document, whose records have every field, with times in UTC", async () => {
    const { stdout } = await workflow.cli("status", "Old-1", "-o", "json");
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(JSON.parse(stdout)).toEqual({
      jobs: [
        {
          id: "Old-1",
          attemptId: "Old-1",
          attempt: 0,
          invocationId: null,
          workflow: workflow.id,
          namespace: workflow.namespace,
          directory: workflow.directory,
          kubernetesName: expect.stringMatching(/-old-1-/),
          status: "ERROR",
          daoStatus: null,
          reason: "Error",
          message: null,
          exitCode: 3,
          pod: expect.any(String),
          node: expect.any(String),
          created: time,
          submitted: time,
          started: time,
          ended: time,
          observed: time,
        },
      ],
    });
  });

  test("NDJSON has one record a line, and -q one id", async () => {
    expect(ids((await workflow.cli("status", "-o", "ndjson")).stdout)).toEqual(["Old-1", "New-1", "Big-1"]);
    expect((await workflow.cli("status", "-q")).stdout).toBe("Old-1\nNew-1\nBig-1\n");
  });

  test.each([
    { filter: ["--status", "ERROR"], shows: ["Old-1"] },
    { filter: ["--status", "completed,queued"], shows: ["New-1", "Big-1"] },
    { filter: ["--older-than", "1h"], shows: [] },
    { filter: ["--newer-than", "1h"], shows: ["Old-1", "New-1", "Big-1"] },
    { filter: ["--newer-than", "1h", "--status", "QUEUED"], shows: ["Big-1"] },
    { filter: ["--older-than", "30m"], shows: ["Old-1"] },
    { filter: ["--newer-than", "30m"], shows: ["New-1", "Big-1"] },
  ])("$filter shows $shows", async ({ filter, shows }) => {
    const { stdout, code } = await workflow.cli("status", "-q", ...filter);
    expect({ shown: lines(stdout), code }).toEqual({ shown: shows, code: 0 });
  });

  test("a status that does not exist is wrong usage", async () => {
    const { code, stderr } = await workflow.cli("status", "--status", "DONE");
    expect(code).toBe(2);
    expect(stderr).toMatch(/DONE is not a status/);
  });

  test("a job is found by its id, its script, its Kubernetes name and the beginning of its id", async () => {
    const { kubernetesName } = await workflow.status("Old-1");
    const names = ["Old-1", "sh/Old-1.sh", path.join(workflow.directory, "sh", "Old-1.sh"), kubernetesName, "Ol"];
    for (const name of names) expect((await workflow.cli("status", name, "-q")).stdout, name).toBe("Old-1\n");
  });

  test("an unknown job is told with exit code 6, also as JSON", async () => {
    const { stdout, stderr, code } = await workflow.cli("status", "Nobody-1");
    expect({ stdout, code }).toEqual({ stdout: "", code: 6 });
    expect(stderr).toMatch(new RegExp(`^error: no job Nobody-1 in workflow ${workflow.id}.*\nhint: `));
    const json = await workflow.cli("status", "Nobody-1", "-o", "json");
    expect(JSON.parse(json.stderr).error.code).toBe("NOT_FOUND");
  });
});

describe("status --watch", () => {
  let workflow: TestWorkflow;
  let terminal: Terminal | undefined;
  afterEach(async () => {
    terminal?.kill("SIGKILL");
    await workflow.cleanup();
  });

  test("tells every change on a line of its own and ends when all jobs have", async () => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", workflow.script("Quick-1", "exit 3\n"), workflow.script("Slow-1", GATE));
    const watching = workflow.start("status", "--watch");
    const records = workflow.cli("status", "--watch", "-o", "ndjson");
    await eventually(
      async () => watching.printed.stderr,
      (text) => /^Slow-1: RUNNING$/m.test(text) && /^Quick-1: ERROR Error$/m.test(text),
    );
    writeFileSync(path.join(workflow.directory, "go"), "");
    const { stdout, stderr, code } = await watching.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Slow-1: COMPLETED Completed$/m);
    expect(stderr).toMatch(/^2 of 2 jobs have ended: 1 ERROR, 1 COMPLETED$/m);
    const changes = lines(stderr).filter((line) => line.startsWith("Slow-1"));
    expect(changes).toEqual([...new Set(changes)]);
    expect(stdout).toMatch(/^Slow-1 +COMPLETED +0 /m);
    const told = lines((await records).stdout).map((line) => JSON.parse(line));
    expect(told.filter(({ id }) => id === "Slow-1").at(-1)).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect(told.filter(({ id }) => id === "Quick-1").at(-1)).toMatchObject({ status: "ERROR", exitCode: 3 });
  });

  test("on a terminal is a summary over a table that changes in place, and leaves the whole table, with all that was there before", async () => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", workflow.script("Quick-1", "exit 3\n"), workflow.script("Slow-1", GATE));
    terminal = new Terminal(workflow, "status", "--watch");
    await terminal.sees(/querying the cluster/);
    await terminal.sees(/1 of 2 jobs have ended: 1 ERROR, 1 RUNNING.*Quick-1 .*ERROR.*Slow-1 .*RUNNING/s);
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await terminal.ended).toBe(0);
    const model = new ScreenModel(90, 33);
    await model.write(terminal.shown);
    expect(model).toMatchObject({ isOrdinary: true, scrolledOut: 0 });
    expect(model.lines).toEqual([
      expect.stringMatching(/^JOB +STATUS +EXIT +AGE +WAITED +RAN +NODE +REASON$/),
      expect.stringMatching(/^Quick-1 +ERROR +3 /),
      expect.stringMatching(/^Slow-1 +COMPLETED +0 /),
    ]);
  });

  test("on a terminal, ended by Ctrl-C, says nothing of it and leaves the table as it was last, exit 130", async () => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", ...["Slow-1", "Slow-2"].map((job) => workflow.script(job, GATE)));
    terminal = new Terminal(workflow, "status", "--watch");
    await terminal.sees(/0 of 2 jobs have ended: 2 RUNNING/);
    terminal.type("\x03");
    expect(await terminal.ended).toBe(130);
    const model = new ScreenModel(90, 33);
    await model.write(terminal.shown);
    expect(model).toMatchObject({ isOrdinary: true, scrolledOut: 0 });
    expect(model.lines.filter((line) => line !== "" && line !== "^C")).toEqual([
      "0 of 2 jobs have ended: 2 RUNNING",
      expect.stringMatching(/^JOB +STATUS /),
      expect.stringMatching(/^Slow-1 +RUNNING /),
      expect.stringMatching(/^Slow-2 +RUNNING /),
    ]);
  });
});
