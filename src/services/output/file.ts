import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  read as readWithCallback,
  realpathSync,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { systemCode } from "../../errors.ts";

const read = promisify(readWithCallback);

const PIECE_BYTES = 512 * 1024;
const NEWLINE = 10;

/** What says that a file is not there for us: missing, unreadable, or no file at all. */
const ABSENT: ReadonlySet<string> = new Set([
  "ENOENT",
  "EACCES",
  "ENOTDIR",
  "ENAMETOOLONG",
  "ELOOP",
  "ENXIO",
]);

/** An open file, which its opener closes. */
export interface OutputFile {
  readonly fd: number;
  readonly size: number;
}

/**
 * Opens what a job has written, for reading. Jobs can write there, so a pipe, a device or a link out of the
 * workflow directory may be in the file's place: that counts as no file, and is neither waited for nor shown.
 * @param file relative to the workflow directory
 * @returns undefined where there is no such file
 */
export function openOutput(directory: string, file: string): OutputFile | undefined {
  let fd: number | undefined;
  try {
    const real = realpathSync(path.join(directory, file));
    if (!real.startsWith(path.join(realpathSync(directory), path.sep))) return undefined;
    // O_NONBLOCK: opening a pipe would wait for its other end. O_NOFOLLOW: what was put there meanwhile is no
    // file, either.
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

/**
 * The pieces of an open file, as it was when it was opened: one that still grows is read no further. A piece
 * is valid until the next is asked for.
 * @param onFailure is told of a read that fails, with which the pieces end
 * @throws the signal's reason, when it is aborted
 */
export async function* piecesOf(
  { fd, size }: OutputFile,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(PIECE_BYTES);
  for (let position = 0; position < size; ) {
    signal.throwIfAborted();
    let count = 0;
    try {
      count = (await read(fd, buffer, 0, Math.min(buffer.length, size - position), position)).bytesRead;
    } catch (error) {
      onFailure(error);
    }
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}

/** The whole lines within the last bytes of a job's file; undefined where there is no such file. */
export function readEnd(
  directory: string,
  file: string,
  bytes: number,
): { lines: Buffer; isWhole: boolean } | undefined {
  const opened = openOutput(directory, file);
  if (opened === undefined) return undefined;
  try {
    const start = Math.max(0, opened.size - bytes);
    const buffer = Buffer.alloc(opened.size - start);
    const end = buffer.subarray(0, readSync(opened.fd, buffer, 0, buffer.length, start));
    return start === 0
      ? { lines: end, isWhole: true }
      : { lines: end.subarray(end.indexOf(NEWLINE) + 1 || end.length), isWhole: false };
  } finally {
    closeSync(opened.fd);
  }
}
