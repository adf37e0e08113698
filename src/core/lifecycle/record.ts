import type { ScriptContent, StoredRequest } from "../job.ts";
import type { DecidedStatus } from "./status.ts";
import type { Attempt } from "./step.ts";

/** What the state keeps of an attempt, as far as the life cycle changes it; times are RFC 3339 in UTC. */
export interface AttemptRecord extends Attempt {
  /** That of its stage. */
  readonly status: DecidedStatus;
  readonly key: number;
  /** Names its invocation. */
  readonly fileName: string;
  /** 0 for the first submission of the script. */
  readonly attempt: number;
  /** Uid of its Job, once it was seen. */
  readonly kubeUid: string | null;
  /** Version of the wrapper that runs its script; 0: that of 0.1.0. */
  readonly wrapper: number;
  readonly contentHash: string;
  /** What its script was when somebody last asked for it to run; null where no version has noted that. */
  readonly script: ScriptContent | null;
  readonly image: string;
  readonly request: StoredRequest;
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly pod: string | null;
  readonly node: string | null;
  /** Whether the workflow directory was made ready for this attempt. */
  readonly prepared: boolean;
  /** Whether it was asked to be submitted once more while it was active. */
  readonly replicating: boolean;
  readonly invocationId: number | null;
  readonly submitted: string | null;
  readonly started: string | null;
}

/** What a change of a job writes; what is left out stays. */
export type JobChange = Partial<Omit<AttemptRecord, "key" | "fileName" | "attempt" | "status">> & {
  /** When it ended, where the cluster has measured that; the store knows what that comes to. */
  readonly ended?: string;
  /** What its output tells, as JSON. */
  readonly output?: string | null;
  /** What the pod of a failure was last seen to be, or of one whose Job was removed at its end; as JSON. */
  readonly lastPod?: string | null;
};

/** A job once a change of it is written. */
export function changed<Job extends AttemptRecord>(job: Job, change: JobChange): Job {
  const { ended: _, output: __, lastPod: ___, ...columns } = change;
  const next = { ...job, ...columns };
  return { ...next, status: next.stage.status };
}
