/** All statuses of GASW (`fr.insalyon.creatis.gasw.execution.GaswStatus`), as they are stored. */
export const GASW_STATUSES = [
  "CANCELLED",
  "CANCELLED_REPLICA",
  "COMPLETED",
  "CREATED",
  "DELETED",
  "DELETED_REPLICA",
  "ERROR",
  "ERROR_HELD",
  "KILL",
  "KILL_REPLICA",
  "NOT_SUBMITTED",
  "QUEUED",
  "REPLICATE",
  "RESCHEDULE",
  "RUNNING",
  "STALLED",
  "STALLED_HELD",
  "SUCCESSFULLY_SUBMITTED",
  "UNDEFINED",
  "UNHOLD_ERROR",
  "UNHOLD_STALLED",
] as const;

export type GaswStatus = (typeof GASW_STATUSES)[number];

/** The local statuses of a job that is not over; the index on active jobs has this very list. */
export const ACTIVE_STATUSES = [
  "NOT_SUBMITTED",
  "QUEUED",
  "RUNNING",
] as const satisfies readonly GaswStatus[];

/** The local statuses of a job that is over. */
const ENDS = [
  "COMPLETED",
  "ERROR",
  "STALLED",
  "ERROR_HELD",
  "STALLED_HELD",
  "CANCELLED",
  "DELETED",
  "DELETED_REPLICA",
] as const satisfies readonly GaswStatus[];

/**
 * The statuses in which this tool may hold a job locally.
 * @public for scripts/generate-lifecycle-docs.mjs
 */
export const LOCAL_STATUSES = [...ACTIVE_STATUSES, ...ENDS] as const;

export type LocalStatus = (typeof LOCAL_STATUSES)[number];

/** Whether a job in this status is over and changes no more by itself. */
export function hasEnded(status: LocalStatus): boolean {
  return !(ACTIVE_STATUSES as readonly LocalStatus[]).includes(status);
}

/** Whether the cluster has accepted a job in this status, and may have something of it yet. */
export function isInCluster(status: string | null): boolean {
  return status === "QUEUED" || status === "RUNNING";
}

/** Whether a word from a job's row is a status in which a job is over. */
export function isEnd(status: string | null): status is (typeof ENDS)[number] {
  return (ENDS as readonly (string | null)[]).includes(status);
}

/** Whether a job has failed so often that it waits to be released. */
export function isHeld(status: string | null | undefined): boolean {
  return status === "ERROR_HELD" || status === "STALLED_HELD";
}

/** Id of an attempt: the first is called like its script, the n-th resubmission `<file name>-r<n>`. */
export function attemptId(fileName: string, attempt: number): string {
  return attempt === 0 ? fileName : `${fileName}-r${attempt}`;
}

/** Which attempt of a script has an id, counted as in the id; undefined: none. */
export function attemptOf(fileName: string, id: string): number | undefined {
  const attempt = Number(id.slice(attemptId(fileName, 1).length - 1));
  return attemptId(fileName, attempt) === id ? attempt : undefined;
}

/**
 * The number that people see of an attempt: the first is 1. What programs read (JSON, ids, names of files)
 * counts resubmissions, so the first is 0 there.
 */
export function attemptNumber({ attempt }: { readonly attempt: number }): number {
  return attempt + 1;
}

/** Id of the attempt that has a number, as people see it. */
export function numberedAttemptId(fileName: string, number: number): string {
  return attemptId(fileName, number - 1);
}

/** Characters of a job's id in a sentence. */
const NAME_LENGTH = 80;

/** Some jobs in a sentence. */
export function nameJobs([first = "", ...others]: readonly string[]): string {
  const name = first.length > NAME_LENGTH ? `${first.slice(0, NAME_LENGTH)}…` : first;
  return `job ${name}${others.length > 0 ? ` (and ${others.length} more)` : ""}`;
}

/** One run of an engine, in one directory. */
export interface Workflow {
  /** Base name of the directory. */
  readonly id: string;
  /** Absolute path, as the engine sees it. */
  readonly directory: string;
  readonly namespace: string;
}

/**
 * The options of one submission, as the request itself states them; what it leaves out comes from the
 * configuration.
 */
export interface JobOptions {
  readonly image?: string;
  /** Kubernetes quantity. */
  readonly cpu?: string;
  /** Kubernetes quantity. */
  readonly cpuLimit?: string;
  /** Kubernetes quantity. */
  readonly memory?: string;
  /** Kubernetes quantity. */
  readonly ephemeralStorage?: string;
  readonly gpu?: number;
  /** Amounts of extended resources, by their names. */
  readonly resource?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds that the pod may be active. */
  readonly timeout?: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly gracePeriod?: number;
  /** Kueue local queue. */
  readonly queue?: string;
  readonly invocationId?: number;
  readonly command?: string;
  readonly parameters?: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
}

/**
 * What is kept of a submission's options, for its resubmissions: of its environment, whose values may be
 * secret, the names alone.
 */
export type StoredRequest = Omit<JobOptions, "env"> & {
  readonly envNames?: readonly string[];
  /** Nodes on which an earlier attempt failed and that are to be avoided. */
  readonly avoidNodes?: readonly string[];
  /**
   * What the GASW database may have been told of submissions that the cluster did not accept and that this
   * one corrects.
   */
  readonly corrects?: readonly ToldRequest[];
  /** In what it differs from the attempt before it, where somebody has asked for that. */
  readonly changes?: readonly ContentChange[];
};

/** One thing in which an attempt differs from the one before it. */
export interface ContentChange {
  /** An option's name without dashes, with the key where it has several (`env THREADS`), or a script. */
  readonly name: string;
  /** What it was, and what it is; absent where that is not shown, as an environment's values never are. */
  readonly from?: string;
  readonly to?: string;
}

/** What a job's row in the GASW database shows of its request. */
export interface ToldRequest {
  readonly command: string | null;
  readonly parameters: string | null;
  /** Null where it is not known. */
  readonly invocationId: number | null;
}

export function storedRequest({ env, ...options }: JobOptions): StoredRequest {
  return env === undefined ? options : { ...options, envNames: Object.keys(env) };
}

/** What a script holds, told without its text: enough to find that it has changed, and to say how. */
export interface ScriptContent {
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** When it was last written, by its file system (RFC 3339). */
  readonly written: string;
}

/** A script to be run as one job. */
export interface JobRequest {
  /** The script's base name without `.sh`, and for a resubmission its number. */
  readonly jobId: string;
  /** The script's base name without `.sh`; without it, the job's id. */
  readonly fileName?: string;
  /** Nodes that the job must not run on. */
  readonly avoidNodes?: readonly string[];
  /** Whether GASW generated the script: it runs in a folder of its own. */
  readonly isGenerated?: boolean;
  readonly options: JobOptions;
  /** What the script was when this was asked for; absent where nobody has read it. */
  readonly script?: ScriptContent;
  /** Hash of the script's bytes and of the options: tells the same submission from another one. */
  readonly contentHash: string;
}

/** The content of a submission of which only its traces are known: whoever submits it again states it. */
export const UNKNOWN_CONTENT = "";

/** Owner of the processes in a job's pod. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}
