import { chmodSync, chownSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { apply, get, PROGRAM, run, TestWorkflow } from "./harness.ts";

describe("a job's pod", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("satisfies the restricted Pod Security Standard, with init containers and sidecars", async () => {
    workflow = new TestWorkflow({
      config: {
        initContainers: [{ name: "before", image: "localhost/gasw-k8s/bash:1", command: ["true"] }],
        sidecars: [{ name: "beside", image: "localhost/gasw-k8s/bash:1", command: ["sleep", "600"] }],
      },
    });
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: workflow.namespace, labels } });
    expect(await workflow.runJob("Job-1", "grep -E 'NoNewPrivs|CapEff|Seccomp:' /proc/self/status\n")).toMatchObject({
      stderr: "",
      code: 0,
    });
    expect(workflow.out("Job-1")).toMatch(/CapEff:\s0{16}\nNoNewPrivs:\s1\nSeccomp:\s2\n/);
  });

  test("gets no token of a service account", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "ls /var/run/secrets 2>/dev/null; mount | grep -c serviceaccount; true\n");
    expect(workflow.out("Job-1")).toBe("0\n");
  });

  test("runs as nobody where root owns the workflow's directory", async () => {
    workflow = new TestWorkflow({ owner: 0 });
    const script = workflow.script("Job-1", "id -u; id -g\n");
    for (const folder of ["out", "err"]) chownSync(path.join(workflow.directory, folder), 65534, 65534);
    expect(await workflow.cli("submit", script, "--wait", "--wait-timeout", "300s")).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("65534\n65534\n");
  });

  test("runs as the configured user and group", async () => {
    workflow = new TestWorkflow({ owner: 23456, config: { securityContext: { runAsUser: 23456, runAsGroup: 34567 } } });
    expect(await workflow.runJob("Job-1", "id -u; id -g\n")).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("23456\n34567\n");
  });

  test("is privileged only when that is configured", async () => {
    workflow = new TestWorkflow({ config: { securityContext: { privileged: true, runAsUser: 0, runAsGroup: 0 } } });
    await workflow.runJob("Job-1", "grep CapEff /proc/self/status; id -u\n");
    expect(workflow.out("Job-1")).toMatch(/^CapEff:\s+0000[0-9a-f]*ffff\n0\n$/);
    const [job] = await workflow.jobs();
    expect(job.spec.template.spec.containers[0].securityContext).toEqual({ privileged: true });
  });

  test.each([
    ["out", 0o755, "write"],
    ["err", 0o755, "write"],
    ["sh", 0o700, "enter"],
    ["sh/Job-1.sh", 0o600, "read"],
  ])("whose user cannot use %s is not even begun (exit 3)", async (name, mode, verb) => {
    workflow = new TestWorkflow();
    const script = workflow.script("Job-1", "true\n");
    chownSync(path.join(workflow.directory, name), 0, 0);
    chmodSync(path.join(workflow.directory, name), mode);
    const result = await workflow.cli("submit", script);
    expect(result).toMatchObject({ stdout: "", code: 3 });
    expect(result.stderr).toMatch(/^error: jobs run as user 12345, group 12345, which cannot .*\nhint: change the owner .*\n$/);
    expect(result.stderr).toContain(`cannot ${verb} ${path.join(workflow.directory, name)}`);
    await expectNothingMade(workflow);
  });

  test("gets out/ and err/ made for its user where they are missing", async () => {
    workflow = new TestWorkflow();
    for (const folder of ["out", "err"]) rmSync(path.join(workflow.directory, folder), { recursive: true });
    expect(await workflow.runJob("Job-1", "echo done\n")).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("done\n");
  });

  test("is not begun where this user cannot make the missing out/ (exit 3)", async () => {
    workflow = new TestWorkflow({ owner: 0 });
    const script = workflow.script("Job-1", "true\n");
    rmSync(path.join(workflow.directory, "out"), { recursive: true });
    chmodSync(workflow.folder, 0o777);
    chmodSync(path.join(workflow.directory, "err"), 0o777);
    const result = await run("setpriv", ["--reuid=12346", "--regid=12346", "--clear-groups", process.execPath, ...submitCommand(script)], {
      cwd: workflow.directory,
      env: workflow.env,
    });
    expect(result).toMatchObject({
      stdout: "",
      stderr: expect.stringMatching(/^error: the folder .*\/out cannot be created \(EACCES\)\n/),
      code: 3,
    });
    await expectNothingMade(workflow);
  });
});

function submitCommand(script: string): string[] {
  return [PROGRAM, "submit", script];
}

/** Neither namespace, nor volume, nor state file. */
async function expectNothingMade(workflow: TestWorkflow): Promise<void> {
  const namespaces = (await get("namespaces")).items.map((namespace: { metadata: { name: string } }) => namespace.metadata.name);
  expect(namespaces).not.toContain(workflow.namespace);
  const volumes = (await get("pv")).items.map((volume: { spec: { nfs?: { path: string } } }) => volume.spec.nfs?.path ?? "");
  expect(volumes.filter((folder: string) => folder.startsWith(workflow.folder))).toEqual([]);
  expect(existsSync(workflow.stateFile)).toBe(false);
}
