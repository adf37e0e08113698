import { existsSync } from "node:fs";
import path from "node:path";
import type { Workflow } from "../core/job.ts";
import { asOwnerOf } from "../fileOwner.ts";
import { loadSqlite, openSqlite } from "../sqliteModule.ts";
import { told } from "./errors.ts";

/**
 * The SQLite file of a workflow for which no database is configured: one of its own, since the ids of jobs
 * are keys, and two workflows may have jobs of one name. Where all workflows shared a file before, one that
 * has rows there keeps it.
 * @param folder of the state file
 * @throws GaswError DATABASE where the shared file can't be read
 */
export async function defaultDatabase(
  folder: string,
  { namespace, id }: Workflow,
  signal: AbortSignal,
): Promise<string> {
  const own = path.join(folder, "gasw", namespace, id, "jobs.db");
  const shared = path.join(folder, "gasw.db");
  if (existsSync(own) || !existsSync(shared)) return own;
  return await told(shared, signal, async () => (hasRows(shared, id) ? shared : own));
}

function hasRows(file: string, simulation: string): boolean {
  loadSqlite();
  // Even to read makes files beside it.
  return asOwnerOf(file, () => {
    const database = openSqlite(file, { fileMustExist: true });
    try {
      const tables = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'Jobs'");
      const rows = "SELECT 1 FROM Jobs WHERE simulation_id = ? LIMIT 1";
      return tables.get() !== undefined && database.prepare(rows).get(simulation) !== undefined;
    } finally {
      database.close();
    }
  });
}
