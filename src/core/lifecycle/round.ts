import { hasEnded, isHeld } from "../job.ts";
import { changeOf, type Objects } from "./change.ts";
import type { OwnWords } from "./decision.ts";
import { type Act, type Effect, includes, type Note } from "./effects.ts";
import type { Words } from "./giveUp.ts";
import { removing } from "./make.ts";
import { ADDED } from "./marks.ts";
import { type AttemptRecord, changed, type JobChange } from "./record.ts";
import type { Siblings } from "./signal.ts";
import { awaitsTurn, endIn, isSettled, leftOf, type Stage } from "./stage.ts";
import { cleanUp, judgeEnd, type Situation, type Step, step } from "./step.ts";
import { BLOCKED, blockerOf, isAlive, isReady, type Shown } from "./turns.ts";

/**
 * How much is decided: what the cluster shows of the jobs' ends alone; all but whose turn it is, which is
 * left to whoever holds the workflow; or everything. Or a clean-up: what becomes of the jobs whose Jobs it
 * removes.
 */
export type Extent = "ends only" | "all but turns" | "all" | "clean-up";

/** What a plan is made from beside the attempts. */
export interface PlanFacts<Job> extends Pick<Situation, "rules" | "now"> {
  readonly extent: Extent;
  /** Why a job is killed, where it is. */
  readonly kill: Words;
  /** What the cluster shows of an attempt. */
  seen(job: Job): Shown & Objects;
  /** The status of its row in the GASW database, where that was asked for; or what a person asks for. */
  signal(job: Job): string | undefined;
  /** What it has itself left of its end, where it is over. */
  own(job: Job): OwnWords | undefined;
}

/** What is written down in one transaction. */
export interface Written {
  readonly change: JobChange;
  readonly notes: readonly Note[];
}

/** What becomes of an attempt that is due: it is submitted, or it is written down what it waits for. */
interface Turn {
  readonly effects: readonly Act[];
  readonly change: JobChange;
}

/** What is planned for one attempt. */
export interface Planned<Job> {
  readonly job: Job;
  /** What it was decided from, and the decision. */
  readonly siblings: Siblings;
  readonly step: Step;
  /** Written down before anything is done. */
  readonly before: Written;
  readonly effects: readonly Act[];
  /** Its end, written down once its Job is on its way out; `job` is the attempt as it is then. */
  readonly after?: Written & { readonly job: Job };
  /** Of an attempt that is due. */
  readonly turn?: Turn | undefined;
  /** Of the attempt that is added. */
  readonly added?: Turn | undefined;
}

/**
 * Plans what is to be done for some invocations: what the cluster shows, then the signals, then what follows
 * from an end, then whose turn it is. Each attempt is decided for once, and sees what becomes of the others.
 * Pure: every change of a status, and every effect, comes from here.
 * @param attempts all attempts of these invocations; where ends alone are judged, those that go on will do
 * @returns what there is to be done or noted, in the order of the attempts
 */
export function plan<Job extends AttemptRecord>(
  attempts: readonly Job[],
  facts: PlanFacts<Job>,
): Planned<Job>[] {
  const planned = byInvocation(attempts).flatMap((invocation) => planInvocation(invocation, facts));
  const byKey = new Map(planned.map((one) => [one.job.key, one]));
  return attempts.map(({ key }) => byKey.get(key) as Planned<Job>).filter(isNews);
}

function byInvocation<Job extends AttemptRecord>(attempts: readonly Job[]): Job[][] {
  const invocations = new Map<string, Job[]>();
  for (const job of attempts) {
    const known = invocations.get(job.fileName);
    if (known === undefined) invocations.set(job.fileName, [job]);
    else known.push(job);
  }
  return [...invocations.values()];
}

function planInvocation<Job extends AttemptRecord>(
  attempts: readonly Job[],
  facts: PlanFacts<Job>,
): Planned<Job>[] {
  const company = new Company(attempts, facts);
  const begun = attempts.map((job) => begin(job, company, facts));
  const ended = begun.map((one) => end(one, company, facts));
  return facts.extent === "all" ? takeTurns(ended, company, facts) : ended;
}

/** An invocation's attempts as they stand in the midst of a plan. */
class Company<Job extends AttemptRecord> {
  readonly #facts: PlanFacts<Job>;
  readonly #standing: Map<number, Job>;
  /** Attempts that are added by the plan, by the keys of those that they follow. */
  readonly added = new Map<number, Job>();

