import { lastReturnCode, stdoutReturnCode } from "../core/returnCode.ts";
import { readEnd } from "./outputFile.ts";

/** GASW's scripts state their return code in their last lines; a stream of any size is read from its end only. */
const TAIL_BYTES = 256 * 1024;

/**
 * The return code that a job's output states: the one on stderr overrides the one on stdout (GaswOutputParser).
 * @param outFile relative to the workflow directory, as is errFile
 */
export function readReturnCode(directory: string, outFile: string, errFile: string): number | undefined {
  const err = readEnd(directory, errFile, TAIL_BYTES);
  const out = readEnd(directory, outFile, TAIL_BYTES);
  return (
    (err === undefined ? undefined : lastReturnCode(err.text)) ?? (out === undefined ? undefined : stdoutReturnCode(out.text, out.isWhole))
  );
}
