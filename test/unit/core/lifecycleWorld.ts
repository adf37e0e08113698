import { nextStatus, shownStatus } from "../../../src/core/gaswRow/write.ts";
import { type GaswStatus, hasEnded, type LocalStatus } from "../../../src/core/job.ts";
import { decide, type Removal } from "../../../src/core/lifecycle/decide.ts";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import {
  decideRound,
  dueAttempts,
  endRemoved,
  type Planned,
  type RoundAttempt,
  type RoundFacts,
} from "../../../src/core/lifecycle/round.ts";
import { isSignal, type Signal } from "../../../src/core/lifecycle/signal.ts";
import { type Effect, step, UNSUBMITTABLE } from "../../../src/core/lifecycle/step.ts";

export const RETRIES = 2;
const NOW = new Date("2026-01-02T03:04:05Z");
const RULES = { rules: { retryCount: RETRIES, retryUnknownEnd: false, pending: { InvalidImageName: 0 }, outputGrace: 90 }, now: NOW };

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
export interface One extends RoundAttempt {
  readonly removal: Removal | null;
  readonly kube: Kube;
  /** Whether its Job was removed, so that its pod is about to go. */
  readonly doomed: boolean;
  readonly file: number | undefined;
  readonly row: Row | undefined;
}

/**
 * Where a round is cut off; that the cluster refuses to remove all Jobs, or the first; or that another command changes what it has looked at
 * before it writes, or while it removes.
 */
