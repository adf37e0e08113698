import { type GaswStatus, hasEnded, type LocalStatus } from "../../../src/core/job.ts";
import type { Rules } from "../../../src/core/lifecycle/decision.ts";
import { type Act, EFFECT_PHASES, effectKinds, includes, type Note, type Phase } from "../../../src/core/lifecycle/effects.ts";
import { ACCEPTED, ADDED, MADE_READY, UNSUBMITTABLE } from "../../../src/core/lifecycle/marks.ts";
import { changed, type JobChange } from "../../../src/core/lifecycle/record.ts";
import { type Extent, type PlanFacts, type Planned, plan, type Written } from "../../../src/core/lifecycle/round.ts";
import { nextStatus, shownStatus } from "../../../src/core/lifecycle/shown.ts";
import { isSignal, type Signal } from "../../../src/core/lifecycle/signal.ts";
import { endIn, isSameStage, isSettled, type Stage } from "../../../src/core/lifecycle/stage.ts";
import { step } from "../../../src/core/lifecycle/step.ts";
import { unsubmittable } from "../../../src/core/lifecycle/unsubmittable.ts";
import type { Cut } from "./lifecycleCuts.ts";
import { isLive, NONE, type Outcome, observe, WAITING } from "./lifecycleKube.ts";
import { FRESH, fileOf, type One } from "./lifecycleOne.ts";

export const RETRIES = 2;
const NOW = new Date("2026-01-02T03:04:05Z");
const RULES: Rules = { retryCount: RETRIES, retryUnknownEnd: false, onHeld: "hold", pending: { InvalidImageName: 0 }, outputGrace: 90 };
/** The ends that an invocation is told with, and those that are told instead of being held. */
const TOLD = { hold: ["COMPLETED", "CANCELLED", "DELETED"], announce: ["COMPLETED", "CANCELLED", "DELETED", "ERROR", "STALLED"] };

/** The process has died. */
class Died extends Error {}

/** Thrown when a rule is broken, with what has happened up to then. */
class Broken extends Error {}

/** One invocation with its attempts, its rows and its part of the cluster, as the services keep it. */
export class World {
  readonly attempts: One[] = [];
  readonly log: string[] = [];
  /** Whether whoever waits for the invocation has been told, since a person last had it run again. */
  announced = false;
  /** Attempts that a person has asked for. */
  asked = 0;
  /** Whether somebody has given up an attempt as a replica, of which nobody is told. */
  killedAsReplica = false;

  readonly #rules: Rules;

  constructor(first: { readonly isMade: boolean; readonly row: string | null | undefined }, { onHeld }: Pick<Rules, "onHeld"> = RULES) {
    this.#rules = { ...RULES, onHeld };
    this.#add({ row: first.row === undefined ? undefined : { status: first.row, isNew: false } });
    if (first.isMade) this.#set(0, { kube: WAITING });
  }

  at(index: number): One {
    return this.attempts[index % this.attempts.length] as One;
  }

  /** The engine's own submission, which makes what is not there. */
  submit(): void {
    const first = this.at(0);
    if (first.stage.name !== "written") return;
    this.#set(0, { ...ACCEPTED, ...(first.kube.kind === "none" ? { kube: WAITING } : {}) });
  }

  /** The cluster goes on with a pod. */
  evolve(index: number, to: "waiting" | "waiting too long" | "running" | "ended" | "lost" | "gone", outcome: Outcome): void {
    const { kube, attempt } = this.at(index);
    if (to === "gone") this.#set(attempt, { kube: NONE, doomed: false });
    else if (!isLive(kube)) return;
    else if (to === "ended") this.#set(attempt, { kube: { kind: "ended", outcome }, file: outcome.file });
    else if (to === "running" || to === "lost") this.#set(attempt, { kube: { kind: to } });
    else if (kube.kind === "waiting") this.#set(attempt, { kube: { kind: "waiting", tooLong: to === "waiting too long" } });
  }

  /** Somebody writes a signal into a row. The same word over one that was taken and still stands is that very signal. */
  signal(index: number, signal: Signal): void {
    const { row, attempt, signal: known } = this.at(index);
    if (row === undefined) return;
    const isNew = known !== signal && (row.status !== signal || row.isNew);
    this.#set(attempt, { row: { status: signal, isNew } });
  }

