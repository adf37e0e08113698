import { afterEach, describe, expect, test } from "vitest";
import { apply, eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { applyQuota } from "./quota.ts";

let workflow: TestWorkflow;
afterEach(() => workflow.cleanup());

/** A workflow in a namespace that is there, and takes pods. */
async function inNamespace(): Promise<string> {
  workflow = new TestWorkflow({ account: "admin" });
  const { namespace } = workflow;
  await kubectl("create", "namespace", namespace);
  await eventually(
    () => get("serviceaccounts", "-n", namespace),
    ({ items }) => items.length > 0,
  );
  return namespace;
}

const dryRun = (...options: string[]) => workflow.cli("submit", workflow.script("Job-1", "true\n"), "--dry-run=server", ...options);

describe("a job in a namespace whose quota wants limits stated", () => {
  const hard = { "limits.cpu": "2", "limits.memory": "1Gi", "requests.ephemeral-storage": "2Gi" };
  const little = { cpuLimit: "500m", memory: "64Mi", ephemeralStorage: "64Mi" };
  const stated = ["--cpu-limit", "500m", "--memory", "64Mi", "--ephemeral-storage", "64Mi", "--grace-period", "5s"];

  test("is told by a dry run which options to state, and runs with them", async () => {
    await applyQuota(await inNamespace(), "rule", hard);
    const refused = await dryRun("--memory", "64Mi");
    expect(refused).toMatchObject({ stdout: "", code: 4 });
    expect(refused.stderr).toMatch(/^error: job Job-1 could not start: quota rule rejects its pod: .*must specify limits\.cpu for: job/);
    expect(refused.stderr).toMatch(/^hint: set limits\.cpu for: job: --cpu-limit \(or resources\.cpuLimit\)/m);
    expect(await dryRun(...stated)).toMatchObject({ stderr: "", code: 0 });
    const never = await dryRun(...stated, "--cpu-limit", "3");
    expect(never).toMatchObject({ code: 4, stderr: expect.stringMatching(/exceeded quota.*\nhint: .*request less \(--cpu-limit\)/) });
    expect(await workflow.jobs()).toEqual([]);
    expect(await workflow.runJob("Job-1", "true\n", ...stated)).toMatchObject({ stderr: "", code: 0 });
    // A pod that looks around is held to the quota, too.
    const look = await workflow.cliWith({ input: "echo a look around\n" }, "debug", "shell", "Job-1");
    expect(look).toMatchObject({ stdout: "a look around\n", code: 0 });
    const [job] = await workflow.jobs();
    expect(job.spec.template.spec).toMatchObject({
      terminationGracePeriodSeconds: 5,
      containers: [{ resources: { limits: { cpu: "500m", memory: "64Mi", "ephemeral-storage": "64Mi" } } }],
    });
  });

  test("is told at the first look what to set, and runs once that is configured, it is cancelled and retried", async () => {
    await applyQuota(await inNamespace(), "rule", hard);
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    let warnings = "";
    await eventually(
      async () => {
        const { stdout, stderr } = await workflow.cli("status", "Job-1", "-o", "json");
        warnings += stderr;
        return JSON.parse(stdout).jobs[0];
      },
      ({ reason }) => reason === "FailedCreate",
    );
    expect(warnings).toMatch(/^warning: job Job-1 cannot start: .*--cpu-limit \(or resources\.cpuLimit\), --memory/m);
    const { stdout: why } = await workflow.cli("debug", "why", "Job-1");
    expect(why).toMatch(/^remedy: .*--cpu-limit .*`gasw-k8s cancel Job-1 && gasw-k8s retry Job-1`/m);
    workflow.configure({ resources: little }, "admin");
    expect((await workflow.cli("cancel", "Job-1")).code).toBe(0);
    expect((await workflow.cli("retry", "Job-1")).code).toBe(0);
    expect(await workflow.cli("wait", "Job-1", "--wait-timeout", "300s")).toMatchObject({ code: 0 });
  });
});

test("a job that no node could run is accepted, and told so by a dry run and by `debug why`", async () => {
  await inNamespace();
  const asked = ["--resource", "example.org/fpga=1"];
  const none = "it requests 1 example.org/fpga, and no node has any";
  const planned = await dryRun(...asked);
  expect(planned).toMatchObject({ stdout: expect.stringContaining('"example.org/fpga": "1"'), code: 0 });
  expect(planned.stderr).toMatch(new RegExp(`^warning: job Job-1 would wait .*: ${none}; see .gasw-k8s debug nodes.\n$`));
  expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"), ...asked)).toMatchObject({ code: 0, stdout: "Job-1\n" });
  await eventually(
    () => workflow.status("Job-1"),
    ({ reason }) => reason === "Unschedulable",
  );
  const { stdout: why } = await workflow.cli("debug", "why", "Job-1");
  expect(why).toContain(none);
  expect(why).toMatch(/^remedy: request less: `gasw-k8s cancel Job-1 && gasw-k8s retry Job-1 --resource /m);
});

test("a dry run tells what a LimitRange has against a job's pod", async () => {
  const metadata = { name: "rule", namespace: await inNamespace() };
  await apply({ apiVersion: "v1", kind: "LimitRange", metadata, spec: { limits: [{ type: "Container", max: { cpu: "1" } }] } });
  const { stderr, code } = await dryRun("--cpu", "100m", "--cpu-limit", "2");
  expect(code).toBe(4);
  expect(stderr).toMatch(/a LimitRange of the namespace \(cpu per Container\) rejects its pod: .*but limit is 2/);
  expect(stderr).toMatch(/^hint: request an amount within it \(--cpu-limit, /m);
});
