import { existsSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../e2e/expectations.ts";
import { jobRow, rowWhere, syncUntil, type TestDatabase } from "../e2e/gaswDatabase.ts";
import { eventually, printed, type Result, TestWorkflow } from "../e2e/harness.ts";
import { passwordFile, postgresDatabase } from "../e2e/serverDatabases.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const SECRET = "hunter2-quite-secret";
let server: PostgresServer;
let workflow: TestWorkflow;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

/** What a command prints, in whatever way it is asked to, never has the secret in it. */
async function withoutSecret(options: Parameters<TestWorkflow["cliWith"]>[0], ...args: readonly string[]): Promise<Result> {
  const plain = await workflow.cliWith(options, ...args);
  const told = [plain];
  for (const more of [["-v"], ["-v", "-o", "json"]]) told.push(await workflow.cliWith(options, ...args, ...more));
  for (const { code, stdout, stderr } of told) {
    expect(code).toBe(plain.code);
    expect(stdout + stderr).not.toContain(SECRET);
  }
  return plain;
}

async function freshDatabase(more: object = {}): Promise<TestDatabase> {
  const database = postgresDatabase(server, await server.makeDatabase(), workflow);
  workflow.configure({ retryCount: 1, dao: { ...database.config, timeZone: "UTC", ...more } });
  return database;
}

// biome-ignore lint/suspicious/noExplicitAny: records of attempts
async function attempts(): Promise<any[]> {
  return JSON.parse((await workflow.cli("status", "--history", "--cached", "-o", "json")).stdout).jobs;
}

describe("an address that cannot be used", () => {
  test.each([
    ["of an unknown kind", "oracle://127.0.0.1/gasw"],
    ["with a password", `postgres://gasw:${SECRET}@127.0.0.1/gasw`],
    ["with a password as a parameter", `jdbc:mysql://127.0.0.1/gasw?user=gasw&password=${SECRET}`],
    ["with a password as a setting", `jdbc:h2:tcp://127.0.0.1/db;USER=gasw;PASSWORD=${SECRET}`],
  ])("%s is a mistake in the configuration, whatever the command", async (_, url) => {
    workflow.configure({ dao: { url } });
    workflow.script("Job-1", "true\n");
    for (const args of [
      ["submit", "sh/Job-1.sh"],
      ["status", "--sync"],
      ["retry", "Job-1"],
    ]) {
      const refused = await withoutSecret({}, ...args);
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.stdout + refused.stderr).toContain("dao.url");
    }
  });

  test.each([
    ["without a database", "postgres://127.0.0.1", /^dao.url does not name a database$/],
    ["with a parameter of another program's", "mysql://127.0.0.1/gasw?allowAll=1", /^dao.url has an unknown parameter, allowAll$/],
  ])("%s is told by the command that needs the database", async (_, url, message) => {
    workflow.configure({ dao: { url } });
    await workflow.runJob("Job-1", "true\n");
    const { stdout, ...refused } = await workflow.cli("status", "--sync");
    expect(stdout).toMatch(/^Job-1 +COMPLETED /m);
    expect(errorOf({ ...refused, stdout: "" })).toMatchObject({ code: 3, message: expect.stringMatching(message) });
    expect(await workflow.cli("monitor")).toMatchObject({ code: 3 });
  });

  test("where nobody listens, and where the name does not exist: exit 8", async () => {
    await workflow.runJob("Job-1", "true\n");
    for (const [host, words] of [
      ["127.0.0.1:1", "connection refused"],
      ["no-such-host.invalid", "the host name does not resolve"],
    ] as const) {
      workflow.configure({ dao: { url: `mysql://${host}/gasw` } });
      const { code, stderr } = await workflow.cli("status", "--sync");
      expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining(words) });
    }
  });
});

test.each([
  ["a file", (): [object, object] => [{ passwordFile: passwordFile(workflow, SECRET) }, {}]],
  ["the environment", (): [object, object] => [{}, { GASW_K8S_DAO_PASSWORD: SECRET }]],
  ["the configuration", (): [object, object] => [{ password: SECRET }, {}]],
])("a wrong password from %s is refused by the server, and shown by nobody", async (_, place) => {
  const [dao, env] = place();
  workflow.configure({ dao: { url: server.url("postgres"), user: server.user, ...dao } });
  await workflow.runJob("Job-1", "true\n");
  const refused = await withoutSecret({ env: env as NodeJS.ProcessEnv }, "status", "--sync");
  expect(refused).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Job-1 +COMPLETED /m) });
  expect(refused.stderr).toMatch(/^error: .*: login failed .*\nhint: check dao.user and the password in dao.passwordFile/m);
  expect((await withoutSecret({ env: env as NodeJS.ProcessEnv }, "config", "show")).code).toBe(0);
});

