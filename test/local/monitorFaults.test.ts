import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leaseName } from "../../src/core/names.ts";
import { answeringProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { syncUntil } from "../e2e/gaswDatabase.ts";
import { eventually, printed } from "../e2e/harness.ts";
import { many } from "../full.ts";
import { MonitoredWorkflow, waitFor } from "./monitored.ts";

const JOBS = many(30, 10);

let workflow: MonitoredWorkflow;
beforeEach(() => {
  workflow = new MonitoredWorkflow();
});
afterEach(() => workflow.finish());

describe("what a monitor asks of the cluster", () => {
  test("is a watch each of Jobs and pods, and lists when they change: as little for many jobs as for one", async () => {
    const own = selfSigned(workflow.folder);
    const requests: string[] = [];
    const proxy = await answeringProxy(engineAccount(), own, (_, what) => {
      requests.push(what);
      return undefined;
    });
    try {
      const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
      const access = kubeconfig(engineAccount(), { server: proxy.address, cluster });
      workflow.reconfigure({ k8sKubeConfig: file(workflow, "proxy.kubeconfig", access) });
      const scripts = Array.from({ length: JOBS }, (_, index) => workflow.script(`Job-${index}`, waitFor("go")));
      await workflow.cli("submit", ...scripts, "--cpu", "10m");
      requests.length = 0;
      const running = workflow.monitor();
      await eventually(
        () => workflow.database.query("SELECT count(*) AS count FROM Jobs WHERE status = 'RUNNING'").catch(() => [{ count: 0 }]),
        ([{ count }]) => count === JOBS,
      );
      workflow.letGo("go");
      expect((await running.ended).code).toBe(0);
      const kinds = requests.map((what) => what.replace(/\?.*watch=true.*/, " watch").replace(/\?.*/, ""));
      const collections = [`/apis/batch/v1/namespaces/${workflow.namespace}/jobs`, `/api/v1/namespaces/${workflow.namespace}/pods`];
      const events = `/api/v1/namespaces/${workflow.namespace}/events`;
      const lease = `/apis/coordination.k8s.io/v1/namespaces/${workflow.namespace}/leases/${leaseName(workflow.namespace, workflow.id)}`;
      const known = [
        `PATCH ${lease}`,
        `GET ${lease}`,
        ...collections.flatMap((one) => [`GET ${one}`, `GET ${one} watch`]),
        `GET ${events}`,
      ];
      // None is about one job.
      expect(kinds.filter((kind) => !known.includes(kind))).toEqual([]);
      expect(kinds.filter((kind) => !kind.endsWith("watch")).length).toBeLessThan(20 + 3 * JOBS);
    } finally {
      await proxy.close();
    }
  });

  test("is asked by nobody else: status beside it needs no cluster, and tells what it has seen", async () => {
    await workflow.cli("submit", workflow.script("Run-1", waitFor("go")));
    const running = workflow.monitor();
    await workflow.jobWhere("Run-1", ({ status }) => status === "RUNNING");
    // For the commands that are begun from here on.
    workflow.reconfigure({ k8sAddress: "https://127.0.0.1:1", k8sToken: "none", k8sKubeConfig: undefined });
    for (const args of [["status"], ["status", "--sync"], ["status", "Run-1"]]) {
      expect(await workflow.cli(...args)).toEqual({ code: 0, stdout: expect.stringMatching(/^Run-1 +RUNNING /m), stderr: "" });
    }
    workflow.letGo("go");
    expect((await running.ended).code).toBe(0);
    expect(await workflow.cli("wait", "Run-1")).toMatchObject({ code: 0 });
  });
});

describe("beside a monitor", () => {
  test("a job that is held is released, one that failed is retried, and a killed one stays killed", async () => {
    await workflow.cli("submit", workflow.script("Held-1", "[ -e repaired ] || exit 3\n"), workflow.script("Long-2", "sleep 600\n"));
    const running = workflow.monitor("-o", "ndjson");
    await workflow.jobWhere("Held-1-r1", ({ status }) => status === "ERROR_HELD");
    await workflow.jobWhere("Long-2", ({ status }) => status === "RUNNING");
    await printed(running, /^\{.*\}$/m);
    // What is held is no result.
    expect(running.printed.stdout).toMatch(/^\{"cursor":1,"kind":"held",[^\n]*\n$/);
    expect(await workflow.cli("cancel", "Long-2")).toMatchObject({ code: 0, stdout: "Long-2\n" });
    workflow.letGo("repaired");
    expect(await workflow.cli("release", "Held-1")).toMatchObject({ code: 0, stdout: "Held-1-r2\n" });
    // Once more is none more.
    expect(await workflow.cli("release", "Held-1")).toMatchObject({ code: 0, stdout: "Held-1-r2\n" });
    const { code, stdout } = await running.ended;
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "result");
    expect({ code, results: results.map(({ id, attemptId, status }) => [id, attemptId, status]).sort() }).toEqual({
      code: 0,
      results: [
        ["Held-1", "Held-1-r2", "COMPLETED"],
        ["Long-2", "Long-2", "DELETED"],
      ],
    });
  });

  test("that was killed, status --sync is at once on its own again", async () => {
    await workflow.cli("submit", workflow.script("Bad-1", `${waitFor("go")}exit 3\n`));
    const running = workflow.monitor();
    await workflow.jobWhere("Bad-1", ({ status }) => status === "RUNNING");
    running.kill("SIGKILL");
    await running.ended;
    workflow.letGo("go");
    await syncUntil(workflow.database, workflow, "Bad-1-r1", ({ status }) => status === "ERROR_HELD");
  });

  test("that was killed, every status asks the cluster again, however many do so at once", async () => {
    await workflow.cli("submit", workflow.script("Run-1", waitFor("go")));
    const running = workflow.monitor();
    await workflow.jobWhere("Run-1", ({ status }) => status === "RUNNING");
    running.kill("SIGKILL");
    await running.ended;
    workflow.letGo("go");
    await eventually(
      () => workflow.jobs(),
      ([job]) => job.status.succeeded === 1,
    );
    const before = new Date().toISOString();
    const shown = await Promise.all(Array.from({ length: 12 }, () => workflow.status("Run-1")));
    expect(shown.map(({ status }) => status)).toEqual(Array(12).fill("COMPLETED"));
    for (const { observed } of shown) expect(observed > before).toBe(true);
  });
});

test("a job that is written down is waited for as long as its submission may take, and no longer: a monitor says so, and ends", async () => {
  workflow.reconfigure({
    volumes: [{ name: "never", type: "claim", claimName: "missing", mountPathContainer: "/x" }],
    options: { bindTimeout: "1s" },
  });
  expect((await workflow.cli("submit", workflow.script("Unbound-1", "true\n"))).code).toBe(6);
  workflow.reconfigure();
  const running = workflow.monitor();
  await workflow.jobWhere("Unbound-1", ({ status }) => status === "QUEUED");
  await workflow.cli("submit", workflow.script("Good-2", "true\n"));
  await workflow.jobWhere("Good-2", ({ status }) => status === "COMPLETED");
  // It goes on, since the submission might.
  expect(running.printed.stderr).not.toContain("never submitted");
  const state = new Database(workflow.stateFile, { timeout: 10_000 });
  const longAgo = new Date(Date.now() - 3 * 60_000).toISOString();
  state.prepare("UPDATE jobs SET created = ? WHERE id = 'Unbound-1'").run(longAgo);
  state.close();
  expect(await running.ended).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^warning: Unbound-1 was never submitted: submit it again, or clean up$/m),
  });
  // It can be submitted still.
  expect(await workflow.cli("submit", "sh/Unbound-1.sh", "--wait")).toMatchObject({ code: 0 });
});

test("a monitor that is there before the first job, and before the namespace, sees what is submitted", async () => {
  const running = workflow.monitor("--forever");
  await workflow.cli("submit", workflow.script("First-1", "true\n"));
  await workflow.jobWhere("First-1", ({ status }) => status === "COMPLETED");
  running.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
});
