import { rmSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { engineAccount, file, kubeconfig } from "./accessSupport.ts";
import { objects } from "./cleanup.ts";
import { apply, eventually, get, kubectl, PROGRAM, run, TestWorkflow } from "./harness.ts";

const FOREVER = "while :; do sleep 1; done\n";

describe("cleanup", () => {
  let workflow: TestWorkflow;
  const others: TestWorkflow[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await other.cleanup();
    await workflow.cleanup();
  });

  test("shows what would go and removes nothing, unless it is told to", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const before = await objects(workflow.namespace);
    const { stdout, stderr, code } = await workflow.cli("cleanup");
    expect({ stderr, code }).toEqual({ stderr: "nothing was removed (use --yes to remove these objects)\n", code: 0 });
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ["WORKFLOW", "FOLDER", "ENGINE", "ACTIVE JOBS"],
      [workflow.id, "there", expect.stringMatching(/^alive \d+s ago \(/), "0"],
      [""],
      ["ACTION", "KIND", "NAME", "FOR"],
      ["remove", "Job", expect.stringContaining("-job-1-"), "Job-1"],
      ["remove", "PersistentVolumeClaim", expect.stringMatching(/-claim$/), workflow.directory],
      ["remove", "PersistentVolume", expect.any(String), workflow.directory],
      [""],
    ]);
    const json = JSON.parse((await workflow.cli("cleanup", "-o", "json")).stdout);
    expect(json).toMatchObject({
      dryRun: true,
      folder: "there",
      activeJobs: 0,
      engine: { host: expect.any(String) },
      keep: [],
      remove: [{ kind: "Job", for: "Job-1" }, {}, {}],
    });
    expect(await objects(workflow.namespace)).toEqual(before);
  });

  test("forgets what never reached the cluster, so that it can be submitted again", async () => {
    workflow = new TestWorkflow({ config: { nodeSelector: { "not a label": "x" } } });
    const script = workflow.script("Job-1", "true\n");
    expect((await workflow.cli("submit", script)).code).toBe(4);
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect(JSON.parse((await workflow.cli("status", "--cached", "-o", "json")).stdout).jobs).toEqual([]);
    workflow.configure({});
    expect(await workflow.cli("submit", script, "--wait", "--wait-timeout", "300s")).toMatchObject({ code: 0, stdout: "Job-1\n" });
  });

  test("removes Jobs with their pods, then claims, then volumes; what is not its own stays; the history stays known", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "exit 3\n");
    await workflow.runJob("Job-2", "true\n");
    const other = new TestWorkflow({ namespace: workflow.namespace });
    others.push(other);
    await other.runJob("Job-1", "true\n");
    const meta = (name: string) => ({ name, namespace: workflow.namespace });
    await apply(
      { apiVersion: "v1", kind: "ConfigMap", metadata: meta("theirs") },
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: meta("theirs"),
        // By its name: one that takes any volume would take another test's, which goes with this workflow then.
        spec: {
          accessModes: ["ReadWriteMany"],
          storageClassName: "",
          volumeName: "theirs-that-is-not-there",
          resources: { requests: { storage: "1Gi" } },
        },
      },
    );
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const removed = stdout.split("\n").filter((line) => line.startsWith("removed"));
    expect(removed.map((line) => line.split(" ")[1])).toEqual(["Job", "Job", "PersistentVolumeClaim", "PersistentVolume"]);
    const left = await objects(workflow.namespace);
    expect(left.filter((object) => object.includes(workflow.id))).toEqual([]);
    expect(left.map((object) => object.split(" ")[0])).toEqual([
      "Job",
      "PersistentVolume",
      "PersistentVolumeClaim",
      "PersistentVolumeClaim",
      "Pod",
    ]);
    expect(left).toContain("PersistentVolumeClaim theirs");
    await get("configmap", "theirs", "-n", workflow.namespace);
    expect((await workflow.cli("status")).stdout).toMatch(/^Job-1 +ERROR +3 .*\nJob-2 +COMPLETED +0 /m);
    expect(await workflow.cli("cleanup", "--yes")).toEqual({ stdout: "", stderr: "nothing to remove\n", code: 0 });
    const again = await workflow.cli("cleanup", "--yes", "-o", "json");
    expect(JSON.parse(again.stdout)).toEqual({ dryRun: false, removed: [], keep: [], failures: [] });
  });

  test("--state forgets a workflow of which the cluster has nothing left, and not before; then it is unknown", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const forget = ["cleanup", "--state", "--older-than", "0", "--yes"];
    await workflow.cli("status", "--sync");
    const kept = await workflow.cli(...forget);
    expect({ stderr: kept.stderr, code: kept.code }).toEqual({ stderr: "nothing to delete\n", code: 0 });
    expect(kept.stdout).toContain("the cluster still has 5 objects of it (gasw-k8s cleanup)");
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect((await workflow.cli(...forget)).stdout).toMatch(/^deleted workflow \S+ \(1 attempt, (no old files|\d+ old files?)\)$/m);
    const unknown = await workflow.cli("status");
    expect(unknown).toMatchObject({
      stdout: "",
      code: 6,
      stderr: expect.stringMatching(/^error: workflow \S+ .* has no jobs, either in this host.s state or in the cluster$/m),
    });
    // Another life of the workflow begins with nothing of the former one.
    await workflow.runJob("Job-1", "exit 3\n");
    expect((await workflow.cli("status")).stdout).toMatch(/^Job-1 +ERROR/m);
  });

  test("answers programs with what it removed", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "-o", "json");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const kinds = ["Job", "PersistentVolumeClaim", "PersistentVolume"];
    expect(JSON.parse(stdout)).toEqual({
      dryRun: false,
      removed: kinds.map((kind) => ({ kind, name: expect.any(String), for: kind === "Job" ? "Job-1" : workflow.directory })),
      keep: [],
      failures: [],
    });
  });

  test("refuses while jobs are active, whoever submitted them; --cancel ends them quickly and they are DELETED", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Done-1", "true\n");
    await workflow.cli("submit", workflow.script("Run-1", FOREVER), workflow.script("Run-2", FOREVER), "--grace-period", "10m");
    await workflow.cli("submit", workflow.script("Wait-1", "true\n"), "--cpu", "1000");
    const otherHost = { env: { GASW_K8S_STATE_PATH: path.join(workflow.folder, "other", "state.db") } };
    for (const host of [{}, otherHost]) {
      const refused = await workflow.cliWith(host, "cleanup", "--yes");
      expect({ stdout: refused.stdout, code: refused.code }).toEqual({ stdout: "", code: 7 });
      expect(refused.stderr).toMatch(/^error: 3 jobs of workflow \S+ are still active: .*Run-1.*\nhint: .*--cancel/);
    }
    const shown = await eventually(
      () => workflow.cli("status", "-q", "--status", "RUNNING"),
      ({ stdout }) => stdout === "Run-1\nRun-2\n",
    );
    expect(shown.code).toBe(0);
    // Long before their grace period is over.
    expect(await workflow.cli("cleanup", "--yes", "--cancel")).toMatchObject({ stderr: "", code: 0 });
    expect(await objects(workflow.namespace)).toEqual([]);
    const { jobs } = JSON.parse((await workflow.cli("status", "-o", "json")).stdout);
    expect(jobs.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`)).toEqual([
      "Done-1 COMPLETED",
      "Run-1 DELETED",
      "Run-2 DELETED",
      "Wait-1 DELETED",
    ]);
    expect((await workflow.cli("wait", "Run-1")).code).toBe(9);
  });

  test("works from a directory that is gone, and from another host, but not for another directory of the same name", async () => {
    workflow = new TestWorkflow({ name: `gone-${Date.now()}` });
    await workflow.runJob("Job-1", "true\n");
    rmSync(workflow.directory, { recursive: true });
    const env = { GASW_K8S_STATE_PATH: path.join(workflow.folder, "other", "state.db") };
    const elsewhere = { cwd: workflow.folder, env };
    const impostor = path.join(workflow.folder, workflow.id);
    const refused = await workflow.cliWith(elsewhere, "cleanup", "--yes", "--workflow", impostor);
    expect({ stdout: refused.stdout, code: refused.code }).toEqual({ stdout: "", code: 7 });
    expect(refused.stderr).toContain(`belong to ${workflow.directory}, not to ${impostor}`);
    expect((await objects(workflow.namespace)).length).toBe(4);
    const served = await workflow.cliWith(elsewhere, "cleanup", "--yes", "--workflow", workflow.directory);
    expect(served).toMatchObject({ code: 7, stderr: expect.stringContaining("is served from another state file") });
    await workflow.disown();
    expect((await workflow.cliWith(elsewhere, "cleanup", "--yes", "--workflow", workflow.directory)).code).toBe(0);
    expect(await objects(workflow.namespace)).toEqual([]);
    const known = await workflow.cliWith({ cwd: workflow.folder }, "status", "-q", "--workflow", workflow.directory);
    expect(known).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
  });

  test("says so where no workflow is meant, and in a current directory that is gone", async () => {
    workflow = new TestWorkflow();
    const nowhere = await workflow.cliWith({ cwd: workflow.folder }, "cleanup", "--yes");
    expect({ stdout: nowhere.stdout, code: nowhere.code }).toEqual({ stdout: "", code: 2 });
    expect(nowhere.stderr).toMatch(/^error: no workflow given/);
    const command = `mkdir lost && cd lost && rmdir ../lost && exec "$0" "$@"`;
    const args = ["-c", command, process.execPath, PROGRAM, "cleanup", "--workflow", workflow.directory];
    const lost = await run("bash", args, { cwd: workflow.folder, env: workflow.env });
    expect(lost).toEqual({ stdout: "", stderr: "nothing to remove\n", code: 0 });
  });

  test("asks the cluster first: where it cannot be reached nothing is changed", async () => {
    workflow = new TestWorkflow({ config: { options: { statusRetry: 0, maxRetryToPush: 0 } } });
    await workflow.cli("submit", workflow.script("Run-1", FOREVER));
    const closed = file(workflow, "closed.kubeconfig", kubeconfig(engineAccount(), { server: "https://127.0.0.1:9" }));
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "--cancel", "--kubeconfig", closed);
    expect({ stdout, code }).toEqual({ stdout: "", code: 4 });
    expect(stderr).toContain("cannot reach the cluster");
    expect((await workflow.cli("status", "--cached", "-o", "json")).stdout).not.toContain("DELETED");
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace, "--wait=false");
  });
});
