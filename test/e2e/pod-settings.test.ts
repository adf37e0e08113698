import { afterEach, describe, expect, test, vi } from "vitest";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota } from "./quota.ts";
import { endTimeLimit } from "./timeLimit.ts";

/** A Job that is looked at only needs no node. */
const PARKED = { "gasw-k8s.io/test": "no-node" };

// biome-ignore lint/suspicious/noExplicitAny: the object is what is tested
async function jobOf(workflow: TestWorkflow, ...options: string[]): Promise<any> {
  expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"), ...options)).toMatchObject({ stderr: "", code: 0 });
  return (await workflow.jobs())[0];
}

describe("a job's settings", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("a failed Job is not tried again, and goes by its time to live", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: PARKED, options: { ttlJob: "77" } } });
    const { spec } = await jobOf(workflow);
    expect(spec).toMatchObject({ backoffLimit: 0, completions: 1, parallelism: 1, ttlSecondsAfterFinished: 77 });
    expect(spec.activeDeadlineSeconds).toBeUndefined();
    expect(spec.template.spec).toMatchObject({ restartPolicy: "Never", automountServiceAccountToken: false });
  });

  test("takes the configured resources, and the request's own in their place", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: PARKED, resources: { cpu: "250m", memory: "128Mi" } } });
    const resources = async (...options: string[]) => (await jobOf(workflow, ...options)).spec.template.spec.containers[0].resources;
    expect(await resources()).toEqual({ requests: { cpu: "250m", memory: "128Mi" }, limits: { memory: "128Mi" } });
    await workflow.cli("submit", workflow.script("Job-2", "true\n"), "--cpu", "2", "--memory", "1Gi", "--gpu", "1");
    const job = (await workflow.jobs()).find((each) => each.metadata.annotations["gasw-k8s.io/job"] === "Job-2");
    expect(job.spec.template.spec.containers[0].resources).toEqual({
      requests: { cpu: "2", memory: "1Gi", "nvidia.com/gpu": "1" },
      limits: { memory: "1Gi", "nvidia.com/gpu": "1" },
    });
  });

  test("refuses a configured memory without a unit (exit 3)", async () => {
    workflow = new TestWorkflow({ config: { resources: { memory: "512" } } });
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    expect(result).toMatchObject({ stdout: "", stderr: expect.stringMatching(/^error: .*resources\.memory/), code: 3 });
  });

  test("hands on placement, identity and metadata as configured", async () => {
    workflow = new TestWorkflow({
      config: {
        nodeSelector: PARKED,
        tolerations: [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }],
        labels: { team: "imaging", "app.kubernetes.io/managed-by": "somebody" },
        annotations: { "example.org/contact": "me@example.org" },
        priorityClassName: "system-cluster-critical",
        imagePullSecrets: ["registry"],
        serviceAccountName: "runner",
        queue: "local",
        env: { THREADS: 4, REFERENCE: "$(THREADS) $HOME $$" },
      },
    });
    const { metadata, spec } = await jobOf(workflow, "--env", "MORE=1");
    expect(metadata.labels).toMatchObject({
      team: "imaging",
      "app.kubernetes.io/managed-by": "gasw-k8s",
      "kueue.x-k8s.io/queue-name": "local",
    });
    expect(metadata.annotations).toMatchObject({ "example.org/contact": "me@example.org" });
    expect(spec.template.metadata).toMatchObject({
      labels: { team: "imaging", "app.kubernetes.io/managed-by": "gasw-k8s" },
      annotations: { "example.org/contact": "me@example.org" },
    });
    expect(spec.template.spec).toMatchObject({
      nodeSelector: PARKED,
      tolerations: [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }],
      priorityClassName: "system-cluster-critical",
      imagePullSecrets: [{ name: "registry" }],
      serviceAccountName: "runner",
    });
    const volume = await get("pv", "-l", "team=imaging");
    expect(volume.items).toHaveLength(1);
  });

  test("environment values reach the script as they were given", async () => {
    workflow = new TestWorkflow({ config: { env: { THREADS: 4, REFERENCE: "$(THREADS) $HOME $$ $$(THREADS)" } } });
    const result = await workflow.runJob("Job-1", 'printf "%s\\n" "$THREADS" "$REFERENCE" "$MORE"\n', "--env", "MORE=a=b c\n$(THREADS)");
    expect(result).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("4\n$(THREADS) $HOME $$ $$(THREADS)\na=b c\n$(THREADS)\n");
  });

  test("runs where its node selector allows, within its memory", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: { "kubernetes.io/os": "linux" }, resources: { cpu: "10m", memory: "32Mi" } } });
    const limit = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes\n";
    expect(await workflow.runJob("Job-1", limit)).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe(`${32 * 1024 * 1024}\n`);
  });

  test("a time limit counts from the pod's start: waiting for room does not count", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: PARKED } });
    const { metadata, spec } = await jobOf(workflow, "--timeout", "2s");
    expect(spec.template.spec.activeDeadlineSeconds).toBe(2);
    await eventually(
      async () => Date.now() - Date.parse(metadata.creationTimestamp),
      (age) => age > 8000,
    );
    expect(await workflow.status("Job-1")).toMatchObject({ status: "QUEUED", reason: "Unschedulable" });
  });

  test("a job that runs into its time limit ends in error, and says so", async () => {
    workflow = new TestWorkflow({ config: { timeout: "10m" } });
    const ended = workflow.runJob("Job-1", "trap 'echo stopped; exit 5' TERM; echo begun; sleep 600 & wait\n");
    await vi.waitFor(() => expect(workflow.out("Job-1")).toBe("begun\n"), { timeout: 90_000, interval: 100 });
    await endTimeLimit(workflow, "Job-1");
    expect((await ended).code).toBeGreaterThan(0);
    expect(await workflow.status("Job-1")).toMatchObject({ status: "ERROR", reason: "DeadlineExceeded" });
    expect(workflow.out("Job-1")).toBe("begun\nstopped\n");
  });

  test("a GPU is asked for where a node has one", async () => {
    workflow = new TestWorkflow();
    const node = (await get("nodes", "-l", "type!=kwok")).items[0].metadata.name;
    const patch = (operation: object) =>
      kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", JSON.stringify([operation]));
    await patch({ op: "add", path: "/status/capacity/nvidia.com~1gpu", value: "1" });
    try {
      expect(await workflow.runJob("Job-1", "echo on a GPU\n", "--gpu", "1")).toMatchObject({ stderr: "", code: 0 });
      expect(workflow.out("Job-1")).toBe("on a GPU\n");
      await workflow.cli("submit", workflow.script("Job-2", "true\n"), "--gpu", "2");
      const waiting = await eventually(
        () => workflow.status("Job-2"),
        ({ reason }) => reason === "Unschedulable",
      );
      expect(waiting).toMatchObject({ status: "QUEUED", message: expect.stringContaining("Insufficient nvidia.com/gpu") });
    } finally {
      await patch({ op: "remove", path: "/status/capacity/nvidia.com~1gpu" });
    }
  });

  test("a quota of the namespace keeps a job waiting, and its reason is shown", async () => {
    workflow = new TestWorkflow();
    await kubectl("create", "namespace", workflow.namespace);
    await applyQuota(workflow.namespace, "none", { pods: "0" });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const waiting = await eventually(
      () => workflow.status("Job-1"),
      ({ reason }) => reason === "QuotaExceeded",
    );
    expect(waiting).toMatchObject({ status: "QUEUED" });
  });
});
