import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { notedStatuses } from "./gaswDatabase.ts";
import { eventually } from "./harness.ts";
import { applyQuota, removeQuota } from "./quota.ts";

let workflow: RetriedWorkflow;
beforeAll(async () => {
  workflow = new RetriedWorkflow({ retryCount: 2 });
  await workflow.note();
});
afterAll(() => workflow.finish());

test("a job that waits for its turn, for which the quota has no room, is not retried once it is cleaned up", async () => {
  await workflow.cli("submit", workflow.script("Due-1", "exit 3\n"));
  await eventually(
    () => workflow.status("Due-1"),
    ({ status }) => status === "ERROR",
  );
  await applyQuota(workflow.namespace, "no-more-jobs", { "count/jobs.batch": "0" }, "jobs");
  const { stderr } = await workflow.cli("status", "--sync");
  expect(stderr).toContain("job Due-1-r1 could not be submitted again");
  expect(stderr).toContain("exceeded quota");
  expect((await workflow.row("Due-1-r1")).status).toBe("QUEUED");
  expect((await workflow.cli("cleanup", "--cancel", "--yes")).code).toBe(0);
  await removeQuota(workflow.namespace, "no-more-jobs", "jobs");
  for (let round = 0; round < 2; round++) await workflow.sync();
  expect(await workflow.rows("Due-1")).toEqual(["Due-1 ERROR 3", "Due-1-r1 DELETED 9"]);
  expect(await workflow.jobs()).toEqual([]);
});

describe("a job that finds no room", () => {
  test("stays QUEUED through any number of looks, be it a quota or a full cluster, and runs when there is room", async () => {
    await applyQuota(workflow.namespace, "no-pods", { pods: "0" });
    await workflow.cli("submit", workflow.script("Quota-1", "true\n"));
    await eventually(
      () => workflow.status("Quota-1"),
      ({ reason }) => reason === "QuotaExceeded",
    );
    for (let round = 0; round < 10; round++) await workflow.sync();
    await removeQuota(workflow.namespace, "no-pods");
    await workflow.cli("submit", workflow.script("Big-1", "true\n"), "--cpu", "1000");
    await eventually(
      () => workflow.status("Big-1"),
      ({ reason }) => reason === "Unschedulable",
    );
    for (let round = 0; round < 10; round++) await workflow.sync();
    expect(await notedStatuses(workflow.database, "Big-1")).toEqual(["QUEUED"]);
    expect(await workflow.history("Big-1")).toMatchObject([{ status: "QUEUED", reason: "Unschedulable" }]);
    await workflow.cli("cancel", "Big-1");
    await workflow.until("Quota-1", "COMPLETED");
    expect((await notedStatuses(workflow.database, "Quota-1")).filter((status) => !/QUEUED|RUNNING|COMPLETED/.test(status))).toEqual([]);
  });
});
