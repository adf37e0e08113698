import type { GaswRow } from "../gaswRow/row.ts";
import { attemptId, attemptOf, hasEnded, isEnd, type StoredRequest, UNKNOWN_CONTENT } from "../job.ts";
import type { Decision } from "./decision.ts";
import { active, DUE, ended, held, over, WRITTEN } from "./make.ts";
import type { JobChange } from "./record.ts";
import type { EndStatus, Stage } from "./stage.ts";

/** An attempt's Job, as the cluster has it. */
export interface FoundJob {
  readonly id: string;
  readonly fileName: string;
  readonly kubeUid: string | null;
  readonly wrapper: number;
  readonly contentHash: string;
  readonly request: StoredRequest;
  /** RFC 3339. */
  readonly created: string | undefined;
  /** What it shows. */
  readonly decision: Decision;
}

/** All that is left of a workflow whose state file is lost. */
export interface Remains {
  readonly jobs: readonly FoundJob[];
  readonly rows: readonly GaswRow[];
  /** Base names of the scripts in the workflow directory. */
  readonly scripts: readonly string[];
  /** Whether a pod of the attempt with this id has left something in the workflow directory. */
  hasTraces(id: string): boolean;
  /** When the former owner was last heard of; undefined where nothing tells. */
  readonly servedUntil: Date | undefined;
  /** Whether what the former owner has told stands in a GASW database. */
  readonly hasDatabase: boolean;
  /** Attempts of a script that are looked for beside those that anything names. */
  readonly mostAttempts: number;
}

/** An attempt that another state file has made, as it is taken up. */
export interface FoundAttempt {
  readonly id: string;
  readonly fileName: string;
  readonly attempt: number;
  readonly contentHash: string;
  readonly request: StoredRequest;
  readonly invocationId: number | null;
  readonly stage: Stage;
  readonly prepared: boolean;
  /** When it was first heard of (RFC 3339). */
  readonly created: string | undefined;
  /** What else is known of it. */
  readonly change: JobChange;
  /** Whether the GASW database has a row of it, and whether its end was told by the former owner. */
  readonly hasRow: boolean;
  readonly isTold: boolean;
}

/** What there is of one attempt. */
interface Traces {
  readonly row?: GaswRow | undefined;
  readonly job?: FoundJob | undefined;
  readonly hasTraces: boolean;
  /** Whether its former owner may have seen its end. */
  readonly mayBeSeen: boolean;
}

/** An attempt's place among those of its script. */
interface Place {
  readonly fileName: string;
  readonly attempt: number;
  readonly isNewest: boolean;
}

const WORDS = { reason: "Adopted", message: "adopted from another state file" } as const;

/**
 * The attempts of a workflow whose state file is lost, from all that is left of them. Every script gets all its
 * attempts up to the newest that anything shows, so that retries count on. What may run is followed to its end;
 * what the former owner has told is not told again; what was only written down is not submitted by itself, but
 * for a retry, which its former owner had decided.
 * @returns in the order of scripts and attempts; scripts that have left nothing are not among them
 */
export function foundAttempts(remains: Remains): FoundAttempt[] {
  const jobs = new Map(remains.jobs.map((job) => [job.id, job]));
  const rows = new Map(remains.rows.map((row) => [row.id, row]));
  const tracesOf = (id: string): Traces => {
    const job = jobs.get(id);
    return { row: rows.get(id), job, hasTraces: remains.hasTraces(id), mayBeSeen: mayBeSeen(job, remains) };
  };
  const newest = new Map<string, number>();
  const note = (fileName: string, id: string) => {
    const attempt = attemptOf(fileName, id);
    if (attempt !== undefined) newest.set(fileName, Math.max(attempt, newest.get(fileName) ?? 0));
  };
  for (const { fileName, id } of remains.jobs) note(fileName, id);
  for (const { fileName, id } of remains.rows) note(fileName ?? id, id);
  for (const script of remains.scripts)
    for (const id of idsOf(script, remains.mostAttempts)) if (remains.hasTraces(id)) note(script, id);
  return [...newest].sort().flatMap(([fileName, last]) =>
    idsOf(fileName, last).map((id, attempt) => {
      const place = { fileName, attempt, isNewest: attempt === last };
      return foundAttempt(id, place, tracesOf(id), remains.hasDatabase);
    }),
  );
}

function mayBeSeen(job: FoundJob | undefined, { servedUntil }: Remains): boolean {
  const finished = Date.parse(job?.decision.finishedAt ?? "");
  return servedUntil === undefined || Number.isNaN(finished) || finished <= servedUntil.getTime();
}

/** The ids of a script's attempts, up to one of them. */
function idsOf(fileName: string, last: number): string[] {
  return Array.from({ length: last + 1 }, (_, attempt) => attemptId(fileName, attempt));
}

