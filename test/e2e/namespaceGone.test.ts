import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, eventually, kubectl, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
beforeAll(async () => {
  workflow = new TestWorkflow({ config: { retryCount: 1 } });
  expect(await workflow.cli("submit", workflow.script("Job-1", "echo begun; sleep 3600\n"))).toMatchObject({ code: 0 });
  // Stopped before it runs, its pod would leave nothing that tells of its end, and the job would be held.
  await eventually(
    () => workflow.cli("debug", "logs", "Job-1"),
    ({ stdout }) => stdout.includes("begun"),
  );
  await kubectl("delete", "namespace", workflow.namespace, "--wait=true");
});
afterAll(() => workflow.cleanup());

const exists = async () => (await kubectl("get", "namespace", workflow.namespace, "--ignore-not-found", "-o", "name")) !== "";
const LABELS = { "pod-security.kubernetes.io/enforce": "restricted" };

describe("a namespace that is deleted while a job runs in it", () => {
  test("is not made again by the job's resubmission, nor by the next job; made again by hand it takes up both", async () => {
    // The resubmission waits, and names the way out.
    for (let round = 0; round < 2; round++) {
      const { stderr } = await workflow.cli("status", "--sync");
      expect(stderr).toContain(
        `warning: resubmissions of workflow ${workflow.id} are waiting for their namespace (1): the namespace ${workflow.namespace} no longer exists`,
      );
      expect(stderr).toContain(`(kubectl create namespace ${workflow.namespace})`);
    }
    expect(await exists()).toBe(false);
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED", attempt: 1 });
    // The next job is refused.
    const result = await workflow.cli("submit", workflow.script("Job-2", "true\n"));
    expect(result).toMatchObject({
      stdout: "",
      code: 4,
      stderr: expect.stringContaining(`the namespace ${workflow.namespace} no longer exists in the cluster`),
    });
    expect(await exists()).toBe(false);
    // Made again as it was.
    await kubectl("create", "namespace", workflow.namespace);
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: workflow.namespace, labels: LABELS } });
    workflow.own();
    expect(await workflow.cli("submit", `${workflow.directory}/sh/Job-2.sh`, "--wait", "--wait-timeout", "120s")).toMatchObject({
      code: 0,
    });
    expect(await workflow.cli("status", "--sync")).toMatchObject({ code: 0 });
    expect(await workflow.status("Job-1")).toMatchObject({ status: expect.stringMatching(/^(QUEUED|RUNNING)$/), attempt: 1 });
    expect(JSON.parse(await kubectl("get", "namespace", workflow.namespace, "-o", "json")).metadata.labels).toMatchObject(LABELS);
  });
});
