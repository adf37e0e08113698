import { EventEmitter, once } from "node:events";
import { awaitsTurn } from "../../core/lifecycle/stage.ts";
import { selector, workflowHash } from "../../core/names.ts";
import type { Dao } from "../../dao/dao.ts";
import { GaswError } from "../../errors.ts";
import { isOutage } from "../../kubernetes/errors.ts";
import { jobsPath, podsPath } from "../../kubernetes/paths.ts";
import { changes } from "../../kubernetes/watch.ts";
import type { Hold } from "../../store/lockFiles.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import { OtherCluster } from "../workflow/cluster.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { Tenancy } from "../workflow/owner.ts";
import { deliver } from "./deliver.ts";
import { isLeftUnsubmitted, tellUnsubmitted } from "./follow.ts";
import { asMonitor, takeHold } from "./hold.ts";
import { reconcile } from "./reconcile.ts";
import { closeDao, type SyncDeps, takeSignals } from "./sync.ts";

/** Milliseconds between two looks at the GASW database for signals (GASW's own monitor looks every 20 s). */
const HEARTBEAT_MS = 5000;
/**
 * Milliseconds between two looks at the cluster, where jobs wait and a grace period may be over, or the last
 * look failed; and where nothing is to be expected.
 */
const WAITING_LOOK_MS = 10_000;
const QUIET_LOOK_MS = 60_000;
/**
 * Milliseconds without any answer of the cluster after which it is looked at: after a minute, others do not
 * rely on this monitor.
 */
const UNANSWERED_MS = 40_000;
/** Milliseconds in which changes are gathered before the cluster is looked at again. */
const GATHER_MS = 500;

/** What a round came to. */
export interface Round {
  /** Seconds that it took. */
  readonly seconds: number;
  readonly looked: boolean;
  readonly failures: readonly GaswError[];
}

export interface MonitorOptions {
  /**
   * When the monitor ends by itself: when all jobs have ended, or nothing is left but jobs that wait to be
   * released; or never.
   */
  readonly until: "ended" | "settled" | "stopped";
  /** Ends the monitor when the round under way is done. */
  readonly stop: AbortSignal;
  readonly onRound: (round: Round) => void;
}

/**
 * Keeps a workflow and its GASW database up to date until its jobs have ended, or are settled: the cluster is watched,
 * signals are looked for every few seconds. What can't be reached is tried again at every round.
 * @throws GaswError CONFLICT when another monitor holds the workflow, NotOwner when another state file serves
 * it; TIMEOUT when another command does so for long
 */
export async function monitor(
  deps: SyncDeps,
  workflow: StoredWorkflow,
  options: MonitorOptions,
): Promise<void> {
  let hold: Hold | undefined;
  try {
    hold = await takeHold({ store: deps.store, signal: options.stop }, workflow, asMonitor(deps));
  } catch (error) {
    // It was stopped while it waited: nothing is under way yet.
    if (error instanceof Error && error.name === "AbortError") return;
    throw error;
  }
  if (hold === undefined) throw heldByAnother(deps, workflow);
  const watching = new AbortController();
  const rounds = new Rounds(deps, workflow);
  const ended = watch(deps, workflow, rounds, AbortSignal.any([options.stop, watching.signal]));
  try {
    while (!options.stop.aborted) {
      options.onRound(await rounds.next());
      const left = remainder(deps, workflow, options.until);
      if (left !== undefined) {
        tellUnsubmitted(deps, left);
        return;
      }
      await rounds.pause(options.stop);
    }
  } finally {
    watching.abort();
    await ended;
    await rounds.close();
    hold.release();
  }
}

function heldByAnother({ store }: SyncDeps, workflow: StoredWorkflow): GaswError {
  return new GaswError(
    "CONFLICT",
    `workflow ${workflow.id} is already locked by ${store.holds.holderOf(workflow)}`,
    {
      hint: "use `gasw-k8s status` to see the jobs, or stop that process first: only one monitor can run per workflow",
    },
  );
}

