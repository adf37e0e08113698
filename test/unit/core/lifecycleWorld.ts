import { type GaswStatus, hasEnded, isHeld, type LocalStatus } from "../../../src/core/job.ts";
import { type Attempt, type Effect, type Step, step, UNSUBMITTABLE } from "../../../src/core/lifecycle.ts";
import type { Observation } from "../../../src/core/observe.ts";
import { decide, type Removal } from "../../../src/core/observed.ts";
import { nextStatus, shownStatus } from "../../../src/core/rowWrite.ts";
import { isSignal, type Siblings, type Signal } from "../../../src/core/signal.ts";

export const RETRIES = 2;
const NOW = new Date("2026-01-02T03:04:05Z");
const RULES = { retryCount: RETRIES, grace: { InvalidImageName: 0 }, now: NOW };

/** How a pod ends. */
export interface Outcome {
  readonly exitCode: number;
  readonly byCluster: boolean;
  /** What its output says by then. */
  readonly file: number | undefined;
}

/** What there is of an attempt in the cluster. */
type Kube =
  | { readonly kind: "none" }
  | { readonly kind: "waiting"; readonly tooLong: boolean }
  | { readonly kind: "running" }
  | { readonly kind: "ended"; readonly outcome: Outcome }
  | { readonly kind: "lost" };

/** What stands in a row of the GASW database. */
interface Row {
  readonly status: string | null;
  /** Whether it is a signal that nobody has followed. */
  readonly isNew: boolean;
}

/** One attempt: what the state knows of it, what the cluster has, and its row. */
export interface One extends Attempt {
  readonly attempt: number;
  readonly removal: Removal | null;
  readonly prepared: boolean;
  readonly kube: Kube;
  /** Whether its Job was removed, so that its pod is about to go. */
  readonly doomed: boolean;
  readonly file: number | undefined;
  readonly row: Row | undefined;
}

/** Where a round is cut off, or that another command changes what it has looked at before it writes. */
export type Cut =
  | "nowhere"
  | "overtaken"
  | "before writing"
  | "before removing"
  | "after removing"
  | "after preparing"
  | "after creating"
  | "unsubmittable";

