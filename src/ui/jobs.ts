import { type ContentChange, hasEnded, type LocalStatus } from "../core/job.ts";

/** One change of an attempt's status, or a remark about it. */
export interface HistoryEntry {
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly status: string;
  readonly reason: string | null;
  readonly message: string | null;
}

/** A job as `status` prints it; times are RFC 3339 in UTC, null where there is nothing to tell. */
export interface JobRecord {
  /** Names the invocation: the id that its submission printed. */
  readonly id: string;
  /** Id of the attempt, in the GASW database too; the first one's is the invocation's. */
  readonly attemptId: string;
  /** 0 for the first submission; `attemptNumber` has the number that people see. */
  readonly attempt: number;
  /** GASW's number of the invocation; null until it is known. */
  readonly invocationId: number | null;
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string | null;
  readonly kubernetesName: string;
  readonly status: string;
  /** What the user's client sees; null where the GASW database was not asked. */
  readonly daoStatus: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly pod: string | null;
  readonly node: string | null;
  readonly created: string | null;
  readonly submitted: string | null;
  readonly started: string | null;
  readonly ended: string | null;
  /** When the cluster was last asked about it. */
  readonly observed: string | null;
  /** Its changes of status, oldest first, where they are asked for. */
  readonly history?: readonly HistoryEntry[];
  /** With its history: in what a person has had it differ from the attempt before it. */
  readonly changes?: readonly ContentChange[];
}

/** Whether a job is over, whatever its end. */
export function isOver({ status }: Pick<JobRecord, "status">): boolean {
  return hasEnded(status as "COMPLETED");
}

/** One line that sums up: `3 of 6 jobs have ended: 2 COMPLETED, 1 ERROR; 3 RUNNING`. */
export function summary(jobs: readonly JobRecord[]): string {
  const ended = jobs.filter(isOver).length;
  const list = statusCounts(jobs);
  return `${ended} of ${jobs.length} jobs have ended${list === "" ? "" : `: ${list}`}`;
}

/** How many jobs are in which status: `2 COMPLETED, 1 ERROR`. */
export function statusCounts(jobs: readonly Pick<JobRecord, "status">[]): string {
  const counts = new Map<string, number>();
  for (const { status } of jobs) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}

/** What has become of jobs of which none is active, in words for people. */
const OUTCOMES: readonly (readonly [outcome: string, statuses: readonly LocalStatus[]])[] = [
  ["completed", ["COMPLETED"]],
  ["failed", ["ERROR", "STALLED"]],
  ["cancelled", ["CANCELLED", "DELETED", "DELETED_REPLICA"]],
  ["not submitted", ["NOT_SUBMITTED"]],
  ["held", ["ERROR_HELD", "STALLED_HELD"]],
];

/** How many jobs have come to what: `19 completed, 1 held`. */
export function outcomeCounts(jobs: readonly { readonly status: LocalStatus }[]): string {
  const counted = OUTCOMES.map(([outcome, statuses]) => ({
    outcome,
    count: jobs.filter(({ status }) => statuses.includes(status)).length,
  }));
  return counted
    .filter(({ count }) => count > 0)
    .map(({ outcome, count }) => `${count} ${outcome}`)
    .join(", ");
}
