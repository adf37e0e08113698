import { hasEnded, isHeld } from "../core/job.ts";
import type { Observation } from "../core/observe.ts";
import type { KnownJob } from "../core/observed.ts";
import { jobFiles } from "../core/podTemplate.ts";
import { hasOutput, type WrittenJob } from "./ownOutput.ts";
import { readReturnCode } from "./returnCode.ts";

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
