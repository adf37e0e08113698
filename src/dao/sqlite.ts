import { mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type Database from "better-sqlite3";
import { GaswError, systemCode } from "../errors.ts";
import { asOwnerOf, giveBackHint, isRefusal, shutOutBy } from "../fileOwner.ts";
import { loadSqlite, openSqlite } from "../sqliteModule.ts";
import type { Answer, Connected, Connection } from "./connection.ts";
import { sqlite } from "./dialects.ts";

/** The longest pause, in milliseconds, before a lock that another one holds is tried again. */
const LONGEST_WAIT_MS = 30;

/**
 * Opens a SQLite file, made with its folder when it is missing, for its owner alone.
 * @param timeout milliseconds that a statement waits for another process's write
 * @throws the driver's or the file system's error
 */
export function connectSqlite(file: string, timeout: number): Connected {
  loadSqlite();
  return naming(file, () => asOwnerOf(file, () => open(file, timeout)));
}

function open(file: string, timeout: number): Connected {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const before = process.umask(0o077);
  try {
    // SQLite itself would wait with everything standing still, a transaction of this very process that it
    // waits for included.
    const database = openSqlite(file, { timeout: 0 });
    try {
      useWriteAheadLog(database);
      database.pragma("foreign_keys = ON");
    } catch (error) {
      database.close();
      throw error;
    }
    return { connection: connectionOf(database, file, timeout), dialect: sqlite };
  } finally {
    process.umask(before);
  }
}

/** SQLite does not name the file beside the database that this user may not use. */
function naming<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const culprit = isRefusal(error) ? shutOutBy(file) : undefined;
    if (culprit === undefined) throw error;
    throw new GaswError("DATABASE", `cannot use the GASW database ${file}: ${culprit}`, {
      hint: giveBackHint(file),
      cause: error,
    });
  }
}

/**
 * Readers and the writer do not wait for each other then. A file that others use at this moment, or that
 * can't be written, stays as it is.
 */
function useWriteAheadLog(database: Database.Database): void {
  try {
    database.pragma("journal_mode = WAL");
  } catch (error) {
    if (!/^SQLITE_(BUSY|READONLY)/.test(systemCode(error) ?? "")) throw error;
  }
}

/**
 * Whether another one has a lock now, be it to recover what a killed writer left. A snapshot that is out of
 * date stays so.
 */
function isLocked(error: unknown): boolean {
  return /^SQLITE_BUSY(?!_SNAPSHOT)/.test(systemCode(error) ?? "");
}

function connectionOf(database: Database.Database, file: string, timeout: number): Connection {
  const close = () => void database.close();
  return {
    query: async (sql, parameters) => {
      const deadline = performance.now() + timeout;
      for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
        try {
          return naming(file, () => run(database, sql, parameters));
        } catch (error) {
          // Two that wait at the same pace would meet again and again.
          const milliseconds = wait * (0.5 + Math.random());
          if (!isLocked(error) || performance.now() + milliseconds >= deadline) throw error;
          await pause(milliseconds);
        }
      }
    },
    close: async () => close(),
    destroy: close,
  };
}

function run(database: Database.Database, sql: string, parameters: readonly unknown[]): Answer {
  const statement = database.prepare<unknown[], Record<string, unknown>>(sql);
  if (statement.reader) return { rows: statement.all(...parameters), affected: 0 };
  return { rows: [], affected: statement.run(...parameters).changes };
}