/** Thrown when a rule is broken, with what has happened up to then. */
export class Broken extends Error {}

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

  constructor(first: { readonly isMade: boolean; readonly row: string | null | undefined }) {
    this.attempts.push({
      ...FRESH,
      attempt: 0,
      due: false,
      row: first.row === undefined ? undefined : { status: first.row, isNew: false },
    });
    if (first.isMade) this.#set(0, { kube: WAITING });
  }

  at(index: number): One {
    return this.attempts[index % this.attempts.length] as One;
  }

  /** The engine's own submission, which makes what is not there. */
  submit(): void {
    const first = this.at(0);
    if (first.status !== "NOT_SUBMITTED" || first.due || first.removal !== null) return;
    this.#set(0, { status: "QUEUED", ...(first.kube.kind === "none" ? { kube: WAITING } : {}) });
  }

  /** The cluster goes on with a pod. */
  evolve(index: number, to: "waiting" | "waiting too long" | "running" | "ended" | "lost" | "gone", outcome: Outcome): void {
    const { kube, attempt } = this.at(index);
    const isLive = kube.kind === "waiting" || kube.kind === "running";
    if (to === "gone") this.#set(attempt, { kube: NONE, doomed: false });
    else if (!isLive) return;
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
    const decisions = this.attempts
      .filter(({ status }) => !hasEnded(status))
      .map((one) => ({ one, next: decide(one, observe(one.kube), { code: fileOf(one) }, NOW, RULES.grace) }));
    if (cut === "before writing") return;
    if (cut === "overtaken") this.#overtake();
    const current = decisions.filter(({ one }) => this.#isStill(one));
    for (const { one, next } of current) {
      if (next.removeJob) this.#set(one.attempt, { removal: one.removal ?? "ERROR" });
      else this.#set(one.attempt, { status: next.status });
    }
    for (const { one, next } of current.filter(({ next }) => next.removeJob)) {
      if (cut === "before removing") return;
      this.#remove(one.attempt);
      if (cut === "after removing") return;
      this.#set(one.attempt, { status: next.status });
    }
  }

  /** One round of a synchronisation: signals, the cluster, what follows, and, by the same look, the attempts whose turn it is. */
  round(cut: Cut): void {
    const signals = new Map(this.attempts.flatMap(({ attempt, row }) => (isSignal(row?.status) ? [[attempt, row.status] as const] : [])));
    if (signals.size === 0 && this.attempts.every(({ settled }) => settled)) return;
    const seen = this.attempts.map(({ kube }) => observe(kube));
    const all = this.#decideAll(signals);
    if (cut === "before writing") return;
    if (cut === "overtaken") this.#overtake();
    const decided = all.filter(({ one }) => this.#isStill(one));
    // The end of an attempt beside is told only once the removals are through: those may come to another end.
    const removals = decided.filter(({ next }) => next.decision.removeJob);
    for (const { one, next } of removals) {
      this.#announceRemoval(one, next);
      if (cut === "before removing") return;
      this.#remove(one.attempt);
      if (cut === "after removing") return;
      this.#apply(one, next);
    }
    for (const { one, next } of decided) if (!next.decision.removeJob) this.#apply(one, next);
    this.#startDue(seen, cut);
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
      this.#write(attempt, status);
      if (cut === "before noting") continue;
      if (one.signal !== null && (row === undefined || status !== undefined || !isSignal(row.status))) this.#set(attempt, { signal: null });
    }
  }

  /** Whether nothing is left to be done, by whomsoever. */
  get isAtRest(): boolean {
    return (
      this.attempts.every(({ settled, status, row, signal }) => settled && row?.status === status && signal === null) &&
      this.live.length === 0
    );
  }

  /** Attempts whose pod may run something. */
  get live(): One[] {
    return this.attempts.filter(({ kube }) => kube.kind === "waiting" || kube.kind === "running");
  }

  /** Another command looks a little later and writes first. */
  #overtake(): void {
    for (const { attempt, kube } of this.attempts) if (kube.kind === "waiting") this.#set(attempt, { kube: { kind: "running" } });
    this.refresh("nowhere");
  }

  /** Whether an attempt is as it was when it was looked at: only then is written what that came to. */
  #isStill({ attempt, status, settled, signal }: One): boolean {
    const now = this.at(attempt);
    return now.status === status && now.settled === settled && now.signal === signal;
  }

  #decideAll(signals: ReadonlyMap<number, Signal>): { one: One; next: Step }[] {
    const current = [...this.attempts];
    return this.attempts.map((one, index) => {
      const next = this.#step(one, signals.get(one.attempt), siblingsOf(one, current));
      current[index] = { ...one, status: next.decision.status, settled: next.settled };
      return { one, next };
    });
  }

  /** A step, of which whatever it was decided from the same comes again. */
  #step(job: One, dao: Signal | undefined, siblings: Siblings): Step {
    const seen = observe(job.kube);
    const next = step({ ...RULES, job, dao, seen, own: { code: fileOf(job) }, siblings });
    const { decision, settled, due, removal, signal, effects } = next;
    const after = { ...job, ...decision, settled, due, removal, signal };
    const others = effects.includes("resubmit") ? { ...siblings, newer: true, open: true } : siblings;
    const again = step({ ...RULES, job: after, dao, seen, own: { code: fileOf(job) }, siblings: others });
    const same = again.decision.status === decision.status && again.settled === settled && again.refusal === undefined;
    if (!same || again.effects.some((effect) => effect !== "start"))
      this.#break(`the same step again goes on: ${JSON.stringify({ job, dao, siblings, next, again })}`);
    return next;
  }

  /** What is to be removed is written down first; a signal is so unless it comes to more than that. */
  #announceRemoval(one: One, { removal, signal, decision, effects }: Step): void {
    const isAll = !effects.includes("resubmit");
    this.#set(one.attempt, { removal: removal ?? "ERROR", signal: isAll ? signal : one.signal });
    if (isAll && signal !== one.signal) this.#follow(one, decision.status);
  }

  #apply(one: One, next: Step): void {
    const { decision, settled, due, removal, signal, effects, refusal } = next;
    const isRerun = decision.status === "NOT_SUBMITTED" && one.status !== "NOT_SUBMITTED";
    const before = this.at(one.attempt);
    const isFollowed = signal !== before.signal;
    if (isFollowed) this.#follow(one, refusal ?? decision.status);
    // Somebody has it run again.
    if (isFollowed && refusal === undefined && (effects.includes("resubmit") || isRerun)) this.announced = false;
    if (isFollowed && effects.includes("resubmit")) this.asked++;
    this.#set(one.attempt, { status: decision.status, settled, due, removal, signal, ...(isRerun ? { prepared: false } : {}) });
    if (effects.includes("announce")) this.#announce(decision.status, effects);
    if (effects.includes("resubmit")) this.attempts.push({ ...FRESH, attempt: this.attempts.length, due: true, row: undefined });
  }

  #announce(status: LocalStatus, effects: readonly Effect[]): void {
    if (this.announced) this.#break("announced twice");
    if (!["COMPLETED", "CANCELLED", "DELETED"].includes(status)) this.#break(`announced as ${status}`);
    if (effects.includes("resubmit")) this.#break("announced and submitted again");
    this.announced = true;
  }

  #follow({ attempt, row }: One, to: string): void {
    this.log.push(`  ${row?.status} is followed: ${to}`);
    if (row?.isNew !== true) this.#break(`${row?.status} is followed twice`);
    if (row.status === "KILL_REPLICA" && to === "DELETED_REPLICA") this.killedAsReplica = true;
    this.#set(attempt, { row: { ...row, isNew: false } });
  }

  #startDue(seen: readonly Observation[], cut: Cut): void {
    for (const one of this.attempts) {
      if (!one.due || one.status !== "NOT_SUBMITTED") continue;
      const next = step({
        ...RULES,
        job: one,
        dao: undefined,
        seen: seen[one.attempt] ?? MISSING,
        siblings: siblingsOf(one, this.attempts),
      });
      if (!next.effects.includes("start")) continue;
      if (cut === "unsubmittable") {
        const { status, settled, due } = UNSUBMITTABLE;
        this.#set(one.attempt, { status, settled, due });
        continue;
      }
      this.#start(one, cut);
      return;
    }
  }

  #start(one: One, cut: Cut): void {
    if (this.live.length > 0) this.#break("two attempts at once");
    this.#set(one.attempt, { prepared: true, file: undefined });
    if (cut === "after preparing") return;
    this.#set(one.attempt, { kube: WAITING });
    if (cut === "after creating") return;
    this.#set(one.attempt, { status: "QUEUED", due: false });
  }

  #remove(attempt: number): void {
    const { kube, removal } = this.at(attempt);
    if (removal === null) this.#break("its Job is removed, and nothing has noted why");
    // Its pod goes when the cluster gets round to it.
    this.#set(attempt, {
      doomed: kube.kind !== "none",
      ...(kube.kind === "ended" || kube.kind === "lost" ? { kube: NONE, doomed: false } : {}),
    });
  }

  #write(attempt: number, status: GaswStatus | undefined): void {
    if (status === undefined) return;
    const { row, status: local, signal } = this.at(attempt);
    if (["NOT_SUBMITTED", "CREATED", "UNDEFINED", null].includes(status)) this.#break(`${status} is written`);
    if (row?.isNew === true) this.#break(`${row?.status} is lost`);
    if (row?.status === "KILL" && !hasEnded(local)) this.#break(`a kill is overwritten with ${status} (signal ${signal})`);
    this.#set(attempt, { row: { status, isNew: false } });
  }

  #set(attempt: number, change: Partial<One>): void {
    this.log.push(`  ${attempt}: ${JSON.stringify(change)}`);
    const { status } = this.at(attempt);
    if (status === "COMPLETED" && (change.status ?? status) !== status) this.#break("a completed attempt does not stay so");
    this.attempts[attempt] = { ...this.at(attempt), ...change };
    if (this.live.length > 1) this.#break("two attempts at once");
  }

  #break(what: string): never {
    throw new Broken(`${what}\n${this.log.join("\n")}`);
  }
}