  dropRow(index: number): void {
    this.#set(this.at(index).attempt, { row: undefined });
  }

  /** `status`: what the cluster shows, and nothing that follows from it. */
  refresh(cut: Cut): void {
    const attempts = this.attempts.filter(({ status }) => !hasEnded(status));
    this.#carryOut(attempts, this.#look(new Map(), "ends only"), cut);
  }

  /** One round of a synchronisation: signals, the cluster, what follows, and, by the same look, the attempts whose turn it is. */
  round(cut: Cut, extent: Extent = "all"): void {
    const signals = new Map(this.attempts.flatMap(({ key, row }) => (isSignal(row?.status) ? [[key, row.status] as const] : [])));
    if (signals.size === 0 && this.attempts.every(({ stage }) => isSettled(stage))) return;
    this.#carryOut([...this.attempts], this.#look(signals, extent), cut);
  }

  /** The rows are brought up to the attempts. */
  deliver(cut: "nowhere" | "before noting" | "overtaken", signal: Signal): void {
    for (const { attempt, row, ...one } of this.attempts) {
      const status = row === undefined ? shownStatus(one.status) : nextStatus(one, row.status);
      if (cut === "overtaken" && row !== undefined) {
        // The write is made from what was read, and finds something else.
        this.signal(attempt, signal);
        if (this.at(attempt).row?.status !== row.status) continue;
      }
      this.#show(attempt, status);
      if (cut === "before noting") continue;
      if (one.signal !== null && (row === undefined || status !== undefined || !isSignal(row.status))) this.#set(attempt, { signal: null });
    }
  }

  /** Whether nothing is left to be done, by whomsoever. */
  get isAtRest(): boolean {
    return (
      this.attempts.every(({ stage, status, row, signal }) => isSettled(stage) && row?.status === status && signal === null) &&
      this.live.length === 0
    );
  }

  /** Attempts whose pod may run something. */
  get live(): One[] {
    return this.attempts.filter(({ kube }) => isLive(kube));
  }

