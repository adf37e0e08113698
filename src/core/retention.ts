/** What a state has of a workflow, as far as that decides whether the workflow may be deleted from it. */
export interface StoredFacts {
  /** All attempts of its jobs. */
  readonly jobs: number;
  /** Those that go on. */
  readonly open: number;
  /** Those whose end has yet to be seen to: retried, held or told. */
  readonly ended: number;
  readonly held: number;
  /** Those that have ended, and whose Jobs are to go. */
  readonly lingering: number;
  /** Those of which the GASW database has yet to be told. */
  readonly undelivered: number;
  /** Whether the GASW database was ever told of one. */
  readonly isDelivered: boolean;
  /** When something of it last changed (RFC 3339). */
  readonly lastChange: string;
}

/** What else decides it. */
export interface RetentionTerms {
  /** Seconds that it must not have changed for. */
  readonly olderThan: number;
  /** Whether a GASW database is configured. */
  readonly hasDatabase: boolean;
  readonly isMonitored: boolean;
  readonly now: Date;
}

/**
 * Why a workflow stays in the state, as far as the state itself tells; undefined where nothing speaks for it.
 */
export function reasonToKeep(facts: StoredFacts, terms: RetentionTerms): string | undefined {
  const { open, ended, held, lingering, undelivered, isDelivered } = facts;
  if (terms.isMonitored) return "a monitor is running for it";
  if (open > 0) return `${count(open, "job")} ${open === 1 ? "has" : "have"} not ended`;
  if (ended > 0)
    return `the end of ${count(ended, "job")} has not been handled yet (gasw-k8s status --sync, or cleanup)`;
  if (held > 0) return `${count(held, "job")} ${held === 1 ? "is" : "are"} held (gasw-k8s release or cancel)`;
  if (lingering > 0) return `${count(lingering, "Job")} of ended jobs must still be deleted`;
  // Without a database nobody ever asks what is to be told.
  if (undelivered > 0 && (terms.hasDatabase || isDelivered))
    return `the GASW database does not have ${count(undelivered, "result")} yet (gasw-k8s status --sync)`;
  // A date that cannot be read speaks for it, too.
  const isOld = quietSeconds(facts, terms.now) >= terms.olderThan;
  return isOld ? undefined : "it has changed recently (see --older-than)";
}

/** Seconds since something of a workflow last changed; a time to come, by a clock that was wrong, counts as now. */
export function quietSeconds({ lastChange }: Pick<StoredFacts, "lastChange">, now: Date): number {
  return Math.max(0, (now.getTime() - Date.parse(lastChange)) / 1000);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
