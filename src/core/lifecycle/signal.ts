import type { Stage } from "./stage.ts";

/**
 * What other programs write into a job's row to have something done with it (GASW's GaswMonitor handles them
 * in this order).
 */
export const SIGNALS = [
  "REPLICATE",
  "KILL_REPLICA",
  "KILL",
  "RESCHEDULE",
  "UNHOLD_ERROR",
  "UNHOLD_STALLED",
] as const;

export type Signal = (typeof SIGNALS)[number];

export function isSignal(status: string | null | undefined): status is Signal {
  return (SIGNALS as readonly (string | null | undefined)[]).includes(status);
}

/**
 * What a person asks for with a job that was written down and never submitted: that this tool submits it. No
 * row shows that.
 */
export const SUBMIT = "SUBMIT";

/** The other attempts of a job's invocation. */
export interface Siblings {
  /** Those in ERROR, STALLED, ERROR_HELD or STALLED_HELD. */
  readonly failures: number;
  /** Whether one is COMPLETED. */
  readonly completed: boolean;
  /** Whether one has not ended, or its pod is still there. */
  readonly alive: boolean;
  /** Whether one goes on: its end has not been seen to yet, or it waits to be released. */
  readonly open: boolean;
  /** Whether one was made after this one. */
  readonly newer: boolean;
}

/** What a signal comes to. */
export type SignalEffect =
  /** The job is to be deleted and ends so. */
  | { readonly kind: "kill"; readonly end: "DELETED" | "DELETED_REPLICA" }
  /** The invocation is submitted once more, when no attempt of it is alive. */
  | { readonly kind: "resubmit" }
  /** The same attempt runs again. */
  | { readonly kind: "rerun" }
  /** Nothing is done, and why. */
  | { readonly kind: "refuse"; readonly why: string };

const TOO_LATE = "the job had already ended";

/** What a signal comes to for a job in a stage, once the cluster was looked at. */
export function effectOf(signal: Signal, stage: Stage, siblings: Siblings): SignalEffect {
  const { status } = stage;
  switch (signal) {
    case "KILL":
    case "KILL_REPLICA":
      return canBeKilled(stage)
        ? { kind: "kill", end: signal === "KILL" ? "DELETED" : "DELETED_REPLICA" }
        : { kind: "refuse", why: TOO_LATE };
    case "REPLICATE":
      if (siblings.newer) return { kind: "refuse", why: "a newer attempt already exists" };
      if (status === "COMPLETED" || siblings.completed) return { kind: "refuse", why: "it has completed" };
      return { kind: "resubmit" };
    case "RESCHEDULE":
      if (status === "NOT_SUBMITTED") return { kind: "refuse", why: "it is not submitted yet" };
      if (status === "COMPLETED" || siblings.completed) return { kind: "refuse", why: "it has completed" };
      if (siblings.newer) return { kind: "refuse", why: "a newer attempt already exists" };
      return { kind: "rerun" };
    case "UNHOLD_ERROR":
    case "UNHOLD_STALLED":
      if (stage.name === "held") return { kind: "resubmit" };
      return { kind: "refuse", why: isOverFailed(stage, siblings) ? OVER_FAILED : "it is not held" };
  }
}

/** Why a failure that was told, or that a clean-up has given up, is not released. */
const OVER_FAILED = "it has failed and is over, not held: `gasw-k8s retry` runs it again";

/** Whether an invocation is over with the failure of this attempt. */
export function isOverFailed(
  { name, status }: Stage,
  { newer, completed }: Pick<Siblings, "newer" | "completed">,
): boolean {
  return name === "over" && (status === "ERROR" || status === "STALLED") && !newer && !completed;
}

/**
 * A failure that is to be retried, or that waits to be released, can be given up; what ended otherwise, or
 * was retried, can't.
 */
function canBeKilled({ name, status }: Stage): boolean {
  if (name === "ended") return status === "ERROR" || status === "STALLED";
  return name !== "over";
}
