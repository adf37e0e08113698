import { existsSync } from "node:fs";
import type Database from "better-sqlite3";
import { systemCode } from "../errors.ts";
import { asOwnerOf, isRefusal, likeModeOf } from "../fileOwner.ts";
import { loadSqlite, openSqlite } from "../sqliteModule.ts";
import { stateError } from "./errors.ts";
import { BUSY_TIMEOUT_MS } from "./sqlite.ts";

/** Opens a file that serves as a lock of a state file, for everybody who may use that. */
function openLock(file: string, kind: string, timeout: number): Database.Database {
  const lockFile = `${file}.${kind}`;
  loadSqlite();
  const before = process.umask(0o077);
  try {
    return asOwnerOf(file, () => {
      const isNew = !existsSync(lockFile);
      const lock = openSqlite(lockFile, { timeout });
      if (isNew) likeModeOf(file, lockFile);
      return lock;
    });
  } catch (error) {
    throw lockError(error, file, lockFile);
  } finally {
    process.umask(before);
  }
}

/** SQLite opens what it may not write for reading, and tells that at the first lock. */
function lockError(error: unknown, file: string, lockFile: string): unknown {
  return isRefusal(error) ? stateError(error, file, lockFile) : error;
}

/** Runs an action on a state file while no other process runs one; a killed process releases its lock. */
export function withLock<T>(file: string, action: () => T): T {
  const lock = openLock(file, "lock", BUSY_TIMEOUT_MS);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return action();
  } finally {
    lock.close();
  }
}

/** A lock that is held. */
export interface Hold {
  release(): void;
}

/**
 * The locks that this process holds: a connection that nothing refers to is closed by the garbage collector,
 * and its lock lost.
 */
const held = new Set<Database.Database>();

/**
 * Takes a lock of a state file that lasts until it is released or the process ends, however it ends.
 * @param kind what it is for, by which its file is named
 * @param patience milliseconds to wait for it: others may be trying to take it, or looking whether it is
 * held, at the same moment
 * @returns undefined while another process has it
 */
export function holdLock(file: string, kind: string, patience: number): Hold | undefined {
  const lock = openLock(file, kind, patience);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    held.add(lock);
    return {
      release: () => {
        held.delete(lock);
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    if (systemCode(error) === "SQLITE_BUSY") return undefined;
    throw lockError(error, file, `${file}.${kind}`);
  }
}

/**
 * Whether somebody has the lock that `holdLock` takes. Any number of processes may look at once: none takes
 * another one for the holder.
 */
export function isHeld(file: string, kind: string): boolean {
  if (!existsSync(`${file}.${kind}`)) return false;
  const looker = openLock(file, kind, 0);
  try {
    // Reading needs a shared lock, which only an exclusive one refuses.
    looker.prepare("SELECT 1 FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (systemCode(error) === "SQLITE_BUSY") return true;
    throw lockError(error, file, `${file}.${kind}`);
  } finally {
    looker.close();
  }
}
