import { existsSync, mkdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import path from "node:path";
import type Database from "better-sqlite3";
import { GaswError } from "../errors.ts";
import { asOwnerOf } from "../fileOwner.ts";
import { loadSqlite, openSqlite } from "../sqliteModule.ts";
import { stateError } from "./errors.ts";
import { withLock } from "./lockFiles.ts";
import { bringUpToDate, migrate } from "./migrate.ts";
import { BUSY_TIMEOUT_MS, checkHeader, isCorrupt, isMissing } from "./sqlite.ts";

/** File system types on which SQLite's locks and shared memory can't be trusted (`f_type` of statfs(2)). */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  4283649346: "CIFS",
  4266872130: "SMB2",
  20859: "SMB",
  16914839: "9p",
  198183888: "Lustre",
  12805120: "CephFS",
  1397113167: "AFS",
  1196443219: "GPFS",
  428016422: "BeeGFS",
};

/** How a state file is opened. */
export interface OpenOptions {
  /** Path of the state file. */
  readonly path: string;
  /** Receives a sentence when something was put right on the way. */
  readonly warn: (message: string) => void;
  readonly now: () => Date;
  /**
   * Type of the file system that holds a folder (statfs); replaced in tests, which have no network
   * file system.
   */
  readonly fileSystemType?: (folder: string) => number;
}

/**
 * Opens the state file, made or migrated when needed; safe for many processes at once.
 * @throws GaswError CONFIG when the place is unusable, of a newer version, or on a network file system
 */
export function openDatabase(options: OpenOptions): Database.Database {
  loadSqlite();
  return asOwnerOf(options.path, () => openOrBegin(options));
}

function openOrBegin(options: OpenOptions): Database.Database {
  prepareFolder(options);
  const before = process.umask(0o077);
  try {
    return open(options.path);
  } catch (error) {
    if (!isCorrupt(error)) throw stateError(error, options.path);
    return startAfresh(options);
  } finally {
    process.umask(before);
  }
}

/** Opens the file, made when it is missing; another process may put a corrupt one aside at any moment. */
function open(file: string, tries = 3): Database.Database {
  if (isMissing(file)) create(file);
  try {
    return openExisting(file);
  } catch (error) {
    if (tries > 1 && isMissing(file)) return open(file, tries - 1);
    throw error;
  }
}

function openExisting(file: string): Database.Database {
  checkHeader(file);
  const database = openSqlite(file, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
  try {
    database.pragma("foreign_keys = ON");
    migrate(database, file);
    // A damaged schema shows itself at the first statement only.
    database.prepare("SELECT 1 FROM workflows LIMIT 1").get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Makes a new state file, which appears whole. SQLite refuses to turn write-ahead logging on while anybody
 * reads, whatever the timeout: of many processes that find no file, some would fail.
 */
function create(file: string): void {
  withLock(file, () => {
    if (!isMissing(file)) return;
    const draft = `${file}.new`;
    // What a process that was killed half way left behind.
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(draft + suffix, { force: true });
    const database = openSqlite(draft);
    try {
      database.pragma("journal_mode = WAL");
      bringUpToDate(database);
    } finally {
      database.close();
    }
    // SQLite would play the log of a file that somebody moved away into this new one.
    for (const suffix of ["-wal", "-shm"])
      if (existsSync(file + suffix)) renameSync(file + suffix, `${file}${suffix}.left`);
    renameSync(draft, file);
  });
}

/**
 * Keeps a corrupt file aside under a name of its own and begins a new one; the cluster's labels still tell
 * what runs.
 */
function startAfresh({ path: file, warn, now }: OpenOptions): Database.Database {
  try {
    withLock(file, () => {
      // Another process may have put it right while this one waited for the lock.
      if (!isStillCorrupt(file)) return;
      const aside = `${file}.corrupt-${now().toISOString().replaceAll(":", "")}`;
      for (const suffix of ["", "-wal", "-shm"])
        if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
      warn(`the state file ${file} is corrupt: it was kept as ${aside}, and a new one was created`);
    });
    return open(file);
  } catch (error) {
    throw stateError(error, file);
  }
}

function isStillCorrupt(file: string): boolean {
  if (isMissing(file)) return false;
  let database: Database.Database | undefined;
  try {
    checkHeader(file);
    database = openSqlite(file, { timeout: BUSY_TIMEOUT_MS });
    return database.pragma("quick_check(1)", { simple: true }) !== "ok";
  } catch (error) {
    if (isCorrupt(error)) return true;
    throw error;
  } finally {
    database?.close();
  }
}

function prepareFolder({
  path: file,
  fileSystemType = (folder) => statfsSync(folder).type,
}: OpenOptions): void {
  const folder = path.dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw stateError(cause, file);
  }
  const kind = NETWORK_FILE_SYSTEMS[fileSystemType(folder)];
  if (kind === undefined) return;
  throw new GaswError("CONFIG", `the state file ${file} is on a network file system (${kind})`, {
    hint: "set state.path (GASW_K8S_STATE_PATH) to a file on a local disk of this host",
  });
}
