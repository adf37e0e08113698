import { closeSync, openSync, readSync, statSync } from "node:fs";
import { systemCode } from "../errors.ts";

/**
 * Milliseconds that a statement waits for another process's write: a hundred processes commit one after the
 * other.
 */
export const BUSY_TIMEOUT_MS = 60_000;

/** An empty file, as a full disk leaves it, is as good as none. */
export function isMissing(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

const HEADER = "SQLite format 3\0";

/**
 * A file that holds something else is reported as corrupt before SQLite may take it for an empty or encrypted
 * database.
 */
export function checkHeader(file: string): void {
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
export function isCorrupt(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(systemCode(error) ?? "");
}
