import { cleanupAt, isStageLine } from "../../core/output/lines.ts";
import { readEnd } from "./file.ts";

/** Bytes at the end of a file in which its last words are looked for: a script may say more as it cleans up. */
const TAIL_BYTES = 64 * 1024;
/** A longer line (bytes) is cut: it is shown, not searched. */
const LINE_BYTES = 4096;

/**
 * The last lines of a job's file that say something: not GASW's markers, nor what its scripts print as they clean up;
 * none where it is missing or can't be read.
 * @param file relative to the workflow directory
 */
export function tailLines(directory: string, file: string, count: number): string[] {
  const end = readEnd(directory, file, TAIL_BYTES)?.lines ?? Buffer.alloc(0);
  const lines = end.subarray(0, cleanupAt(end)).toString().split(/\r?\n/);
  return lines
    .filter((line) => line.trim() !== "" && !isStageLine(line))
    .slice(-count)
    .map((line) => line.slice(-LINE_BYTES));
}
