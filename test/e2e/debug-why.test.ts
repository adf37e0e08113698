import { afterEach, describe, expect, test } from "vitest";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota } from "./quota.ts";

describe("debug why of a job that has not begun", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  const submit = (...options: string[]) => workflow.cli("submit", workflow.script("Job-1", "true\n"), ...options);
  const claims = async () => (await get("pvc", "-n", workflow.namespace)).items;

  interface Answer {
    readonly cause: string;
    readonly status: string;
    readonly sentence: string;
    readonly remedy: string;
    readonly evidence: readonly string[];
  }

  async function why(): Promise<Answer> {
    const { stdout, stderr, code } = await workflow.cli("debug", "why", "Job-1", "-o", "json");
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  }

  const becauseOf = (cause: string) => eventually(why, (answer) => answer.cause === cause);

  test("first for a quota, then for a claim that somebody has deleted", async () => {
    workflow = new TestWorkflow({ account: "admin" });
    const { namespace } = workflow;
    await kubectl("create", "namespace", namespace);
    await applyQuota(namespace, "no-pods", { pods: "0" });
    expect(await submit()).toMatchObject({ code: 0 });
    const refused = await becauseOf("quota");
    expect(refused).toMatchObject({ status: "QUEUED", remedy: expect.stringMatching(/wait for other jobs to end/) });
    expect(refused.sentence).toBe(
      `Job-1 is waiting because the quota of namespace ${namespace} is exhausted: quota no-pods allows pods=0, pods=0 is used, and the job requests pods=1`,
    );
    expect(refused.evidence.join("\n")).toContain("exceeded quota: no-pods");
    const [claim] = await claims();
    await kubectl("delete", "pvc", claim.metadata.name, "-n", namespace);
    await kubectl("delete", "quota", "no-pods", "-n", namespace);
    const unbound = await becauseOf("volume-not-bound");
    expect(unbound).toMatchObject({
      status: "QUEUED",
      sentence: `Job-1 is waiting for its volume: claim ${claim.metadata.name} does not exist`,
    });
    expect(unbound.remedy).toContain("`gasw-k8s cancel Job-1 && gasw-k8s retry Job-1` creates it where it is missing");
    expect(unbound.evidence.join("\n")).toContain(`persistentvolumeclaim "${claim.metadata.name}" not found`);
  });

  test("for a volume of our own that is not bound, so that it was not submitted", async () => {
    const scratch = { name: "scratch", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/scratch" };
    workflow = new TestWorkflow({ account: "admin", config: { volumes: [scratch], options: { bindTimeout: "10s" } } });
    expect(await submit()).toMatchObject({ stdout: "", code: 5 });
    const claim = (await claims()).find(({ spec }: { spec: { storageClassName: string } }) => spec.storageClassName === "no-such-class");
    const { name } = claim.metadata;
    const answer = await why();
    expect(answer).toMatchObject({ cause: "not-submitted-volume", status: "NOT_SUBMITTED" });
    expect(answer.sentence).toMatch(
      new RegExp(
        `^Job-1 never reached the cluster because its volume is not ready: claim ${name} is Pending, not Bound \\(ProvisioningFailed: `,
      ),
    );
    expect(answer.remedy).toContain(`debug describe pvc ${name}`);
    expect(answer.remedy).toContain("submit it: `gasw-k8s retry Job-1`");
    expect(answer.evidence.join("\n")).toContain('"no-such-class" not found');
  });

  test("for a submission that the cluster refused, in its words, until it is corrected", async () => {
    workflow = new TestWorkflow({ account: "admin", config: { nodeSelector: { "not a label": "x" } } });
    expect(await submit()).toMatchObject({ stdout: "", code: 4 });
    const answer = await why();
    expect(answer).toMatchObject({
      cause: "submit-refused",
      status: "NOT_SUBMITTED",
      sentence: expect.stringMatching(
        /^Job-1 was not accepted when it was submitted: the cluster refused it: .*nodeSelector.*"not a label"/,
      ),
      remedy: "fix the value that the message names in the configuration or the options; then submit it: `gasw-k8s retry Job-1`",
    });
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED", reason: "Refused" });
    workflow.configure({ nodeSelector: {} }, "admin");
    expect(await submit()).toMatchObject({ code: 0 });
    expect((await workflow.status("Job-1")).reason).not.toBe("Refused");
  });
});