const NONE: Kube = { kind: "none" };
const WAITING: Kube = { kind: "waiting", tooLong: false };

const FRESH = {
  status: "NOT_SUBMITTED",
  pendingFamily: null,
  pendingSince: null,
  settled: false,
  signal: null,
  removal: null,
  prepared: false,
  kube: NONE,
  doomed: false,
  file: undefined,
} as const;

const MISSING: Observation = { phase: "missing" };

function observe(kube: Kube): Observation {
  switch (kube.kind) {
    case "none":
      return MISSING;
    case "waiting":
      return { phase: "waiting", reason: kube.tooLong ? "InvalidImageName" : "Unschedulable", message: "" };
    case "running":
      return { phase: "running" };
    case "lost":
      return { phase: "lost", reason: "", message: "" };
    case "ended": {
      const { exitCode, byCluster } = kube.outcome;
      return { phase: "ended", ending: { exitCode, reason: byCluster ? "Evicted" : "Error", message: "", byCluster, stopped: byCluster } };
    }
  }
}

/** Only what is over has its output read. */
function fileOf({ kube, file }: One): number | undefined {
  return kube.kind === "waiting" || kube.kind === "running" ? undefined : file;
}

function siblingsOf(one: One, all: readonly One[]): Siblings {
  const others = all.filter(({ attempt }) => attempt !== one.attempt);
  const isAlive = ({ status, due, prepared }: One) => !hasEnded(status) && !(status === "NOT_SUBMITTED" && due && !prepared);
  return {
    failures: others.filter(({ status }) => status === "ERROR" || status === "STALLED" || isHeld(status)).length,
    completed: others.some(({ status }) => status === "COMPLETED"),
    alive: others.some((other) => isAlive(other) || other.kube.kind === "waiting" || other.kube.kind === "running"),
    open: others.some(({ settled, status }) => !settled || isHeld(status)),
    newer: others.some(({ attempt }) => attempt > one.attempt),
  };
}
