import { readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { systemCode } from "./errors.ts";

/** Whether a folder is on this host; `unknown`: its file system may be mounted elsewhere alone. */
export type Presence = "there" | "gone" | "unknown";

/** Looks for a folder. It is gone where the folder that it was in is here, with something in it, and it is not. */
export function presenceOf(folder: string): Presence {
  const isThere = isFolder(folder);
  if (isThere !== false) return isThere === true ? "there" : "unknown";
  return hasEntries(path.dirname(folder)) ? "gone" : "unknown";
}

/** Undefined where that cannot be told. */
function isFolder(file: string): boolean | undefined {
  return unlessRefused(() => statSync(file).isDirectory());
}

/** A folder without anything in it may be a mount point. */
function hasEntries(folder: string): boolean {
  return unlessRefused(() => readdirSync(folder).length > 0) === true;
}

/** False where there is nothing; undefined where this user may not look. */
function unlessRefused(look: () => boolean): boolean | undefined {
  try {
    return look();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? false : undefined;
  }
}

/**
 * Whether two absolute paths name one directory: links in them count for nothing, and the directory may be
 * gone already.
 */
export function isSameDirectory(one: string, other: string): boolean {
  return one === other || realPath(one) === realPath(other);
}

/** An absolute path with its links followed, as far as it can be. */
export function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // Gone, or not to be looked at: its parents may have been reached through a link all the same.
    const parent = path.dirname(file);
    return parent === file ? file : path.join(realPath(parent), path.basename(file));
  }
}

/** Whether a path is a folder, or below it. */
export function isBelow(file: string, folder: string): boolean {
  const way = path.relative(folder, file);
  return way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

/**
 * The current directory as the user has it before them: `$PWD`, which may lead through links, where it is
 * that directory.
 * @param real the current directory with its links followed
 */
export function spelledDirectory(real: string, pwd: string | undefined): string {
  if (pwd === undefined || !path.isAbsolute(pwd)) return real;
  const spelled = path.resolve(pwd);
  return realPath(spelled) === real ? spelled : real;
}
