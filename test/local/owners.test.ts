import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { laterProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { sqliteDatabase } from "../e2e/gaswDatabase.ts";
import { eventually, get, printed, type Running, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
const monitors: Running[] = [];
beforeEach(() => {
  workflow = new TestWorkflow();
  workflow.configure({ dao: sqliteDatabase(path.join(workflow.folder, "gasw.db")).config });
});
afterEach(async () => {
  for (const monitor of monitors) monitor.kill("SIGKILL");
  await Promise.all(monitors.splice(0).map((monitor) => monitor.ended));
  await workflow.cleanup();
});

const RUNS = "echo run >> runs; until [ -e go ]; do sleep 0.2; done\n";
const letGo = () => writeFileSync(path.join(workflow.directory, "go"), "");
/** Waits until the script has begun; the container has begun a little sooner. */
const begun = () => vi.waitUntil(() => existsSync(path.join(workflow.directory, "runs")), { timeout: 60_000 });
async function running(): Promise<void> {
  await eventually(
    () => workflow.status("Job-1"),
    ({ status }) => status === "RUNNING",
  );
  await begun();
}
/** Stops a process between two of its transactions: one that is stopped within keeps a lock. */
async function stopped(process: Running, ...files: readonly string[]): Promise<void> {
  for (;;) {
    process.kill("SIGSTOP");
    if (files.every(isFree)) return;
    process.kill("SIGCONT");
    await sleep(100);
  }
}
function isFree(file: string): boolean {
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    return false;
  } finally {
    database.close();
  }
}
/** A command to which the API server's clock shows that more than a minute has passed. */
async function aMinuteLater(...args: string[]) {
  const own = selfSigned(workflow.folder);
  const proxy = await laterProxy(engineAccount(), own, 61);
  try {
    const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
    const access = kubeconfig(engineAccount(), { server: proxy.address, cluster });
    return await workflow.cli(...args, "--kubeconfig", file(workflow, "later.kubeconfig", access));
  } finally {
    await proxy.close();
  }
}
/** A command of another host, which has a state file of its own. */
const elsewhere = (...args: string[]) => elsewhereAhead(0, ...args);
const elsewhereAhead = (ahead: number, ...args: string[]) =>
  workflow.cliWith({ env: { GASW_K8S_STATE_PATH: path.join(workflow.folder, "elsewhere", "state.db") }, ahead }, ...args);
const lease = async () => (await get("leases", "-n", workflow.namespace)).items[0];

describe("one workflow directory and two state files", () => {
  test("the one that is not the owner is refused, follows after a minute of silence, and writes its kills where the other sees them", async () => {
    const script = workflow.script("Job-1", RUNS);
    expect(await elsewhere("submit", script)).toMatchObject({ code: 0, stderr: "" });
    const served = { code: 7, stderr: expect.stringMatching(/^error: workflow \S+ is served from another state file, by /m) };
    for (const command of [
      ["submit", script],
      ["cleanup", "--yes", "--cancel"],
    ])
      expect(await workflow.cli(...command)).toMatchObject(served);
    expect(await workflow.cli("status")).toMatchObject({ code: 0, stdout: expect.stringContaining("Job-1") });
    const followed = await aMinuteLater("submit", script);
    expect(followed).toMatchObject({ code: 0 });
    expect(followed.stderr).toMatch(/^warning: this state file takes over workflow \S+: .* has been silent for \d+ s$/m);
    expect((await lease()).spec).toMatchObject({ leaseTransitions: 1, leaseDurationSeconds: 60 });
    await running();
    // What it has just been told counts for 20 s.
    expect(await elsewhereAhead(21, "status", "--sync")).toMatchObject(served);
    expect(await workflow.cli("cancel", "Job-1")).toMatchObject({ code: 0 });
    expect((await lease()).metadata.annotations["gasw-k8s.io/killed"]).toMatch(/^[0-9a-z]{10}$/);
    expect(await elsewhereAhead(21, "cancel", "Job-1")).toMatchObject(served);
    expect(readFileSync(path.join(workflow.directory, "runs"), "utf8")).toBe("run\n");
  });

  test("cleanup --force takes a workflow from a monitor elsewhere, which stops and submits nothing more", async () => {
    // A job that is deleted would be run again.
    expect(await elsewhere("submit", workflow.script("Job-1", RUNS))).toMatchObject({ code: 0 });
    const env = { GASW_K8S_STATE_PATH: path.join(workflow.folder, "elsewhere", "state.db") };
    const monitor = workflow.startWith({ env }, "monitor", "--forever");
    monitors.push(monitor);
    await printed(monitor, /Job-1 RUNNING/);
    await begun();
    const forced = await workflow.cli("cleanup", "--force", "--cancel", "--yes");
    expect(forced).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^warning: this state file takes over workflow \S+: it is served from another state file, by .*, which stops at its next renewal$/m,
      ),
    });
    expect(await monitor.ended).toMatchObject({ code: expect.any(Number), stderr: expect.stringMatching(/cleaned up|another state file/) });
    expect(await workflow.jobs()).toEqual([]);
    expect(await lease()).toBeUndefined();
    expect(readFileSync(path.join(workflow.directory, "runs"), "utf8")).toBe("run\n");
  });

  test("the Lease goes with the workflow, and a late monitor elsewhere makes nothing anew", async () => {
    const script = workflow.script("Job-1", RUNS);
    expect(await elsewhere("submit", script)).toMatchObject({ code: 0 });
    await workflow.disown();
    expect(await workflow.cli("submit", script)).toMatchObject({ code: 0 });
    await running();
    expect(await workflow.cli("cleanup", "--yes", "--cancel")).toMatchObject({ code: 0, stderr: "" });
    expect(await lease()).toBeUndefined();
    expect(await elsewhere("monitor")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("was cleaned up from another state file"),
    });
    for (const kind of ["jobs", "pvc", "leases"]) expect((await get(kind, "-n", workflow.namespace)).items).toEqual([]);
    expect(readFileSync(path.join(workflow.directory, "runs"), "utf8")).toBe("run\n");
  });
});

test("a monitor that is stopped (SIGSTOP) is relied on for a minute: then status and wait ask the cluster, and say so", async () => {
  await workflow.cli("submit", workflow.script("Job-1", RUNS));
  const monitor = workflow.start("monitor");
  monitors.push(monitor);
  await printed(monitor, /Job-1 RUNNING/);
  await stopped(monitor, workflow.stateFile, path.join(workflow.folder, "gasw.db"));
  letGo();
  const waited = await workflow.cliWith({ ahead: 61 }, "wait", "Job-1", "--wait-timeout", "300s");
  expect(waited).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/is locked by monitor, process \d+ on .* has not reached the cluster/),
  });
  expect(await workflow.status("Job-1")).toMatchObject({ status: "COMPLETED" });
  monitor.kill("SIGCONT");
  expect((await monitor.ended).code).toBe(0);
});