/** Whether nothing is left of a workflow to be done, except by somebody who releases or cancels held jobs. */
export function hasSettled(deps: Pick<SyncDeps, "store" | "now">, workflow: StoredWorkflow): boolean {
  return remainder(deps, workflow, "settled") !== undefined;
}

/**
 * The jobs that nobody submits, where nothing else is left; undefined where there is something that a monitor
 * could do yet. A held job may be released at any moment.
 */
function remainder(
  { store, now }: Pick<SyncDeps, "store" | "now">,
  workflow: StoredWorkflow,
  until: MonitorOptions["until"],
): StoredJob[] | undefined {
  const { workflows } = store;
  const isOpen = until === "settled" ? workflows.isGoingOn(workflow) : workflows.isOpen(workflow);
  if (until === "stopped" || isOpen || store.outbox.size(workflow) > 0) return undefined;
  const active = store.jobs.active(workflow);
  return active.every((job) => isLeftUnsubmitted(job, now())) ? active : undefined;
}

/**
 * Notes every change of the workflow's Jobs and pods; a watch that fails is left to the looks, and begun
 * again with the next good one.
 */
async function watch(
  { client, warn }: SyncDeps,
  workflow: StoredWorkflow,
  rounds: Rounds,
  signal: AbortSignal,
): Promise<void> {
  const labels = selector({ workflowHash: workflowHash(workflow.namespace, workflow.id) });
  const paths = [jobsPath(workflow.namespace), podsPath(workflow.namespace)];
  const follow = async (path: string) => {
    let told = "";
    while (!signal.aborted) {
      try {
        for await (const _ of changes(client, path, labels, signal)) rounds.wake();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof GaswError)) throw error;
        if (isOutage(error)) {
          // It is told where a look finds it.
          rounds.wake();
          await rounds.untilLook(signal);
          continue;
        }
        if (error.message !== told) warn(`${path} cannot be watched (${error.message}): polling it instead`);
        told = error.message;
        await rounds.quiet(signal);
      }
    }
  };
  await Promise.all(paths.map(follow));
}

/** The rounds of one monitor: when the next one is due, and what is kept open between them. */
class Rounds {
  readonly #deps: SyncDeps;
  readonly #workflow: StoredWorkflow;
  readonly #events = new EventEmitter();
  #dao: Dao | undefined;
  #hasChanged = true;
  #lastLook = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #lastAnswer = Number.NEGATIVE_INFINITY;
  /** Seconds that the last look took. */
  #lookSeconds = 0;

  constructor(deps: SyncDeps, workflow: StoredWorkflow) {
    this.#deps = deps;
    this.#workflow = workflow;
  }

  /** Notes that the cluster has changed. */
  wake(): void {
    this.#hasChanged = true;
    this.#events.emit("change");
  }

