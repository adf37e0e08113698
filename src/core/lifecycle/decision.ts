import type { LocalStatus } from "../job.ts";
import type { EndRecord } from "./endRecord.ts";
import type { Stage } from "./stage.ts";

/** What is known of a job before it is looked at. */
export interface KnownJob {
  readonly stage: Stage;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  /** Name of the pod that was seen last. */
  readonly pod?: string | null;
  /** When its container began to run (RFC 3339), where that was seen. */
  readonly started?: string | null;
  /** Why it waits, or how it ended, in a word and in a sentence; and its exit code, where that is known. */
  readonly reason?: string | null;
  readonly message?: string | null;
  /** Where it was seen last. */
  readonly node?: string | null;
  readonly exitCode?: number | null;
}

/** Grace per reason of waiting, in seconds; null and a missing reason mean for ever. */
export type Grace = Readonly<Record<string, number | null>>;

/**
 * Whether a failure that is not retried any more waits until somebody releases it, as in GASW, or is told as a
 * result and over.
 */
export type OnHeld = "hold" | "announce";

/** What the configuration says of waiting and of running again. */
export interface Rules {
  /** Resubmissions of an invocation (GASW's `default.retry.count`). */
  readonly retryCount: number;
  /** Whether a job that ran, and of whose end nothing is known, is submitted again as a failure is. */
  readonly retryUnknownEnd: boolean;
  /** What becomes of a failure that is not retried any more. */
  readonly onHeld: OnHeld;
  readonly pending: Grace;
  /** How long an output that has not arrived is waited for, in seconds. */
  readonly outputGrace: number;
}

/** What a job itself has left of its end in the workflow directory. */
export interface OwnWords {
  /** The return code that its output states. */
  readonly code?: number | undefined;
  /** Its wrapper's record. */
  readonly record?: EndRecord | undefined;
  /**
   * What of its output has not arrived, in words that follow "its output"; undefined: it is whole, as far as
   * can be told.
   */
  readonly late?: string | undefined;
  /** What is not as it should be in what it has left, in a sentence. */
  readonly doubt?: string | undefined;
  /** Whether the cluster's events say that its Job, which is gone, has completed. */
  readonly hasCompleted?: boolean;
}

/** What the tool makes of an observation: the job's next state, and whether its Job must go. */
export interface Decision {
  readonly status: LocalStatus;
  readonly reason?: string | null;
  readonly message?: string | null;
  readonly exitCode?: number;
  readonly pod?: string;
  readonly node?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly pendingFamily: string | null;
  readonly pendingSince: string | null;
  readonly removeJob: boolean;
  /** Whether this end was decided without all of the job's output. */
  readonly outputLate?: boolean;
  /**
   * Whether its end stands, and its Job is to be removed once that is written down: others keep its pod
   * alive.
   */
  readonly lingers?: boolean;
  /** Evidence that does not agree, in a sentence. */
  readonly warning?: string;
}
