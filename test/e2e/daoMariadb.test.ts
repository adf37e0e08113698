import { afterAll, beforeAll, expect, test } from "vitest";
import { type MariadbServer, startMariadb } from "../servers/mariadb.ts";
import { wholeLife } from "./gaswDatabase.ts";
import { TestWorkflow } from "./harness.ts";
import { mariadbDatabase } from "./serverDatabases.ts";

let server: MariadbServer;
let workflow: TestWorkflow;
beforeAll(async () => {
  server = await startMariadb();
  workflow = new TestWorkflow();
});
afterAll(async () => {
  await workflow?.cleanup();
  await server?.stop();
});

test("a job's whole life as the user's client sees it, in MariaDB with tables of the program's own making", async () => {
  const database = mariadbDatabase(server, await server.makeDatabase(), workflow);
  workflow.configure({ retryCount: 1, dao: database.config });
  await wholeLife(database, workflow);
  expect(await database.query("SELECT DISTINCT site FROM Nodes")).toEqual([{ site: "site.example.org" }]);
}, 300_000);
