import { hasEnded } from "../job.ts";
import { decide } from "./decide.ts";
import type { Decision, KnownJob, OwnWords, Rules } from "./decision.ts";
import type { Note } from "./effects.ts";
import { isUnknownEnd } from "./judge.ts";
import { active, CLEARING, DUE, ended, held, leaving, over, removing, seenTo } from "./make.ts";
import type { Observation } from "./observe.ts";
import { effectOf, isSignal, type Siblings, type Signal, SUBMIT } from "./signal.ts";
import { leftOf, type Stage } from "./stage.ts";

/** A job before a step: what the state knows of it. */
export interface Attempt extends KnownJob {
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

/** What a decision tells beside the stage. */
type Facts = Omit<Decision, "status" | "lingers" | "outputLate">;

/** A job after a step. */
export interface Step {
  readonly stage: Stage;
  /** What else is written down of it, and whether its Job is to be removed. */
  readonly decision: Facts;
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
  return { ...unchanged(job), decision, stage: stageAs(job.stage, decision) };
}

/**
 * The stage that a look at an attempt comes to. What the cluster has accepted, though its submission was cut
 * off before it could note that, is not submitted again.
 */
function stageAs(stage: Stage, { status, lingers = false, outputLate = false }: Decision): Stage {
  if (hasEnded(stage.status)) return leaving(stage, { lingers });
  switch (status) {
    case "NOT_SUBMITTED":
    case "ERROR_HELD":
    case "STALLED_HELD":
      return stage;
    case "QUEUED":
    case "RUNNING":
      return stage.name === "removing" ? removing(status, stage.end) : active(status);
    default:
      return ended(status, { lingers, outputLate }, stage.name === "removing" ? stage.end : null);
  }
}

function unchanged({ stage, pendingFamily, pendingSince, signal }: Attempt): Step {
  return { stage, decision: { pendingFamily, pendingSince, removeJob: false }, signal, effects: [] };
}

function endsWait(dao: string | null | undefined): boolean {
  return dao === "KILL" || dao === "KILL_REPLICA" || dao === "RESCHEDULE";
}

/**
 * An earlier decision about a job stands unless the job succeeds. It is dropped once the job runs after all,
 * or is gone.
 */
function asDecided(step: Step, isGone: boolean): Step {
  const { stage } = step;
  switch (stage.name) {
    case "clearing":
      return isGone ? { ...step, stage: DUE } : step;
    case "removing":
      return stage.end === "ERROR" && stage.status === "RUNNING"
        ? { ...step, stage: active("RUNNING") }
        : step;
    case "ended":
      return stage.noted === null || stage.status === "COMPLETED"
        ? step
        : { ...step, stage: ended(stage.noted, stage) };
    default:
      return step;
  }
}

/** Follows the signal in the row, once. */
function signalled(step: Step, { job, dao, siblings }: Situation, isGone: boolean): Step {
  if (dao === SUBMIT) return step.stage.name === "written" ? { ...step, stage: DUE } : step;
  if (!isSignal(dao) || dao === job.signal) return step;
  const taken = { ...step, signal: dao };
  const effect = effectOf(dao, step.stage, siblings);
  switch (effect.kind) {
    case "refuse":
      return { ...taken, refusal: effect.why };
    case "kill":
      return killed(taken, effect.end, isGone);
    case "resubmit":
      return { ...taken, stage: released(step.stage), effects: [{ kind: "addAttempt" }] };
    case "rerun":
      return rerun(taken, isGone);
  }
}

/** What an attempt is once another one takes its place: an end of it has been seen to by that. */
function released(stage: Stage): Stage {
  switch (stage.name) {
    case "held":
      return over(stage.status === "ERROR_HELD" ? "ERROR" : "STALLED", stage);
    case "ended":
      return seenTo(stage);
    default:
      return stage;
  }
}

/**
 * Has the same attempt run again. Its Job is removed by the steps that follow: what a crash could lose is
 * written down first.
 */
function rerun(step: Step, isGone: boolean): Step {
  return { ...step, stage: isGone ? DUE : CLEARING, decision: { ...step.decision, removeJob: false } };
}

/** Gives a job up: one whose Job may be there ends when that is removed. */
function killed(step: Step, end: "DELETED" | "DELETED_REPLICA", isGone: boolean): Step {
  const { stage, decision } = step;
  const removeJob = decision.removeJob || (!hasEnded(stage.status) && !isGone);
  return { ...step, stage: ended(end, leftOf(stage)), decision: { ...decision, removeJob } };
}

/** An attempt of an invocation that has completed is of no more use. */
function asReplica(step: Step, { siblings }: Situation, isGone: boolean): Step {
  return siblings.completed && !hasEnded(step.stage.status) ? killed(step, "DELETED_REPLICA", isGone) : step;
}

/**
 * Sees to an end, once: success, a cancellation and a kill are told; a failure is retried, or held (or told)
 * when it was one too many.
 */
function settle(step: Step, { job, siblings, rules }: Situation): Step {
  const { stage } = step;
  if (stage.name !== "ended") return step;
  const settled = { ...step, stage: seenTo(stage) };
  switch (stage.status) {
    case "ERROR":
    case "STALLED":
      // Another attempt goes on, or has done it already.
      if (siblings.completed || siblings.open) return settled;
      // It may have done its work: a second run could undo that, so a person is to say.
      if (mayHaveRun(step, job) && !rules.retryUnknownEnd) return heldBack(step, stage, rules);
      // The failures before this one: GaswOutputParser counts all of the invocation and takes one off.
      if (siblings.failures < rules.retryCount)
        return { ...settled, effects: [...step.effects, { kind: "addAttempt" }] };
      return heldBack(step, stage, rules);
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

/** A failure that is not retried any more waits for a person; or its invocation is over, and that is told. */
function heldBack(step: Step, stage: Extract<Stage, { name: "ended" }>, { onHeld }: Rules): Step {
  if (onHeld === "announce")
    return { ...step, stage: seenTo(stage), effects: [...step.effects, { kind: "announce" }] };
  return { ...step, stage: held(stage.status === "ERROR" ? "ERROR_HELD" : "STALLED_HELD", stage) };
}

/** Whether an attempt has begun, and nothing tells what has become of it. */
function mayHaveRun({ stage, decision }: Step, job: Attempt): boolean {
  if (stage.status !== "STALLED" || (job.started ?? decision.startedAt ?? null) === null) return false;
  return isUnknownEnd({
    exitCode: decision.exitCode ?? job.exitCode,
    reason: decision.reason ?? job.reason,
  });
}

/**
 * What a clean-up decides for a job whose Job it removes, which nobody has to look at for that: it is deleted
 * once that is gone.
 */
export function cleanUp(job: Attempt): Step {
  const step = unchanged(job);
  const { status } = job.stage;
  if (status !== "QUEUED" && status !== "RUNNING") return step;
  return { ...step, stage: removing(status, "DELETED"), decision: { ...step.decision, removeJob: true } };
}
