import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { sqliteDatabase, wholeLife } from "./gaswDatabase.ts";
import { TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
afterAll(() => workflow?.cleanup());

test("a job's whole life as the user's client sees it, in SQLite", async () => {
  workflow = new TestWorkflow();
  mkdirSync(path.dirname(workflow.stateFile), { recursive: true });
  const database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  workflow.configure({ retryCount: 1, dao: database.config });
  await wholeLife(database, workflow);
  expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
}, 300_000);
