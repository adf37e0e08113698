import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jobRow, rowWhere } from "../e2e/gaswDatabase.ts";
import { eventually, printed } from "../e2e/harness.ts";
import { configureDatabase } from "../e2e/serverDatabases.ts";
import { postgresWorkflow } from "./postgresWorkflow.ts";

const on = postgresWorkflow();

// biome-ignore lint/suspicious/noExplicitAny: records of attempts
async function attempts(): Promise<any[]> {
  return JSON.parse((await on.workflow.cli("status", "--history", "--cached", "-o", "json")).stdout).jobs;
}

describe("a server that is down", () => {
  let isDown = false;
  const down = async () => {
    await on.server.kill();
    isDown = true;
  };
  const up = async () => {
    if (isDown) await on.server.start();
    isDown = false;
  };
  afterEach(up);

  test("keeps no command but the synchronisation from its work; what was missed is told in order, with its dates", async () => {
    const database = await configureDatabase(on.server, on.workflow);
    await down();
    const submitted = await on.workflow.cli("submit", on.workflow.script("Fine-1", "true\n"), on.workflow.script("Bad-2", "exit 3\n"));
    expect(submitted).toEqual({ code: 0, stdout: "Fine-1\nBad-2\n", stderr: "" });
    expect(await on.workflow.cli("wait", "Fine-1", "--wait-timeout", "300s")).toMatchObject({ code: 0 });
    expect(await on.workflow.status("Fine-1")).toMatchObject({ status: "COMPLETED" });
    // Failures are retried all the same, a step per call.
    const { stderr } = await eventually(
      () => on.workflow.cli("status", "--sync"),
      ({ code, stdout }) => code === 8 && /^Bad-2 +2 +ERROR_HELD /m.test(stdout) && /^Fine-1 +1 +COMPLETED /m.test(stdout),
    );
    expect(stderr).toMatch(
      /^warning: job Bad-2 is held after the last retry: .*\nerror: cannot use the GASW database postgres:\/\/127\.0\.0\.1:\d+\/\w+: connection refused .*\nhint: check dao.url/,
    );
    const asJson = await on.workflow.cli("status", "Bad-2", "--sync", "-o", "json");
    expect(JSON.parse(asJson.stdout).jobs).toMatchObject([{ attemptId: "Bad-2-r1", status: "ERROR_HELD", daoStatus: null }]);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { code: "DATABASE" } });

    await up();
    expect(await on.workflow.cli("status", "--sync")).toMatchObject({ code: 0, stderr: "" });
    const dates =
      'to_char(creation, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\') AS created, to_char(end_e, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\') AS ended';
    // Where the rows lie is in the order in which they came.
    const rows = await database.query(`SELECT id, status, invocation_id, ${dates} FROM Jobs ORDER BY ctid`);
    const expected = (await attempts()).map(({ attemptId, status, created, ended }) => ({
      id: attemptId,
      status,
      created,
      // The cluster tells whole seconds; no row ends before it was queued.
      ended: iso(ended) > created ? iso(ended) : created,
    }));
    expect(rows.map(({ invocation_id: _, ...row }) => ({ ...row, ended: iso(row.ended) })).sort(byId)).toEqual(expected.sort(byId));
    expect(rows.map(({ id }) => id).filter((id) => id.startsWith("Bad"))).toEqual(["Bad-2", "Bad-2-r1"]);
    const number = new Map(rows.map(({ id, invocation_id }) => [id, invocation_id]));
    expect(number.get("Bad-2-r1")).toBe(number.get("Bad-2"));
    expect([number.get("Fine-1"), number.get("Bad-2")].sort()).toEqual([1, 2]);
  });

  test("in the middle of a monitor's life is told once, while the jobs go on, and caught up with", async () => {
    const database = await configureDatabase(on.server, on.workflow);
    await on.workflow.cli("submit", on.workflow.script("Mid-1", "until [ -e mid ]; do sleep 0.2; done\n"));
    const monitor = on.workflow.start("monitor", "--forever");
    try {
      await rowWhere(database, on.workflow, "Mid-1", ({ status }) => status === "RUNNING");
      await down();
      await on.workflow.cli("submit", on.workflow.script("Bad-2", "exit 3\n"));
      writeFileSync(path.join(on.workflow.directory, "mid"), "");
      for (const pattern of [/Mid-1 COMPLETED/, /Bad-2-r1 ERROR_HELD/, /: retrying\n/]) await printed(monitor, pattern);
      expect(await on.workflow.cli("status", "--sync")).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Mid-1 +1 +COMPLETED /m) });
      await up();
      await rowWhere(database, on.workflow, "Bad-2-r1", ({ status }) => status === "ERROR_HELD");
      expect(await jobRow(database, on.workflow, "Mid-1")).toMatchObject({ status: "COMPLETED" });
      await printed(monitor, /connections restored/);
      expect(monitor.printed.stderr.match(/: retrying$/gm)).toHaveLength(1);
      monitor.kill("SIGTERM");
      expect((await monitor.ended).code).toBe(0);
    } finally {
      monitor.kill("SIGKILL");
      await monitor.ended;
    }
  });
});

const iso = (time: string) => new Date(time).toISOString();
const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

describe("a server that does not answer", () => {
  let port: number;
  let close: () => Promise<void>;
  beforeEach(async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    port = (silent.address() as { port: number }).port;
    close = async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
    };
  });
  afterEach(() => close());

  test.each(["postgres", "mysql"])("is waited for as long as dao.timeout says (%s)", async (scheme) => {
    on.workflow.configure({ retryCount: 1, dao: { url: `${scheme}://127.0.0.1:${port}/gasw`, timeout: "2s" } });
    await on.workflow.runJob("Job-1", "true\n");
    const begin = performance.now();
    const { code, stdout, stderr } = await on.workflow.cli("status", "--sync");
    expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining("no response within 2 s") });
    expect(stdout).toMatch(/^Job-1 +COMPLETED /m);
    expect(performance.now() - begin).toBeLessThan(60_000);
  });

  test("holds up no retry of a monitor, nor its end", async () => {
    on.workflow.configure({ retryCount: 1, dao: { url: `postgres://127.0.0.1:${port}/gasw`, timeout: "3s" } });
    await on.workflow.cli("submit", on.workflow.script("Bad-1", "exit 3\n"));
    const monitor = on.workflow.start("monitor");
    try {
      await printed(monitor, /Bad-1-r1 ERROR_HELD/);
      const begin = performance.now();
      monitor.kill("SIGTERM");
      expect((await monitor.ended).code).toBe(0);
      expect(performance.now() - begin).toBeLessThan(15_000);
      expect(monitor.printed.stderr.match(/: retrying$/gm)).toHaveLength(1);
    } finally {
      monitor.kill("SIGKILL");
      await monitor.ended;
    }
  });
});
