import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GaswError, systemCode } from "../../errors.ts";

/**
 * Finds out whether a file can be written, and replaced, before there is anything to be written.
 * @throws GaswError USAGE
 */
export function checkPlace(file: string): void {
  const folder = path.dirname(file);
  try {
    const draft = draftOf(file);
    writeFileSync(draft, "");
    rmSync(draft);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new GaswError("USAGE", `--metrics-file: there is no directory ${folder}`, {
        hint: "create the directory, or name a file in another one",
        cause,
      });
    throw new GaswError("USAGE", `--metrics-file: ${file} cannot be written (${code})`, {
      hint: `make the directory ${folder} writable for this user, or name a file in another one`,
      cause,
    });
  }
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw new GaswError("USAGE", `--metrics-file: ${file} is not a regular file`, {
      hint: "name a file in an existing directory",
    });
}

/** What is in the file; nothing where there is none, or none that can be read. */
export function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return "";
  }
}

/**
 * Puts a file in the place of another: whoever reads it meanwhile gets one of the two whole.
 * @throws GaswError FAILURE
 */
export function replaceFile(file: string, text: string): void {
  const draft = draftOf(file);
  try {
    writeFileSync(draft, text);
    renameSync(draft, file);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    rmSync(draft, { force: true });
    throw new GaswError("FAILURE", `the metrics could not be written to ${file} (${code})`, {
      hint: "the sweep itself is not affected; run it again once the file can be written",
      cause,
    });
  }
}

/** Beside the file, and not named as the node exporter's collector wants its files named (`*.prom`). */
function draftOf(file: string): string {
  return `${file}.${process.pid}`;
}
