import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
afterEach(() => workflow.cleanup());

const HOLD = "gasw-k8s.test/hold";

/** Cleans up for so many seconds when it is stopped. */
const cleaning = (seconds: number) =>
  `trap 'echo cleaning; for i in {1..${seconds * 10}}; do sleep 0.1; done; echo clean; exit 3' TERM\ntouch began\nwhile :; do sleep 0.1; done\n`;

/** How a job ends whose pod is deleted; the pod stays until that was seen. */
async function stopped(seconds: number, graceSeconds: number) {
  workflow = new TestWorkflow({ config: { terminationGracePeriodSeconds: graceSeconds } });
  await workflow.cli("submit", workflow.script("Job-1", cleaning(seconds)));
  await eventually(async () => existsSync(path.join(workflow.directory, "began")), Boolean);
  const [pod] = (await get("pods", "-n", workflow.namespace)).items;
  expect(pod.spec.terminationGracePeriodSeconds).toBe(graceSeconds);
  const hold = (finalizers: string[] | null) =>
    kubectl(
      "patch",
      "pod",
      pod.metadata.name,
      "-n",
      workflow.namespace,
      "--type=merge",
      "-p",
      JSON.stringify({ metadata: { finalizers } }),
    );
  await hold([...(pod.metadata.finalizers ?? []), HOLD]);
  try {
    await kubectl("delete", "pod", pod.metadata.name, "-n", workflow.namespace, "--wait=false");
    return await eventually(
      () => workflow.status("Job-1"),
      ({ ended }) => ended !== null,
    );
  } finally {
    await hold(null);
  }
}

test("a clean-up that takes longer than its pod grants is said to have been cut off", async () => {
  const job = await stopped(60, 3);
  expect(job).toMatchObject({ status: "STALLED", reason: "PodDeleted", exitCode: 137 });
  expect(job.message).toBe(
    "its pod was deleted while it was running; its own clean-up was cut off after 3 s: it was killed (SIGKILL) before it had finished",
  );
  expect(workflow.out("Job-1")).toBe("cleaning\n");
  const { stdout: why } = await workflow.cli("debug", "why", "Job-1");
  expect(why).toContain("its own clean-up was cut off after 3 s");
  expect(why).toMatch(/^remedy: .*a longer --grace-period .*gives it more time to clean up/m);
});

test("a clean-up has the time that is configured, and is not said to have been cut off", async () => {
  const job = await stopped(3, 120);
  expect(job).toMatchObject({ exitCode: 3, message: expect.not.stringContaining("cut off") });
  expect(workflow.out("Job-1")).toBe("cleaning\nclean\n");
});
