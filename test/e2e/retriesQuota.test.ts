import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { notedStatuses } from "./gaswDatabase.ts";
import { apply, eventually, kubectl } from "./harness.ts";

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
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "no-more-jobs", namespace: workflow.namespace } };
  await apply({ ...quota, spec: { hard: { "count/jobs.batch": "0" } } });
  const { stderr } = await workflow.cli("status", "--sync");
  expect(stderr).toContain("job Due-1-r1 could not be submitted again");
  expect(stderr).toContain("exceeded quota");
  expect((await workflow.row("Due-1-r1")).status).toBe("QUEUED");
  expect((await workflow.cli("cleanup", "--cancel", "--yes")).code).toBe(0);
  await kubectl("delete", "resourcequota", "no-more-jobs", "-n", workflow.namespace);
  for (let round = 0; round < 2; round++) await workflow.sync();
  expect(await workflow.rows("Due-1")).toEqual(["Due-1 ERROR 3", "Due-1-r1 DELETED 9"]);
  expect(await workflow.jobs()).toEqual([]);
});

describe("a job that finds no room", () => {
  test("stays QUEUED through any number of looks, be it a quota or a full cluster, and runs when there is room", async () => {
    const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "no-pods", namespace: workflow.namespace } };
    await apply({ ...quota, spec: { hard: { pods: "0" } } });
    await workflow.cli("submit", workflow.script("Quota-1", "true\n"));
    await eventually(
      () => workflow.status("Quota-1"),
      ({ reason }) => reason === "QuotaExceeded",
      90,
    );
    for (let round = 0; round < 10; round++) await workflow.sync();
    await kubectl("delete", "resourcequota", "no-pods", "-n", workflow.namespace);
    await workflow.cli("submit", workflow.script("Big-1", "true\n"), "--cpu", "1000");
    for (let round = 0; round < 10; round++) await workflow.sync();
    expect(await notedStatuses(workflow.database, "Big-1")).toEqual(["QUEUED"]);
    expect(await workflow.history("Big-1")).toMatchObject([{ status: "QUEUED", reason: "Unschedulable" }]);
    await workflow.cli("cancel", "Big-1");
    await workflow.until("Quota-1", "COMPLETED");
    expect((await notedStatuses(workflow.database, "Quota-1")).filter((status) => !/QUEUED|RUNNING|COMPLETED/.test(status))).toEqual([]);
  });
});