describe("a server that is down", () => {
  let isDown = false;
  const down = async () => {
    await server.kill();
    isDown = true;
  };
  const up = async () => {
    if (isDown) await server.start();
    isDown = false;
  };
  afterEach(up);

  test("keeps no command but the synchronisation from its work; what was missed is told in order, with its dates", async () => {
    const database = await freshDatabase();
    await down();
    const submitted = await workflow.cli("submit", workflow.script("Fine-1", "true\n"), workflow.script("Bad-2", "exit 3\n"));
    expect(submitted).toEqual({ code: 0, stdout: "Fine-1\nBad-2\n", stderr: "" });
    expect(await workflow.cli("wait", "Fine-1", "--wait-timeout", "60s")).toMatchObject({ code: 0 });
    expect(await workflow.status("Fine-1")).toMatchObject({ status: "COMPLETED" });
    // Failures are retried all the same, a step per call.
    const { stderr } = await eventually(
      () => workflow.cli("status", "--sync"),
      ({ code, stdout }) => code === 8 && /^Bad-2 +2 +ERROR_HELD /m.test(stdout) && /^Fine-1 +1 +COMPLETED /m.test(stdout),
    );
    expect(stderr).toMatch(
      /^error: cannot use the GASW database postgres:\/\/127\.0\.0\.1:\d+\/\w+: connection refused .*\nhint: check dao.url/,
    );
    const asJson = await workflow.cli("status", "Bad-2", "--sync", "-o", "json");
    expect(JSON.parse(asJson.stdout).jobs).toMatchObject([{ attemptId: "Bad-2-r1", status: "ERROR_HELD", daoStatus: null }]);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { code: "DATABASE" } });

    await up();
    expect(await workflow.cli("status", "--sync")).toMatchObject({ code: 0, stderr: "" });
    const dates =
      'to_char(creation, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\') AS created, to_char(end_e, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\') AS ended';
    // Where the rows lie is in the order in which they came.
    const rows = await database.query(`SELECT id, status, invocation_id, ${dates} FROM Jobs ORDER BY ctid`);
    const expected = (await attempts()).map(({ attemptId, status, created, ended }) => ({
      id: attemptId,
      status,
      created,
      ended: iso(ended),
    }));
    expect(rows.map(({ invocation_id: _, ...row }) => ({ ...row, ended: iso(row.ended) })).sort(byId)).toEqual(expected.sort(byId));
    expect(rows.map(({ id }) => id).filter((id) => id.startsWith("Bad"))).toEqual(["Bad-2", "Bad-2-r1"]);
    const number = new Map(rows.map(({ id, invocation_id }) => [id, invocation_id]));
    expect(number.get("Bad-2-r1")).toBe(number.get("Bad-2"));
    expect([number.get("Fine-1"), number.get("Bad-2")].sort()).toEqual([1, 2]);
  });

  test("in the middle of a monitor's life is told once, while the jobs go on, and caught up with", async () => {
    const database = await freshDatabase();
    await workflow.cli("submit", workflow.script("Mid-1", "until [ -e mid ]; do sleep 0.2; done\n"));
    const monitor = workflow.start("monitor", "--forever");
    try {
      await rowWhere(database, workflow, "Mid-1", ({ status }) => status === "RUNNING");
      await down();
      await workflow.cli("submit", workflow.script("Bad-2", "exit 3\n"));
      writeFileSync(path.join(workflow.directory, "mid"), "");
      for (const pattern of [/Mid-1 COMPLETED/, /Bad-2-r1 ERROR_HELD/, /: retrying\n/]) await printed(monitor, pattern);
      expect(await workflow.cli("status", "--sync")).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Mid-1 +1 +COMPLETED /m) });
      await up();
      await rowWhere(database, workflow, "Bad-2-r1", ({ status }) => status === "ERROR_HELD");
      expect(await jobRow(database, workflow, "Mid-1")).toMatchObject({ status: "COMPLETED" });
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
    workflow.configure({ retryCount: 1, dao: { url: `${scheme}://127.0.0.1:${port}/gasw`, timeout: "2s" } });
    await workflow.runJob("Job-1", "true\n");
    const begin = performance.now();
    const { code, stdout, stderr } = await workflow.cli("status", "--sync");
    expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining("no response within 2 s") });
    expect(stdout).toMatch(/^Job-1 +COMPLETED /m);
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  test("holds up no retry of a monitor, nor its end", async () => {
    workflow.configure({ retryCount: 1, dao: { url: `postgres://127.0.0.1:${port}/gasw`, timeout: "3s" } });
    await workflow.cli("submit", workflow.script("Bad-1", "exit 3\n"));
    const monitor = workflow.start("monitor");
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

describe("a database that cannot be written", () => {
  test("because it is read-only: exit 8, and all is told once it can be", async () => {
    const database = await freshDatabase();
    await workflow.cli("submit", workflow.script("Early-1", "true\n"));
    await syncUntil(database, workflow, "Early-1", ({ status }) => status === "COMPLETED");
    const name = String(database.config.url).split("/").at(-1);
    const administrator = await server.connect();
    await administrator.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await workflow.runJob("Late-2", "true\n");
    const refused = await workflow.cli("status", "--sync");
    expect(refused).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Late-2 +COMPLETED /m) });
    expect(refused.stderr).toContain("the database is read-only");
    expect(await jobRow(database, workflow, "Late-2")).toBeUndefined();
    await administrator.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    await administrator.end();
    expect(await workflow.cli("status", "--sync")).toMatchObject({ code: 0, stderr: "" });
    expect(await jobRow(database, workflow, "Late-2")).toMatchObject({ status: "COMPLETED" });
  });

  test("because another program keeps the table locked: exit 8 in time, and all is told once it lets go", async () => {
    const database = await freshDatabase({ timeout: "2s" });
    await workflow.runJob("Job-1", "true\n");
    expect((await workflow.cli("status", "--sync")).code).toBe(0);
    await workflow.runJob("Job-2", "true\n");
    const other = await server.connect(String(database.config.url).split("/").at(-1));
    try {
      await other.query("BEGIN; LOCK TABLE Jobs IN EXCLUSIVE MODE");
      const { code, stderr } = await workflow.cli("status", "--sync");
      expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining("another program holds a lock") });
      await other.query("COMMIT");
    } finally {
      await other.end();
    }
    expect((await workflow.cli("status", "--sync")).code).toBe(0);
    expect(await jobRow(database, workflow, "Job-2")).toMatchObject({ status: "COMPLETED" });
  });
});