  /** One round: signals, the cluster where it may have changed, and what is to be told. */
  async next(): Promise<Round> {
    const begin = performance.now();
    const failures: GaswError[] = [];
    const tried = async (action: () => Promise<void>) => {
      try {
        await action();
      } catch (error) {
        if (!(error instanceof GaswError) || error instanceof NotOwner) throw error;
        failures.push(error);
      }
    };
    let signals: ReadonlyMap<string, string> = new Map();
    await tried(async () => {
      this.#dao ??= await this.#deps.openDao(this.#workflow, this.#deps.signal);
      signals = await takeSignals(this.#deps, this.#dao, this.#workflow);
    });
    const looked = signals.size > 0 || this.#isLookDue();
    if (looked) await tried(() => this.#look(signals));
    else await this.#keepOwning();
    const dao = this.#dao;
    const isServed = failures.every(
      (failure) => failure.code !== "DATABASE" && !(failure instanceof OtherCluster),
    );
    if (dao !== undefined && isServed)
      await tried(async () => void (await deliver(this.#deps, dao, this.#workflow)));
    // A connection that broke is made anew.
    if (failures.some(({ code }) => code === "DATABASE")) await this.#closeDao();
    return { seconds: (performance.now() - begin) / 1000, looked, failures };
  }

  /**
   * Says between two looks, too, that the workflow is served, and sees that it is still this state file that
   * does.
   */
  async #keepOwning(): Promise<void> {
    const { store } = this.#deps;
    if (this.#hasFailed || !store.workflows.isOpen(this.#workflow)) return;
    const { renewed } = store.leases.of(this.#workflow);
    try {
      await new Tenancy(this.#deps, this.#workflow).taken();
      // It was asked, and has answered.
      if (store.leases.of(this.#workflow).renewed !== renewed) this.#noteAnswer();
    } catch (error) {
      // An outage is told where a look finds it.
      if (!(error instanceof GaswError) || error instanceof NotOwner) throw error;
      this.#hasChanged = true;
    }
  }

  async #look(signals: ReadonlyMap<string, string>): Promise<void> {
    const begin = performance.now();
    this.#hasChanged = false;
    this.#hasFailed = true;
    try {
      // A takeover is seen to in the next round, which knows what the owner before has made.
      await reconcile(this.#deps, this.#workflow, signals, { leavesTakeover: this.#dao !== undefined });
      if (this.#deps.store.adoption.isDue(this.#workflow)) this.#hasChanged = true;
      this.#hasFailed = false;
      this.#noteAnswer();
    } finally {
      this.#lastLook = performance.now();
      this.#lookSeconds = (this.#lastLook - begin) / 1000;
    }
    this.#events.emit("look");
  }

  #noteAnswer(): void {
    this.#lastAnswer = performance.now();
    this.#deps.store.holds.noteWatch(this.#workflow);
  }

  #isLookDue(): boolean {
    const { store } = this.#deps;
    const active = store.jobs.active(this.#workflow);
    const age = performance.now() - this.#lastLook;
    const patience =
      this.#hasFailed || active.some(({ status }) => status === "QUEUED") ? WAITING_LOOK_MS : QUIET_LOOK_MS;
    const isUnanswered = active.length > 0 && performance.now() - this.#lastAnswer >= UNANSWERED_MS;
    return (
      this.#hasChanged ||
      active.some(({ stage }) => awaitsTurn(stage)) ||
      (isUnanswered && !this.#hasFailed) ||
      age >= patience
    );
  }

  /** Waits for the next round: for a change, gathered with those that come with it, or the next heartbeat. */
  async pause(stop: AbortSignal): Promise<void> {
    if (!this.#hasChanged) await this.#wait("change", HEARTBEAT_MS, stop);
    // A slow cluster is left the greater part of the time to itself.
    await this.#wait("stop", Math.max(GATHER_MS, 4000 * this.#lookSeconds), stop);
  }

  /** Waits until the cluster could be looked at, for as long as that takes. */
  async untilLook(signal: AbortSignal): Promise<void> {
    await this.#wait("look", QUIET_LOOK_MS, signal);
  }

  /** Waits for as long as passes between two looks where nothing is to be expected. */
  async quiet(signal: AbortSignal): Promise<void> {
    await this.#wait("stop", QUIET_LOOK_MS, signal);
  }

  async close(): Promise<void> {
    await this.#closeDao();
  }

  async #closeDao(): Promise<void> {
    const dao = this.#dao;
    this.#dao = undefined;
    if (dao !== undefined) await closeDao(this.#deps, dao);
  }

  async #wait(event: "change" | "look" | "stop", milliseconds: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    const timer = setTimeout(end, milliseconds);
    // AbortSignal.any would leave a trace in a signal that lives as long as the monitor.
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      await once(this.#events, event, { signal: over.signal });
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", end);
      clearTimeout(timer);
    }
  }
}
