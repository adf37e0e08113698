import { afterEach, describe, expect, test } from "vitest";
import { eventually, get, TestWorkflow } from "./harness.ts";

describe("grace for a job that cannot start", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  const ended = (jobId: string) =>
    eventually(
      () => workflow.status(jobId),
      (job) => job.status !== "QUEUED",
    );

  async function objectsAreGone(): Promise<void> {
    await eventually(
      () => get("jobs,pods", "-n", workflow.namespace),
      (list) => list.items.length === 0,
    );
  }

  test("a name that is no image fails its job at the first look, and nothing of it stays in the cluster", async () => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--image", "localhost/Upper/Case:1");
    const job = await ended("Job-1");
    expect(job).toMatchObject({ status: "ERROR", reason: "InvalidImageName", exitCode: null, started: null });
    expect(Date.parse(job.ended)).not.toBeNaN();
    await objectsAreGone();
    expect(await workflow.cli("wait", "Job-1")).toEqual({ stdout: "", stderr: "", code: 1 });
  });

  test("an image that cannot be pulled fails its job when the longer grace of its two reasons is over, and its Job is removed", async () => {
    workflow = new TestWorkflow({ config: { pending: { ErrImagePull: "0s", ImagePullBackOff: "4s" } } });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--image", "localhost/absent:1");
    const PULL = /^(ErrImagePull|ImagePullBackOff)$/;
    let lookedAt = 0;
    await eventually(
      () => {
        lookedAt = Date.now();
        return workflow.status("Job-1");
      },
      ({ reason }) => PULL.test(reason),
    );
    const job = await ended("Job-1");
    expect(job).toMatchObject({ status: "ERROR", exitCode: null, started: null });
    expect(job.reason).toMatch(PULL);
    expect(job.message).toContain("localhost/absent:1");
    expect(Date.parse(job.ended) - lookedAt).toBeGreaterThanOrEqual(4000);
    await objectsAreGone();
    expect(await workflow.status("Job-1")).toEqual(job);
  });

  test("the same image keeps its job waiting where one of them may last for ever, and the job is never said to run", async () => {
    workflow = new TestWorkflow({ config: { pending: { ErrImagePull: "never", ImagePullBackOff: "0s" } } });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--image", "localhost/absent:1");
    const statuses = new Set<string>();
    await eventually(
      () => workflow.status("Job-1"),
      (job) => {
        statuses.add(job.status);
        return job.reason === "ImagePullBackOff";
      },
    );
    expect([...statuses]).toEqual(["QUEUED"]);
  });

  test("a reason without a configured grace gets the default one, also when others are configured", async () => {
    workflow = new TestWorkflow({ config: { pending: { Unschedulable: "1s" } } });
    await workflow.cli("submit", workflow.script("Image-1", "true\n"), "--image", "localhost/Upper/Case:1");
    await workflow.cli("submit", workflow.script("Room-1", "true\n"), "--cpu", "1000");
    // Its grace begins at the first look: the scheduler is to have had its say by then.
    await eventually(
      () => get("pods", "-n", workflow.namespace),
      ({ items }) =>
        items.some(({ status }: { status: { conditions?: { reason?: string }[] } }) =>
          status.conditions?.some(({ reason }) => reason === "Unschedulable"),
        ),
    );
    expect(await ended("Image-1")).toMatchObject({ status: "ERROR", reason: "InvalidImageName" });
    expect(await ended("Room-1")).toMatchObject({ status: "ERROR", reason: "Unschedulable" });
    await objectsAreGone();
  });
});