export const CUTS = [
  "overtaken",
  "overtaken while removing",
  "before writing",
  "before removing",
  "no removal succeeds",
  "one removal fails",
  "after removing",
  "after preparing",
  "after creating",
  "unsubmittable",
] as const;
export type Cut = "nowhere" | (typeof CUTS)[number];

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

  constructor(first: { readonly isMade: boolean; readonly row: string | null | undefined }) {
    this.#add({ due: false, row: first.row === undefined ? undefined : { status: first.row, isNew: false } });
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
    const decisions = this.attempts
      .filter(({ status }) => !hasEnded(status))
      .map((one) => ({ one, next: decide(one, observe(one.kube), { code: fileOf(one) }, NOW, RULES.rules) }));
    if (cut === "before writing") return;
    if (cut === "overtaken") this.#overtake();
    if (!decisions.every(({ one }) => this.#isStill(one))) return;
    for (const { one, next } of decisions) {
      if (next.removeJob) this.#set(one.attempt, { removal: one.removal ?? "ERROR" });
      else this.#set(one.attempt, { status: next.status });
    }
    const removed = this.#removeAll(
      decisions.filter(({ next }) => next.removeJob).map(({ one }) => one),
      cut,
    );
    if (cut === "after removing") return;
    for (const { one, next } of decisions) {
      if (removed.has(one.attempt) && this.#isStill(one)) this.#set(one.attempt, { status: next.status });
    }
  }

  /** One round of a synchronisation: signals, the cluster, what follows, and, by the same look, the attempts whose turn it is. */
  round(cut: Cut): void {
    const signals = new Map(this.attempts.flatMap(({ key, row }) => (isSignal(row?.status) ? [[key, row.status] as const] : [])));
    if (signals.size === 0 && this.attempts.every(({ settled }) => settled)) return;
    const facts = this.#look(signals);
    const decided = decideRound(this.attempts, facts);
    for (const one of decided) this.#checkAgain(one, facts);
    if (cut === "before writing") return;
    if (cut === "overtaken") this.#overtake();
    const current = this.#write(decided) ? decided : [];
    const removed = this.#removeAll(
      current.filter(({ step: next }) => next.decision.removeJob).map(({ job }) => job),
      cut,
    );
    if (cut === "before removing" || cut === "after removing") return;
    if (cut === "overtaken while removing") this.#overtake();
    this.#write(endRemoved(this.attempts, facts, ({ key }) => removed.has(key)));
    this.#startDue(facts, cut);
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
      this.attempts.every(({ settled, status, row, signal }) => settled && row?.status === status && signal === null) &&
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
  #isStill({ attempt, status, settled, signal }: One): boolean {
    const now = this.at(attempt);
    return now.status === status && now.settled === settled && now.signal === signal;
  }

  /** What the cluster shows now, of attempts too that are made later. */
  #look(signals: ReadonlyMap<number, Signal>): RoundFacts<One> {
    const kubes = this.attempts.map(({ kube }) => kube);
    return {
      ...RULES,
      seen: ({ key }) => ({ observation: observe(kubes[key] ?? NONE), isAlive: isLive(kubes[key] ?? NONE) }),
      signal: ({ key }) => signals.get(key),
      own: (job) => ({ code: fileOf(job) }),
    };
  }

  /** Whatever a step was decided from comes to the same again, once that is written. */
  #checkAgain({ job, siblings, step: next }: Planned<One>, facts: RoundFacts<One>): void {
    const { decision, settled, due, removal, signal, effects } = next;
    const after = { ...job, ...decision, settled, due, removal, signal };
    const others = effects.includes("resubmit") ? { ...siblings, newer: true, open: true } : siblings;
    const situation = { ...RULES, dao: facts.signal(job), seen: facts.seen(job).observation, own: { code: fileOf(job) }, siblings: others };
    const again = step({ ...situation, job: after });
    // What is to be removed may come to an end of its own before.
    const isSame = decision.removeJob
      ? again.removal === removal
      : again.decision.status === decision.status && again.settled === settled && again.effects.every((effect) => effect === "start");
    if (!isSame || again.refusal !== undefined)
      this.#break(`the same step again goes on: ${JSON.stringify({ job, siblings, next, again })}`);
  }

  /** Writes all that was decided down at once, or nothing where one of the attempts has changed since. */
  #write(decided: readonly Planned<One>[]): boolean {
    if (!decided.every(({ job }) => this.#isStill(job))) return false;
    for (const one of decided) this.#apply(one);
    return true;
  }

  /** @returns those whose Jobs were removed */
  #removeAll(removals: readonly One[], cut: Cut): Set<number> {
    const failing = cut === "before removing" || cut === "no removal succeeds" ? removals.length : cut === "one removal fails" ? 1 : 0;
    const succeeding = removals.slice(failing).map(({ attempt }) => attempt);
    for (const attempt of succeeding) this.#remove(attempt);
    return new Set(succeeding);
  }

  #apply({ job: one, step: next }: Planned<One>): void {
    const { decision, settled, due, removal, signal, effects, refusal } = next;
    const isRerun = decision.status === "NOT_SUBMITTED" && one.status !== "NOT_SUBMITTED";
    const isFollowed = signal !== one.signal;
    if (isFollowed) this.#follow(one, refusal ?? removal ?? decision.status);
    const isTaken = isFollowed && refusal === undefined;
    const asksForMore = isTaken && signal !== null && MAKE_ANOTHER.includes(signal);
    if (asksForMore !== (isTaken && effects.includes("resubmit"))) this.#break(`${signal} is followed, and comes to ${effects}`);
    // Somebody has it run again.
    if (isTaken && (asksForMore || isRerun)) this.announced = false;
    if (asksForMore) this.asked++;
    this.#set(one.attempt, { status: decision.status, settled, due, removal, signal, ...(isRerun ? { prepared: false } : {}) });
    if (effects.includes("announce")) this.#announce(decision.status, effects);
    if (effects.includes("resubmit")) this.#add({ due: true, row: undefined });
  }

  #add(one: Pick<One, "due" | "row">): void {
    const attempt = this.attempts.length;
    this.attempts.push({ ...FRESH, key: attempt, attempt, ...one });
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

  #startDue(facts: RoundFacts<One>, cut: Cut): void {
    for (const one of dueAttempts(this.attempts, facts)) {
      if (cut === "unsubmittable") {
        const { status, settled, due } = UNSUBMITTABLE;
        this.#set(one.attempt, { status, settled, due });
      } else this.#start(one, cut);
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

  #show(attempt: number, status: GaswStatus | undefined): void {
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

/** Signals that have one more attempt made. */
const MAKE_ANOTHER: readonly Signal[] = ["REPLICATE", "UNHOLD_ERROR", "UNHOLD_STALLED"];

const FRESH = {
  fileName: "Job-1",
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

/** Whether a pod may run something. */
function isLive({ kind }: Kube): boolean {
  return kind === "waiting" || kind === "running";
}

function observe(kube: Kube): Observation {
  switch (kube.kind) {
    case "none":
      return { phase: "missing" };
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
  return isLive(kube) ? undefined : file;
}
