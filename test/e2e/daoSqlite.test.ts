import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jobRow, row, signal, sqliteDatabase, syncUntil, wholeLife } from "./gaswDatabase.ts";
import { eventually, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
const others: TestWorkflow[] = [];
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(async () => {
  for (const one of [workflow, ...others.splice(0)]) await one.cleanup();
});

test("a job's whole life as the user's client sees it, in SQLite", async () => {
  mkdirSync(path.dirname(workflow.stateFile), { recursive: true });
  const database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  workflow.configure({ retryCount: 1, dao: database.config });
  await wholeLife(database, workflow);
  expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
});

test("jobs of one name in two workflows, in a database that they share", async () => {
  const other = new TestWorkflow();
  others.push(other);
  mkdirSync(path.dirname(workflow.stateFile), { recursive: true });
  const database = sqliteDatabase(path.join(path.dirname(workflow.stateFile), "gasw.db"));
  workflow.configure({ dao: database.config });
  other.configure({ state: { path: workflow.stateFile }, dao: database.config });
  await workflow.cli("submit", workflow.script("Job-1", "true\n"));
  await syncUntil(database, workflow, "Job-1", ({ status }) => status === "COMPLETED");
  const before = await jobRow(database, workflow, "Job-1");

  await other.cli("submit", other.script("Job-1", "sleep 600\n"), other.script("Job-2", "true\n"));
  const first = await other.cli("status", "--sync");
  expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: job Job-1 has no row .* {workflowDir} in dao\.url\n$/) });
  await syncUntil(database, other, "Job-2", ({ status }) => status === "COMPLETED");
  const running = await eventually(
    () => other.cli("status", "--sync", "-o", "json"),
    ({ stdout }) => JSON.parse(stdout).jobs[0].status === "RUNNING",
  );
  expect(running.stderr).toBe("");
  expect(JSON.parse(running.stdout).jobs).toMatchObject([
    { id: "Job-1", daoStatus: null },
    { id: "Job-2", daoStatus: "COMPLETED" },
  ]);
  expect(await row(database, "SELECT * FROM Jobs WHERE id = 'Job-1'")).toEqual(before);

  // A signal in the row reaches the job whose row it is, and nobody else's.
  await signal(database, "Job-1", "KILL");
  expect(await other.cli("status", "--sync")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Job-1 +RUNNING /m) });
  const refused = await workflow.cli("status", "--sync");
  expect(refused.stderr).toContain("KILL of job Job-1 was ignored: the job had already ended");
  expect(await jobRow(database, workflow, "Job-1")).toMatchObject({ status: "COMPLETED", exit_code: 0 });

  await other.cli("cancel", "Job-1");
  const monitor = await other.cli("monitor");
  expect(monitor).toMatchObject({ code: 0, stdout: expect.stringMatching(/ Job-1 DELETED/) });
  expect(await jobRow(database, workflow, "Job-1")).toMatchObject({ status: "COMPLETED", exit_code: 0 });
});
