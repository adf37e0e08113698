import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { lastReturnCode, stdoutReturnCode } from "../core/returnCode.ts";
import { systemCode } from "../errors.ts";

/** GASW's scripts state their return code in their last lines; a stream of any size is read from its end only. */
const TAIL_BYTES = 256 * 1024;

/** The return code that a job's output states: the one on stderr overrides the one on stdout (GaswOutputParser). */
export function readReturnCode(outFile: string, errFile: string): number | undefined {
  const err = tail(errFile);
  const out = tail(outFile);
  return (
    (err === undefined ? undefined : lastReturnCode(err.text)) ?? (out === undefined ? undefined : stdoutReturnCode(out.text, out.isWhole))
  );
}

/** The whole lines at the end of a file; undefined where it is not there, can't be read, or is no regular file. */
function tail(file: string): { text: string; isWhole: boolean } | undefined {
  let handle: number;
  try {
    // Jobs can write there: a pipe in the file's place must not make the reader wait.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "ENXIO"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) return undefined;
    const start = Math.max(0, stat.size - TAIL_BYTES);
    const bytes = Buffer.alloc(stat.size - start);
    const count = readSync(handle, bytes, 0, bytes.length, start);
    const text = bytes.toString("utf8", 0, count);
    return start === 0 ? { text, isWhole: true } : { text: text.slice(text.indexOf("\n") + 1 || text.length), isWhole: false };
  } finally {
    closeSync(handle);
  }
}
