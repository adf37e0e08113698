import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowWhere, sqliteDatabase, type TestDatabase } from "./gaswDatabase.ts";
import { eventually, printed, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
let database: TestDatabase;
beforeAll(() => {
  workflow = new TestWorkflow();
  database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  workflow.configure({ retryCount: 1, dao: database.config });
});
afterAll(async () => {
  await workflow.cleanup();
});

const isIn = (id: string, wanted: string) =>
  eventually(
    () => workflow.status(id),
    ({ status }) => status === wanted,
  );
const results = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "result")
    .map(({ id, status }) => `${id} ${status}`)
    .sort();

test("a workflow whose engine was killed and whose state file is lost goes on where it is adopted, and each job is told once", async () => {
  const runs = "echo run >> runs; until [ -e go ]; do sleep 0.2; done\n";
  await workflow.cli("submit", workflow.script("Done", "true\n"), workflow.script("Runs", runs), workflow.script("Fails", "exit 3\n"));
  const monitor = workflow.start("monitor", "-o", "ndjson");
  try {
    await isIn("Done", "COMPLETED");
    // What the lost state file knows and the database does not, the next owner has to find out.
    await rowWhere(database, workflow, "Fails-r1", ({ status }) => status === "ERROR_HELD");
    await isIn("Runs", "RUNNING");
    await printed(monitor, /"Done"/);
  } finally {
    monitor.kill("SIGKILL");
    await monitor.ended;
  }
  expect(results(monitor.printed.stdout)).toEqual(["Done COMPLETED"]);
  rmSync(path.dirname(workflow.stateFile), { recursive: true });

  const adopted = await workflow.cli("adopt", workflow.directory);
  expect(adopted).toMatchObject({ code: 0 });
  expect(adopted.stderr).toMatch(/^adopted workflow \S+ from \S+ on \S+: 3 jobs, 1 not ended; `gasw-k8s monitor`/);
  expect(adopted.stdout).toMatch(/^Fails +2 +ERROR_HELD +3 /m);
  writeFileSync(path.join(workflow.directory, "go"), "");
  await isIn("Runs", "COMPLETED");
  expect(await workflow.cli("cancel", "Fails")).toMatchObject({ code: 0 });
  const told = await workflow.cli("status", "--sync", "-o", "ndjson", "--since", "0");
  expect(results(told.stdout)).toEqual(["Fails DELETED", "Runs COMPLETED"]);
  expect(await workflow.cli("cleanup", "--yes")).toMatchObject({ code: 0 });
});
