import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { generatedFiles } from "../../core/gasw/files.ts";
import type { JobOptions, JobRequest, ScriptContent } from "../../core/job.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import { look, reasonOf, shorten } from "../workflow/directory.ts";

/** Longest file name of the usual file systems, in bytes (NAME_MAX). */
const MAX_FILE_NAME = 255;
/** A script that was found to be submittable. */
export interface Script {
  readonly jobId: string;
  readonly path: string;
  /** Whether GASW generated it: it runs in a folder of its own, and expects to write beside itself. */
  readonly isGenerated: boolean;
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
    throw refuse(reasonOf(found), "use an existing script, such as sh/Job-1.sh", found);
  if (found.isDirectory()) throw refuse("is a directory", "pass the script files: sh/*.sh");
  if (!found.isFile()) throw refuse("is not a regular file", "use a script file, such as sh/Job-1.sh");
  const [folder, real] = [path.dirname(file), realpathSync(directory)];
  const isInFolder = path.basename(folder) === "sh" && isSameDirectory(path.dirname(folder), directory);
  if (!isInFolder || path.dirname(path.dirname(realpathSync(file))) !== real) {
    throw refuse(
      `is not in sh/ of the workflow ${directory}`,
      "move the script there, or set --workflow to its workflow: jobs see only their workflow directory",
    );
  }
  const name = path.basename(file);
  if (!name.endsWith(".sh") || name === ".sh")
    throw refuse("is not named JOB.sh", "rename it: the job is named after its script");
  if (Buffer.byteLength(`${name}.out`) > MAX_FILE_NAME)
    throw refuse(
      `has too long a name for its output file (at most ${MAX_FILE_NAME} bytes)`,
      "shorten the name to 251 bytes",
    );
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw refuse(reasonOf(cause), "make it readable: chmod +r", cause);
  }
  if (found.size === 0) throw refuse("is empty", "write the job's commands into it");
  const jobId = name.slice(0, -".sh".length);
  return {
    jobId,
    path: file,
    isGenerated: generatedFiles(jobId).every((generated) => existsSync(path.join(directory, generated))),
  };
}

/** The request for a script: its identity and the digest that tells the same submission from another one. */
export function jobRequest(script: Script, options: JobOptions, { bytes, content }: ReadScript): JobRequest {
  const contentHash = createHash("sha256")
    .update(JSON.stringify(sorted(options)))
    .update("\0")
    .update(bytes)
    .digest("hex");
  return { jobId: script.jobId, options, script: content, contentHash, isGenerated: script.isGenerated };
}

/** A script's bytes, and what is kept of them. */
export interface ReadScript {
  readonly bytes: Buffer;
  readonly content: ScriptContent;
}

/** @throws the file system's error */
export function readScript(file: string): ReadScript {
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { bytes, content: { sha256, size: bytes.length, written: statSync(file).mtime.toISOString() } };
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
