import { closeSync, fstatSync, openSync, readSync } from "node:fs";
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

/** The end of a file; undefined where it is not there or can't be read. */
function tail(file: string): { text: string; isWhole: boolean } | undefined {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR", "ENAMETOOLONG"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - start);
    const count = readSync(handle, bytes, 0, bytes.length, start);
    return { text: bytes.toString("utf8", 0, count), isWhole: start === 0 };
  } finally {
    closeSync(handle);
  }
}
