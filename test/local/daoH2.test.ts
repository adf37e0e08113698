import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobRow, syncUntil, wholeLife } from "../e2e/gaswDatabase.ts";
import { TestWorkflow } from "../e2e/harness.ts";
import { H2Database } from "../e2e/serverDatabases.ts";
import { H2Server, type H2Version } from "../servers/h2.ts";

/** As GASW's own script does: it makes its folder, never removes it, and a run that finds it there empties the directory it is in. */
const TRAPPED = "mkdir Trapped-4 || { rm -Rf -- *; exit 22; }\nexit 3\n";

describe.each<H2Version>(["1.4.196", "2.3.232"])("H2 %s that nobody else uses, so that it is closed after every command", (version) => {
  let server: H2Server;
  let workflow: TestWorkflow;
  let database: H2Database;
  beforeAll(async () => {
    server = await H2Server.start(version);
    workflow = new TestWorkflow();
    database = new H2Database(server, workflow);
    workflow.configure({ retryCount: 1, dao: database.config });
  });
  afterAll(async () => {
    await server?.stop();
    await workflow?.cleanup();
  });

  test("a job's whole life as the user's client sees it, in tables of the program's own making, and a retry beside them", async () => {
    await wholeLife(database, workflow);
    expect(await database.query("SELECT DISTINCT SITE FROM NODES")).toEqual([{ SITE: "site.example.org" }]);
    expect(await database.query("SELECT DATA_PATH, DATA_TYPE FROM DATA ORDER BY DATA_TYPE")).toEqual([
      { DATA_PATH: "file:/data/in.txt", DATA_TYPE: "Input" },
      { DATA_PATH: "file:///data/out.txt", DATA_TYPE: "Output" },
    ]);
    // A retry runs in a folder of its own, and leaves the database beside it alone.
    await workflow.cli("submit", workflow.script("Trapped-4", TRAPPED));
    await syncUntil(database, workflow, "Trapped-4-r1", ({ status }) => status === "ERROR_HELD");
    expect(await jobRow(database, workflow, "Trapped-4-r1")).toMatchObject({ exit_code: 3 });
    expect(await jobRow(database, workflow, "Good-1")).toMatchObject({ status: "COMPLETED" });
    for (const file of ["db/jobs.mv.db", "sh/Good-1.sh"]) expect(existsSync(path.join(workflow.directory, file))).toBe(true);
  });
});
