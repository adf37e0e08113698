import { existsSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota, removeQuota } from "./quota.ts";

const returns = (code: number) =>
  `echo '<application_execution>'; echo work; echo '</application_execution>'\necho 'Exiting with return value ${code}'\nexit ${code}\n`;

describe("status of a job whose Job or pod is gone", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  const gone = () =>
    eventually(
      () => get("jobs,pods", "-n", workflow.namespace),
      (list) => list.items.length === 0,
    );

  async function startRunning(jobId: string, script: string): Promise<{ pod: string; kubernetesName: string }> {
    await workflow.cli("submit", workflow.script(jobId, script));
    return await eventually(
      () => workflow.status(jobId),
      (job) => job.status === "RUNNING",
    );
  }

  test("Jobs that their time to live has removed before the next look are judged by their output, and by their wrapper's record", async () => {
    workflow = new TestWorkflow({ config: { options: { ttlJob: "1" } } });
    await workflow.cli(
      "submit",
      workflow.script("Good-1", returns(0)),
      workflow.script("Bad-3", returns(3)),
      workflow.script("Mute-1", "true\n"),
    );
    await gone();
    const { jobs } = JSON.parse((await workflow.cli("status", "-o", "json")).stdout);
    expect(jobs).toMatchObject([
      { id: "Good-1", status: "COMPLETED", exitCode: 0 },
      { id: "Bad-3", status: "ERROR", exitCode: 3 },
      // By its wrapper's record.
      { id: "Mute-1", status: "COMPLETED", exitCode: 0 },
    ]);
    const codes = [];
    for (const job of ["Good-1", "Bad-3", "Mute-1"]) codes.push((await workflow.cli("wait", job)).code);
    expect(codes).toEqual([0, 3, 0]);
  });

  test("an end that was seen before the time to live ran out stays as it was seen", async () => {
    workflow = new TestWorkflow({ config: { options: { ttlJob: 8 } } });
    expect((await workflow.runJob("Mute-1", "exit 5\n")).code).toBe(5);
    const before = await workflow.status("Mute-1");
    await gone();
    expect(await workflow.status("Mute-1")).toEqual(before);
  });

  test("a Job that is deleted by hand while it runs is STALLED, at whatever moment it is looked at", async () => {
    workflow = new TestWorkflow();
    const { kubernetesName } = await startRunning("Job-1", "while :; do sleep 0.2; done\n");
    await kubectl("delete", "job", kubernetesName, "-n", workflow.namespace, "--wait=false");
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status !== "RUNNING",
    );
    expect(job).toMatchObject({ status: "STALLED", reason: expect.stringMatching(/^(PodDeleted|Gone)$/) });
    expect((await workflow.cli("wait", "Job-1")).code).toBe(job.exitCode ?? 10);
  });

  test("a pod that is deleted by hand takes its job down as STALLED: its Job does not start another", async () => {
    workflow = new TestWorkflow();
    const { pod } = await startRunning("Job-1", "while :; do sleep 0.2; done\n");
    await kubectl("delete", "pod", pod, "-n", workflow.namespace);
    // The Job fails a moment after its pod is gone.
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status !== "RUNNING",
    );
    expect(job).toMatchObject({ status: "STALLED", reason: expect.stringMatching(/^(PodDeleted|PodGone)$/) });
    expect(job.message).toMatch(/deleted/);
    expect((await get("pods", "-n", workflow.namespace)).items).toEqual([]);
  });

  test("a deleted pod that can still be seen after its end tells that it was deleted, not that its script failed", async () => {
    workflow = new TestWorkflow();
    const { pod } = await startRunning("Job-1", "while :; do sleep 0.2; done\n");
    const held = (finalizers: string[]) => {
      const patch = JSON.stringify({ metadata: { finalizers } });
      return kubectl("patch", "pod", pod, "-n", workflow.namespace, "--type=merge", "-p", patch);
    };
    await held(["batch.kubernetes.io/job-tracking", "example.org/hold"]);
    await kubectl("delete", "pod", pod, "-n", workflow.namespace, "--wait=false");
    await eventually(
      () => get("pod", pod, "-n", workflow.namespace),
      ({ status }) => status.containerStatuses[0].state.terminated !== undefined,
    );
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status !== "RUNNING",
    );
    await held([]);
    expect(job).toMatchObject({ status: "STALLED", reason: "PodDeleted", message: "its pod was deleted while it was running" });
  });

  test("a pod that the cluster evicts is told as such while it can be seen, and its job is STALLED", async () => {
    workflow = new TestWorkflow();
    const { pod } = await startRunning("Job-1", "trap '' TERM; while :; do sleep 0.2; done\n");
    await evict(workflow.namespace, pod, 1);
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status !== "RUNNING",
    );
    expect(job).toMatchObject({ status: "STALLED", reason: expect.stringMatching(/^(Evicted|PodGone)$/) });
    expect(job.message).toMatch(/[Ee]vict/);
    // Where the container's end was still seen, its code is the job's own.
    expect((await workflow.cli("wait", "Job-1")).code).toBe(job.exitCode ?? 10);
  });

  test("a job that was stopped after its last line is not taken for one that has ended by itself", async () => {
    workflow = new TestWorkflow();
    const { kubernetesName } = await startRunning("Job-1", `${returns(0).replace("exit 0\n", "")}touch written; sleep 300\n`);
    await eventually(async () => existsSync(path.join(workflow.directory, "written")), Boolean);
    await kubectl("delete", "job", kubernetesName, "-n", workflow.namespace);
    await gone();
    expect(await workflow.status("Job-1")).toMatchObject({ status: "STALLED", exitCode: 0, reason: "Gone" });
  });

  test("the output of an earlier life of the workflow completes no job that never ran", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: { "e2e.test/nowhere": "x" }, outputGrace: "0s" } });
    const script = workflow.script("Job-1", "true\n");
    const old = path.join(workflow.directory, "out", "Job-1.sh.out");
    writeFileSync(old, "<application_execution>\n</application_execution>\nExiting with return value 0\n");
    utimesSync(old, new Date("2026-01-01"), new Date("2026-01-01"));
    expect((await workflow.cli("submit", script)).code).toBe(0);
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace);
    await gone();
    expect(await workflow.status("Job-1")).toMatchObject({ status: "STALLED", reason: "Gone", exitCode: null });
  });

  test("a job that was written down but never submitted stays NOT_SUBMITTED, until submitting it again runs it", async () => {
    workflow = new TestWorkflow();
    await kubectl("create", "namespace", workflow.namespace);
    await applyQuota(workflow.namespace, "no-jobs", { "count/jobs.batch": "0" }, "jobs");
    const script = workflow.script("Job-1", "true\n");
    const refused = await workflow.cli("submit", script);
    expect(refused.code).not.toBe(0);
    const waiting = await workflow.status("Job-1");
    expect(waiting).toMatchObject({ status: "NOT_SUBMITTED", submitted: null, exitCode: null, ended: null });
    await removeQuota(workflow.namespace, "no-jobs", "jobs");
    expect((await workflow.cli("submit", script, "--wait")).code).toBe(0);
    expect(await workflow.status("Job-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
  });
});

/** Evicts a pod through the eviction API, as a drain of its node does. */
async function evict(namespace: string, pod: string, gracePeriodSeconds: number): Promise<void> {
  const workflow = new TestWorkflow();
  const file = path.join(workflow.folder, "eviction.json");
  const deleteOptions = { gracePeriodSeconds };
  writeFileSync(file, JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace }, deleteOptions }));
  await kubectl("create", "--raw", `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`, "-f", file);
  await workflow.cleanup();
}