  constructor(attempts: readonly Job[], facts: PlanFacts<Job>) {
    this.#facts = facts;
    this.#standing = new Map(attempts.map((job) => [job.key, job]));
  }

  get all(): Job[] {
    return [...this.#standing.values(), ...this.added.values()];
  }

  at({ key }: Job): Job {
    return this.#standing.get(key) as Job;
  }

  note(job: Job, { change, notes }: Written): void {
    this.#standing.set(job.key, changed(this.at(job), change));
    if (includes(notes, "addAttempt")) this.added.set(job.key, this.#following(job));
  }

  /** What the cluster shows of an attempt; nothing of one that it can't know of. */
  seen(job: AttemptRecord): Shown | undefined {
    const known = this.#standing.get(job.key);
    return known === undefined ? undefined : this.#facts.seen(known);
  }

  /** The others, once what the plan adds is written down. */
  around(job: Job): Siblings {
    const others = this.all.filter(({ key }) => key !== job.key);
    return {
      failures: others.filter(({ status }) => status === "ERROR" || status === "STALLED" || isHeld(status))
        .length,
      completed: others.some(({ status }) => status === "COMPLETED"),
      alive: others.some((other) => isAlive(other) || this.seen(other)?.isAlive === true),
      open: others.some(({ stage }) => stage.name !== "over"),
      newer: others.some(({ attempt }) => attempt > job.attempt),
    };
  }

  #following(job: Job): Job {
    const newest = Math.max(...this.all.map(({ attempt }) => attempt));
    return { ...changed(job, FRESH), key: -1 - this.added.size, attempt: newest + 1 };
  }
}

const FRESH = { ...ADDED, signal: null, reason: null, message: null } as const;

/** What is decided for one attempt, by how much is decided. */
const RULES: Readonly<Record<Extent, (situation: Situation) => Step>> = {
  "ends only": judgeEnd,
  "all but turns": step,
  all: step,
  "clean-up": ({ job }) => cleanUp(job),
};

/** Whether signals are followed, and what follows from an end. */
function follows(extent: Extent): boolean {
  return extent === "all" || extent === "all but turns";
}

/** All that is written down before a Job is removed; where none is, that is all. */
function begin<Job extends AttemptRecord>(
  job: Job,
  company: Company<Job>,
  facts: PlanFacts<Job>,
): Planned<Job> {
  const siblings = company.around(job);
  const { rules, now, extent } = facts;
  const shown = facts.seen(job);
  const own = facts.own(job);
  const situation = { job, dao: facts.signal(job), seen: shown.observation, own, siblings, rules, now };
  const whole = RULES[extent](situation);
  const first = whole.decision.removeJob ? beforeRemoval(job, whole) : whole;
  const before = { change: changeOf(job, first, shown, facts), notes: first.effects };
  company.note(job, before);
  return { job, siblings, step: first, before, effects: actsOf(job, first, extent) };
}

/**
 * The part of a step that comes before the removal of a Job: all that a signal comes to, and the end that was
 * decided, not the end itself.
 */
function beforeRemoval(job: AttemptRecord, { stage, effects, ...rest }: Step): Step {
  const isFollowed = rest.signal !== job.signal && rest.refusal === undefined;
  return {
    ...rest,
    stage: untilRemoved(job, stage),
    // A retry is decided anew at the end.
    effects: effects.filter(({ kind }) => kind === "addAttempt" && isFollowed),
  };
}

/**
 * The stage of an attempt until its Job is on its way out: what it comes to then is an end that is decided.
 */
function untilRemoved({ stage: { status } }: AttemptRecord, next: Stage): Stage {
  const isActive = status === "NOT_SUBMITTED" || status === "QUEUED" || status === "RUNNING";
  if (!isActive || !hasEnded(next.status)) return next;
  const isKilled = next.status === "DELETED" || next.status === "DELETED_REPLICA";
  return removing(status, isKilled ? next.status : "ERROR");
}

/**
 * The end of an attempt whose Job is removed, but of one that is removed to run again: that waits for the
 * next look.
 */
function end<Job extends AttemptRecord>(
  planned: Planned<Job>,
  company: Company<Job>,
  facts: PlanFacts<Job>,
): Planned<Job> {
  const { job, step: first, before, effects } = planned;
  if (!first.decision.removeJob || first.stage.name === "clearing") return withFolder(planned, before);
  const { rules, now, extent } = facts;
  const current = company.at(job);
  const siblings = company.around(current);
  const seen = { phase: "missing" } as const;
  const situation = { job: current, dao: undefined, seen, own: facts.own(job), siblings, rules, now };
  const next = follows(extent) ? step(situation) : judgeEnd(situation);
  const after = {
    job: current,
    change: changeOf(current, next, facts.seen(job), facts),
    notes: next.effects,
  };
  company.note(current, after);
  return withFolder({ ...planned, effects, after }, after);
}

/** What an attempt has left is cleared away once its end was seen to. */
function withFolder<Job>(planned: Planned<Job>, { change }: Written): Planned<Job> {
  if (change.stage === undefined || !isSettled(change.stage)) return planned;
  return { ...planned, effects: [...planned.effects, { kind: "clearRunFolder" }] };
}

/** What follows from a step outside the state. */
function actsOf(job: AttemptRecord, { decision, stage, signal }: Step, extent: Extent): Act[] {
  const acts: Act[] = [];
  const { removeJob } = decision;
  const { status } = job.stage;
  const willBeDeleted = endIn(stage) === "DELETED";
  if (follows(extent)) {
    const isKilled = status !== "DELETED" && willBeDeleted;
    const isRevived =
      endIn(job.stage) === "DELETED" && stage.status === "NOT_SUBMITTED" && signal === "RESCHEDULE";
    if (isKilled || isRevived) acts.push({ kind: "noteKill", isUndone: !isKilled });
  }
  if (removeJob) acts.push({ kind: "removeJob" });
  // A killed job's output is told as far as it goes, a replica's is not (GaswMonitor).
  const isTold = willBeDeleted && status !== "NOT_SUBMITTED";
  if (removeJob && isTold && follows(extent)) acts.push({ kind: "keepOutput" });
  if (leftOf(stage).lingers)
    acts.push({ kind: "removeKept", stage, what: isNeeded(job, stage) ? "pod" : "Job" });
  return acts;
}

/**
 * Whether an attempt's Job may be asked for what the next attempt is to be made from: the values of its
 * environment stand there alone. Without its pod it ends, and its time to live removes it.
 */
function isNeeded({ request }: AttemptRecord, { status }: Stage): boolean {
  const isFinal = status === "COMPLETED" || status === "DELETED" || status === "DELETED_REPLICA";
  return !isFinal && (request.envNames ?? []).length > 0;
}

/** Has one attempt of an invocation submitted whose turn it is, and says what keeps the others waiting. */
function takeTurns<Job extends AttemptRecord>(
  planned: readonly Planned<Job>[],
  company: Company<Job>,
  { rules, now }: PlanFacts<Job>,
): Planned<Job>[] {
  const attempts = company.all;
  const queue = { attempts, seen: (job: AttemptRecord) => company.seen(job), rules, now };
  const next = attempts.find((job) => isReady(job, company.around(job)));
  const turnOf = (job: Job | undefined): Turn | undefined => {
    if (job === undefined || !awaitsTurn(job.stage)) return undefined;
    const effects = job === next ? startOf(job) : [];
    return { effects, change: waitOf(job, blockerOf(job, queue)) };
  };
  return planned.map((one) => {
    const turn = turnOf(company.at(one.job));
    const added = turnOf(company.added.get(one.job.key));
    return { ...one, ...(turn === undefined ? {} : { turn }), ...(added === undefined ? {} : { added }) };
  });
}

function startOf({ prepared }: AttemptRecord): Act[] {
  return [...(prepared ? [] : [{ kind: "moveStreams" } as const]), { kind: "createJob" }];
}

/** What is written down of an attempt's wait, where that is news. */
function waitOf({ reason, message }: AttemptRecord, words: string | undefined): JobChange {
  if (words !== undefined) return words === message ? {} : { reason: BLOCKED, message: words };
  return reason === BLOCKED ? { reason: null, message: null } : {};
}

/** What is over, and stays as it is, is not written again. */
function isNews({ job, step: { stage }, before }: Planned<AttemptRecord>): boolean {
  return (
    !hasEnded(job.status) ||
    leftOf(stage).lingers ||
    Object.keys(before.change).length > 0 ||
    before.notes.length > 0
  );
}

/** All that is done for an attempt, and for the one that it adds. */
export function effectsOf({ before, after, effects, turn, added }: Planned<unknown>): Effect[] {
  const notes = [...before.notes, ...(after?.notes ?? [])];
  return [...notes, ...effects, ...(turn?.effects ?? []), ...(added?.effects ?? [])];
}
