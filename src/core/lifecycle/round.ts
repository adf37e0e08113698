import { hasEnded, isHeld } from "../job.ts";
import { decide, type OwnWords } from "./decide.ts";
import type { Observation } from "./observe.ts";
import type { Siblings } from "./signal.ts";
import { type Attempt, type Situation, type Step, step } from "./step.ts";

/** An attempt as a round knows it. */
export interface RoundAttempt extends Attempt {
  readonly key: number;
  /** Names its invocation. */
  readonly fileName: string;
  readonly attempt: number;
  /** Whether the workflow directory was made ready for it. */
  readonly prepared: boolean;
}

/** What a round is decided from beside its attempts. */
export interface RoundFacts<Job> extends Pick<Situation, "rules" | "now"> {
  /** What the cluster shows, and whether the attempt's pod may still run something. */
  seen(job: Job): { readonly observation: Observation; readonly isAlive: boolean };
  /** The status of its row in the GASW database, where that was asked for. */
  signal(job: Job): string | undefined;
  /** What it has itself left of its end, where it is over. */
  own(job: Job): OwnWords | undefined;
}

/** What is written down about an attempt, and what it was decided from. */
export interface Planned<Job> {
  readonly job: Job;
  readonly siblings: Siblings;
  readonly step: Step;
}

/**
 * Decides for one attempt after the other: each sees what becomes of the others. Of one whose Job is to be
 * removed, the step is what is written down before; it ends in `endRemoved`, when the Job is on its way out,
 * and goes on for the others until then.
 * @param attempts all attempts of some invocations
 * @param isMeant which of them are decided for
 */
export function decideRound<Job extends RoundAttempt>(
  attempts: readonly Job[],
  facts: RoundFacts<Job>,
  isMeant: (job: Job) => boolean = () => true,
): Planned<Job>[] {
  const { rules, now } = facts;
  const invocations = byFileName(attempts);
  return attempts.filter(isMeant).map((job) => {
    const siblings = siblingsOf(job, invocations, facts);
    const seen = facts.seen(job).observation;
    const whole = step({ job, dao: facts.signal(job), seen, own: facts.own(job), siblings, rules, now });
    const next = whole.decision.removeJob ? beforeRemoval(job, whole) : whole;
    invocations
      .get(job.fileName)
      ?.set(job.key, { ...job, status: next.decision.status, settled: next.settled });
    return { job, siblings, step: next };
  });
}

/**
 * The part of a step that comes before the removal of a Job: all that a signal comes to, and the end that was
 * decided, not the end itself.
 */
function beforeRemoval(job: Attempt, { decision, removal, effects, ...rest }: Step): Step {
  const isFollowed = rest.signal !== job.signal && rest.refusal === undefined;
  return {
    ...rest,
    decision: { ...decision, status: job.status },
    settled: job.settled,
    removal: removal ?? "ERROR",
    // A retry is decided anew at the end.
    effects: effects.filter((effect) => effect === "resubmit" && isFollowed),
  };
}

/**
 * Decides the ends of the attempts whose Jobs have just been removed, but for those that were removed to run
 * again: that waits for the next look.
 */
export function endRemoved<Job extends RoundAttempt>(
  attempts: readonly Job[],
  facts: RoundFacts<Job>,
  isRemoved: (job: Job) => boolean,
): Planned<Job>[] {
  const afterwards: RoundFacts<Job> = {
    ...facts,
    seen: (job) =>
      isRemoved(job) ? { ...facts.seen(job), observation: { phase: "missing" } } : facts.seen(job),
    signal: () => undefined,
  };
  const isEnding = ({ removal = null }: Job) => removal !== null && removal !== "NOT_SUBMITTED";
  return decideRound(attempts, afterwards, (job) => isRemoved(job) && isEnding(job));
}

