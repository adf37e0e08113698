import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { jobRow, syncUntil } from "../e2e/gaswDatabase.ts";
import { TestWorkflow } from "../e2e/harness.ts";
import { configureDatabase } from "../e2e/serverDatabases.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

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

describe("a database that cannot be written", () => {
  test("because it is read-only: exit 8, and all is told once it can be", async () => {
    const database = await configureDatabase(server, workflow);
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
    const database = await configureDatabase(server, workflow, { timeout: "2s" });
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
    const database = await configureDatabase(server, workflow);
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
    const database = await configureDatabase(server, workflow);
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
