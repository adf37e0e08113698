import type { LocalStatus, StoredRequest, Workflow } from "../core/job.ts";
import type { JobChange } from "../core/lifecycle/record.ts";
import type { JobRow } from "./columns.ts";

/** A workflow as the state knows it. */
export interface StoredWorkflow extends Workflow, Keyed {}

/** What has a row of its own: a workflow or a job. */
export interface Keyed {
  readonly key: number;
}

/** Which cluster a workflow's objects are in, as the state knows it. */
export interface Placement {
  /**
   * `unknown`: recorded by a version that did not note the cluster; `nowhere`: nothing of it is in any
   * cluster.
   */
  readonly state: "unknown" | "nowhere" | "bound";
  /** Uid of the cluster's namespace kube-system; null where the account may not read it. */
  readonly clusterUid: string | null;
  /** Uid of the claim of the workflow's directory. */
  readonly claimUid: string | null;
  /** How the cluster was reached, for messages. */
  readonly server: string | null;
  readonly context: string | null;
}

/** A workflow's Lease as this state file has written it last; times are RFC 3339. */
export interface LeaseNote {
  /** Null where this state file has never owned the workflow. */
  readonly uid: string | null;
  /** When it was made, by the API server's clock. */
  readonly created: string | null;
  /** Null where somebody has changed it since. */
  readonly version: string | null;
  /** When it was renewed, by this host's clock. */
  readonly renewed: string | null;
  /** When the account was found to have no right to it. */
  readonly denied: string | null;
}

/** A job as the state knows it; times are RFC 3339 in UTC. */
export interface StoredJob extends JobRow {
  /** Id of its workflow. */
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string;
}

/** A job as a decision was made from it: it is carried out only while the job is still so. */
export type Decided = Pick<StoredJob, "key" | "stage"> & Partial<Pick<StoredJob, "signal">>;

/** What an attempt that is added has of its own; what is left out is that of the one before it. */
export type OwnContent = Partial<
  Pick<StoredJob, "contentHash" | "script" | "image" | "invocationId" | "stage">
>;

/** What one look at a job comes to in the state. */
export interface JobUpdate {
  readonly job: Decided & Pick<StoredJob, "fileName">;
  readonly change: JobChange;
  /** One more attempt of its invocation, with this request. */
  readonly resubmit?: StoredRequest | undefined;
  /** What else that attempt has of its own. */
  readonly own?: OwnContent | undefined;
  /** Whether its invocation is over. */
  readonly announce?: boolean;
  /** A remark for its history that goes with no change of status. */
  readonly remark?: { readonly reason: string; readonly message: string } | undefined;
}

/** A job as it is written down before anything is made for it. */
export type NewIntent = Pick<
  StoredJob,
  "id" | "kubeName" | "contentHash" | "image" | "request" | "prepared"
> &
  Partial<Pick<StoredJob, "script">>;

/** A job that the GASW database has yet to be told of. */
export interface OutboxEntry {
  readonly seq: number;
  readonly job: StoredJob;
  readonly output: string | null;
}

/** What the GASW database was told of a job. */
export interface Acknowledgement {
  readonly seq: number;
  readonly job: StoredJob;
  readonly invocationId: number;
  /** Whether its row shows its signal no more. */
  readonly isAnswered: boolean;
}

/** An invocation that is over, and the attempt that speaks for it as it was when that was found. */
export interface Result extends ToldJob, Pick<StoredJob, "started"> {
  readonly kind: "result";
}

/** A job that was held, or released from that, as it was then. */
export interface HoldEvent extends ToldJob, Pick<StoredJob, "reason"> {
  readonly kind: "held" | "released";
}

/** What readers are told. */
export type Told = Result | HoldEvent;

/** What they are told of any job. */
interface ToldJob
  extends Pick<
    StoredJob,
    | "id"
    | "fileName"
    | "workflow"
    | "namespace"
    | "directory"
    | "invocationId"
    | "status"
    | "message"
    | "created"
    | "ended"
  > {
  readonly cursor: number;
  /** The last exit code of the job itself. */
  readonly ownExitCode: number | null;
  readonly output: string | null;
}

/** Who holds a workflow's synchronisation. */
export interface Holder {
  /** For others to read. */
  readonly words: string;
  /** Whether it keeps the workflow up to date as long as it holds it. */
  readonly isMonitor: boolean;
}

/** One entry of a job's history. */
export interface Transition {
  readonly at: string;
  readonly status: LocalStatus;
  readonly reason: string | null;
  readonly message: string | null;
}
