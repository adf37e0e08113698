import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { eventually, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota } from "./quota.ts";

/** Runs until the file `go` appears in the workflow's directory. */
const GATE = "until [ -e go ]; do sleep 0.2; done\n";

describe("status of a job that waits", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  async function submit(jobId: string, ...options: string[]): Promise<void> {
    const result = await workflow.cli("submit", workflow.script(jobId, GATE), ...options);
    expect(result).toEqual({ stdout: `${jobId}\n`, stderr: "", code: 0 });
  }

  const seen = (jobId: string, reason: string | RegExp) =>
    eventually(
      () => workflow.status(jobId),
      (job) => new RegExp(reason).test(job.reason ?? ""),
    );

  test("says in the scheduler's words that no node has room, and that never fails a job", async () => {
    workflow = new TestWorkflow();
    await submit("Big-1", "--cpu", "1000");
    const job = await seen("Big-1", "Unschedulable");
    expect(job).toMatchObject({ status: "QUEUED", node: null, started: null, exitCode: null });
    expect(job.message).toMatch(/0\/\d+ nodes are available.*Insufficient cpu/);
    const { stdout } = await workflow.cli("status");
    expect(stdout).toMatch(/^Big-1 +QUEUED +- +\S+ +\S+ +- +- +Unschedulable: 0\/\d+ nodes are available/m);
  });

  test("is RUNNING only once the container runs, and then tells pod, node and start", async () => {
    workflow = new TestWorkflow({
      config: { initContainers: [{ name: "first", image: "localhost/gasw-k8s/bash:1", command: ["bash", "-c", GATE] }] },
    });
    // The init container holds the pod back until the file is there, as the script does.
    await submit("Job-1");
    const waiting = await seen("Job-1", "Initializing");
    expect(waiting).toMatchObject({ status: "QUEUED", started: null, message: "init container first is running" });
    expect(existsSync(path.join(workflow.directory, "out", "Job-1.sh.out"))).toBe(false);
    workflow.configure({});
    await submit("Job-2");
    const running = await eventually(
      () => workflow.status("Job-2"),
      (job) => job.status !== "QUEUED",
    );
    expect(running).toMatchObject({ status: "RUNNING", reason: null, message: null, ended: null, exitCode: null });
    expect(running.node).toEqual(expect.stringMatching(/./));
    expect(running.pod).toContain(running.kubernetesName);
    expect(Date.parse(running.started)).toBeLessThanOrEqual(Date.now());
    // The container runs, its script a moment later.
    await eventually(async () => existsSync(path.join(workflow.directory, "out", "Job-2.sh.out")), Boolean);
  });

  test("explains a container that cannot be made by the event of its volume, and does not waver", async () => {
    workflow = new TestWorkflow();
    workflow.configure({ volumes: [{ name: "Absent", nfsFolder: "no-such-folder", mountPathContainer: "/data" }] });
    await submit("Job-1");
    const job = await seen("Job-1", "FailedMount");
    expect(job.status).toBe("QUEUED");
    expect(job.message).toMatch(/no-such-folder/);
    const again = await workflow.status("Job-1");
    expect(again).toMatchObject({ status: "QUEUED", reason: "FailedMount" });
  });

  test("stays QUEUED with the quota's words while a quota lets no pod be made", async () => {
    workflow = new TestWorkflow();
    await kubectl("create", "namespace", workflow.namespace);
    await applyQuota(workflow.namespace, "no-pods", { pods: "0" });
    await submit("Job-1");
    const job = await seen("Job-1", "QuotaExceeded");
    expect(job).toMatchObject({ status: "QUEUED", pod: null, exitCode: null });
    expect(job.message).toMatch(/exceeded quota: no-pods.*limited: pods=0/);
  });

  test("says that the image is being pulled while a registry takes its time, and that it cannot be pulled when that fails", async () => {
    workflow = new TestWorkflow();
    const registry = await slowRegistry();
    try {
      const { port } = registry.address() as AddressInfo;
      await submit("Job-1", "--image", `127.0.0.1:${port}/slow:1`);
      const job = await seen("Job-1", "Pulling");
      expect(job).toMatchObject({ status: "QUEUED", started: null });
      expect(job.message).toContain(`127.0.0.1:${port}/slow:1`);
    } finally {
      registry.closeAllConnections();
      registry.close();
    }
    const failed = await seen("Job-1", "ErrImagePull|ImagePullBackOff");
    expect(failed).toMatchObject({ status: "QUEUED", started: null });
  });
});

/** A registry that takes requests and answers none of them. */
async function slowRegistry(): Promise<Server> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}
