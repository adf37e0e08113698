import { existsSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { apply, eventually, get, kubectl, TestWorkflow } from "./harness.ts";

/** A node selector that no node matches: the Jobs are made, and cost the node nothing. */
const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };

describe("submit", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("runs a script in the workflow's directory, as its owner, with its streams in out/ and err/", async () => {
    workflow = new TestWorkflow({ name: "workflow-gENTZc" });
    const result = await workflow.runJob("Basic_Grep.2-360261301594475", "pwd; id -u; id -g; echo trouble >&2\n");
    expect(result).toEqual({ stdout: "Basic_Grep.2-360261301594475\n", stderr: "", code: 0 });
    expect(workflow.out("Basic_Grep.2-360261301594475")).toBe(`${workflow.directory}\n${workflow.owner}\n${workflow.owner}\n`);
    expect(workflow.err("Basic_Grep.2-360261301594475")).toBe("trouble\n");
  });

  test("tells of all failures when several scripts are refused, and exits with the first one's code", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const metadata = { name: "one-job", namespace: workflow.namespace };
    await apply({ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard: { "count/jobs.batch": "1" } } });
    await eventually(
      () => get("resourcequota", "one-job", "-n", workflow.namespace),
      (quota) => quota.status?.used?.["count/jobs.batch"] === "1",
    );
    const scripts = [workflow.script("Job-1", "false\n"), workflow.script("Job-2", "true\n")];
    const result = await workflow.cli("submit", ...scripts);
    expect(result).toMatchObject({ stdout: "", code: 7 });
    expect(result.stderr).toMatch(
      /^error: .* the namespace's quota is exhausted .*\nhint: .*\nerror: job Job-1 .*different content, and is [A-Z]+\nhint: .*\n$/,
    );
  });

  test("sends the very plan that --dry-run prints, under whatever name the directory is known", async () => {
    workflow = new TestWorkflow({
      config: { ...PARKED, labels: { team: "imaging" }, timeout: 3600, sidecars: [{ name: "log", image: "busybox" }] },
    });
    const script = workflow.script("Job-1", "true\n");
    const link = path.join(workflow.folder, "a-link");
    symlinkSync(workflow.directory, link);
    const planned = async (...args: string[]) => JSON.parse((await workflow.cli("submit", "--dry-run", ...args)).stdout).items;
    const items = await planned(script, "--memory", "64Mi", "--cpu", "10m");
    expect((await workflow.cli("submit", script, "--memory", "64Mi", "--cpu", "10m")).code).toBe(0);
    const [volume, claim, job] = await planned(path.join(link, "sh", "Job-1.sh"), "--memory", "64Mi", "--cpu", "10m");
    expect([volume, claim, job].map(sent)).toEqual(items.map(sent));
    expect(await get("job", job.metadata.name, "-n", workflow.namespace)).toMatchObject(sent(job));
    expect(await get("pvc", claim.metadata.name, "-n", workflow.namespace)).toMatchObject(sent(claim));
    expect(await get("pv", volume.metadata.name)).toMatchObject(sent(volume));
  });

  test("has the server check the Job with --dry-run=server, and still makes nothing", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: { "not a label": "x" } } });
    const submit = () => workflow.cli("submit", workflow.script("Job-1", "true\n"), "--dry-run=server");
    expect(await submit()).toMatchObject({ stdout: "", stderr: expect.stringContaining("does not exist"), code: 6 });
    await kubectl("create", "namespace", workflow.namespace);
    expect(await submit()).toMatchObject({ stdout: "", stderr: expect.stringContaining("not a label"), code: 4 });
    workflow.configure({});
    // The engine's account may not create pods.
    const stderr = expect.stringMatching(/^warning: the pods were not checked: .*\n$/);
    expect(await submit()).toMatchObject({ stdout: expect.stringContaining('"kind": "Job"'), stderr, code: 0 });
    expect(await workflow.jobs()).toEqual([]);
    expect(existsSync(workflow.stateFile)).toBe(false);
  });

  test("lets a submission that the cluster refused be corrected, and then holds it to its content", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: { "not a label": "x" } } });
    const script = workflow.script("Job-1", "exit 0\n");
    const refused = await workflow.cli("submit", script, "--cpu", "1");
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED" });
    workflow.configure({});
    expect(await workflow.cli("submit", script, "--cpu", "100m", "--wait", "--wait-timeout", "300s")).toMatchObject({
      code: 0,
      stdout: "Job-1\n",
    });
    expect(await workflow.cli("submit", script, "--cpu", "100m")).toMatchObject({ code: 0, stdout: "Job-1\n" });
    expect(await workflow.cli("submit", script, "--cpu", "1")).toMatchObject({ code: 7 });
    expect(await workflow.jobs()).toHaveLength(1);
  });
});

/** A planned object as the cluster keeps it: without fields that are empty or false, and without the time of the look. */
// biome-ignore lint/suspicious/noExplicitAny: a Kubernetes object as JSON
function sent(object: any): any {
  if (Array.isArray(object)) return object.map(sent);
  if (typeof object !== "object" || object === null) return object;
  const isEmpty = (value: unknown) => value === "" || value === false || JSON.stringify(value) === "{}" || JSON.stringify(value) === "[]";
  const fields = Object.entries(object).filter(([key, value]) => !isEmpty(value) && key !== "gasw-k8s.io/last-used");
  return Object.fromEntries(fields.map(([key, value]) => [key, sent(value)]));
}
