import { type Stats, statSync } from "node:fs";
import path from "node:path";
import type { RunAs } from "../../core/job.ts";
import { GaswError, systemCode } from "../../errors.ts";

/** User and group of a job whose workflow directory belongs to root: `nobody`. */
const NOBODY = 65534;

/**
 * The workflow's directory: the one named, else the one that holds the script's `sh/`, else the current one.
 * @param way how a command has it named, for the hint
 * @throws GaswError USAGE when it is no directory
 */
export function workflowDirectory(
  named: string | undefined,
  scripts: readonly string[],
  cwd: string,
  way = "set --workflow to",
): string {
  const first = scripts[0];
  const directory =
    named !== undefined
      ? path.resolve(cwd, named)
      : first !== undefined
        ? path.dirname(path.dirname(path.resolve(cwd, first)))
        : cwd;
  const found = look(directory);
  if (found instanceof Error || !found.isDirectory()) {
    const why = found instanceof Error ? reasonOf(found) : "is not a directory";
    throw new GaswError("USAGE", `the workflow directory ${shorten(directory)} ${why}`, {
      hint: `${way} the directory that contains sh/, out/ and err/`,
      cause: found instanceof Error ? found : undefined,
    });
  }
  return directory;
}

/** Whether a directory looks like a workflow's: it has a folder `sh`. */
export function isWorkflowDirectory(directory: string): boolean {
  const scripts = look(path.join(directory, "sh"));
  return !(scripts instanceof Error) && scripts.isDirectory();
}

/** Owner of the workflow's directory, as whom its jobs run; nobody where that is root. */
export function ownerOf(directory: string): RunAs {
  const { uid, gid } = statSync(directory);
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid };
}

/** What a path leads to, or why that can't be told. */
export function look(file: string): Stats | Error {
  try {
    return statSync(file);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Words for a file that can't be used. */
export function reasonOf(error: unknown): string {
  const code = systemCode(error);
  const words: Readonly<Record<string, string>> = {
    ENOENT: "does not exist",
    EACCES: "cannot be read (permission denied)",
    ENAMETOOLONG: "has a name that is too long",
    ENOTDIR: "does not exist",
    ELOOP: "is a symbolic link loop",
  };
  return words[code ?? ""] ?? `cannot be read (${code})`;
}

/** A path that fits a line. */
export function shorten(file: string): string {
  return file.length <= 120 ? file : `${file.slice(0, 60)}…${file.slice(-50)}`;
}
