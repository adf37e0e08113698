import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wholeLife } from "../e2e/gaswDatabase.ts";
import { TestWorkflow } from "../e2e/harness.ts";
import { connectToH2, H2Server, type H2Version } from "../servers/h2.ts";
import { type MariadbServer, startMariadb } from "../servers/mariadb.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const fixtures = path.resolve(import.meta.dirname, "../fixtures/schema");

/** A configuration that names a password file, as an installation's does. */
function configure(workflow: TestWorkflow, dao: object, password: string): object {
  const passwordFile = path.join(workflow.folder, "password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const config = { ...dao, passwordFile };
  workflow.configure({ retryCount: 1, dao: config });
  return config;
}

describe("a job's whole life as the user's client sees it", () => {
  let postgres: PostgresServer;
  let mariadb: MariadbServer;
  beforeAll(async () => {
    [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
  });
  afterAll(async () => {
    await Promise.all([postgres?.stop(), mariadb?.stop()]);
  });

  test("in PostgreSQL, with the tables that GASW has made", async () => {
    const workflow = new TestWorkflow();
    const name = await postgres.makeDatabase();
    const client = await postgres.connect(name);
    await client.query(readFileSync(path.join(fixtures, "postgresql-15.sql"), "utf8"));
    const config = configure(workflow, { url: postgres.url(name), user: postgres.user }, postgres.password);
    await wholeLife({ config: { ...config }, query: async (sql) => (await client.query(sql)).rows }, workflow);
    await client.end();
    await workflow.cleanup();
  });

  test("in MariaDB", async () => {
    const workflow = new TestWorkflow();
    const name = await mariadb.makeDatabase();
    const client = await mariadb.connect(name);
    const config = configure(workflow, { url: mariadb.url(name), user: mariadb.user }, mariadb.password);
    // biome-ignore lint/suspicious/noExplicitAny: rows of any table
    await wholeLife({ config: { ...config }, query: async (sql) => (await client.query(sql))[0] as any[] }, workflow);
    await client.end();
    await workflow.cleanup();
  });

  test.each<H2Version>(["1.4.196", "2.3.232"])(
    "in H2 %s, with the tables that GASW has made in the workflow's own folder",
    async (version) => {
      const server = await H2Server.start(version);
      const workflow = new TestWorkflow();
      mkdirSync(path.join(workflow.directory, "db"));
      const root = `jdbc:h2:tcp://127.0.0.1:${server.port}`;
      const engine = await connectToH2(version, `${root}/${workflow.directory}/db/jobs`);
      const statements = readFileSync(path.join(fixtures, `h2-${version}.sql`), "utf8")
        .split(/;\s*\n/)
        .filter((text) => text.trim() !== "");
      for (const statement of statements) await engine.run(statement, []);
      const config = configure(workflow, { url: `${root}/{workflowDir}/db/jobs`, user: "gasw", driverJar: server.jar }, "gasw");
      // biome-ignore lint/suspicious/noExplicitAny: rows of any table
      await wholeLife({ config: { ...config }, query: async (sql) => (await engine.run(sql, [])).rows as any[] }, workflow);
      // A retry removes the script's own folder alone.
      expect(existsSync(path.join(workflow.directory, "db/jobs.mv.db"))).toBe(true);
      await engine.close();
      await server.stop();
      await workflow.cleanup();
    },
    300_000,
  );
});
