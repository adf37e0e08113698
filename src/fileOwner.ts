import { accessSync, chmodSync, constants, existsSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { systemCode } from "./errors.ts";

/** What SQLite makes beside a database. */
const SIDE_FILES = ["-wal", "-shm", "-journal"];

/** What the system and SQLite say where this user may not use a file. */
const REFUSALS = /^(EACCES|EPERM|EROFS|SQLITE_READONLY.*|SQLITE_CANTOPEN.*|SQLITE_PERM|SQLITE_IOERR.*)$/;

/**
 * Runs an action as the owner of a file, where this process is root and the file, or the folder that it is to
 * be made in, is somebody else's: what root makes there as root would shut that user out. The whole process
 * is that user meanwhile, which the action must not outlast. What only root may do is done as root.
 */
export function asOwnerOf<T>(file: string, action: () => T): T {
  const owner = foreignOwner(file);
  if (owner === undefined) return action();
  try {
    return as(owner, action);
  } catch (error) {
    if (!isRefusal(error) && !(error instanceof Error && isRefusal(error.cause))) throw error;
    return action();
  }
}

/**
 * Gives a file that root has just made beside another one that one's mode, so that whoever may use the one
 * may use the other.
 */
export function likeModeOf(file: string, made: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (process.getuid?.() === 0 && found?.isFile()) chmodSync(made, found.mode & 0o666);
}

/** Whether an error says that this user may not use a file. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.test(systemCode(error) ?? "");
}

/**
 * Which file beside a database shuts this user out, in words; undefined where none does: SQLite names none,
 * and the database itself may be sound.
 * @param others files that go with the database
 */
export function shutOutBy(file: string, others: readonly string[] = []): string | undefined {
  const beside = [...SIDE_FILES.map((suffix) => file + suffix), ...others];
  const found = isUsable(file) ? beside.find((one) => !isUsable(one)) : undefined;
  if (found === undefined) return undefined;
  const { uid, mode } = statSync(found);
  return `${found} is user ${uid}'s (mode ${(mode & 0o777).toString(8)})`;
}

/** What makes a file beside a database usable again. */
export function giveBackHint(file: string): string {
  return `as root, restore the owner of the files beside it: chown --reference=${file} ${file}?*`;
}

/** A file that is not there shuts nobody out. */
function isUsable(file: string): boolean {
  if (!existsSync(file)) return true;
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}

type Owner = Pick<Stats, "uid" | "gid">;

/**
 * The owner of a file or, where that is yet to be made, of the nearest folder that is there; undefined where
 * that is this process's own user.
 */
function foreignOwner(file: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const found = look(file);
  if (found !== undefined) return found.uid === 0 && found.gid === process.getegid?.() ? undefined : found;
  const folder = nearestFolder(path.dirname(path.resolve(file)));
  return folder.uid === 0 ? undefined : folder;
}

function nearestFolder(folder: string): Stats {
  return look(folder) ?? nearestFolder(path.dirname(folder));
}

/** What can't be looked at, since a file is where its folder should be, is for whoever uses it to tell of. */
function look(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function as<T>({ uid, gid }: Owner, action: () => T): T {
  const group = process.getegid?.() ?? 0;
  try {
    process.setegid?.(gid);
    process.seteuid?.(uid);
    return action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(group);
  }
}
