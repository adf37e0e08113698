import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { jobRow, syncUntil } from "../e2e/gaswDatabase.ts";
import { configureDatabase } from "../e2e/serverDatabases.ts";
import { postgresWorkflow } from "./postgresWorkflow.ts";

const on = postgresWorkflow();

describe("a database that cannot be written", () => {
  test("because it is read-only: exit 8, and all is told once it can be", async () => {
    const database = await configureDatabase(on.server, on.workflow);
    await on.workflow.cli("submit", on.workflow.script("Early-1", "true\n"));
    await syncUntil(database, on.workflow, "Early-1", ({ status }) => status === "COMPLETED");
    const name = String(database.config.url).split("/").at(-1);
    const administrator = await on.server.connect();
    await administrator.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await on.workflow.runJob("Late-2", "true\n");
    const refused = await on.workflow.cli("status", "--sync");
    expect(refused).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Late-2 +COMPLETED /m) });
    expect(refused.stderr).toContain("the database is read-only");
    expect(await jobRow(database, on.workflow, "Late-2")).toBeUndefined();
    await administrator.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    await administrator.end();
    expect(await on.workflow.cli("status", "--sync")).toMatchObject({ code: 0, stderr: "" });
    expect(await jobRow(database, on.workflow, "Late-2")).toMatchObject({ status: "COMPLETED" });
  });

  test("because another program keeps the table locked: exit 8 in time, and all is told once it lets go", async () => {
    const database = await configureDatabase(on.server, on.workflow, { timeout: "6s" });
    await on.workflow.runJob("Job-1", "true\n");
    expect((await on.workflow.cli("status", "--sync")).code).toBe(0);
    await on.workflow.runJob("Job-2", "true\n");
    const other = await on.server.connect(String(database.config.url).split("/").at(-1));
    try {
      await other.query("BEGIN; LOCK TABLE Jobs IN EXCLUSIVE MODE");
      const { code, stderr } = await on.workflow.cli("status", "--sync");
      expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringMatching(/another program holds a lock|no response within/) });
      await other.query("COMMIT");
    } finally {
      await other.end();
    }
    expect((await on.workflow.cli("status", "--sync")).code).toBe(0);
    expect(await jobRow(database, on.workflow, "Job-2")).toMatchObject({ status: "COMPLETED" });
  });
});

describe("values that are too long", () => {
  /** Text that no server can make shorter. */
  const noise = (length: number) =>
    Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + (i * 7919) ** 2) % 90))).join("");

  test("parameters of more than 10,000 characters are cut, and told", async () => {
    const database = await configureDatabase(on.server, on.workflow);
    const parameters = noise(12_000);
    await on.workflow.cli("submit", on.workflow.script("Long-1", "true\n"), "--parameters", parameters);
    const first = await on.workflow.cli("status", "--sync");
    expect(first).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: job Long-1: parameters was truncated to \d+ characters, /m),
    });
    const row = await jobRow(database, on.workflow, "Long-1");
    expect(row.parameters.length).toBeGreaterThan(2000);
    expect(parameters.startsWith(row.parameters)).toBe(true);
    await syncUntil(database, on.workflow, "Long-1", ({ status }) => status === "COMPLETED");
  });

  test("a script's name of 240 characters leaves room for the ids of its attempts and for their streams", async () => {
    const database = await configureDatabase(on.server, on.workflow);
    const id = `Long-${"x".repeat(235)}`;
    expect(await on.workflow.cli("submit", on.workflow.script(id, "exit 3\n"))).toMatchObject({ code: 0, stdout: `${id}\n` });
    await syncUntil(database, on.workflow, `${id}-r1`, ({ status }) => status === "ERROR_HELD");
    expect(await jobRow(database, on.workflow, id)).toMatchObject({ status: "ERROR", file_name: id });
    for (const file of [`out/${id}.sh.out`, `out/${id}.sh.out.0`, `err/${id}.sh.err.0`]) {
      expect(existsSync(path.join(on.workflow.directory, file))).toBe(true);
    }
    expect(await on.workflow.cli("release", id)).toMatchObject({ code: 0, stdout: `${id}-r2\n` });
    await syncUntil(database, on.workflow, `${id}-r2`, ({ status }) => status === "ERROR_HELD");
  });
});