/** The attempts whose turn it is to be submitted: one of an invocation. */
export function dueAttempts<Job extends RoundAttempt>(
  attempts: readonly Job[],
  facts: RoundFacts<Job>,
): Job[] {
  const { rules, now } = facts;
  const invocations = byFileName(attempts);
  const found = new Map<string, Job>();
  for (const job of attempts) {
    if (!job.due || job.status !== "NOT_SUBMITTED" || found.has(job.fileName)) continue;
    const siblings = siblingsOf(job, invocations, facts);
    const { effects } = step({
      job,
      dao: undefined,
      seen: facts.seen(job).observation,
      siblings,
      rules,
      now,
    });
    if (effects.includes("start")) found.set(job.fileName, job);
  }
  return [...found.values()];
}

/** Reason of an attempt that is due and waits for an earlier run of its script to be gone. */
export const BLOCKED = "EarlierRun";

/** Reason of an attempt that is due and can't be submitted, since somebody has deleted the namespace. */
export const NAMESPACE_GONE = "NamespaceGone";

/** The attempts that are due and not to be submitted yet, with what they wait for in words. */
export function blockedAttempts<Job extends RoundAttempt>(
  attempts: readonly Job[],
  facts: RoundFacts<Job>,
): Map<Job, string> {
  const invocations = byFileName(attempts);
  const blocked = new Map<Job, string>();
  for (const job of attempts) {
    if (!job.due || job.status !== "NOT_SUBMITTED") continue;
    const others = [...(invocations.get(job.fileName)?.values() ?? [])].filter(({ key }) => key !== job.key);
    const isInTheWay = (other: Job) => isAlive(other) || facts.seen(other).isAlive;
    // Its own earlier run, where it is to run again; a pod that shows something rather than an attempt that
    // only waits its turn.
    const own =
      job.removal === "NOT_SUBMITTED" && facts.seen(job).observation.phase !== "missing" ? job : undefined;
    const blocker = own ?? others.find((other) => facts.seen(other).isAlive) ?? others.find(isInTheWay);
    if (blocker !== undefined) blocked.set(job, `waits for ${blockerText(blocker, facts)}`);
  }
  return blocked;
}

function blockerText<Job extends RoundAttempt>(blocker: Job, { seen, rules, now }: RoundFacts<Job>): string {
  const { observation } = seen(blocker);
  const attempt = `attempt ${blocker.attempt + 1}`;
  if (observation.phase !== "waiting" && observation.phase !== "running")
    return isAlive(blocker) && !blocker.due
      ? `${attempt}, which is ${blocker.status}`
      : `${attempt} to be gone from the cluster`;
  const { pod, node } = observation;
  const place = `${pod === undefined ? "" : `, whose pod ${pod} is still there`}${node === undefined ? "" : ` on node ${node}`}`;
  // As it would be told of if it had not been given up.
  const { message } = decide({ ...blocker, status: "RUNNING", removal: null }, observation, {}, now, rules);
  return `${attempt}${place}${(message ?? "") === "" ? "" : `: ${message}`}`;
}

/** Attempts by their invocation's file name, then by key. */
type Invocations<Job> = ReadonlyMap<string, Map<number, Job>>;

function byFileName<Job extends RoundAttempt>(attempts: readonly Job[]): Invocations<Job> {
  const invocations = new Map<string, Map<number, Job>>();
  for (const job of attempts) {
    const known = invocations.get(job.fileName) ?? new Map<number, Job>();
    invocations.set(job.fileName, known.set(job.key, job));
  }
  return invocations;
}

function siblingsOf<Job extends RoundAttempt>(
  job: Job,
  invocations: Invocations<Job>,
  { seen }: RoundFacts<Job>,
): Siblings {
  const attempts = invocations.get(job.fileName)?.values() ?? [];
  const others = [...attempts].filter(({ key }) => key !== job.key);
  return {
    failures: others.filter(({ status }) => status === "ERROR" || status === "STALLED" || isHeld(status))
      .length,
    completed: others.some(({ status }) => status === "COMPLETED"),
    alive: others.some((other) => isAlive(other) || seen(other).isAlive),
    open: others.some(({ settled, status }) => !settled || isHeld(status)),
    newer: others.some(({ attempt }) => attempt > job.attempt),
  };
}

/** Whether an attempt is in the cluster or on its way there; one that only waits for its turn is not. */
function isAlive({ status, due, prepared }: RoundAttempt): boolean {
  return !hasEnded(status) && !(status === "NOT_SUBMITTED" && due && !prepared);
}
