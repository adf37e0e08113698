import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { switchedProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig } from "../e2e/accessSupport.ts";
import { jobRow, syncUntil } from "../e2e/gaswDatabase.ts";
import { eventually, printed } from "../e2e/harness.ts";
import { postgresDatabase } from "../e2e/serverDatabases.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { MonitoredWorkflow, waitFor } from "./monitored.ts";

let workflow: MonitoredWorkflow;
beforeEach(() => {
  workflow = new MonitoredWorkflow();
});
afterEach(() => workflow.finish());

test("an outage of the cluster is told once, and what happened meanwhile is seen after it", async () => {
  const proxy = await switchedProxy(engineAccount());
  try {
    const access = file(workflow, "double.kubeconfig", kubeconfig(engineAccount(), { server: proxy.address }));
    workflow.reconfigure({ k8sKubeConfig: access, options: { statusRetry: "1" } });
    await workflow.cli("submit", workflow.script("Run-1", waitFor("go")), workflow.script("Bad-2", `${waitFor("go")}exit 3\n`));
    const running = workflow.monitor("--metrics", "127.0.0.1:0");
    await workflow.jobWhere("Run-1", ({ status }) => status === "RUNNING");
    await workflow.jobWhere("Bad-2", ({ status }) => status === "RUNNING");
    proxy.switchTo("down");
    workflow.letGo("go");
    const address = /serving metrics at (\S+)/.exec(running.printed.stderr)?.[1] ?? "";
    const failures = async () =>
      Number(/^gasw_k8s_failures_total\{code="CLUSTER"\S* (\d+)$/m.exec(await (await fetch(address)).text())?.[1]);
    await eventually(failures, (count) => count >= 3);
    expect((await workflow.cli("status")).stdout).toMatch(/^Run-1 +RUNNING /m);
    proxy.switchTo("up");
    await workflow.jobWhere("Run-1", ({ status }) => status === "COMPLETED");
    await workflow.jobWhere("Bad-2-r1", ({ status }) => status === "ERROR_HELD");
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr.split("\n").filter((line) => line.startsWith("warning"))).toEqual([
      expect.stringMatching(/^warning: cannot reach the cluster \S+ .*: retrying$/),
      "warning: connections restored",
      expect.stringMatching(/^warning: job Bad-2 is held after the last retry: /),
    ]);
  } finally {
    await proxy.close();
  }
});

describe("a write that another program holds up", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** Locks the table of jobs, and tells when somebody waits for it. */
  async function locked(): Promise<{ awaited(): Promise<unknown>; release(): Promise<void> }> {
    const other = await server.connect(String(workflow.database.config.url).split("/").at(-1));
    await other.query("BEGIN; LOCK TABLE Jobs IN EXCLUSIVE MODE");
    return {
      awaited: () =>
        eventually(
          async () => (await other.query("SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted")).rows,
          ([{ count }]) => count > 0,
        ),
      release: async () => {
        await other.query("COMMIT");
        await other.end();
      },
    };
  }

  beforeEach(async () => {
    workflow.database = postgresDatabase(server, await server.makeDatabase(), workflow);
    workflow.reconfigure();
    await workflow.cli("submit", workflow.script("Run-1", waitFor("go")));
    await syncUntil(workflow.database, workflow, "Run-1", ({ status }) => status === "RUNNING");
  });

  test("is finished after a SIGTERM, and the monitor ends with 0", async () => {
    const running = workflow.monitor("--forever");
    await printed(running, /Run-1 RUNNING/);
    const lock = await locked();
    workflow.letGo("go");
    await lock.awaited();
    running.kill("SIGTERM");
    await lock.release();
    expect(await running.ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
    expect(await jobRow(workflow.database, workflow, "Run-1")).toMatchObject({ status: "COMPLETED" });
  });

  test("has a monitor wait for the synchronisation that is at it", async () => {
    workflow.letGo("go");
    await workflow.cli("wait", "Run-1");
    const lock = await locked();
    const sync = workflow.cli("status", "--sync");
    await lock.awaited();
    const running = workflow.monitor();
    // Longer than somebody who only looks may have the lock.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await lock.release();
    expect((await sync).code).toBe(0);
    expect(await running.ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining("held") });
  });
});