describe("values that are too long", () => {
  /** Text that no server can make shorter. */
  const noise = (length: number) =>
    Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + (i * 7919) ** 2) % 90))).join("");

  test("parameters of more than 10,000 characters are cut, and told", async () => {
    const database = await freshDatabase();
    const parameters = noise(12_000);
    await workflow.cli("submit", workflow.script("Long-1", "true\n"), "--parameters", parameters);
    const first = await workflow.cli("status", "--sync");
    expect(first).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: job Long-1: parameters was truncated to \d+ characters, /m),
    });
    const row = await jobRow(database, workflow, "Long-1");
    expect(row.parameters.length).toBeGreaterThan(2000);
    expect(parameters.startsWith(row.parameters)).toBe(true);
    await syncUntil(database, workflow, "Long-1", ({ status }) => status === "COMPLETED");
  });

  test("a script's name of 240 characters leaves room for the ids of its attempts and for their streams", async () => {
    const database = await freshDatabase();
    const id = `Long-${"x".repeat(235)}`;
    expect(await workflow.cli("submit", workflow.script(id, "exit 3\n"))).toMatchObject({ code: 0, stdout: `${id}\n` });
    await syncUntil(database, workflow, `${id}-r1`, ({ status }) => status === "ERROR_HELD");
    expect(await jobRow(database, workflow, id)).toMatchObject({ status: "ERROR", file_name: id });
    for (const file of [`out/${id}.sh.out`, `out/${id}.sh.out.0`, `err/${id}.sh.err.0`]) {
      expect(existsSync(path.join(workflow.directory, file))).toBe(true);
    }
    expect(await workflow.cli("release", id)).toMatchObject({ code: 0, stdout: `${id}-r2\n` });
    await syncUntil(database, workflow, `${id}-r2`, ({ status }) => status === "ERROR_HELD");
  });
});
