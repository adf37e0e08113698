import type Database from "better-sqlite3";
import { GaswError } from "../errors.ts";
import { withLock } from "./lockFiles.ts";
import { migrations } from "./migrations.ts";

/** Brings the schema up to date, one process at a time; an up-to-date file costs one read. */
export function migrate(database: Database.Database, file: string): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new GaswError(
      "CONFIG",
      `the state file ${file} has a newer version (${version}; this program supports up to ${migrations.length})`,
      {
        hint: "update gasw-k8s on this host, or set state.path to another file",
      },
    );
  }
  if (version === 0) refuseForeign(database, file);
  if (version < migrations.length) withLock(file, () => bringUpToDate(database));
}

function versionOf(database: Database.Database): number {
  return database.pragma("user_version", { simple: true }) as number;
}

/** Applies the migrations that a database has not seen yet, in one transaction. */
export function bringUpToDate(database: Database.Database): void {
  database.transaction(() => {
    for (const statement of migrations.slice(versionOf(database)).flat()) database.exec(statement);
    database.pragma(`user_version = ${migrations.length}`);
  })();
}

/** A database that has tables but no version is somebody else's. */
function refuseForeign(database: Database.Database, file: string): void {
  if (database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) return;
  throw new GaswError("CONFIG", `${file} is not a gasw-k8s state file: it belongs to another program`, {
    hint: "set state.path (GASW_K8S_STATE_PATH) to a separate file, which is created if missing",
  });
}
