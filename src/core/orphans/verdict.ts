import { SILENCE_S } from "../owner.ts";
import type { Facts } from "./facts.ts";
import type { WorkflowObjects } from "./group.ts";

/** What is to become of what the cluster has of a workflow. Only what is lost, or finished, is ever removed. */
export const VERDICTS = ["in use", "uncertain", "lost", "finished"] as const;

type Verdict = (typeof VERDICTS)[number];

/** What is known of a workflow beside what the cluster shows. */
export interface Evidence {
  /** Lists that could not be had whole, and might show more of it: `Jobs of namespace vip`. */
  readonly unseen: readonly string[];
  readonly namespace: "there" | "terminating" | "gone" | "unknown";
  /** What this host's state has of it. */
  readonly here: { readonly isMonitored: boolean; readonly active: number } | undefined;
  /** Whether its directory is on this host. */
  readonly directory: "there" | "gone" | "unknown";
  /** What its rows in the GASW database show; undefined where none is configured, or there are none. */
  readonly database: DatabaseEvidence | "unread" | undefined;
}

/** What a workflow's rows in the GASW database show. */
interface DatabaseEvidence {
  /** Seconds since the last date in any of them. */
  readonly quiet: number;
  /** Jobs that have not ended there. */
  readonly open: number;
}

/** A verdict and the reason for it, in words; the first that applies. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

/** A workflow that the cluster has something of, and what is to become of that. */
export interface JudgedWorkflow extends Judgement {
  readonly workflow: WorkflowObjects;
  readonly facts: Facts;
  /** Whether its directory is on this host. */
  readonly folder: Evidence["directory"];
}

/**
 * Judges whether a workflow is over or has lost its engine.
 * @param olderThan seconds without a sign of life before anything counts as left behind
 */
export function judge(facts: Facts, evidence: Evidence, olderThan: number): Judgement {
  return (
    unknowable(facts, evidence) ??
    alive(facts, evidence, olderThan) ??
    doubtful(facts) ??
    lost(facts, evidence) ?? { verdict: "finished", reason: "its jobs have ended and nobody has cleaned up" }
  );
}

function unknowable({ mismatch, quiet }: Facts, { unseen, database }: Evidence): Judgement | undefined {
  if (unseen.length > 0) return uncertain(`this account could not list ${unseen.join(", ")}`);
  if (mismatch !== undefined) return uncertain(mismatch);
  if (database === "unread") return uncertain("the GASW database could not be read");
  return quiet === undefined ? uncertain("the time of its last use is unknown") : undefined;
}

function alive(facts: Facts, { here, database }: Evidence, olderThan: number): Judgement | undefined {
  const { silence } = facts.engine ?? {};
  if (facts.engine !== undefined && silence !== undefined && silence <= SILENCE_S)
    return {
      verdict: "in use",
      reason: facts.engine.isCleaned ? "a cleanup is in progress" : "its engine is alive",
    };
  if (here?.isMonitored === true) return { verdict: "in use", reason: "a monitor on this host serves it" };
  if ((facts.quiet ?? 0) < olderThan)
    return {
      verdict: "in use",
      reason: facts.jobs.running > 0 ? `${jobs(facts.jobs.running)} running` : "it was in use not long ago",
    };
  if (typeof database === "object" && database.quiet < olderThan)
    return { verdict: "in use", reason: "its rows in the GASW database changed not long ago" };
  return undefined;
}

function doubtful({ engine, jobs: { running, waiting } }: Facts): Judgement | undefined {
  if (running > 0) return uncertain(`${jobs(running)} still running, though no engine is alive`);
  if (engine !== undefined && engine.silence === undefined)
    return uncertain("its Lease does not tell when its engine was last alive");
  if (waiting > 0 && engine === undefined)
    return uncertain(`${jobs(waiting)} waiting, and no Lease tells whether an engine is alive`);
  return undefined;
}

function lost(facts: Facts, { directory, here, namespace, database }: Evidence): Judgement | undefined {
  const { waiting } = facts.jobs;
  const reason = [
    [namespace === "gone", "its namespace is gone"],
    [directory === "gone", "its directory is gone"],
    [waiting > 0, `${jobs(waiting)} waiting, and its engine is silent`],
    [facts.engine?.isCleaned === true, "a cleanup did not finish"],
    [facts.volume !== undefined && facts.claim === undefined, "the claim of its volume is gone"],
    [facts.claim === "Lost", "the volume of its claim is gone"],
    [(here?.active ?? 0) > 0, "this host's state has active jobs of it, and the cluster has none"],
    [
      typeof database === "object" && database.open > 0,
      "the GASW database has active jobs of it, and the cluster has none",
    ],
  ].find(([holds]) => holds)?.[1];
  return reason === undefined ? undefined : { verdict: "lost", reason: String(reason) };
}

function uncertain(reason: string): Judgement {
  return { verdict: "uncertain", reason };
}

function jobs(count: number): string {
  return count === 1 ? "1 job is" : `${count} jobs are`;
}
