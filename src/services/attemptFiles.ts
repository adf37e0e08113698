import { existsSync, lstatSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { jobFiles } from "../core/podTemplate.ts";

/** GASW's own folders in a workflow directory, and its database's: no script's folder has their names. */
const RESERVED: ReadonlySet<string> = new Set(["sh", "out", "err", "config", "inv", "provenance", "jdl", "cache", "db", "conf", "."]);

/**
 * Makes a workflow directory ready for one more attempt of a script, when no attempt of it is alive. GASW's script makes a folder of its own
 * and never removes it; a second run that finds it empties the whole workflow directory (its EXIT trap). The streams of the attempt before
 * are moved aside, so that the new one's stand where GASW looks for them.
 * @param previous number of the attempt whose streams are there
 */
export function clearForAttempt(directory: string, fileName: string, previous: number): void {
  const now = jobFiles(fileName);
  const aside = jobFiles(fileName, previous);
  for (const kind of ["out", "err", "appOut", "appErr"] as const) moveAside(directory, now[kind], aside[kind]);
  const folder = path.join(directory, fileName);
  if (RESERVED.has(fileName) || !isFolder(folder)) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: 2 });
}

function moveAside(directory: string, from: string, to: string): void {
  // What was moved before a crash stays as it is.
  if (existsSync(path.join(directory, from))) renameSync(path.join(directory, from), path.join(directory, to));
}

/** A link is none, wherever it leads. */
function isFolder(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
