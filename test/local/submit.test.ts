import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { get, kubectl, PROGRAM, TestWorkflow } from "../e2e/harness.ts";
import { loadedModules, SUBMIT_LOADS } from "../loadedModules.ts";

/** A node selector that no node matches: the Jobs are made, and cost the node nothing. */
const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };

describe("submit", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("loads one file of the program alone, since an engine starts it once per job", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const loaded = loadedModules(workflow.folder);
    const result = await workflow.process(loaded.env, "submit", workflow.script("Job-1", "true\n"));
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(loaded.names()).toEqual(SUBMIT_LOADS);
  });

  test("makes one Job per script and prints their ids in the order of the scripts", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const ids = Array.from({ length: 20 }, (_, index) => `Job-${(index * 7) % 20}`);
    const result = await workflow.cli("submit", ...ids.map((id) => workflow.script(id, "true\n")));
    expect(result).toEqual({ stdout: ids.map((id) => `${id}\n`).join(""), stderr: "", code: 0 });
    const jobs = await workflow.jobs();
    expect(jobs.map((job) => job.metadata.annotations["gasw-k8s.io/job"]).sort()).toEqual([...ids].sort());
  });

  test("answers as one JSON document or as NDJSON", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const scripts = ["Job-1", "Job-2"].map((id) => workflow.script(id, "true\n"));
    const record = (id: string, created: boolean) => ({
      id,
      workflow: workflow.id,
      namespace: workflow.namespace,
      kubernetesName: expect.stringMatching(/^[a-z0-9-]{1,63}$/),
      created,
    });
    const json = await workflow.cli("submit", ...scripts, "-o", "json");
    expect(JSON.parse(json.stdout)).toEqual({ jobs: [record("Job-1", true), record("Job-2", true)] });
    const ndjson = await workflow.cli("submit", ...scripts, "-o", "ndjson");
    const lines = ndjson.stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([record("Job-1", false), record("Job-2", false)]);
  });

  test("takes the workflow from the script's place, wherever it is called from", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    workflow.script("Job-1", "true\n");
    const result = await workflow.cliWith({ cwd: path.join(workflow.directory, "sh") }, "submit", "Job-1.sh");
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    const [job] = await workflow.jobs();
    expect(job.metadata.annotations["gasw-k8s.io/workflow"]).toBe(workflow.id);
  });

  test("gives the same answer to the same submission and makes nothing, also when the job has ended", async () => {
    workflow = new TestWorkflow();
    const script = workflow.script("Job-1", "echo ran\n");
    const submit = () => workflow.cli("submit", script, "--memory", "64Mi", "--env", "A=1", "--env", "B=2");
    expect(await submit()).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(await submit()).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(await workflow.jobs()).toHaveLength(1);
    expect((await workflow.cli("wait", "Job-1", "--wait-timeout", "300s")).code).toBe(0);
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace);
    const reordered = await workflow.cli("submit", script, "--env", "B=2", "--env", "A=1", "--memory", "64Mi");
    expect(reordered).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(await workflow.jobs()).toEqual([]);
  });

  test.each([
    ["the script's bytes", "echo other\n", []],
    ["an option", "echo ran\n", ["--memory", "65Mi"]],
    ["an environment variable", "echo ran\n", ["--memory", "64Mi", "--env", "A=2"]],
  ])("refuses a job that was submitted before with different content: %s (exit 7)", async (_, body, options) => {
    workflow = new TestWorkflow({ config: PARKED });
    await workflow.cli("submit", workflow.script("Job-1", "echo ran\n"), "--memory", "64Mi");
    const result = await workflow.cli("submit", workflow.script("Job-1", body), ...options);
    expect(result).toEqual({
      stdout: "",
      stderr: expect.stringMatching(
        /^error: job Job-1 of workflow .* already submitted with different content, and is [A-Z]+\nhint: .*\n$/,
      ),
      code: 7,
    });
    expect(await workflow.jobs()).toHaveLength(1);
  });

  test("submits the other scripts when one is refused, and exits with its failure", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const scripts = [workflow.script("Job-1", "false\n"), workflow.script("Job-2", "true\n")];
    const result = await workflow.cli("submit", ...scripts);
    expect(result).toMatchObject({ stdout: "Job-2\n", code: 7 });
    expect(await workflow.jobs()).toHaveLength(2);
  });

  test("answers what was accepted before a Ctrl-C, each script as soon as it and all before it are", async () => {
    workflow = new TestWorkflow({ config: { ...PARKED, options: { requestsPerSecond: 2 } } });
    const ids = Array.from({ length: 30 }, (_, index) => `Job-${index}`);
    const scripts = ids.map((id) => workflow.script(id, "true\n"));
    const child = spawn(process.execPath, [PROGRAM, "submit", ...scripts], { cwd: workflow.directory, env: workflow.env });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stdout.once("data", () => child.kill("SIGINT"));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(130);
    const told = stdout.trimEnd().split("\n");
    expect(told).toEqual(ids.filter((id) => told.includes(id)));
    expect(told.length).toBeLessThan(ids.length);
    const made = (await workflow.jobs()).map((job) => job.metadata.annotations["gasw-k8s.io/job"]);
    expect(made).toEqual(expect.arrayContaining(told));
  });

  test("finds the Job in the cluster when the state was lost, and makes no second one", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const script = workflow.script("Job-1", "true\n");
    await workflow.cli("submit", script);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(workflow.stateFile + suffix, { force: true });
    const stderr = expect.stringMatching(/^warning: this state file takes over workflow .* by an earlier state file in this place.*\n$/);
    expect(await workflow.cli("submit", script)).toEqual({ stdout: "Job-1\n", stderr, code: 0 });
    expect(await workflow.jobs()).toHaveLength(1);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(workflow.stateFile + suffix, { force: true });
    expect(await workflow.cli("submit", script, "--cpu", "2")).toMatchObject({ stdout: "", code: 7 });
  });

  test("does not take a Job that is being deleted for the one it made (exit 7), and makes it when that is gone", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const script = workflow.script("Job-1", "true\n");
    await workflow.cli("submit", script);
    const name = (await workflow.jobs())[0].metadata.name;
    for (const suffix of ["", "-wal", "-shm"]) rmSync(workflow.stateFile + suffix, { force: true });
    const hold = (finalizers: string[] | null) =>
      kubectl("patch", "job", name, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify({ metadata: { finalizers } }));
    await hold(["example.org/hold"]);
    await kubectl("delete", "job", name, "-n", workflow.namespace, "--wait=false");
    const refused = await workflow.cli("submit", script);
    await hold(null);
    expect(refused).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("is still being deleted\nhint: wait until it is deleted"),
      code: 7,
    });
    expect(await workflow.cli("submit", script)).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect((await workflow.jobs())[0].metadata.deletionTimestamp).toBeUndefined();
  });

  test("shows with --dry-run what would be made, makes nothing, and keeps the environment's values to itself", async () => {
    workflow = new TestWorkflow({ config: { env: { TOKEN: "s3cret" } } });
    for (const folder of ["out", "err"]) rmSync(path.join(workflow.directory, folder), { recursive: true });
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--dry-run", "--env", "PASSWORD=hidden");
    expect(result).toMatchObject({ stderr: "", code: 0 });
    const { items } = JSON.parse(result.stdout);
    expect(items.map((item: { kind: string }) => item.kind)).toEqual(["PersistentVolume", "PersistentVolumeClaim", "Job"]);
    expect(items[2].spec.template.spec.containers[0].env).toEqual([
      { name: "TOKEN", value: "***" },
      { name: "PASSWORD", value: "***" },
      { name: "GASW_K8S_POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
    ]);
    expect(result.stdout).not.toMatch(/s3cret|hidden/);
    await expectNothingMade(workflow);
    expect(existsSync(path.join(workflow.directory, "out"))).toBe(false);
  });

  test.each([
    ["--memory", "512", /^error: --memory: expected .*\nhint: /],
    ["--cpu", "fast", /^error: --cpu: expected /],
    ["--timeout", "soon", /^error: --timeout: expected /],
    ["--env", "NOVALUE", /^error: --env: expected KEY=VALUE\n/],
    ["--wait-timeout", "5s", /^error: --wait-timeout requires --wait\n/],
  ])("refuses %s %s (exit 2) and makes nothing", async (option, value, message) => {
    workflow = new TestWorkflow();
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"), option, value);
    expect(result).toEqual({ stdout: "", stderr: expect.stringMatching(message), code: 2 });
    await expectNothingMade(workflow);
  });
});

/** Neither namespace, nor volume, nor state file. */
async function expectNothingMade(workflow: TestWorkflow): Promise<void> {
  const namespaces = (await get("namespaces")).items.map((namespace: { metadata: { name: string } }) => namespace.metadata.name);
  expect(namespaces).not.toContain(workflow.namespace);
  const volumes = (await get("pv")).items;
  expect(volumes.filter((volume: { spec: { nfs?: { path: string } } }) => volume.spec.nfs?.path.startsWith(workflow.folder))).toEqual([]);
  expect(existsSync(workflow.stateFile)).toBe(false);
}
