import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { KEYS } from "../../src/core/names.ts";
import { expectReadableRows, jobRow, noteStatuses, sqliteDatabase, syncUntil, type TestDatabase } from "./gaswDatabase.ts";
import { GASW_REMOVAL, get, type Result, TestWorkflow, type WorkflowOptions } from "./harness.ts";

/** A workflow with an SQLite database as its GASW database, and what tests of resubmissions ask of both. */
export class RetriedWorkflow extends TestWorkflow {
  readonly database: TestDatabase;

  constructor(config: Record<string, unknown> = {}, options: WorkflowOptions = {}) {
    super(options);
    this.database = sqliteDatabase(path.join(this.folder, "gasw.db"));
    writeFileSync(path.join(this.directory, PRECIOUS), "the engine's own\n");
    this.reconfigure(config);
  }

  /** Writes the configuration anew, with this database. */
  reconfigure(config: Record<string, unknown>): void {
    this.configure({ dao: this.database.config, ...config });
  }

  /** Has the database note every status that is written from here on. */
  async note(): Promise<void> {
    await this.cli("submit", this.script("First-0", "true\n"));
    await this.sync();
    await noteStatuses(this.database);
  }

  async sync(...args: readonly string[]): Promise<Result> {
    const result = await this.cli("status", "--sync", ...args);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    return result;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
  row(id: string): Promise<any> {
    return jobRow(this.database, this, id);
  }

  /** Synchronises until a job's row shows a status. */
  until(id: string, status: string): Promise<void> {
    return syncUntil(this.database, this, id, (row) => row.status === status);
  }

  /** The rows of an invocation as `id status exit-code`, oldest first. */
  async rows(fileName: string): Promise<string[]> {
    const rows = await this.database.query(
      `SELECT id, status, exit_code FROM Jobs WHERE file_name = '${fileName}' ORDER BY length(id), id`,
    );
    return rows.map(({ id, status, exit_code }) => `${id} ${status} ${exit_code}`);
  }

  // biome-ignore lint/suspicious/noExplicitAny: records as they are printed
  async history(id: string): Promise<any[]> {
    return JSON.parse((await this.cli("status", id, "--history", "--cached", "-o", "json")).stdout).jobs;
  }

  /** The Kubernetes Job of one attempt; undefined where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a Kubernetes Job
  async jobOf(attemptId: string): Promise<any> {
    const { items } = await get("jobs", "-n", this.namespace);
    // The name of the script stands in the Jobs of all its attempts.
    return items.find((job: { metadata: { annotations: Record<string, string> } }) => job.metadata.annotations[KEYS.job] === attemptId);
  }

  /** The results that are told, one for each invocation that is over. */
  // biome-ignore lint/suspicious/noExplicitAny: results as they are printed
  async results(...args: readonly string[]): Promise<any[]> {
    const { stdout } = await this.sync("-o", "ndjson", ...args);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "result");
  }

  /** A file of the workflow directory, given to its owner. */
  put(name: string, text = ""): void {
    mkdirSync(path.dirname(path.join(this.directory, name)), { recursive: true });
    writeFileSync(path.join(this.directory, name), text);
    this.own();
  }

  has(name: string): boolean {
    return existsSync(path.join(this.directory, name));
  }

  /** Removes everything, having looked at what is left. */
  async finish(): Promise<void> {
    try {
      this.expectUnharmed();
      await expectReadableRows(this.database);
    } finally {
      await this.cleanup();
    }
  }

  /** Fails when a run of a script like GASW's has found another one's folder, or another one running. */
  expectUnharmed(): void {
    expect(readdirSync(this.directory)).toContain(PRECIOUS);
    expect(readdirSync(this.directory)).not.toContain(OVERLAP);
  }
}

/** Stands in the workflow directory for all that a second run of GASW's script would delete there. */
const PRECIOUS = "precious";
/** Made where two runs of one script meet; the deletion spares hidden files. */
const OVERLAP = ".overlap";

/**
 * A script that does as GASW's: it makes a folder of its own, which it never removes, works in it, and empties at its end the directory
 * that it is in; where the folder is there already, that is the one that it was started in.
 * @param application commands of the application, run in that folder
 * @param before commands that are run when the trap is set and the folder is not made yet
 */
export function likeGasw(job: string, application: string, before = ""): string {
  return `top=$(cd -P sh/.. && pwd)
mkdir "$top/.running-${job}" || touch "$top/${OVERLAP}"
trap 'code=$?; ${GASW_REMOVAL}; rmdir "$top/.running-${job}"; exit $code' EXIT
${before}
echo "ran on $HOSTNAME"
mkdir ${job} || exit 22
echo '{}' > ${job}.sh.provenance.json
cd ${job} || exit 23
echo "<application_execution>"
echo "application on $HOSTNAME"
( ${application} ); code=$?
echo "</application_execution>"
echo "Exiting with return value $code"
exit $code
`;
}
