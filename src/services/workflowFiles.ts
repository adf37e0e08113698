import { createHash } from "node:crypto";
import { accessSync, chownSync, constants, existsSync, mkdirSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import type { JobOptions, JobRequest, RunAs } from "../core/job.ts";
import { GaswError, systemCode } from "../errors.ts";

/** Longest file name of the usual file systems, in bytes (NAME_MAX). */
const MAX_FILE_NAME = 255;
/** User and group of a job whose workflow directory belongs to root: `nobody`. */
const NOBODY = 65534;

/** A script that was found to be submittable. */
export interface Script {
  readonly jobId: string;
  readonly path: string;
}

/**
 * The workflow's directory: the one named, else the one that holds the script's `sh/`, else the current one.
 * @throws GaswError USAGE when it is no directory
 */
export function workflowDirectory(named: string | undefined, scripts: readonly string[], cwd: string): string {
  const first = scripts[0];
  const directory =
    named !== undefined ? path.resolve(cwd, named) : first !== undefined ? path.dirname(path.dirname(path.resolve(cwd, first))) : cwd;
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
  if (found instanceof Error) throw refuse(reasonOf(found), "name an existing script, such as sh/Job-1.sh", found);
  if (found.isDirectory()) throw refuse("is a directory", "name the script files: sh/*.sh");
  if (!found.isFile()) throw refuse("is not a regular file", "name a script file, such as sh/Job-1.sh");
  if (path.dirname(file) !== path.join(directory, "sh") || path.dirname(path.dirname(realpathSync(file))) !== realpathSync(directory)) {
    throw refuse(
      `is not in the folder sh/ of the workflow ${directory}`,
      "jobs see their workflow's directory only: put the script there, or name its workflow with --workflow",
    );
  }
  const name = path.basename(file);
  if (!name.endsWith(".sh") || name === ".sh") throw refuse("is not named <job>.sh", "the job is named after its script: rename it");
  if (Buffer.byteLength(`${name}.out`) > MAX_FILE_NAME)
    throw refuse(`has a name too long for its output file ${MAX_FILE_NAME} bytes`, "shorten it to 251 bytes");
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw refuse(reasonOf(cause), "make it readable: chmod +r", cause);
  }
  if (found.size === 0) throw refuse("is empty", "write the commands of the job into it");
  return { jobId: name.slice(0, -".sh".length), path: file };
}

/** The request for a script: its identity and the digest that tells the same submission from another one. */
export function jobRequest(script: Script, options: JobOptions): JobRequest {
  const sorted = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const contentHash = createHash("sha256").update(JSON.stringify(sorted)).update("\0").update(readFileSync(script.path)).digest("hex");
  return { jobId: script.jobId, options, contentHash };
}

/** Owner of the workflow's directory, as whom its jobs run; nobody where that is root. */
export function ownerOf(directory: string): RunAs {
  const { uid, gid } = statSync(directory);
  return uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid };
}

/**
 * Makes `out/` and `err/` where they are missing, and checks by their mode bits that the pod's user can read the script and write its streams.
 * @throws GaswError CONFIG naming the file and the user
 */
export function checkAccess(directory: string, scripts: readonly Script[], runAs: RunAs, groups: readonly number[]): void {
  for (const folder of ["out", "err"]) makeFolder(path.join(directory, folder), runAs);
  const user: PodUser = { uid: runAs.uid, groups: [runAs.gid, ...groups] };
  const needed: [string, number, string][] = [
    [directory, 0o1, "enter"],
    [path.join(directory, "sh"), 0o1, "enter"],
    [path.join(directory, "out"), 0o3, "write"],
    [path.join(directory, "err"), 0o3, "write"],
    ...scripts.map((script): [string, number, string] => [script.path, 0o4, "read"]),
  ];
  for (const [file, mode, verb] of needed) {
    if (allows(statSync(file), user, mode)) continue;
    throw new GaswError("CONFIG", `jobs run as user ${runAs.uid}, group ${runAs.gid}, who can't ${verb} ${file}`, {
      hint: `change the owner (chown -R ${runAs.uid}:${runAs.gid} ${directory}), or set securityContext.runAsUser and runAsGroup to one who can`,
    });
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

function makeFolder(folder: string, owner: RunAs): void {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder, { recursive: true });
    if (process.getuid?.() === 0) chownSync(folder, owner.uid, owner.gid);
  } catch (cause) {
    throw new GaswError("CONFIG", `the folder ${folder} can't be made (${systemCode(cause)})`, {
      hint: "a job's streams go there: make it, writable for the jobs' user",
      cause,
    });
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
