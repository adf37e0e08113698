import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import Database from "better-sqlite3";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import { asOwnerOf, giveBackHint, isRefusal, likeModeOf, shutOutBy } from "../fileOwner.ts";
import { migrations } from "./migrations.ts";

/**
 * The native part by its very path: the package's own search for it would cost every command as much as
 * opening the file does.
 */
const nativeBinding = createRequire(import.meta.url).resolve(
  "better-sqlite3/build/Release/better_sqlite3.node",
);

/**
 * Milliseconds that a statement waits for another process's write: a hundred processes commit one after the
 * other.
 */
const BUSY_TIMEOUT_MS = 60_000;

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
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS, nativeBinding, fileMustExist: true });
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

/** An empty file, as a full disk leaves it, is as good as none. */
function isMissing(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
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
    const database = new Database(draft, { nativeBinding });
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

/** Brings the schema up to date, one process at a time; an up-to-date file costs one read. */
function migrate(database: Database.Database, file: string): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new GaswError(
      "CONFIG",
      `the state file ${file} is of a newer version (${version}; this program knows ${migrations.length})`,
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

function bringUpToDate(database: Database.Database): void {
  database.transaction(() => {
    for (const statement of migrations.slice(versionOf(database)).flat()) database.exec(statement);
    database.pragma(`user_version = ${migrations.length}`);
  })();
}

/** A database that has tables but no version is somebody else's. */
function refuseForeign(database: Database.Database, file: string): void {
  if (database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) return;
  throw new GaswError("CONFIG", `${file} is the database of another program`, {
    hint: "set state.path (GASW_K8S_STATE_PATH) to a file of its own; it is made when it is missing",
  });
}

/** Opens a file that serves as a lock of a state file, for everybody who may use that. */
function openLock(file: string, kind: string, timeout: number): Database.Database {
  const lockFile = `${file}.${kind}`;
  const before = process.umask(0o077);
  try {
    return asOwnerOf(file, () => {
      const isNew = !existsSync(lockFile);
      const lock = new Database(lockFile, { timeout, nativeBinding });
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
function withLock<T>(file: string, action: () => T): T {
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

const HEADER = "SQLite format 3\0";

/**
 * A file that holds something else is reported as corrupt before SQLite may take it for an empty or encrypted
 * database.
 */
function checkHeader(file: string): void {
  const handle = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(HEADER.length);
    readSync(handle, bytes, 0, bytes.length, 0);
    if (bytes.toString("latin1") !== HEADER)
      throw Object.assign(new Error("file is not a database"), { code: "SQLITE_NOTADB" });
  } finally {
    closeSync(handle);
  }
}

/** Whether SQLite says that the file's content is damaged. */
function isCorrupt(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(systemCode(error) ?? "");
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
      warn(`the state file ${file} is corrupt: it was kept as ${aside}, and a new one was begun`);
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
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS, nativeBinding });
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
  throw new GaswError("CONFIG", `the state file ${file} lies on a network file system (${kind})`, {
    hint: "set state.path (GASW_K8S_STATE_PATH) to a file on a local disk of this host",
  });
}

/** The state file's disk takes nothing more. */
export class StateFull extends GaswError {}

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
    const database = new Database(content, { nativeBinding });
    database.pragma("foreign_keys = ON");
    bringUpToDate(database);
    return database;
  } catch (error) {
    throw stateError(error, file);
  }
}

function contentOf(file: string): Buffer {
  if (isMissing(file))
    throw Object.assign(new Error("there is no state yet, and no room for one"), { code: "ENOSPC" });
  checkHeader(file);
  // With nothing in its log all is in the file itself: to open it would take room that is not there.
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return readFileSync(file);
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS, nativeBinding, fileMustExist: true });
  try {
    // Where nobody else has it open, there is no room for the memory that its readers share: whoever has it
    // alone needs none.
    if (!existsSync(`${file}-shm`)) database.pragma("locking_mode = EXCLUSIVE");
    return database.serialize();
  } finally {
    database.close();
  }
}

/**
 * Room that SQLite's own small files need, in bytes: where there is less, an unspecific failure to write
 * comes of that.
 */
const LEAST_ROOM = 256 * 1024;

function isFull(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < LEAST_ROOM;
}

/**
 * Words an error of SQLite or of the file system about the state file; anything else passes.
 * @param lockFile the one of its locks that was to be used
 */
export function stateError(error: unknown, file: string, lockFile = `${file}.lock`): unknown {
  if (error instanceof GaswError) return error;
  const code = systemCode(error) ?? "";
  const said = (what: string, hint: string) =>
    new GaswError("CONFIG", `the state file ${file} ${what}`, { hint, cause: error });
  if (
    /^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(code) ||
    (code.startsWith("SQLITE_IOERR") && isFull(path.dirname(file)))
  ) {
    const hint = "make room there, or set state.path to another disk; nothing was submitted";
    return new StateFull("CONFIG", `the state file ${file} can't be written: the disk is full`, {
      hint,
      cause: error,
    });
  }
  const culprit = isRefusal(error) ? shutOutBy(file, [lockFile]) : undefined;
  if (culprit !== undefined) return said(`can't be used: ${culprit}`, giveBackHint(file));
  if (
    /^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST|EISDIR|SQLITE_READONLY.*|SQLITE_CANTOPEN.*|SQLITE_IOERR.*|SQLITE_PERM)$/.test(
      code,
    )
  ) {
    return said(
      `can't be written (${code})`,
      "set state.path (GASW_K8S_STATE_PATH) to a file that this user can write",
    );
  }
  if (isCorrupt(error))
    return said(
      "is damaged",
      `move it aside (mv ${file} ${file}.damaged): the next command begins a new one; the cluster's labels still tell what runs`,
    );
  if (code.startsWith("SQLITE_"))
    return said(
      `can't be used (${code}: ${messageOf(error)})`,
      "set state.path to another file, and report this",
    );
  return error;
}
