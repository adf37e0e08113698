import type { GaswRow } from "../gaswRow/row.ts";
import { attemptId, attemptOf, hasEnded, type StoredRequest, UNKNOWN_CONTENT } from "../job.ts";
import { type FoundJob, foundStage, type Place, type Traces } from "./foundStage.ts";
import type { AttemptRecord, JobChange } from "./record.ts";
import { isSettled, type Stage } from "./stage.ts";

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

/** What is said of an attempt that is taken up. */
export const ADOPTED = { reason: "Adopted", message: "adopted from another state file" } as const;

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
  const { newest, isOf } = invocationsIn(remains);
  return [...newest].sort().flatMap(([fileName, last]) => {
    const ids = idsOf(fileName, last);
    // Its attempts are made alike: what one was asked to be is known from the Job nearest before it, or after it.
    const asked = ids.flatMap((id) => (isOf(fileName, id) ? (jobs.get(id) ?? []) : []));
    return ids.flatMap((id, attempt) => {
      if (!isOf(fileName, id)) return [];
      const place = { fileName, attempt, isNewest: attempt === last };
      const like = asked.findLast((job) => ids.indexOf(job.id) <= attempt) ?? asked[0];
      return [foundAttempt(id, place, tracesOf(id), like, remains.hasDatabase)];
    });
  });
}

/** The scripts of which anything is left, each with its newest attempt, and which ids are those of its attempts. */
function invocationsIn(remains: Remains): {
  newest: ReadonlyMap<string, number>;
  isOf: (fileName: string, id: string) => boolean;
} {
  const scripts = new Set(remains.scripts);
  // A script may be called like another one's attempt: an id is what its row or Job says, else the script's.
  const owners = new Map(remains.jobs.map(({ id, fileName }) => [id, fileName]));
  for (const { id, fileName } of remains.rows)
    if (attemptOf(fileName ?? id, id) !== undefined) owners.set(id, fileName ?? owners.get(id) ?? id);
  const isOf = (fileName: string, id: string) =>
    (owners.get(id) ?? (scripts.has(id) ? id : fileName)) === fileName;
  const newest = new Map<string, number>();
  const note = (fileName: string, id: string) => {
    const attempt = attemptOf(fileName, id);
    if (attempt !== undefined) newest.set(fileName, Math.max(attempt, newest.get(fileName) ?? 0));
  };
  for (const [id, fileName] of owners) note(fileName, id);
  for (const script of remains.scripts)
    for (const id of idsOf(script, (newest.get(script) ?? 0) + remains.mostAttempts))
      if (isOf(script, id) && remains.hasTraces(id)) note(script, id);
  return { newest, isOf };
}

function mayBeSeen(job: FoundJob | undefined, { servedUntil }: Remains): boolean {
  const finished = Date.parse(job?.decision.finishedAt ?? "");
  return servedUntil === undefined || Number.isNaN(finished) || finished <= servedUntil.getTime();
}

/** The ids of a script's attempts, up to one of them. */
function idsOf(fileName: string, last: number): string[] {
  return Array.from({ length: last + 1 }, (_, attempt) => attemptId(fileName, attempt));
}

/** @param like the Job that tells what it was asked to be */
function foundAttempt(
  id: string,
  place: Place & { readonly fileName: string },
  traces: Traces,
  like: FoundJob | undefined,
  hasDatabase: boolean,
): FoundAttempt {
  const { row, job, hasTraces } = traces;
  const { fileName, attempt } = place;
  const { stage, isTold } = foundStage(place, traces, hasDatabase);
  const isWaiting = stage.status === "NOT_SUBMITTED";
  const invocationId = row?.invocationId ?? null;
  return {
    ...{ id, fileName, attempt, stage, isTold, invocationId },
    contentHash: like?.contentHash ?? UNKNOWN_CONTENT,
    request: { ...like?.request, ...toldRequest(row) },
    prepared: !isWaiting || hasTraces,
    created: earliest(row?.creation, row?.queued, job?.created),
    change: {
      ...ADOPTED,
      // What its row tells is written there again with its next change.
      ...(row?.isReplicating && !isSettled(stage) ? { replicating: true } : {}),
      ...(row?.exitMessage && hasEnded(stage.status) ? { message: row.exitMessage } : {}),
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
  const submitted = row?.queued ?? job?.created ?? row?.creation;
  const begun = row?.running ?? row?.download ?? job?.decision.startedAt;
  // Of what the cluster has nothing, nobody knows whether it began: it is not run again by itself.
  const started = begun ?? (job === undefined ? submitted : undefined);
  const known: JobChange = {
    ...((submitted ?? null) === null ? {} : { submitted: submitted as string }),
    // That it may be retried was decided by its former owner, who knew whether it had run.
    ...((started ?? null) === null || stage.name === "ended" ? {} : { started: started as string }),
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

/** What becomes of an attempt that is known here, and whose end somebody else has told since; undefined: nothing. */
export function toldSince({ stage }: AttemptRecord, found: FoundAttempt): JobChange | undefined {
  const isOpen = !isSettled(stage) || (stage.name === "held" && found.stage.name === "over");
  return isOpen && found.hasRow && found.isTold ? { ...found.change, stage: found.stage } : undefined;
}
