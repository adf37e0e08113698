import { accessSync, constants, lstatSync, unlinkSync } from "node:fs";
import path from "node:path";
import { jobFiles, TOOL_FOLDER } from "../../core/gasw/files.ts";
import { systemCode } from "../../errors.ts";
import type { StoredJob } from "../../store/records.ts";
import { unlessAbsent, within } from "../output/heldFolder.ts";
import { type Leftover, leftovers, removeLeftover, removeToolFolder } from "../output/toolFolder.ts";
import { standingAttempt } from "../submit/attemptFiles.ts";
import { look } from "../workflow/directory.ts";

/** A stream of an attempt that another one followed, as it was when it was found. */
interface OldStream {
  readonly folder: string;
  readonly name: string;
  /** What tells it from a file that has come into its place since. */
  readonly inode: bigint;
  readonly changed: bigint;
}

/** What is left in a workflow directory of attempts that are over, and nobody reads any more. */
export interface OldFiles {
  /** `unreadable`: whether there is one cannot be told, or what is in it. */
  readonly directory: "there" | "gone" | "unreadable";
  /** Run folders and records of ends. */
  readonly leftovers: readonly Leftover[];
  readonly streams: readonly OldStream[];
}

/** Looks for what is left in a workflow directory, by the names alone that this tool gives; follows no link. */
export function findOldFiles(directory: string, attempts: readonly StoredJob[]): OldFiles {
  const state = stateOf(directory);
  if (state !== "there") return { directory: state, leftovers: [], streams: [] };
  const names = new Set(attempts.map(({ kubeName }) => kubeName));
  return {
    directory: state,
    leftovers: leftovers(directory).filter(({ attempt }) => names.has(attempt)),
    streams: [...byScript(attempts)].flatMap((one) => oldStreams(directory, one)),
  };
}

/** The paths of old files, relative to the workflow directory. */
export function pathsOf({ leftovers, streams }: OldFiles): string[] {
  return [...leftovers, ...streams].map(pathOf);
}

function pathOf({ folder, name }: { readonly folder: string; readonly name: string }): string {
  return `${folder}/${name}`;
}

/** What became of old files: paths, and of those that could not be removed the reason, too. */
export interface RemovedFiles {
  readonly removed: readonly string[];
  readonly failures: readonly string[];
}

/**
 * Removes old files as they were found, and the tool's folder where nothing is left in it.
 * @param isUnused whether nobody else makes anything in the tool's folder now
 */
export function removeOldFiles(
  directory: string,
  { leftovers, streams }: OldFiles,
  attempts: readonly StoredJob[],
  isUnused: () => boolean,
): RemovedFiles {
  const scripts = new Map(attempts.map(({ kubeName, fileName }) => [kubeName, fileName]));
  const removed: string[] = [];
  const failures: string[] = [];
  const tried = (file: string, action: () => boolean) => {
    try {
      if (action()) removed.push(file);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      if (code !== "ENOENT") failures.push(`${path.join(directory, file)} (${code})`);
    }
  };
  for (const left of leftovers)
    tried(pathOf(left), () => {
      removeLeftover(directory, left, scripts.get(left.attempt) ?? "");
      return true;
    });
  for (const stream of streams) tried(pathOf(stream), () => removeStream(directory, stream));
  tried(TOOL_FOLDER, () => {
    if (isUnused()) removeToolFolder(directory);
    return false;
  });
  return { removed, failures };
}

function stateOf(directory: string): OldFiles["directory"] {
  const found = look(directory);
  if (found instanceof Error)
    return ["ENOENT", "ENOTDIR"].includes(systemCode(found) ?? "") ? "gone" : "unreadable";
  if (!found.isDirectory()) return "gone";
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
    return "there";
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return "unreadable";
  }
}

function byScript(attempts: readonly StoredJob[]): Iterable<StoredJob[]> {
  const scripts = new Map<string, StoredJob[]>();
  for (const attempt of attempts)
    scripts.set(attempt.fileName, [...(scripts.get(attempt.fileName) ?? []), attempt]);
  return scripts.values();
}

/** The streams that were moved aside for a later attempt of a script. */
function oldStreams(directory: string, attempts: readonly StoredJob[]): OldStream[] {
  const ordered = attempts.toSorted((a, b) => a.attempt - b.attempt);
  const standing = standingAttempt(ordered);
  const superseded = ordered.filter(({ attempt }) => attempt < standing);
  return superseded.flatMap(({ fileName, attempt }) => {
    const { out, err, appOut, appErr } = jobFiles(fileName, attempt);
    return [out, err, appOut, appErr].flatMap((file) => findStream(directory, path.normalize(file)) ?? []);
  });
}

function findStream(directory: string, file: string): OldStream | undefined {
  const { dir: folder, base: name } = path.parse(file);
  return within(directory, folder, (held) => identityOf(path.join(held.path, name), { folder, name }));
}

function identityOf(file: string, place: Pick<OldStream, "folder" | "name">): OldStream | undefined {
  const found = unlessAbsent(() => lstatSync(file, { bigint: true, throwIfNoEntry: false }));
  if (found?.isFile() !== true) return undefined;
  return { ...place, inode: found.ino, changed: found.mtimeNs };
}

/** Removes a stream, unless another file has come into its place; returns whether it did. */
function removeStream(directory: string, stream: OldStream): boolean {
  const isRemoved = within(directory, stream.folder, (held) => {
    const file = path.join(held.path, stream.name);
    const now = identityOf(file, stream);
    if (now?.inode !== stream.inode || now.changed !== stream.changed) return false;
    unlinkSync(file);
    return true;
  });
  return isRemoved ?? false;
}
