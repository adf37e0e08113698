import { writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { expect } from "vitest";
import { eventually, type TestWorkflow } from "./harness.ts";

/** A GASW database as a test works with it, beside the program under test. */
export interface TestDatabase {
  /** The configuration's `dao`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Runs a statement as another program of the installation does; values come as the driver gives them. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any table
  query(sql: string): Promise<any[]>;
}

/** The GASW database as an SQLite file. */
export function sqliteDatabase(file: string): TestDatabase {
  return {
    config: { url: `sqlite:${file}` },
    async query(sql) {
      const database = new Database(file, { timeout: 10_000 });
      try {
        // Other programs write what they like; databases of other kinds have no such check either.
        database.pragma("ignore_check_constraints = ON");
        const statement = database.prepare(sql);
        if (statement.reader) return statement.all();
        statement.run();
        return [];
      } finally {
        database.close();
      }
    },
  };
}

/** One row, under lower-case column names; undefined where there is none. */
// biome-ignore lint/suspicious/noExplicitAny: a row of any table
export async function row({ query }: TestDatabase, sql: string): Promise<any> {
  const [found] = await query(sql);
  return found === undefined ? undefined : lowerCase(found);
}

function lowerCase(found: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A job's row. */
// biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
export function jobRow(database: TestDatabase, workflow: TestWorkflow, id: string): Promise<any> {
  return row(database, `SELECT * FROM Jobs WHERE simulation_id = '${workflow.id}' AND id = '${id}'`);
}

/** Waits until a condition on a job's row holds; also while the tables are still to be made. */
export async function rowWhere(
  database: TestDatabase,
  workflow: TestWorkflow,
  id: string,
  // biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
  holds: (row: any) => boolean,
): Promise<void> {
  const look = async () => {
    try {
      return await jobRow(database, workflow, id);
    } catch (error) {
      if (!/no such table|not exist|unable to open/.test(String(error))) throw error;
      return undefined;
    }
  };
  await eventually(look, (found) => found !== undefined && holds(found));
}

/** Writes a signal into a job's row, as the portal does: whatever stands there. */
export async function signal(database: TestDatabase, id: string, status: string): Promise<void> {
  await database.query(`UPDATE Jobs SET status = '${status}' WHERE id = '${id}'`);
}

/** Columns that GASW's Java beans, or the portal's lists, can't read a NULL from. */
const FILLED = [
  "status",
  "parameters",
  "creation",
  "isreplicating",
  "isbeingkilled",
  "exit_code",
  "exit_message",
  "checkpoint_init",
  "checkpoint_upload",
  "invocation_id",
];

/** Fails when a row stands in the database that breaks the portal's lists of jobs. */
export async function expectReadableRows(database: TestDatabase): Promise<void> {
  const rows = await database.query("SELECT * FROM Jobs");
  const broken = rows.map(lowerCase).filter((found: Record<string, unknown>) => {
    const isUnknown = ["CREATED", "NOT_SUBMITTED", "UNDEFINED"].includes(String(found.status));
    return isUnknown || FILLED.some((column) => found[column] === null || found[column] === undefined);
  });
  expect(broken).toEqual([]);
}

/** Has an SQLite database note every status that is ever written into its table of jobs, which is there already. */
export async function noteStatuses({ query }: TestDatabase): Promise<void> {
  await query("CREATE TABLE noted (number INTEGER PRIMARY KEY, id TEXT, status TEXT)");
  const note = "BEGIN INSERT INTO noted (id, status) VALUES (NEW.id, NEW.status); END";
  await query(`CREATE TRIGGER note_insert AFTER INSERT ON Jobs ${note}`);
  await query(`CREATE TRIGGER note_update AFTER UPDATE OF status ON Jobs WHEN NEW.status IS NOT OLD.status ${note}`);
}

/** All statuses that a job's row has had since they are noted, in their order. */
export async function notedStatuses({ query }: TestDatabase, id: string): Promise<string[]> {
  return (await query(`SELECT status FROM noted WHERE id = '${id}' ORDER BY number`)).map(({ status }) => status);
}

/** Synchronises until a condition on a job's row holds. */
export async function syncUntil(
  database: TestDatabase,
  workflow: TestWorkflow,
  id: string,
  // biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
  holds: (row: any) => boolean,
): Promise<void> {
  await eventually(
    async () => {
      const { code, stderr } = await workflow.cli("status", "--sync");
      if (code !== 0) throw new Error(`status --sync: exit ${code}: ${stderr}`);
      return await jobRow(database, workflow, id);
    },
    (found) => found !== undefined && holds(found),
  );
}

/** A script in GASW's layout: its sections, the times of its stages, and its exit code. */
function gaswScript(application: string): string {
  return `echo "===== uname ====="
echo "Linux $HOSTNAME 6.1"
echo "SITE_NAME=site.example.org"
echo "<inputs_download>"
echo "<file_download uri=file:/data/in.txt>"
echo "</inputs_download>"
echo "Input download time: 1 seconds"
echo "<application_execution>"
( ${application} ); code=$?
echo "</application_execution>"
echo "Execution time: 2 seconds"
if [ $code -eq 0 ]; then
echo "<results_upload>"
echo "<file_upload id=result uri=/data/out.txt>"
echo "</results_upload>"
echo "Results upload time: 3 seconds"
fi
echo "Exiting with return value $code"
exit $code
`;
}

/**
 * A job that completes, one that fails until somebody repairs what it needs and is held, released and completed, and one that is killed:
 * what the user's client sees of each, whatever the database.
 */
export async function wholeLife(database: TestDatabase, workflow: TestWorkflow): Promise<void> {
  await workflow.cli(
    "submit",
    workflow.script("Good-1", gaswScript("until [ -e go ]; do sleep 0.2; done; echo fine")),
    "--command",
    "app.sh",
  );
  expect(await workflow.cli("status", "--sync", "-q")).toMatchObject({ code: 0 });
  expect(await jobRow(database, workflow, "Good-1")).toMatchObject({
    file_name: "Good-1",
    command: "app.sh",
    executor: "Kubernetes",
    invocation_id: 1,
  });
  await syncUntil(database, workflow, "Good-1", ({ status }) => status === "RUNNING");
  expect((await jobRow(database, workflow, "Good-1")).download).not.toBeNull();
  writeFileSync(path.join(workflow.directory, "go"), "");
  await syncUntil(database, workflow, "Good-1", ({ status }) => status === "COMPLETED");
  expect(await jobRow(database, workflow, "Good-1")).toMatchObject({
    exit_code: 0,
    exit_message: "",
    node_site: "site.example.org",
    checkpoint_init: 0,
    checkpoint_upload: 0,
  });

  await workflow.cli("submit", workflow.script("Flaky-2", gaswScript("test -e repaired || exit 3")));
  await syncUntil(database, workflow, "Flaky-2-r1", ({ status }) => status === "ERROR_HELD");
  expect(await jobRow(database, workflow, "Flaky-2")).toMatchObject({ status: "ERROR", exit_code: 3, invocation_id: 2 });
  expect(await jobRow(database, workflow, "Flaky-2-r1")).toMatchObject({ file_name: "Flaky-2", exit_code: 3, invocation_id: 2 });
  writeFileSync(path.join(workflow.directory, "repaired"), "");
  await signal(database, "Flaky-2-r1", "UNHOLD_ERROR");
  await syncUntil(database, workflow, "Flaky-2-r2", ({ status }) => status === "COMPLETED");
  expect(await jobRow(database, workflow, "Flaky-2-r1")).toMatchObject({ status: "ERROR" });

  await workflow.cli("submit", workflow.script("Long-3", gaswScript("sleep 600")));
  await syncUntil(database, workflow, "Long-3", ({ status }) => status === "RUNNING");
  await signal(database, "Long-3", "KILL");
  await syncUntil(database, workflow, "Long-3", ({ status }) => status === "DELETED");
  expect((await jobRow(database, workflow, "Long-3")).end_e).not.toBeNull();

  const { stdout } = await workflow.cli("status", "--sync", "-o", "ndjson");
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "result");
  expect(results.map(({ id, attemptId, exitCode, invocationId }) => ({ id, attemptId, exitCode, invocationId }))).toEqual([
    { id: "Good-1", attemptId: "Good-1", exitCode: 0, invocationId: 1 },
    { id: "Flaky-2", attemptId: "Flaky-2-r2", exitCode: 0, invocationId: 2 },
    { id: "Long-3", attemptId: "Long-3", exitCode: 9, invocationId: 3 },
  ]);
  expect(results[0].uploads).toEqual([{ id: "result", uri: "file:///data/out.txt" }]);
  const later = await workflow.cli("status", "--sync", "-o", "ndjson", "--since", String(results[1].cursor));
  expect(
    later.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id),
  ).toEqual(["Long-3"]);
}