function foundAttempt(id: string, place: Place, traces: Traces, hasDatabase: boolean): FoundAttempt {
  const { row, job, hasTraces } = traces;
  const { fileName, attempt } = place;
  const { stage, isTold = false } = standing(place, traces, hasDatabase);
  const isWaiting = stage.status === "NOT_SUBMITTED";
  const invocationId = row?.invocationId ?? null;
  return {
    ...{ id, fileName, attempt, stage, isTold, invocationId },
    contentHash: job?.contentHash ?? UNKNOWN_CONTENT,
    request: { ...job?.request, ...toldRequest(row) },
    prepared: !isWaiting || hasTraces,
    created: earliest(row?.creation, row?.queued, job?.created),
    change: {
      ...WORDS,
      ...(isWaiting ? {} : runOf(traces, stage)),
      ...(job === undefined ? {} : { kubeUid: job.kubeUid, wrapper: job.wrapper }),
    },
    hasRow: row !== undefined,
  };
}

/** What its row shows of its request. */
function toldRequest(row: GaswRow | undefined): StoredRequest {
  return {
    ...(row?.command ? { command: row.command } : {}),
    ...(row?.parameters ? { parameters: row.parameters } : {}),
  };
}

function earliest(...times: readonly (string | null | undefined)[]): string | undefined {
  return times.filter((time) => (time ?? null) !== null).sort()[0] ?? undefined;
}

/** When an attempt that was submitted has run, and how it ended, as far as that is known. */
function runOf({ row, job }: Traces, stage: Stage): JobChange {
  const started = row?.running ?? job?.decision.startedAt;
  const submitted = row?.queued ?? job?.created ?? row?.creation;
  const known: JobChange = {
    ...(submitted === undefined ? {} : { submitted }),
    // An end that is known was decided by its former owner, who knew whether it had run.
    ...(started === undefined || hasEnded(stage.status) ? {} : { started }),
  };
  if (!hasEnded(stage.status)) return known;
  const exitCode = row !== undefined && row.exitCode >= 0 ? row.exitCode : job?.decision.exitCode;
  const end = row?.end ?? job?.decision.finishedAt;
  return {
    ...known,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...((end ?? null) === null ? {} : { ended: end as string }),
    ...(row?.nodeName ? { node: row.nodeName } : {}),
  };
}

/** Where an attempt is in its life, and whether its end was told. */
function standing(place: Place, traces: Traces, hasDatabase: boolean): { stage: Stage; isTold?: boolean } {
  const { row, job, hasTraces } = traces;
  const goesOn = job !== undefined && !hasEnded(job.decision.status);
  if (row !== undefined && isEnd(row.status)) {
    // A failure that runs again: its former owner had no time to tell.
    const isFailure = row.status !== "COMPLETED" && row.status !== "CANCELLED" && !isDeleted(row.status);
    if (isFailure && goesOn) return { stage: active("QUEUED") };
    return endInRow(row.status, place);
  }
  if (job !== undefined) return ofJob(job, place, traces, hasDatabase || row !== undefined);
  if (row !== undefined) return { stage: openInRow(row, place, hasTraces) };
  if (hasTraces) return { stage: active("RUNNING") };
  // Nothing is left of it, and there is a later one: it has failed.
  return { stage: over("ERROR"), isTold: true };
}

function isDeleted(status: string | null): boolean {
  return status === "DELETED" || status === "DELETED_REPLICA";
}

/** An end that its row shows was told; a failure of the newest attempt has yet to be retried, or held. */
function endInRow(
  status: EndStatus | "ERROR_HELD" | "STALLED_HELD",
  { isNewest }: Place,
): { stage: Stage; isTold: boolean } {
  switch (status) {
    case "ERROR_HELD":
    case "STALLED_HELD":
      return isNewest
        ? { stage: held(status), isTold: true }
        : { stage: over(status === "ERROR_HELD" ? "ERROR" : "STALLED"), isTold: true };
    case "ERROR":
    case "STALLED":
      return { stage: isNewest ? ended(status) : over(status), isTold: true };
    default:
      return { stage: over(status), isTold: true };
  }
}

/**
 * Where only its Job tells: the former owner has seen to the end of an attempt that another one follows, and to that
 * of one whose record it has removed; without a database, that has told it.
 */
function ofJob(
  { decision: { status }, wrapper }: FoundJob,
  { isNewest }: Place,
  { hasTraces, mayBeSeen }: Traces,
  isToldElsewhere: boolean,
): { stage: Stage; isTold?: boolean } {
  if (status === "ERROR" || status === "STALLED")
    return isNewest ? { stage: active("QUEUED") } : { stage: over(status), isTold: !isToldElsewhere };
  const isSuccess = status === "COMPLETED" || status === "CANCELLED";
  const isSeenTo = isSuccess && wrapper > 0 && !hasTraces && mayBeSeen;
  return isSeenTo && !isToldElsewhere ? { stage: over(status), isTold: true } : { stage: active("QUEUED") };
}

/** An attempt whose row shows no end, and of which the cluster has nothing. */
function openInRow({ status, running, queued }: GaswRow, { attempt }: Place, hasTraces: boolean): Stage {
  if (status === "UNHOLD_ERROR") return held("ERROR_HELD");
  if (status === "UNHOLD_STALLED") return held("STALLED_HELD");
  if (running !== null || hasTraces) return active("RUNNING");
  if (attempt > 0) return DUE;
  // Of a first attempt nobody knows what was asked for: whoever submits it again states it.
  return queued === null ? WRITTEN : active("QUEUED");
}
