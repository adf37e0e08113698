import { existsSync, lstatSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { jobFiles } from "../../core/gasw/files.ts";
import { GaswError, systemCode } from "../../errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import type { WrittenJob } from "../output/own.ts";
import { leftRecords, removeLeftover } from "../output/toolFolder.ts";

/** GASW's own folders in a workflow directory, and its database's: no script's folder has their names. */
const RESERVED: ReadonlySet<string> = new Set([
  "sh",
  "out",
  "err",
  "config",
  "inv",
  "provenance",
  "jdl",
  "cache",
  "db",
  "conf",
  ".",
]);

/**
 * Number of the attempt whose streams stand where GASW looks for them: those of the first stay until the
 * directory is made ready for another one; an attempt that was never submitted has none.
 * @param attempts of one script, oldest first
 */
export function standingAttempt(
  attempts: readonly Pick<StoredJob, "attempt" | "prepared" | "submitted">[],
): number {
  return (
    (attempts.findLast(({ prepared, submitted }) => prepared || submitted !== null) ?? attempts[0])
      ?.attempt ?? 0
  );
}

/**
 * An attempt with the place of its streams: where another state file has made a later one, those stand where
 * its own have stood.
 * @param isThere whether the cluster has something of an attempt, known as submitted or not
 */
export function withStreams(
  { store }: Pick<Deps, "store">,
  workflow: StoredWorkflow,
  job: StoredJob,
  isThere: (attempt: StoredJob) => boolean,
): StoredJob & Pick<WrittenJob, "superseded"> {
  const attempts = store.jobs.attempts(workflow, job.fileName);
  const standing = standingAttempt(
    attempts.map((one) => ({ ...one, prepared: one.prepared || isThere(one) })),
  );
  return standing === job.attempt ? job : { ...job, superseded: job.attempt };
}

/** An attempt for which a workflow directory is made ready. */
export interface NextAttempt extends Pick<StoredJob, "directory" | "fileName" | "kubeName"> {
  /** All attempts of its script, oldest first. */
  readonly attempts: readonly Pick<StoredJob, "attempt" | "prepared" | "submitted" | "wrapper">[];
}

/**
 * Makes a workflow directory ready for one more attempt of a script, when no attempt of it is alive. The
 * streams of an earlier attempt are moved aside, so that the new one's stand where GASW looks for them; what
 * an earlier life of this very attempt has left goes. Jobs of 0.1.0 ran in the workflow directory, where
 * GASW's script makes a folder and never removes it: a second run would take that for a failure.
 * @throws GaswError CONFIG naming what can't be removed or moved
 */
export function clearForAttempt({ directory, fileName, kubeName, attempts }: NextAttempt): void {
  const standing = standingAttempt(attempts);
  const ranHere = attempts.some(({ submitted, wrapper }) => submitted !== null && wrapper === 0);
  const folder = ranHere ? jobFolder(directory, fileName) : undefined;
  // What can't be removed leaves the streams where they are.
  if (folder !== undefined) {
    const hint = `remove it as a user who can (rm -r -- ${folder}), then release the job: its script would fail on it`;
    attempt(`the folder ${folder} of an earlier run cannot be removed`, hint, () =>
      rmSync(folder, { recursive: true, force: true, maxRetries: 2 }),
    );
  }
  // A record that stays would be taken for the new run's; a run folder that stays does no harm.
  for (const record of leftRecords(directory).filter((left) => left.attempt === kubeName)) {
    const hint = "make that folder writable for this user, then release the job";
    attempt(
      `${path.join(directory, record.folder, record.name)} of an earlier run cannot be removed`,
      hint,
      () => removeLeftover(directory, record),
    );
  }
  const now = jobFiles(fileName);
  const aside = jobFiles(fileName, standing);
  for (const kind of ["out", "err", "appOut", "appErr"] as const) {
    const file = path.join(directory, now[kind]);
    const hint = `make ${path.dirname(file)} writable for this user, then release the job`;
    attempt(`${file} of an earlier attempt cannot be moved aside`, hint, () =>
      moveAside(file, path.join(directory, aside[kind])),
    );
  }
}

/**
 * A job's streams that stand where it is going to write, relative to the workflow directory: an earlier
 * run's, before it is submitted.
 */
export function standingStreams(directory: string, fileName: string): string[] {
  const { out, err, appOut, appErr } = jobFiles(fileName);
  return [out, err, appOut, appErr]
    .filter((file) => isThere(path.join(directory, file)))
    .map((file) => path.normalize(file));
}

/**
 * Moves an earlier run's streams aside before a first submission: what stands there afterwards is the job's
 * own.
 * @returns where they are now, relative to the workflow directory
 * @throws GaswError CONFIG naming what can't be moved
 */
export function keepOldStreams(directory: string, streams: readonly string[]): string[] {
  let number = 1;
  while (streams.some((file) => isThere(path.join(directory, oldName(file, number))))) number++;
  return streams.map((file) => {
    const hint = `make ${path.join(directory, path.dirname(file))} writable for this user, or move the file elsewhere`;
    const kept = oldName(file, number);
    attempt(`${path.join(directory, file)} of an earlier run cannot be moved aside`, hint, () =>
      renameSync(path.join(directory, file), path.join(directory, kept)),
    );
    return kept;
  });
}

function oldName(file: string, number: number): string {
  return `${file}.old-${number}`;
}

/** Whatever it is: a link that leads nowhere, too. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/**
 * The folder that a run of GASW's script has made in the workflow directory; undefined where there is none.
 */
export function jobFolder(directory: string, fileName: string): string | undefined {
  const folder = path.join(directory, fileName);
  return !RESERVED.has(fileName) && isFolder(folder) ? folder : undefined;
}

/** Words the system's refusal. */
function attempt(failure: string, hint: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    throw new GaswError("CONFIG", `${failure} (${code})`, { hint, cause });
  }
}

function moveAside(from: string, to: string): void {
  // What was moved before a crash stays as it is.
  if (existsSync(from)) renameSync(from, to);
}

/** A link is none, wherever it leads. */
function isFolder(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
