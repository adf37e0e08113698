import { existsSync, readFileSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import { openSqlite } from "../sqliteModule.ts";
import { stateError } from "./errors.ts";
import { bringUpToDate } from "./migrate.ts";
import type { OpenOptions } from "./open.ts";
import { BUSY_TIMEOUT_MS, checkHeader, isMissing } from "./sqlite.ts";

/**
 * The state file's content in memory: what is written to it is lost with the process.
 * @throws GaswError CONFIG when the file can't be read either
 */
export function openCopy({ path: file }: OpenOptions): Database.Database {
  try {
    const content = contentOf(file);
    // Memory has no write-ahead log: the header's versions for writing and reading say so (SQLite's file
    // format, 1.3.3).
    content.fill(1, 18, 20);
    const database = openSqlite(content);
    database.pragma("foreign_keys = ON");
    bringUpToDate(database);
    return database;
  } catch (error) {
    throw stateError(error, file);
  }
}

function contentOf(file: string): Buffer {
  if (isMissing(file))
    throw Object.assign(new Error("there is no state file yet, and no space for one"), { code: "ENOSPC" });
  checkHeader(file);
  // With nothing in its log all is in the file itself: to open it would take room that is not there.
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return readFileSync(file);
  const database = openSqlite(file, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
  try {
    // Where nobody else has it open, there is no room for the memory that its readers share: whoever has it
    // alone needs none.
    if (!existsSync(`${file}-shm`)) database.pragma("locking_mode = EXCLUSIVE");
    return database.serialize();
  } finally {
    database.close();
  }
}
