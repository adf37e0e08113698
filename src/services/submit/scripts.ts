import { createHash } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
} from "node:fs";
import path from "node:path";
import { END_FOLDER, generatedFiles, RUN_FOLDER, TOOL_FOLDER } from "../../core/gasw/files.ts";
import type { JobOptions, JobRequest, RunAs, ScriptContent } from "../../core/job.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError, systemCode } from "../../errors.ts";

/** Longest file name of the usual file systems, in bytes (NAME_MAX). */
const MAX_FILE_NAME = 255;
/** User and group of a job whose workflow directory belongs to root: `nobody`. */
const NOBODY = 65534;
/** Folders of a job's streams, within the workflow's directory. */
const STREAM_FOLDERS = ["out", "err"];

/** A script that was found to be submittable. */
export interface Script {
  readonly jobId: string;
  readonly path: string;
  /** Whether GASW generated it: it runs in a folder of its own, and expects to write beside itself. */
  readonly isGenerated: boolean;
}

/**
 * The workflow's directory: the one named, else the one that holds the script's `sh/`, else the current one.
 * @throws GaswError USAGE when it is no directory
 */
export function workflowDirectory(
  named: string | undefined,
  scripts: readonly string[],
  cwd: string,
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
      hint: "name the directory that holds sh/, out/ and err/ with --workflow",
      cause: found instanceof Error ? found : undefined,
    });
  }
  return directory;
}

/** Whether a directory looks like a workflow's: it has a folder `sh`. */
export function isWorkflowDirectory(directory: string): boolean {
  return statSync(path.join(directory, "sh"), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Checks a script: directly in the workflow's `sh/`, named `<job>.sh`, a readable file that is not empty.
 * @throws GaswError USAGE
 */
export function checkScript(script: string, directory: string, cwd: string): Script {
  const file = path.resolve(cwd, script);
  const refuse = (why: string, hint: string, cause?: unknown) =>
    new GaswError("USAGE", `script ${shorten(script)} ${why}`, { hint, cause });
  const found = look(file);
  if (found instanceof Error)
    throw refuse(reasonOf(found), "name an existing script, such as sh/Job-1.sh", found);
  if (found.isDirectory()) throw refuse("is a directory", "name the script files: sh/*.sh");
  if (!found.isFile()) throw refuse("is not a regular file", "name a script file, such as sh/Job-1.sh");
  const [folder, real] = [path.dirname(file), realpathSync(directory)];
  const isInFolder = path.basename(folder) === "sh" && isSameDirectory(path.dirname(folder), directory);
  if (!isInFolder || path.dirname(path.dirname(realpathSync(file))) !== real) {
    throw refuse(
      `is not in the folder sh/ of the workflow ${directory}`,
      "jobs see their workflow's directory only: put the script there, or name its workflow with --workflow",
    );
  }
  const name = path.basename(file);
  if (!name.endsWith(".sh") || name === ".sh")
    throw refuse("is not named <job>.sh", "the job is named after its script: rename it");
  if (Buffer.byteLength(`${name}.out`) > MAX_FILE_NAME)
    throw refuse(`has a name too long for its output file ${MAX_FILE_NAME} bytes`, "shorten it to 251 bytes");
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw refuse(reasonOf(cause), "make it readable: chmod +r", cause);
  }
  if (found.size === 0) throw refuse("is empty", "write the commands of the job into it");
  const jobId = name.slice(0, -".sh".length);
  return {
    jobId,
    path: file,
    isGenerated: generatedFiles(jobId).every((generated) => existsSync(path.join(directory, generated))),
  };
}

/** The request for a script: its identity and the digest that tells the same submission from another one. */
export function jobRequest(script: Script, options: JobOptions): JobRequest {
  const { bytes, content } = readScript(script.path);
  const contentHash = createHash("sha256")
    .update(JSON.stringify(sorted(options)))
    .update("\0")
    .update(bytes)
    .digest("hex");
  return { jobId: script.jobId, options, script: content, contentHash, isGenerated: script.isGenerated };
}

/**
 * A script's bytes, and what is kept of them.
 * @throws the file system's error
 */
export function readScript(file: string): { readonly bytes: Buffer; readonly content: ScriptContent } {
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { bytes, content: { sha256, size: bytes.length, written: statSync(file).mtime.toISOString() } };
}

/** Owner of the workflow's directory, as whom its jobs run; nobody where that is root. */
export function ownerOf(directory: string): RunAs {
  const { uid, gid } = statSync(directory);
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid };
}

