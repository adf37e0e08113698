import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import path from "node:path";
import { systemCode } from "../errors.ts";

/** What says that a file is not there for us: missing, unreadable, or no file at all. */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "EACCES", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "ENXIO"]);

/** An open file, which its opener closes. */
export interface OutputFile {
  readonly fd: number;
  readonly size: number;
}

/**
 * Opens what a job has written, for reading. Jobs can write there, so a pipe, a device or a link out of the workflow directory may be in
 * the file's place: that counts as no file, and is neither waited for nor shown.
 * @param file relative to the workflow directory
 * @returns undefined where there is no such file
 */
export function openOutput(directory: string, file: string): OutputFile | undefined {
  let fd: number | undefined;
  try {
    const real = realpathSync(path.join(directory, file));
    if (!real.startsWith(path.join(realpathSync(directory), path.sep))) return undefined;
    // O_NONBLOCK: opening a pipe would wait for its other end. O_NOFOLLOW: what was put there meanwhile is no file, either.
    fd = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stat = fstatSync(fd);
    if (stat.isFile() && realpathSync(real) === real) {
      const opened = { fd, size: stat.size };
      fd = undefined;
      return opened;
    }
    return undefined;
  } catch (error) {
    if (ABSENT.has(systemCode(error) ?? "")) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The whole lines within the last bytes of a job's file; undefined where there is no such file. */
export function readEnd(directory: string, file: string, bytes: number): { text: string; isWhole: boolean } | undefined {
  const opened = openOutput(directory, file);
  if (opened === undefined) return undefined;
  try {
    const start = Math.max(0, opened.size - bytes);
    const buffer = Buffer.alloc(opened.size - start);
    const count = readSync(opened.fd, buffer, 0, buffer.length, start);
    const text = buffer.toString("utf8", 0, count);
    return start === 0 ? { text, isWhole: true } : { text: text.slice(text.indexOf("\n") + 1 || text.length), isWhole: false };
  } finally {
    closeSync(opened.fd);
  }
}
