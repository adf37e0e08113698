import { afterEach, describe, expect, test } from "vitest";
import { apply, eventually, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota } from "./quota.ts";

let workflow: TestWorkflow;
afterEach(() => workflow.cleanup());

/** Submits a job, and waits until `status` shows a reason other than that its pod is still to be made. */
async function told(...options: string[]): Promise<{ reason: string; message: string; warnings: string; why: string }> {
  const { code } = await workflow.cli("submit", workflow.script("Job-1", "true\n"), ...options);
  expect(code).toBe(0);
  let warnings = "";
  const job = await eventually(
    async () => {
      const { stdout, stderr } = await workflow.cli("status", "Job-1", "-o", "json");
      warnings += stderr;
      return JSON.parse(stdout).jobs[0];
    },
    ({ reason }) => reason !== null && reason !== "NoPod",
  );
  expect(job).toMatchObject({ status: "QUEUED", pod: null });
  const { stdout: why } = await workflow.cli("debug", "why", "Job-1");
  return { reason: job.reason, message: job.message, warnings, why };
}

async function inNamespace(object: object, labels: readonly string[] = []): Promise<void> {
  await kubectl("create", "namespace", workflow.namespace);
  if (labels.length > 0) await kubectl("label", "namespace", workflow.namespace, ...labels);
  await apply({ apiVersion: "v1", ...object, metadata: { name: "rule", namespace: workflow.namespace } });
}

describe("a job whose pod the cluster will not make", () => {
  test("for a LimitRange is told so at once, and which amount it is about", async () => {
    workflow = new TestWorkflow();
    await inNamespace({ kind: "LimitRange", spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] } });
    const { reason, message, warnings, why } = await told("--memory", "1Gi");
    expect({ reason, message }).toEqual({
      reason: "FailedCreate",
      message: expect.stringMatching(/maximum memory usage per Container is 64Mi, but limit is 1Gi/),
    });
    expect(warnings.match(/^warning: job Job-1 cannot start: .*maximum memory usage/gm)).toHaveLength(1);
    expect(why).toMatch(/cannot start: a LimitRange of the namespace \(memory per Container\) rejects/);
    expect(why).toMatch(/^remedy: .*kubectl get limitrange/m);
  });

  test("for a quota that wants its memory stated is told so at once, and begins once it states it", async () => {
    workflow = new TestWorkflow();
    await kubectl("create", "namespace", workflow.namespace);
    await applyQuota(workflow.namespace, "rule", { "limits.memory": "1Gi" });
    const { reason, message, why } = await told();
    expect({ reason, message }).toEqual({
      reason: "FailedCreate",
      message: expect.stringMatching(/failed quota: rule: must specify limits\.memory for: job/),
    });
    expect(why).toMatch(/quota rule rejects its pod/);
    expect(why).toMatch(/^remedy: .*--memory/m);
    expect(await workflow.runJob("Job-2", "true\n", "--memory", "32Mi")).toMatchObject({ code: 0 });
  });

  test("for Pod Security is told so at once, and given up when its grace is over", async () => {
    workflow = new TestWorkflow({ config: { securityContext: { privileged: true }, pending: { FailedCreate: "2s" } } });
    await inNamespace({ kind: "ConfigMap" }, ["pod-security.kubernetes.io/enforce=restricted"]);
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => status === "ERROR",
    );
    expect(job).toMatchObject({ reason: "FailedCreate", message: expect.stringContaining('violates PodSecurity "restricted') });
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );
    const { stdout: why } = await workflow.cli("debug", "why", "Job-1");
    expect(why).toMatch(/^WHY: Job-1 never started: Pod Security Standard restricted:latest rejects/);
  });

  test("for an admission policy is told so at once, by the policy's name", async () => {
    workflow = new TestWorkflow();
    const { namespace } = workflow;
    const name = `refuse-${namespace}`;
    const group = "admissionregistration.k8s.io/v1";
    const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];
    try {
      await kubectl("create", "namespace", namespace);
      await apply(
        {
          apiVersion: group,
          kind: "ValidatingAdmissionPolicy",
          metadata: { name },
          spec: { matchConstraints: { resourceRules: rules }, validations: [{ expression: "false", message: "no pods today" }] },
        },
        {
          apiVersion: group,
          kind: "ValidatingAdmissionPolicyBinding",
          metadata: { name },
          spec: {
            policyName: name,
            validationActions: ["Deny"],
            matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
          },
        },
      );
      // A policy holds some seconds after it was made.
      await eventually(
        () => kubectl("run", "probe", "-n", namespace, "--image=none", "--dry-run=server").catch(String),
        (answer) => answer.includes("no pods today"),
      );
      const { reason, message, why } = await told();
      expect({ reason, message }).toEqual({ reason: "FailedCreate", message: expect.stringContaining("no pods today") });
      expect(why).toContain(`policy ${name} rejects its pod`);
    } finally {
      await kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name, "--ignore-not-found");
    }
  });
});

describe("a job whose Job is suspended while it runs", () => {
  test.each([
    [
      "by its queue",
      { queue: "batch" },
      /^queue batch has stopped it at \S+Z: it starts over when it is admitted again/,
      /was stopped by queue batch/,
    ],
    ["by somebody", {}, /^its Job was suspended at \S+Z after it had started/, /was suspended .* after it had started/],
  ])("%s is told as taken back, since when, and runs again once it is resumed", async (_, config, message, sentence) => {
    workflow = new TestWorkflow({ config });
    await workflow.cli("submit", workflow.script("Job-1", "until [ -e go ]; do sleep 0.2; done\n"));
    const untilRunning = (before?: string) =>
      eventually(
        () => workflow.status("Job-1"),
        (job) => job.status === "RUNNING" && job.pod !== before,
      );
    const { kubernetesName, pod } = await untilRunning();
    const suspend = (value: boolean) =>
      kubectl("patch", "job", kubernetesName, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify({ spec: { suspend: value } }));
    await suspend(true);
    const job = await eventually(
      () => workflow.status("Job-1"),
      (seen) => message.test(seen.message ?? ""),
    );
    expect(job).toMatchObject({ status: "QUEUED", reason: "Suspended" });
    expect((await workflow.cli("debug", "why", "Job-1")).stdout).toMatch(sentence);
    await suspend(false);
    // The first pod may be on its way out still.
    await untilRunning(pod);
  });
});
