import { writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jobRow, sqliteDatabase, syncUntil, type TestDatabase } from "../e2e/gaswDatabase.ts";
import { eventually, TestWorkflow } from "../e2e/harness.ts";

/** Times in the state as a clock leaves them that was wrong when they were written. */
function setTimes(workflow: TestWorkflow, time: string): void {
  const state = new Database(workflow.stateFile, { timeout: 10_000 });
  const set = (column: string) => `${column} = CASE WHEN ${column} IS NULL THEN NULL ELSE '${time}' END`;
  const columns = ["created", "submitted", "started", "observed", "pending_since"];
  state.exec(`UPDATE jobs SET ${columns.map(set).join(", ")}`);
  state.exec(`UPDATE workflows SET created = '${time}', volumes_renewed = '${time}'; UPDATE transitions SET at = '${time}'`);
  state.close();
}

let workflow: TestWorkflow;
let database: TestDatabase;
beforeEach(() => {
  workflow = new TestWorkflow();
  database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  workflow.configure({ retryCount: 1, dao: database.config });
});
afterEach(() => workflow.cleanup());

/** No command hangs, or shows a negative time. */
async function expectAnswers(): Promise<void> {
  for (const args of [["status"], ["status", "--cached"], ["status", "--history"], ["status", "--sync"], ["debug", "why", "Run-1"]]) {
    const { code, stdout } = await workflow.cli(...args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("Run-1") });
    expect(stdout).not.toMatch(/(^| )-\d/m);
  }
  expect(await workflow.cli("wait", "Run-1", "--wait-timeout", "1s")).toMatchObject({ code: 124 });
}

test.each([
  ["was ahead", "2099-01-01T00:00:00.000Z"],
  ["was behind", "1999-01-01T00:00:00.000Z"],
])(
  "a clock that %s has no command hang, keeps no job from being looked at, retried and told, and no monitor from its end",
  async (_, time) => {
    await workflow.cli("submit", workflow.script("Run-1", "until [ -e go ]; do sleep 0.2; done\n"), workflow.script("Bad-2", "exit 3\n"));
    await syncUntil(database, workflow, "Run-1", ({ status }) => status === "RUNNING");
    setTimes(workflow, time);
    await expectAnswers();

    writeFileSync(path.join(workflow.directory, "go"), "");
    setTimes(workflow, time);
    await eventually(
      async () => (await workflow.cli("status", "Run-1", "--max-age", "1s")).stdout,
      (stdout) => /^Run-1 .*COMPLETED/m.test(stdout),
    );
    await syncUntil(database, workflow, "Bad-2-r1", ({ status }) => status === "ERROR_HELD");
    const { status, queued, download, end_e } = await jobRow(database, workflow, "Run-1");
    expect(status).toBe("COMPLETED");
    expect([queued, download, end_e].sort()).toEqual([queued, download, end_e]);
    expect(await workflow.cli("wait", "Run-1")).toMatchObject({ code: 0 });

    expect((await workflow.cli("cancel", "Bad-2")).code).toBe(0);
    setTimes(workflow, time);
    expect(await workflow.cli("monitor")).toMatchObject({ code: 0 });
    expect(await jobRow(database, workflow, "Bad-2-r1")).toMatchObject({ status: "DELETED" });
  },
);
