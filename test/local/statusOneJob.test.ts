import { afterAll, beforeAll, expect, test } from "vitest";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { signal } from "../e2e/gaswDatabase.ts";

let workflow: RetriedWorkflow;
beforeAll(() => {
  workflow = new RetriedWorkflow({ retryCount: 1 });
});
afterAll(() => workflow.finish());

test("status JOB --sync retries, holds, tells and answers the signal of that job alone; the others are left for whoever asks for them", async () => {
  const scripts = ["Mine-1", "Other-1"].map((id) => workflow.script(id, "exit 3\n"));
  await workflow.cli("submit", ...scripts);
  await workflow.cli("wait", "Mine-1", "Other-1", "--wait-timeout", "300s");
  const rows = async () => [await workflow.rows("Mine-1"), await workflow.rows("Other-1")];
  const sync = async () => (await workflow.sync("Mine-1", "-o", "json")).stdout;
  expect(JSON.parse(await sync()).jobs).toMatchObject([{ attemptId: "Mine-1-r1", daoStatus: "QUEUED" }]);
  expect(await rows()).toEqual([["Mine-1 ERROR 3", "Mine-1-r1 QUEUED -1"], []]);
  expect(await workflow.history("Other-1")).toHaveLength(1);
  await workflow.cli("wait", "Mine-1", "--wait-timeout", "300s");
  await sync();
  expect(await rows()).toEqual([["Mine-1 ERROR 3", "Mine-1-r1 ERROR_HELD 3"], []]);
  expect(await workflow.history("Other-1")).toHaveLength(1);

  await workflow.sync();
  expect((await rows())[1]).toContain("Other-1 ERROR 3");
  await workflow.until("Other-1-r1", "ERROR_HELD");
  for (const id of ["Mine-1", "Other-1"]) await signal(workflow.database, `${id}-r1`, "KILL");
  await sync();
  expect(await rows()).toEqual([
    ["Mine-1 ERROR 3", "Mine-1-r1 DELETED 9"],
    ["Other-1 ERROR 3", "Other-1-r1 KILL 3"],
  ]);
});
