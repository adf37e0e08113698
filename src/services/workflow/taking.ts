/** How a workflow is made sure of as this state file's own. */
export interface Taking {
  /** Whether the Lease is made where there is none. */
  readonly makes: boolean;
  /** Whether it is not asked for where it was renewed a moment ago. */
  readonly trusts: boolean;
  /** Whether a takeover is told. */
  readonly announces: boolean;
  /** Whether an owner that is silent is followed. */
  readonly follows: boolean;
  /** Whether an owner that is alive is followed, too, which stops when it speaks next. */
  readonly forces: boolean;
  /** Whether the workflow is taken over for good: the owner before keeps off, should it come back. */
  readonly adopts: boolean;
}

/** What holds where nothing else is said. */
export const TAKING: Taking = {
  makes: true,
  trusts: true,
  announces: true,
  follows: true,
  forces: false,
  adopts: false,
};
