import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { apply, eventually, get, kubectl } from "./harness.ts";
import { applyQuota } from "./quota.ts";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

/**
 * Submits a job, and has a container put into its pod before its own, as a mesh does: its Job is made anew with that before a pod of it
 * can be made.
 */
async function submitBesideProxy(script: string): Promise<string> {
  const { namespace } = workflow;
  await kubectl("create", "namespace", namespace);
  await applyQuota(namespace, "none", { pods: "0" });
  await workflow.cli("submit", workflow.script("Job-1", script));
  const [job] = (await get("jobs", "-n", namespace)).items;
  const { name, labels, annotations } = job.metadata;
  const { selector: _, manualSelector: __, template, ...spec } = job.spec;
  const main = template.spec.containers[0];
  const proxy = { name: "istio-proxy", image: main.image, imagePullPolicy: "IfNotPresent", command: ["bash", "-c", PROXY] };
  const isOwn = ([label]: [string, unknown]) => !label.includes("controller-uid");
  const kept = { labels: Object.fromEntries(Object.entries(template.metadata.labels as object).filter(isOwn)) };
  await kubectl("delete", "job", name, "-n", namespace);
  await apply({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace, annotations, labels: Object.fromEntries(Object.entries(labels as object).filter(isOwn)) },
    spec: {
      ...spec,
      template: { metadata: { ...template.metadata, ...kept }, spec: { ...template.spec, containers: [proxy, main] } },
    },
  });
  await kubectl("delete", "resourcequota", "none", "-n", namespace);
  return name;
}
const PROXY = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

describe("a job beside whose container a mesh runs a proxy", () => {
  test.each([
    ["completes", "echo done\n", "COMPLETED", 0],
    ["fails", "exit 3\n", "ERROR", 3],
  ])(
    "%s when its own container ends, and takes up no room from then on; what was seen last is kept",
    async (_, script, status, exitCode) => {
      workflow = new RetriedWorkflow({ retryCount: 0 });
      const name = await submitBesideProxy(script);
      const job = await eventually(
        () => workflow.status("Job-1"),
        (seen) => seen.ended !== null,
      );
      expect(job).toMatchObject({ status, exitCode, node: expect.any(String), pod: expect.stringContaining(name) });
      await eventually(
        async () => [...(await workflow.jobs()), ...(await get("pods", "-n", workflow.namespace)).items],
        (objects) => objects.length === 0,
      );
      const { stdout: described } = await workflow.cli("debug", "describe", "Job-1");
      expect(described).toMatch(new RegExp(`^Pod ${workflow.namespace}/${job.pod}, last state before removal$`, "m"));
      expect(described).toMatch(/^container istio-proxy$/m);
      expect(described).toMatch(new RegExp(`ended with exit code ${exitCode} `));
      expect((await workflow.cli("debug", "why", "Job-1")).stdout).toContain("container istio-proxy, which was injected into it");
      await workflow.sync();
      expect(await workflow.rows("Job-1")).toEqual([expect.stringContaining(`Job-1 ${status}`)]);
    },
  );

  test("is listed with its own image, and runs on beside it", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    await submitBesideProxy("until [ -e go ]; do sleep 0.2; done\n");
    await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status === "RUNNING",
    );
    const [pod] = JSON.parse((await workflow.cli("debug", "pods", "-o", "json")).stdout).pods;
    const main = (await get("pod", pod.name, "-n", workflow.namespace)).spec.containers.find(
      ({ name }: { name: string }) => name === "job",
    );
    expect(pod.image).toBe(main.image);
    await workflow.sync();
    expect(await workflow.jobs()).toHaveLength(1);
    workflow.put("go");
    await workflow.until("Job-1", "COMPLETED");
  });
});
