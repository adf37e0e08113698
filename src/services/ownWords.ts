import { hasEnded, isHeld } from "../core/job.ts";
import { jobFiles } from "../core/jobFiles.ts";
import type { Observation } from "../core/observe.ts";
import type { KnownJob, OwnWords } from "../core/observed.ts";
import { hasOutput, type WrittenJob } from "./ownOutput.ts";
import { readReturnCode } from "./returnCode.ts";
import type { EndRecords } from "./toolFolder.ts";

/** Whether a job is over, so that its output may tell how it ended. */
export function isOver({ status, removal }: KnownJob, { phase }: Observation): boolean {
  if (hasEnded(status)) return !isHeld(status);
  const isSeen = phase === "ended" || phase === "lost";
  // What waits to be submitted, or to be run again, has no output of its own, unless its Job shows that it was submitted after all.
  if (status === "NOT_SUBMITTED") return isSeen && (removal ?? null) === null;
  return isSeen || phase === "missing";
}

/** What a job itself has left of its end; asked for only where the job is over. */
export async function ownWords(
  job: WrittenJob & { readonly kubeName: string },
  seen: Observation,
  records: EndRecords,
  signal: AbortSignal,
): Promise<OwnWords> {
  const files = jobFiles(job.fileName);
  const code = hasOutput(job) ? await readReturnCode(job.directory, files.out, files.err, signal) : undefined;
  return { code, record: recordOf(job, seen, records) };
}

/** The record of the pod that is seen; of pods that are gone, that of the one that ended last. */
export function recordOf({ kubeName }: { readonly kubeName: string }, seen: Observation, records: EndRecords): OwnWords["record"] {
  return records.of(kubeName, seen.phase === "ended" ? seen.podUid : undefined);
}
