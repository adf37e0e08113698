import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, TestWorkflow } from "../e2e/harness.ts";

/** Everything that a state file holds. */
function contents(file: string): unknown {
  const database = new Database(file, { readonly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
    return Object.fromEntries(tables.map((table) => [table, database.prepare(`SELECT * FROM "${table}"`).all()]));
  } finally {
    database.close();
  }
}

/** The same configuration with an address that nothing listens at. */
function writeUnreachable(from: string, to: string): void {
  const { k8sKubeConfig: _, ...config } = JSON.parse(readFileSync(from, "utf8"));
  writeFileSync(to, JSON.stringify({ ...config, k8sAddress: "https://127.0.0.1:9", k8sToken: "none", insecureSkipTlsVerify: true }));
}

describe("where status is asked", () => {
  let workflow: TestWorkflow;
  let elsewhere: string;
  beforeAll(async () => {
    workflow = new TestWorkflow({ config: { options: { statusRetry: 0 } } });
    elsewhere = path.join(workflow.folder, "elsewhere");
    mkdirSync(path.join(elsewhere, "out"), { recursive: true });
    await workflow.runJob("Done-1", "exit 3\n");
    await workflow.cli("submit", workflow.script("Run-1", "while :; do sleep 1; done\n"));
    await eventually(
      () => workflow.status("Run-1"),
      (job) => job.status === "RUNNING",
    );
  });
  afterAll(() => workflow.cleanup());

  const atClosedPort = (...args: string[]) => {
    const config = path.join(workflow.folder, "closed.json");
    return workflow.cliWith({ env: { GASW_K8S_CONFIG: config } }, ...args);
  };

  test("inside the workflow's directory, and in a folder of it, the workflow's jobs are shown", async () => {
    for (const folder of ["", "out", "sh"]) {
      const { stdout } = await workflow.cliWith({ cwd: path.join(workflow.directory, folder) }, "status", "-q");
      expect(stdout, folder).toBe("Done-1\nRun-1\n");
    }
  });

  test("outside of any, the active jobs of all workflows; with --workflow those of that one", async () => {
    expect((await workflow.cliWith({ cwd: elsewhere }, "status", "-q")).stdout).toBe("Run-1\n");
    const named = await workflow.cliWith({ cwd: elsewhere }, "status", "-q", "--workflow", workflow.directory);
    expect(named.stdout).toBe("Done-1\nRun-1\n");
  });

  test("where there are none, stderr says of what, and where else to look; that is no failure", async () => {
    const other = new TestWorkflow();
    expect(await other.cliWith({ cwd: other.folder }, "status")).toEqual({
      stdout: "",
      stderr: `no active jobs in the state of this host (${other.stateFile}): for jobs that have ended, use --workflow DIR or run it in that directory\n`,
      code: 0,
    });
    expect(await workflow.cli("status", "--status", "COMPLETED,STALLED", "--older-than", "0")).toEqual({
      stdout: "",
      stderr: `no jobs of workflow ${workflow.id} match --status COMPLETED,STALLED --older-than 0s: it has 1 ERROR, 1 RUNNING\n`,
      code: 0,
    });
    await other.cleanup();
  });

  test("a job's name in another workflow's directory never stands for this workflow's job", async () => {
    const other = new TestWorkflow({ namespace: workflow.namespace, config: { state: { path: workflow.stateFile } } });
    const { stdout, stderr, code } = await other.cli("status", "Done-1");
    expect({ stdout, code }).toEqual({ stdout: "", code: 6 });
    expect(stderr).toMatch(new RegExp(`workflow ${other.id} in namespace \\S+ has no job Done-1, `));
    expect((await other.cli("wait", "Done-1")).code).toBe(125);
    const byPath = await other.cli("status", path.join(workflow.directory, "sh", "Done-1.sh"), "-q");
    expect(byPath.stdout).toBe("Done-1\n");
    rmSync(other.folder, { recursive: true });
  });

  test("another host sees what the cluster's labels tell, is told so, and writes nothing", async () => {
    const state = path.join(workflow.folder, "other-host", "state.db");
    const env = { GASW_K8S_STATE_PATH: state };
    const { stdout, stderr, code } = await workflow.cliWith({ env }, "status", "-o", "json");
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: workflow \S+ was submitted from another host.*read-only\n$/);
    const { jobs } = JSON.parse(stdout);
    expect(jobs.map(({ id }: { id: string }) => id).sort()).toEqual(["Done-1", "Run-1"]);
    const byId = Object.fromEntries(jobs.map((job: { id: string }) => [job.id, job]));
    expect(byId["Done-1"]).toMatchObject({ status: "ERROR", exitCode: 3, created: expect.stringMatching(/Z$/) });
    expect(byId["Run-1"]).toMatchObject({ status: "RUNNING", exitCode: null, node: expect.any(String) });
    expect((await workflow.cliWith({ env }, "status", "Run-1", "-q")).stdout).toBe("Run-1\n");
    expect((await workflow.cliWith({ env }, "status", "Nobody-1")).code).toBe(6);
    expect(contents(state)).toMatchObject({ workflows: [], jobs: [], transitions: [] });
  });

  test("another host cannot watch what it did not submit", async () => {
    const env = { GASW_K8S_STATE_PATH: path.join(workflow.folder, "watching-host", "state.db") };
    const { stdout, stderr, code } = await workflow.cliWith({ env }, "status", "--watch");
    expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
    expect(stderr).toContain("cannot watch its jobs here");
  });

  test("another directory of the same name is not shown these jobs as its own", async () => {
    const namesake = new TestWorkflow({ name: workflow.id, namespace: workflow.namespace });
    const { stdout, stderr, code } = await namesake.cli("status");
    expect({ stdout, code }).toEqual({ stdout: "", code: 7 });
    expect(stderr).toContain(`belongs to ${workflow.directory}`);
    rmSync(namesake.folder, { recursive: true });
  });

  test("another host with --cached has nothing to tell, and asks nobody", async () => {
    const env = { GASW_K8S_STATE_PATH: path.join(workflow.folder, "third-host", "state.db") };
    const { stdout, stderr, code } = await workflow.cliWith({ env }, "status", "--cached");
    expect({ stdout, code }).toEqual({ stdout: "", code: 6 });
    expect(stderr).not.toMatch(/cluster/);
  });

  describe("with a cluster that cannot be reached", () => {
    beforeAll(() => {
      writeUnreachable(workflow.configFile, path.join(workflow.folder, "closed.json"));
    });

    test("--cached shows what is known, and writes nothing", async () => {
      const before = contents(workflow.stateFile);
      const { stdout, code } = await atClosedPort("status", "--cached", "-o", "json");
      expect(code).toBe(0);
      expect(JSON.parse(stdout).jobs).toMatchObject([
        { id: "Done-1", status: "ERROR" },
        { id: "Run-1", status: "RUNNING" },
      ]);
      expect(contents(workflow.stateFile)).toEqual(before);
    });

    test("a refresh shows the last known with its age, changes nothing, and exits 4", async () => {
      const before = contents(workflow.stateFile);
      const { stdout, stderr, code } = await atClosedPort("status");
      expect(code).toBe(4);
      expect(stdout).toMatch(/^Run-1 +RUNNING /m);
      expect(stderr).toMatch(/^warning: the cluster could not be queried: showing the state of (\d+m)?(\d+s)? ago$/m);
      expect(stderr).toMatch(/^error: cannot reach the cluster https:\/\/127\.0\.0\.1:9/m);
      expect(contents(workflow.stateFile)).toEqual(before);
    });

    test("ended jobs need no cluster: their status is read without one", async () => {
      const done = new TestWorkflow({ namespace: workflow.namespace });
      await done.runJob("Job-1", "true\n");
      writeUnreachable(done.configFile, done.configFile);
      const { stdout, code } = await done.cli("status", "-q");
      expect({ stdout, code }).toEqual({ stdout: "Job-1\n", code: 0 });
      rmSync(done.folder, { recursive: true });
    });
  });
});