  /** Another command looks a little later and writes first. */
  #overtake(): void {
    for (const { attempt, kube } of this.attempts) if (kube.kind === "waiting") this.#set(attempt, { kube: { kind: "running" } });
    this.refresh("nowhere");
  }

  /** Whether an attempt is as it was when it was looked at: only then is written what that came to. */
  #isStill({ attempt, stage, signal }: One): boolean {
    const now = this.at(attempt);
    return isSameStage(now.stage, stage) && now.signal === signal;
  }

  /** What the cluster shows now, of attempts too that are made later. */
  #look(signals: ReadonlyMap<number, Signal>, extent: Extent): PlanFacts<One> {
    const kubes = this.attempts.map(({ kube }) => kube);
    return {
      rules: this.#rules,
      now: NOW,
      extent,
      kill: { reason: "Killed", message: "killed by somebody" },
      seen: ({ key }) => ({ observation: observe(kubes[key] ?? NONE), isAlive: isLive(kubes[key] ?? NONE) }),
      signal: ({ key }) => signals.get(key),
      own: (job) => ({ code: fileOf(job) }),
    };
  }

  /** Whatever a step was decided from comes to the same again, once that is written. */
  #checkAgain({ job, siblings, step: next }: Planned<One>, facts: PlanFacts<One>): void {
    const { stage, decision, signal, effects } = next;
    const after = { ...job, ...decision, stage, signal };
    const others = includes(effects, "addAttempt") ? { ...siblings, newer: true, open: true } : siblings;
    const situation = {
      rules: this.#rules,
      now: NOW,
      dao: facts.signal(job),
      seen: facts.seen(job).observation,
      own: { code: fileOf(job) },
      siblings: others,
    };
    const again = step({ ...situation, job: after });
    // What is to be removed may come to an end of its own before.
    const isSame = decision.removeJob ? isEndOf(again.stage, endIn(stage)) : isSameStage(again.stage, stage) && again.effects.length === 0;
    if (!isSame || again.refusal !== undefined)
      this.#break(`the same step again goes on: ${JSON.stringify({ job, siblings, next, again })}`);
  }

  /** Carries a plan out as the services do, in the order of its effects. */
  #carryOut(attempts: readonly One[], facts: PlanFacts<One>, cut: Cut): void {
    const planned = plan(attempts, facts);
    if (facts.extent !== "ends only") for (const one of planned) this.#checkAgain(one, facts);
    if (cut === "overtaken") this.#overtake();
    if (!planned.every(({ job }) => this.#isStill(job))) return;
    try {
      this.#write(
        planned.map(({ before }) => before),
        cut,
        () => void planned.map((one) => this.#begin(one)),
      );
      this.#stopped = false;
      this.#execute("ending", planned, cut);
      if (cut === "overtaken while removing") this.#overtake();
      this.#end(attempts, planned, cut);
      this.#execute("following", planned, cut);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
  }

  /** Writes things down in one transaction; a process may die before it, or after it, for every kind of note in it. */
  #write(written: readonly Written[], cut: Cut, action: () => void): void {
    const kinds = written.flatMap(({ notes }) => notes.map(({ kind }) => kind));
    if (kinds.some((kind) => cut === `before ${kind}`)) throw new Died();
    action();
    if (kinds.some((kind) => cut === `after ${kind}`)) throw new Died();
  }

  #execute(phase: Phase, planned: readonly Planned<One>[], cut: Cut): void {
    for (const kind of effectKinds().filter((one) => EFFECT_PHASES[one] === phase)) {
      for (const { job, effects, turn, added } of planned) {
        const own = [...effects, ...(turn?.effects ?? [])].map((effect) => ({ effect, at: job.attempt }));
        // Nobody else adds one while a plan is carried out here.
        const others = (added?.effects ?? []).map((effect) => ({ effect, at: this.attempts.length - 1 }));
        for (const { effect, at } of [...own, ...others].filter((one) => one.effect.kind === kind)) {
          if (this.#stopped) return;
          if (cut === `before ${kind}`) throw new Died();
          const note = this.#executors[effect.kind](at, cut);
          if (cut === `after ${kind}`) throw new Died();
          note?.();
        }
      }
    }
  }

  /** Each answers what is written down of it. */
  readonly #executors: { readonly [Kind in Act["kind"]]: (at: number, cut: Cut) => (() => void) | undefined } = {
    noteKill: () => undefined,
    removeJob: (at, cut) => {
      const isRefused = cut === "no removal succeeds" || (cut === "one removal fails" && !this.#hasRefused);
      this.#hasRefused = isRefused;
      if (isRefused) this.#stopped = true;
      else this.#remove(at);
      return undefined;
    },
    keepOutput: () => undefined,
    removeKept: () => this.#break("nobody else keeps a pod here"),
    clearRunFolder: () => undefined,
    moveStreams: (at, cut) => {
      if (cut === "unsubmittable") return this.#unsubmittable(at);
      this.#set(at, { file: undefined });
      return () => this.#set(at, MADE_READY);
    },
    createJob: (at, cut) => {
      if (cut === "unsubmittable") return this.#unsubmittable(at);
      if (this.live.length > 0) this.#break("two attempts at once");
      this.#set(at, { kube: WAITING });
      return () => this.#set(at, ACCEPTED);
    },
  };

  /** Something was refused: nothing more is done for the invocation. */
  #stopped = false;
  #hasRefused = false;

  #unsubmittable(at: number): undefined {
    this.#apply(this.at(at), unsubmittable(UNSUBMITTABLE, "no image", this.#rules));
    this.#stopped = true;
  }

  /** Writes down what a decision comes to before anything is done. */
  #begin({ job: one, step: next, before }: Planned<One>): void {
    const { stage, signal, effects, refusal } = next;
    const isRerun = stage.status === "NOT_SUBMITTED" && one.status !== "NOT_SUBMITTED";
    const isFollowed = signal !== one.signal;
    if (isFollowed) this.#follow(one, refusal ?? endIn(stage));
    const isTaken = isFollowed && refusal === undefined;
    const asksForMore = isTaken && signal !== null && MAKE_ANOTHER.includes(signal);
    if (asksForMore !== (isTaken && includes(effects, "addAttempt")))
      this.#break(`${signal} is followed, and comes to ${JSON.stringify(effects)}`);
    // Somebody has it run again.
    if (isTaken && (asksForMore || isRerun)) this.announced = false;
    if (asksForMore) this.asked++;
    this.#apply(one, before);
  }

  /** Writes down the ends of the attempts whose Jobs were removed, unless the invocation has changed since. */
  #end(attempts: readonly One[], planned: readonly Planned<One>[], cut: Cut): void {
    const ends = planned.flatMap(({ after }) => (after === undefined ? [] : [after]));
    if (ends.length === 0 || this.#stopped) return;
    const known = new Map(attempts.map((job) => [job.key, job]));
    for (const { job, before } of planned) known.set(job.key, changed(job, before.change));
    const isStill = [...known.values()].every((one) => this.#isStill(one));
    if (!isStill) this.#stopped = true;
    else this.#write(ends, cut, () => void ends.map((one) => this.#apply(one.job, one)));
  }

  #apply({ attempt }: One, { change, notes }: Written): void {
    this.#set(attempt, change);
    if (includes(notes, "announce")) this.#announce(this.at(attempt).status, notes);
    if (includes(notes, "addAttempt")) this.#add({ ...ADDED, row: undefined });
  }

  #add(one: Pick<One, "row"> & Partial<One>): void {
    const attempt = this.attempts.length;
    this.attempts.push({ ...FRESH, key: attempt, attempt, ...one });
  }

  #announce(status: LocalStatus, notes: readonly Note[]): void {
    if (this.announced) this.#break("announced twice");
    if (!TOLD[this.#rules.onHeld].includes(status)) this.#break(`announced as ${status}`);
    if (includes(notes, "addAttempt")) this.#break("announced and submitted again");
    this.announced = true;
  }

  #follow({ attempt, row }: One, to: string): void {
    this.log.push(`  ${row?.status} is followed: ${to}`);
    if (row?.isNew !== true) this.#break(`${row?.status} is followed twice`);
    if (row.status === "KILL_REPLICA" && to === "DELETED_REPLICA") this.killedAsReplica = true;
    this.#set(attempt, { row: { ...row, isNew: false } });
  }

  #remove(attempt: number): void {
    const { kube, stage } = this.at(attempt);
    if (stage.name !== "removing" && stage.name !== "clearing") this.#break("its Job is removed, and nothing has noted why");
    // Its pod goes when the cluster gets round to it.
    this.#set(attempt, {
      doomed: kube.kind !== "none",
      ...(kube.kind === "ended" || kube.kind === "lost" ? { kube: NONE, doomed: false } : {}),
    });
  }

  #show(attempt: number, status: GaswStatus | undefined): void {
    if (status === undefined) return;
    const { row, status: local, signal } = this.at(attempt);
    if (["NOT_SUBMITTED", "CREATED", "UNDEFINED", null].includes(status)) this.#break(`${status} is written`);
    if (row?.isNew === true) this.#break(`${row?.status} is lost`);
    if (row?.status === "KILL" && !hasEnded(local)) this.#break(`a kill is overwritten with ${status} (signal ${signal})`);
    this.#set(attempt, { row: { status, isNew: false } });
  }

  #set(attempt: number, change: Partial<One> & JobChange): void {
    this.log.push(`  ${attempt}: ${JSON.stringify(change)}`);
    const { status } = this.at(attempt);
    this.attempts[attempt] = changed(this.at(attempt), change);
    if (status === "COMPLETED" && this.at(attempt).status !== status) this.#break("a completed attempt does not stay so");
    if (this.live.length > 1) this.#break("two attempts at once");
  }

  #break(what: string): never {
    throw new Broken(`${what}\n${this.log.join("\n")}`);
  }
}

/** Whether a stage is what an end comes to: a failure that was one too many is held. */
const isEndOf = (stage: Stage, end: LocalStatus) => [end, `${end}_HELD`].includes(endIn(stage));

/** Signals that have one more attempt made. */
const MAKE_ANOTHER: readonly Signal[] = ["REPLICATE", "UNHOLD_ERROR", "UNHOLD_STALLED"];
