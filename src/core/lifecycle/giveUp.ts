import { isInCluster } from "../job.ts";
import { ended, over, removing, seenTo } from "./make.ts";
import { type AttemptRecord, changed, type JobChange } from "./record.ts";
import { leftOf, type Stage } from "./stage.ts";

/** Why a job was given up. */
export type Words = Required<Pick<JobChange, "reason" | "message">>;

/** Whether a failure of it is to be retried yet. */
function isRetried({ name, status }: Stage): boolean {
  return name === "ended" && (status === "ERROR" || status === "STALLED");
}

/**
 * What becomes of a job that was killed from another state file: one that may be in the cluster ends when it
 * is gone from there, and what has failed, is held or waits for its turn is not run again.
 */
export function killedElsewhere({ stage }: AttemptRecord, words: Words): JobChange | undefined {
  const { name, status } = stage;
  if (status === "QUEUED" || status === "RUNNING")
    return name === "removing" && stage.end === "DELETED"
      ? undefined
      : { ...words, stage: removing(status, "DELETED") };
  if (status !== "NOT_SUBMITTED" && name !== "held" && !isRetried(stage)) return undefined;
  return { ...words, stage: ended("DELETED", leftOf(stage)) };
}

/** What becomes of a job that is written down here after it was killed from another state file. */
export const KILLED_BEFORE = {
  stage: removing("NOT_SUBMITTED", "DELETED"),
  reason: "Killed",
  message: "killed from another state file",
} as const satisfies JobChange;

/**
 * What becomes of a job once its workflow is cleaned up: a failure is not retried any more, and what was
 * written down and never submitted is forgotten where nobody else knows of it, so that its script may be
 * submitted again.
 */
export function cleanedUp({
  stage,
  delivered,
  attempt,
}: AttemptRecord & { readonly delivered: boolean }): JobChange | "forget" | undefined {
  if (stage.name === "ended" && isRetried(stage)) return { stage: seenTo(stage) };
  if (stage.status !== "NOT_SUBMITTED") return undefined;
  if (!delivered && attempt === 0) return "forget";
  const message = "given up by cleanup before it was submitted";
  return { stage: ended("DELETED"), reason: "Deleted", message };
}

/** What becomes of a job whose cluster is gone for good; undefined: it never was there. */
export function abandoned({ status }: AttemptRecord, where: string, now: Date): JobChange | undefined {
  if (!isInCluster(status)) return undefined;
  const message = `given up by cleanup --forget: it ran in ${where}`;
  return { stage: ended("DELETED"), reason: "Deleted", message, ended: now.toISOString() };
}

/** A job that a clean-up has forgotten, for those who wait for it: it never ran. */
export function forgotten<Job extends AttemptRecord>(job: Job): Job {
  return changed(job, { stage: over("DELETED") });
}
