import { hasEnded, isInCluster, type LocalStatus } from "../job.ts";
import { decide } from "./decide.ts";
import type { Decision, KnownJob, OwnWords, Removal, Rules } from "./decision.ts";
import type { Note } from "./effects.ts";
import type { Observation } from "./observe.ts";
import { effectOf, isSignal, type Siblings, type Signal, SUBMIT } from "./signal.ts";

/** A job before a step: what the state knows of it. */
export interface Attempt extends KnownJob {
  /** Whether its end has been seen to: retried, held, or announced. */
  readonly settled: boolean;
  /** Whether this tool itself is to submit it, as soon as no other attempt of its script is alive. */
  readonly due: boolean;
  /** The signal that was taken from its row and not acknowledged there yet. */
  readonly signal: Signal | null;
}

/** All that a step is decided from. */
export interface Situation {
  readonly job: Attempt;
  /** The row's status in the GASW database, or SUBMIT; undefined: no row exists, or the database was not read. */
  readonly dao: string | null | undefined;
  /** What the cluster shows; undefined: nobody has asked. */
  readonly seen: Observation | undefined;
  /** What the job itself has left of its end; nothing, where nobody has looked. */
  readonly own?: OwnWords | undefined;
  readonly siblings: Siblings;
  readonly rules: Rules;
  readonly now: Date;
}

/** A job after a step. */
export interface Step {
  readonly decision: Decision;
  readonly settled: boolean;
  readonly due: boolean;
  readonly removal: Removal | null;
  readonly signal: Signal | null;
  /** What is written down with it. */
  readonly effects: readonly Note[];
  /** Why a signal was not followed. */
  readonly refusal?: string;
}

/**
 * One step of a job's life cycle: first what the cluster shows, then the signal in its row, then what follows
 * from an end. Pure; every change of a status comes from here. An end that was seen wins over a signal that
 * comes with it.
 */
export function step(situation: Situation): Step {
  // What the cluster shows comes first: without it, a signal could end a job whose Job goes on.
  if (situation.seen === undefined) return unchanged(situation.job);
  const isGone = situation.seen.phase === "missing";
  const observed = asDecided(judgeEnd(situation), isGone);
  return settle(asReplica(signalled(observed, situation, isGone), situation, isGone), situation);
}

/** What the cluster alone shows of a job, and nothing that follows from it. */
export function judgeEnd({ job, dao, seen, own = {}, now, rules }: Situation): Step {
  if (seen === undefined) return unchanged(job);
  // Whoever gives a job up, or has it run again, waits for no output: an end that was seen counts.
  const isWaitOver = endsWait(dao) && dao !== job.signal;
  const decision = decide(job, seen, own, now, isWaitOver ? { ...rules, outputGrace: 0 } : rules);
  // What the cluster has accepted, though its submission was cut off before it could note that, is not
  // submitted again.
  return { ...unchanged(job), decision, due: job.due && decision.status === "NOT_SUBMITTED" };
}

function unchanged({
  status,
  pendingFamily,
  pendingSince,
  settled,
  due,
  removal = null,
  signal,
}: Attempt): Step {
  const decision = { status, pendingFamily, pendingSince, removeJob: false };
  return { decision, settled, due, removal, signal, effects: [] };
}

function endsWait(dao: string | null | undefined): boolean {
  return dao === "KILL" || dao === "KILL_REPLICA" || dao === "RESCHEDULE";
}

/**
 * An earlier decision about a job stands unless the job succeeds. It is dropped once the job runs after all,
 * or is gone.
 */
function asDecided(step: Step, isGone: boolean): Step {
  const { decision, removal, settled } = step;
  if (removal === "NOT_SUBMITTED") return isGone ? { ...step, removal: null } : step;
  if (removal === "ERROR" && decision.status === "RUNNING") return { ...step, removal: null };
  const stands = removal !== null && !settled && hasEnded(decision.status) && decision.status !== "COMPLETED";
  return stands ? withStatus(step, removal) : step;
}