/**
 * An object as its entries in the order of their keys, at every depth: the order in which options are given
 * means nothing.
 */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => [key, sorted(field)]);
}

/**
 * Makes `out/` and `err/` where they are missing.
 * @throws GaswError CONFIG
 */
export function makeStreamFolders(directory: string, owner: RunAs): void {
  for (const folder of STREAM_FOLDERS) makeOwnedFolder(path.join(directory, folder), owner);
}

/**
 * Checks by mode bits that the pod's user can read the script and write its streams; folders that are yet to
 * be made are left out.
 * @throws GaswError CONFIG naming the file and the user
 */
export function checkAccess(
  directory: string,
  scripts: readonly Script[],
  runAs: RunAs,
  groups: readonly number[],
): void {
  const user: PodUser = { uid: runAs.uid, groups: [runAs.gid, ...groups] };
  // GASW's script ends with 22 where it can write nothing beside itself.
  const writesBeside = scripts.some(({ isGenerated }) => isGenerated);
  const needed: [string, number, string][] = [
    writesBeside ? [directory, 0o3, "write"] : [directory, 0o1, "enter"],
    [path.join(directory, "sh"), 0o1, "enter"],
    ...[...STREAM_FOLDERS, TOOL_FOLDER, RUN_FOLDER, END_FOLDER]
      .map((folder) => path.join(directory, folder))
      .filter((folder) => existsSync(folder))
      .map((folder): [string, number, string] => [folder, 0o3, "write"]),
    ...scripts.map((script): [string, number, string] => [script.path, 0o4, "read"]),
  ];
  for (const [file, mode, verb] of needed) {
    if (allows(statSync(file), user, mode)) continue;
    throw new GaswError(
      "CONFIG",
      `jobs run as user ${runAs.uid}, group ${runAs.gid}, who can't ${verb} ${file}`,
      {
        hint: `change the owner (chown -R ${runAs.uid}:${runAs.gid} ${directory}), or set securityContext.runAsUser and runAsGroup to one who can`,
      },
    );
  }
}

interface PodUser {
  readonly uid: number;
  readonly groups: readonly number[];
}

/** POSIX file access permissions: the owner's bits, else the group's, else the others'. */
function allows(stat: Stats, { uid, groups }: PodUser, wanted: number): boolean {
  if (uid === 0) return true;
  const shift = stat.uid === uid ? 6 : groups.includes(stat.gid) ? 3 : 0;
  return ((stat.mode >> shift) & wanted) === wanted;
}

/**
 * Makes a folder where it is missing; it is its owner's from the first moment on, since other processes may
 * look at it.
 * @throws GaswError CONFIG
 */
export function makeOwnedFolder(folder: string, owner: RunAs): void {
  if (existsSync(folder)) return;
  try {
    const made = mkdtempSync(`${folder}.`);
    giveTo(made, owner);
    moveInto(made, folder);
  } catch (cause) {
    if (cause instanceof GaswError) throw cause;
    throw new GaswError("CONFIG", `the folder ${folder} can't be made (${systemCode(cause)})`, {
      hint: "jobs write there: make it, writable for the jobs' user",
      cause,
    });
  }
}

/**
 * Gives a new folder to its owner: that very folder, since a job may have put a link, or a folder of its own,
 * in its place.
 */
function giveTo(made: string, owner: RunAs): void {
  const fd = openSync(made, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).uid !== process.geteuid?.())
      throw new GaswError("CONFIG", `${made} was replaced`, { hint: "submit again" });
    fchmodSync(fd, 0o755);
    if (process.getuid?.() === 0) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
}

/** Gives a new folder its name, unless another process was faster. */
function moveInto(made: string, folder: string): void {
  try {
    renameSync(made, folder);
  } catch (error) {
    rmdirSync(made);
    if (!existsSync(folder)) throw error;
  }
}

function look(file: string): Stats | Error {
  try {
    return statSync(file);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const code = systemCode(error);
  const words: Readonly<Record<string, string>> = {
    ENOENT: "does not exist",
    EACCES: "can't be read (permission denied)",
    ENAMETOOLONG: "has a name that is too long",
    ENOTDIR: "does not exist",
    ELOOP: "is a loop of links",
  };
  return words[code ?? ""] ?? `can't be read (${code})`;
}

/** A path that fits a line. */
function shorten(file: string): string {
  return file.length <= 120 ? file : `${file.slice(0, 60)}…${file.slice(-50)}`;
}
