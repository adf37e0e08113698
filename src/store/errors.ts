import { existsSync, statfsSync } from "node:fs";
import path from "node:path";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import { giveBackHint, isRefusal, shutOutBy } from "../fileOwner.ts";
import { isCorrupt } from "./sqlite.ts";

/** The state file's disk takes nothing more. */
export class StateFull extends GaswError {}

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
    const hint = "free some space there, or set state.path to another disk; nothing was submitted";
    return new StateFull("CONFIG", `the state file ${file} cannot be written: the disk is full`, {
      hint,
      cause: error,
    });
  }
  const culprit = isRefusal(error) ? shutOutBy(file, [lockFile]) : undefined;
  if (culprit !== undefined) return said(`cannot be used: ${culprit}`, giveBackHint(file));
  if (
    /^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST|EISDIR|SQLITE_READONLY.*|SQLITE_CANTOPEN.*|SQLITE_IOERR.*|SQLITE_PERM)$/.test(
      code,
    )
  ) {
    return said(
      `cannot be written (${code})`,
      "set state.path (GASW_K8S_STATE_PATH) to a file that this user can write",
    );
  }
  if (isCorrupt(error))
    return said(
      "is damaged",
      `move it aside (mv ${file} ${file}.damaged): the next command creates a new one and finds running jobs by their labels`,
    );
  if (code.startsWith("SQLITE_"))
    return said(
      `cannot be used (${code}: ${messageOf(error)})`,
      "set state.path to another file, and report this bug",
    );
  return error;
}
