import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemCode } from "../errors.ts";

/** A line that does not end within so many bytes is cut: it is shown, not searched. */
const TAIL_BYTES = 4096;
const MISSING = new Set(["ENOENT", "EACCES", "ENOTDIR", "ENAMETOOLONG"]);

/** The last lines of a text file that say something; none where it is missing or can't be read. */
export function tailLines(file: string, count: number): string[] {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    if (MISSING.has(systemCode(error) ?? "")) return [];
    throw error;
  }
  try {
    const { size } = fstatSync(handle);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const length = readSync(handle, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.toString("utf8", 0, length).split(/\r?\n/);
    const whole = size > bytes.length ? lines.slice(1) : lines;
    return whole.filter((line) => line.trim() !== "").slice(-count);
  } finally {
    closeSync(handle);
  }
}
