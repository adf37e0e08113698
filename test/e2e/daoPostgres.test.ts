import { afterAll, beforeAll, expect, test } from "vitest";
import { statementsOf } from "../integration/dao/contract.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { wholeLife } from "./gaswDatabase.ts";
import { TestWorkflow } from "./harness.ts";
import { postgresDatabase } from "./serverDatabases.ts";

let server: PostgresServer;
let workflow: TestWorkflow;
beforeAll(async () => {
  server = await startPostgres();
  workflow = new TestWorkflow();
});
afterAll(async () => {
  await workflow?.cleanup();
  await server?.stop();
});

test("a job's whole life as the user's client sees it, in PostgreSQL with the tables that Hibernate has made", async () => {
  const database = postgresDatabase(server, await server.makeDatabase(), workflow);
  for (const statement of statementsOf("postgresql-15.sql")) await database.query(statement);
  workflow.configure({ retryCount: 1, dao: database.config });
  await wholeLife(database, workflow);
  expect(await database.query("SELECT DISTINCT site FROM Nodes")).toEqual([{ site: "site.example.org" }]);
  expect(await database.query("SELECT data_path, data_type FROM Data ORDER BY data_type")).toEqual([
    { data_path: "file:/data/in.txt", data_type: "Input" },
    { data_path: "file:///data/out.txt", data_type: "Output" },
  ]);
}, 300_000);
