import { readEnd } from "./file.ts";

/** A line that does not end within so many bytes is cut: it is shown, not searched. */
const TAIL_BYTES = 4096;

/**
 * The last lines of a job's file that say something; none where it is missing or can't be read.
 * @param file relative to the workflow directory
 */
export function tailLines(directory: string, file: string, count: number): string[] {
  const lines = readEnd(directory, file, TAIL_BYTES)?.lines.toString().split(/\r?\n/) ?? [];
  return lines.filter((line) => line.trim() !== "").slice(-count);
}
