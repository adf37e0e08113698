import { afterEach, beforeEach, expect, test } from "vitest";
import { errorOf } from "./expectations.ts";
import { apply, eventually, kubectl, TestWorkflow } from "./harness.ts";

const GROUP = "admissionregistration.k8s.io/v1";
let workflow: TestWorkflow;
let policy: string;
beforeEach(() => {
  workflow = new TestWorkflow({ account: "admin" });
  policy = `refuse-${workflow.namespace}`;
});
afterEach(async () => {
  await kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", policy, "--ignore-not-found");
  await workflow.cleanup();
});

/** Has a policy refuse new pods and Jobs in the workflow's namespace, and waits until it does. */
async function refuseAll(): Promise<void> {
  const rule = (apiGroup: string, resource: string) => ({
    apiGroups: [apiGroup],
    apiVersions: ["v1"],
    operations: ["CREATE"],
    resources: [resource],
  });
  const rules = [rule("", "pods"), rule("batch", "jobs")];
  const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": workflow.namespace } } };
  const validations = [{ expression: "false", message: "not today" }];
  const metadata = { name: policy };
  await apply(
    { apiVersion: GROUP, kind: "ValidatingAdmissionPolicy", metadata, spec: { matchConstraints: { resourceRules: rules }, validations } },
    {
      apiVersion: GROUP,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: policy, validationActions: ["Deny"], matchResources },
    },
  );
  await eventually(
    () => kubectl("run", "probe", "-n", workflow.namespace, "--image=none", "--dry-run=server").catch(String),
    (answer) => answer.includes("not today"),
  );
}

test("what an admission policy refuses is not called a missing permission: not by submit, debug why or debug shell", async () => {
  expect(await workflow.runJob("Job-1", "true\n")).toMatchObject({ code: 0 });
  await refuseAll();
  const byPolicy = {
    code: 4,
    message: expect.stringContaining(`policy ${policy} does not allow it`),
    hint: expect.stringMatching(/the policy names/),
  };
  expect(errorOf(await workflow.cli("submit", workflow.script("Job-2", "true\n")))).toEqual(byPolicy);
  const why = await workflow.cli("debug", "why", "Job-2");
  expect(why).toMatchObject({ code: 0, stdout: expect.stringContaining(`policy ${policy} refused it: `) });
  expect(why.stdout).not.toContain("rbac.yaml");
  const shell = await workflow.cliWith({ input: "exit\n" }, "debug", "shell", "Job-1");
  const refused = new RegExp(`\nerror: policy ${policy} rejects the debug pod: .*\nhint: .*the policy names`);
  expect(shell).toMatchObject({ code: 4, stderr: expect.stringMatching(refused) });
});
