import { statSync } from "node:fs";
import path from "node:path";
import { hasEnded, isHeld } from "../core/job.ts";
import type { Observation } from "../core/observe.ts";
import type { KnownJob } from "../core/observed.ts";
import { jobFiles } from "../core/podTemplate.ts";
import { systemCode } from "../errors.ts";
import { readReturnCode } from "./returnCode.ts";

/** How far the file server's clock may be behind this host's. */
const CLOCK_TOLERANCE_MS = 60_000;

/** A job whose output may be looked at. */
interface WrittenJob {
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

/** Whether a job is over, so that its output may tell how it ended. */
export function isOver({ status, removal }: KnownJob, { phase }: Observation): boolean {
  if (hasEnded(status)) return !isHeld(status);
  const isSeen = phase === "ended" || phase === "lost";
  // What waits to be submitted, or to be run again, has no output of its own, unless its Job shows that it was submitted after all.
  if (status === "NOT_SUBMITTED") return isSeen && (removal ?? null) === null;
  return isSeen || phase === "missing";
}

/** The return code in a job's own output; asked for only where the job is over. */
export async function recordedCode(job: WrittenJob, signal: AbortSignal): Promise<number | undefined> {
  if (!hasOutput(job)) return undefined;
  const files = jobFiles(job.fileName);
  return await readReturnCode(job.directory, files.out, files.err, signal);
}
