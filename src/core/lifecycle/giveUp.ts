import { isHeld, isInCluster } from "../job.ts";
import { decided } from "./make.ts";
import type { AttemptRecord, JobChange } from "./record.ts";

/** Why a job was given up. */
export type Words = Required<Pick<JobChange, "reason" | "message">>;

/** Whether a failure of it is to be retried yet. */
function isRetried({ status, settled }: Pick<AttemptRecord, "status" | "settled">): boolean {
  return !settled && (status === "ERROR" || status === "STALLED");
}

/**
 * What becomes of a job that was killed from another state file: one that may be in the cluster ends when it
 * is gone from there, and what has failed, is held or waits for its turn is not run again.
 */
export function killedElsewhere(job: AttemptRecord, words: Words): JobChange | undefined {
  const { status, removal } = job;
  if (isInCluster(status))
    return removal === "DELETED" ? undefined : { ...words, removal: "DELETED", due: false };
  if (status !== "NOT_SUBMITTED" && !isHeld(status) && !isRetried(job)) return undefined;
  return { ...words, status: decided("DELETED"), removal: "DELETED", due: false, settled: false };
}

/** What becomes of a job that is written down here after it was killed from another state file. */
export const KILLED_BEFORE = {
  removal: "DELETED",
  due: false,
  reason: "Killed",
  message: "killed from another state file",
} as const satisfies JobChange;

/**
 * What becomes of a job once its workflow is cleaned up: a failure is not retried any more, and what was
 * written down and never submitted is forgotten where nobody else knows of it, so that its script may be
 * submitted again.
 */
export function cleanedUp(
  job: AttemptRecord & { readonly delivered: boolean },
): JobChange | "forget" | undefined {
  if (isRetried(job)) return { settled: true };
  if (job.status !== "NOT_SUBMITTED") return undefined;
  if (!job.delivered && job.attempt === 0) return "forget";
  const message = "given up by cleanup before it was submitted";
  return { status: decided("DELETED"), reason: "Deleted", message, due: false };
}

/** What becomes of a job whose cluster is gone for good; undefined: it never was there. */
export function abandoned({ status }: AttemptRecord, where: string, now: Date): JobChange | undefined {
  if (!isInCluster(status)) return undefined;
  const message = `given up by cleanup --forget: it ran in ${where}`;
  return { status: decided("DELETED"), reason: "Deleted", message, ended: now.toISOString() };
}

/** A job that a clean-up has forgotten, for those who wait for it: it never ran. */
export function forgotten<Job extends AttemptRecord>(job: Job): Job {
  return { ...job, status: decided("DELETED"), settled: true };
}
