import type { RowStatus } from "../lifecycle/status.ts";

/**
 * A row of GASW's table `Jobs` (`fr.insalyon.creatis.gasw.bean.Job`). Times are RFC 3339 in UTC; null where
 * there is none.
 */
export interface GaswRow {
  readonly id: string;
  /** The workflow's id. */
  readonly simulationId: string | null;
  /** As found: another program may have written a word that GASW does not know. */
  readonly status: string | null;
  readonly isReplicating: boolean;
  readonly isBeingKilled: boolean;
  /** -1 until it is known. */
  readonly exitCode: number;
  readonly exitMessage: string | null;
  readonly creation: string | null;
  readonly queued: string | null;
  readonly download: string | null;
  readonly running: string | null;
  readonly upload: string | null;
  /** Column `end_e`. */
  readonly end: string | null;
  readonly nodeSite: string | null;
  readonly nodeName: string | null;
  readonly command: string | null;
  /** The script's base name: ties the attempts of one invocation together. */
  readonly fileName: string | null;
  readonly parameters: string | null;
  readonly executor: string | null;
  readonly invocationId: number;
}

/**
 * What this tool changes of a row that is there; the other columns belong to whoever made it, and so does the
 * request unless it was corrected.
 */
export type RowChange = Partial<
  Pick<
    GaswRow,
    | "isReplicating"
    | "isBeingKilled"
    | "exitCode"
    | "exitMessage"
    | "queued"
    | "download"
    | "running"
    | "upload"
    | "end"
    | "nodeSite"
    | "nodeName"
    | "command"
    | "parameters"
    | "invocationId"
  >
> & { readonly status?: RowStatus };

/** A row that is to be made. */
export type NewRow = GaswRow & { readonly status: RowStatus };

/** A machine that ran a job, as its output describes it; a row of the table `Nodes`. */
export interface NodeFacts {
  readonly site: string;
  readonly name: string;
  readonly cpus?: number;
  readonly cpuModel?: string;
  readonly cpuMhz?: number;
  readonly cacheKb?: number;
  readonly bogomips?: number;
  readonly memoryKb?: number;
}

/** A file that a job downloaded or uploaded; a row of the table `Data`, linked by `job_data`. */
export interface Datum {
  readonly path: string;
  readonly type: "Input" | "Output";
}

/** GASW's minor statuses (`GaswMinorStatus`), stored by name, as a job's stages bring them about here. */
export type MinorStatus = "Started" | "Background" | "Inputs" | "Application" | "Outputs" | "Finished";

/** What belongs to a job's row in the other tables. What is left out is left alone. */
export interface RowFacts {
  /** Made or brought up to date before the job's row names it. */
  readonly node?: NodeFacts;
  /** Replaces the job's links to data. */
  readonly data?: readonly Datum[];
  /** Those that the job does not have yet are added; times are RFC 3339. */
  readonly minorStatuses?: readonly { readonly status: MinorStatus; readonly at: string }[];
}

/** One write to the GASW database. */
export type RowWrite =
  /** Adds a row, unless one of that id is there. */
  | {
      readonly kind: "insert";
      readonly row: NewRow;
      readonly facts?: RowFacts;
    }
  /**
   * Changes a row of the workflow's, unless its status is no longer the one that the decision was made from.
   */
  | {
      readonly kind: "update";
      readonly id: string;
      readonly ifStatus: string | null;
      readonly change: RowChange;
      readonly facts?: RowFacts;
    };
