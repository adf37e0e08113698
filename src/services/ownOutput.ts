import { statSync } from "node:fs";
import path from "node:path";
import { jobFiles } from "../core/jobFiles.ts";
import { systemCode } from "../errors.ts";

/** How far the file server's clock may be behind this host's. */
const CLOCK_TOLERANCE_MS = 60_000;

/** A job whose output may be looked at. */
export interface WrittenJob {
  readonly fileName: string;
  readonly directory: string;
  /** RFC 3339 time at which its submission was written down; undefined where this host did not submit it. */
  readonly created?: string | undefined;
}

/** Whether the job's output is there, and is not what an earlier life of the workflow left. */
export function hasOutput({ fileName, directory, created }: WrittenJob): boolean {
  try {
    const { mtimeMs } = statSync(path.join(directory, jobFiles(fileName).out));
    return created === undefined || mtimeMs >= Date.parse(created) - CLOCK_TOLERANCE_MS;
  } catch (error) {
    // What a job has put in place of its output, or a file server that does not answer, is no output.
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}