/** Follows the signal in the row, once. */
function signalled(step: Step, { job, dao, siblings }: Situation, isGone: boolean): Step {
  if (dao === SUBMIT) return { ...step, due: step.due || step.decision.status === "NOT_SUBMITTED" };
  if (!isSignal(dao) || dao === job.signal) return step;
  const taken = { ...step, signal: dao };
  const effect = effectOf(dao, step.decision.status, job.settled, siblings);
  switch (effect.kind) {
    case "refuse":
      return { ...taken, refusal: effect.why };
    case "kill":
      return killed(taken, effect.end, isGone);
    case "resubmit":
      return {
        ...withStatus(taken, effect.status),
        settled: hasEnded(effect.status),
        effects: [{ kind: "addAttempt" }],
      };
    case "rerun":
      return rerun(taken, isGone);
  }
}

/**
 * Has the same attempt run again. Its Job is removed by the steps that follow: what a crash could lose is
 * written down first.
 */
function rerun(step: Step, isGone: boolean): Step {
  const { decision } = withStatus(step, "NOT_SUBMITTED");
  return {
    ...step,
    decision: { ...decision, removeJob: false },
    settled: false,
    due: true,
    removal: isGone ? null : "NOT_SUBMITTED",
  };
}

/** Gives a job up: one whose Job may be there ends when that is removed. */
function killed(step: Step, end: "DELETED" | "DELETED_REPLICA", isGone: boolean): Step {
  const isOver = hasEnded(step.decision.status);
  const { decision } = withStatus(step, end);
  return {
    ...step,
    decision: { ...decision, removeJob: decision.removeJob || (!isOver && !isGone) },
    settled: false,
    due: false,
    removal: end,
  };
}

function withStatus(step: Step, status: LocalStatus): Step {
  return { ...step, decision: { ...step.decision, status } };
}

/** An attempt of an invocation that has completed is of no more use. */
function asReplica(step: Step, { siblings }: Situation, isGone: boolean): Step {
  return siblings.completed && !hasEnded(step.decision.status)
    ? killed(step, "DELETED_REPLICA", isGone)
    : step;
}

/**
 * Sees to an end, once: success, a cancellation and a kill are told; a failure is retried, or held when it
 * was one too many.
 */
function settle(step: Step, { job, siblings, rules }: Situation): Step {
  const { status, isUnknown } = step.decision;
  if (!hasEnded(status) || step.settled) return step;
  const settled = { ...step, settled: true };
  switch (status) {
    case "ERROR":
    case "STALLED":
      // Another attempt goes on, or has done it already.
      if (siblings.completed || siblings.open) return settled;
      // It may have done its work: a second run could undo that, so a person is to say.
      if (isUnknown === true && (job.started ?? null) !== null && !rules.retryUnknownEnd)
        return withStatus(settled, "STALLED_HELD");
      // The failures before this one: GaswOutputParser counts all of the invocation and takes one off.
      if (siblings.failures < rules.retryCount)
        return { ...settled, effects: [...step.effects, { kind: "addAttempt" }] };
      return { ...withStatus(settled, status === "ERROR" ? "ERROR_HELD" : "STALLED_HELD") };
    case "COMPLETED":
      return { ...settled, effects: [...step.effects, { kind: "announce" }] };
    case "CANCELLED":
    case "DELETED":
      // The one that has completed, else the last attempt to end, speaks for the invocation.
      return siblings.completed || siblings.open
        ? settled
        : { ...settled, effects: [...step.effects, { kind: "announce" }] };
    default:
      return settled;
  }
}

/**
 * What a clean-up decides for a job whose Job it removes, which nobody has to look at for that: it is deleted
 * once that is gone.
 */
export function cleanUp(job: Attempt): Step {
  const step = unchanged(job);
  const isThere = isInCluster(job.status);
  return isThere ? { ...step, decision: { ...step.decision, removeJob: true }, removal: "DELETED" } : step;
}
