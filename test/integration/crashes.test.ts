import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { hasEnded } from "../../src/core/job.ts";
import { type EffectKind, effectKinds, type Note } from "../../src/core/lifecycle/effects.ts";
import { active, ended, held, over, removing } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import type { Deps } from "../../src/services/deps.ts";
import { act } from "../../src/services/sync/actions.ts";
import { EXECUTORS } from "../../src/services/sync/carryOut.ts";
import { reconcile } from "../../src/services/sync/reconcile.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import type { JobUpdate, Transition } from "../../src/store/records.ts";
import { Invocations, outputOf } from "./invocations.ts";

let life: Invocations;
function end(): void {
  vi.restoreAllMocks();
  life.end();
}
afterEach(end);

/** What the state and the cluster are left with. */
type Outcome = Readonly<Record<string, unknown>>;

/** A history that is lived through with whatever is given it, so that it can be cut off at any point. */
interface History {
  readonly config?: Readonly<Record<string, unknown>>;
  /** What is there before. */
  begin(): void;
  /** What may be cut off; as often as it takes, as a user or a monitor would. */
  go(deps: Deps): Promise<unknown>;
  /** What it comes to, if it is not cut off. */
  readonly end: readonly string[];
}

const round = (deps: Deps, signals: Readonly<Record<string, string>> = {}) =>
  reconcile(deps, life.workflow, new Map(Object.entries(signals)));
const TOO_LONG = { pending: { ContainerCreating: "0s" }, retryCount: 0 };
const waits = () => void life.submitted("Job-1");
const runs = () => {
  waits();
  life.show("Job-1", "running");
};
const signalled = (signal: string, begin: () => void, end: readonly string[], config: History["config"] = {}): History => ({
  config,
  begin,
  go: (deps) => round(deps, { "Job-1": signal }),
  end,
});
const ANOTHER = ["Job-1 ERROR", "Job-1-r1 QUEUED"];

const HISTORIES: Readonly<Record<string, History>> = {
  "REPLICATE of a job that has waited too long, and is not retried": signalled("REPLICATE", waits, ANOTHER, TOO_LONG),
  "REPLICATE of a job that has waited too long, and is retried": signalled("REPLICATE", waits, ANOTHER, { ...TOO_LONG, retryCount: 1 }),
  "REPLICATE of one that was given up by a plain status": {
    config: TOO_LONG,
    begin: () => {
      waits();
      life.store.changes.write(life.job("Job-1"), { stage: removing("QUEUED", "ERROR"), reason: "ContainerCreating", message: "too long" });
    },
    go: (deps) => round(deps, { "Job-1": "REPLICATE" }),
    end: ANOTHER,
  },
  "REPLICATE of a running job": signalled("REPLICATE", runs, ["Job-1 RUNNING", "Job-1-r1 NOT_SUBMITTED"]),
  "KILL of a running job": signalled("KILL", () => {
    runs();
    life.write("out/Job-1.sh.out", outputOf("fine", 0));
  }, ["Job-1 DELETED"]),
  "KILL of a job that has waited too long": signalled("KILL", waits, ["Job-1 DELETED"], TOO_LONG),
  "KILL_REPLICA of a waiting job": signalled("KILL_REPLICA", waits, ["Job-1 DELETED_REPLICA"]),
  "RESCHEDULE of a running job": signalled("RESCHEDULE", runs, ["Job-1 QUEUED"]),
  "RESCHEDULE of a job that has waited too long": signalled("RESCHEDULE", waits, ["Job-1 QUEUED"], TOO_LONG),
  "UNHOLD_ERROR of a job that has waited too long, which is refused": signalled("UNHOLD_ERROR", waits, ["Job-1 ERROR_HELD"], TOO_LONG),
  "a wait that is over too long, and is retried": { config: { ...TOO_LONG, retryCount: 1 }, begin: waits, go: round, end: ANOTHER },
  "a wait that is over too long, seen by a plain status": {
    config: TOO_LONG,
    begin: waits,
    go: async (deps) => {
      await refresh(deps, life.workflow);
      await round(deps);
    },
    end: ["Job-1 ERROR_HELD"],
  },
  "a cancel of an attempt that runs, and of the one that waits for its turn": {
    begin: () => {
      runs();
      life.store.attempts.add(life.job("Job-1"), {});
    },
    go: (deps) => act(deps, life.workflow, [life.job("Job-1")], "cancel"),
    end: ["Job-1 DELETED", "Job-1-r1 DELETED"],
  },
  "an attempt that runs beside one that has completed": {
    begin: () => {
      const first = life.submitted("Job-1");
      life.store.changes.write(first, { stage: ended("COMPLETED") });
      const other = life.store.attempts.add(first, {});
      life.store.changes.write(other, { stage: active("QUEUED") });
      life.show("Job-1-r1", "running");
    },
    go: round,
    end: ["Job-1 COMPLETED", "Job-1-r1 DELETED_REPLICA"],
  },
  "a release": {
    config: { retryCount: 0 },
    begin: () => {
      waits();
      life.show("Job-1", 3);
      life.store.changes.write(life.job("Job-1"), {
        stage: held("STALLED_HELD"),
        reason: "PodGone",
        message: "it was lost",
      });
    },
    go: (deps) => act(deps, life.workflow, [life.job("Job-1")], "release"),
    end: ["Job-1 STALLED", "Job-1-r1 QUEUED"],
  },
  "the end of a job whose pod others keep alive": {
    begin: () => {
      runs();
      const pod = `/api/v1/namespaces/vip/pods/${life.job("Job-1").kubeName}-pod`;
      const ended = { name: MAIN_CONTAINER, state: { terminated: { exitCode: 0, reason: "Completed" } } };
      const proxy = { name: "proxy", state: { running: {} } };
      life.cluster.put(pod, { ...life.cluster.objects.get(pod), status: { phase: "Running", containerStatuses: [ended, proxy] } });
    },
    go: round,
    end: ["Job-1 COMPLETED"],
  },
  "a retry of what was deleted": {
    begin: () => {
      life.store.changes.write(life.submitted("Job-1"), { stage: over("DELETED") });
      life.lose("Job-1");
    },
    go: (deps) => act(deps, life.workflow, [life.job("Job-1")], "retry"),
    end: ["Job-1 DELETED", "Job-1-r1 QUEUED"],
  },
};

/** What a history is cut off with, and whether it was. */
interface Cut {
  readonly hasDied: () => boolean;
  /** How much was counted. */
  readonly count: () => number;
}

class Crash extends Error {}

/** Counts what is written in state and cluster; from the one with this number on, everything fails, as in a process that has died. */
function dyingAt(number: number): Cut {
  let count = 0;
  const isDead = () => count++ >= number;
  let isWriting = false;
  // A write is one transaction, whatever it is made of.
  const mayDie = <Args extends unknown[], R>(write: (...args: Args) => R) => {
    return (...args: Args): R => {
      if (isWriting) return write(...args);
      if (isDead()) throw new Crash();
      isWriting = true;
      try {
        return write(...args);
      } finally {
        isWriting = false;
      }
    };
  };
  const { updates, changes, attempts } = life.store;
  const mortal = {
    apply: mayDie(updates.apply.bind(updates)),
    write: mayDie(changes.write.bind(changes)),
    add: mayDie(attempts.add.bind(attempts)),
  };
  vi.spyOn(updates, "apply").mockImplementation(mortal.apply);
  vi.spyOn(changes, "write").mockImplementation(mortal.write);
  vi.spyOn(attempts, "add").mockImplementation(mortal.add);
  life.cluster.refusalOf = (request) => (!request.startsWith("GET ") && isDead() ? 503 : undefined);
  return { hasDied: () => count > number, count: () => count };
}

/** Refuses one removal, and nothing else. */
function refusingOneRemoval(): Cut {
  let refused = 0;
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") && refused++ === 0 ? 503 : undefined);
  return { hasDied: () => refused > 0, count: () => refused };
}

/** A side of an effect. */
interface Point {
  readonly side: "before" | "after";
  readonly kind: EffectKind;
}

/** Whether a note is among some updates. */
const NOTED: { readonly [Kind in Note["kind"]]: (update: JobUpdate) => boolean } = {
  addAttempt: ({ resubmit }) => resubmit !== undefined,
  announce: ({ announce }) => announce === true,
};

/** Has the process die at one side of the first effect of a kind, and tells which kinds were met. */
function dyingAtEffect(point: Point | undefined, met: Set<EffectKind>): Cut {
  let isDead = false;
  const dieAt = (side: Point["side"], kinds: readonly EffectKind[]) => {
    for (const kind of kinds) met.add(kind);
    if (point?.side !== side || !kinds.includes(point.kind) || isDead) return;
    isDead = true;
    throw new Crash();
  };
  const executors = EXECUTORS as Record<string, (run: unknown, tasks: unknown) => Promise<void>>;
  for (const [kind, execute] of Object.entries(executors)) {
    vi.spyOn(executors, kind).mockImplementation(async (run, tasks) => {
      dieAt("before", [kind as EffectKind]);
      await execute(run, tasks);
      dieAt("after", [kind as EffectKind]);
    });
  }
  const { updates } = life.store;
  const apply = updates.apply.bind(updates);
  vi.spyOn(updates, "apply").mockImplementation((all, observed) => {
    const kinds = (Object.keys(NOTED) as Note["kind"][]).filter((kind) => all.some(NOTED[kind]));
    dieAt("before", kinds);
    const written = apply(all, observed);
    dieAt("after", kinds);
    return written;
  });
  return { hasDied: () => isDead, count: () => 0 };
}

/** Pods go with their Jobs. */
function collectGarbage(): void {
  for (const { id } of life.store.jobs.all(life.workflow)) if (!life.isMade(id)) life.lose(id);
}

/**
 * Lives through a history that is cut off once, and goes on from there until nothing changes any more.
 * @returns what is left, and how much was written until it was cut off
 */
async function live(history: History, cut: () => Cut): Promise<{ outcome: Outcome; count: number }> {
  life = await Invocations.begin(history.config);
  for (const id of ["Job-1", "Job-1-r1", "Job-1-r2"]) life.write(`sh/${id}.sh`, "true\n");
  history.begin();
  const dying = cut();
  let last: Outcome | undefined;
  for (let turn = 0; turn < 10; turn++) {
    const isOver = dying.hasDied();
    if (isOver) {
      life.cluster.refusalOf = () => undefined;
      vi.restoreAllMocks();
    }
    await history.go(life.deps).catch((error: unknown) => {
      if (isOver || !dying.hasDied()) throw error;
    });
    collectGarbage();
    const outcome = outcomeOf();
    if (dying.hasDied() === isOver && isDeepStrictEqual(outcome, last)) return { outcome, count: dying.count() };
    last = outcome;
  }
  throw new Error("it does not come to rest");
}

/** Why a job goes on changes from look to look. */
const wordsOf = ({ status, reason, message }: Pick<Transition, "status" | "reason" | "message">) =>
  hasEnded(status) || reason === "SignalRefused" ? `${status} ${reason}: ${message}` : status;

function outcomeOf(): Outcome {
  return {
    jobs: life.store.jobs.all(life.workflow).map((job) => {
      const { id, stage, signal, replicating } = job;
      const history = life.store.history.of(job).map(wordsOf);
      return { id, stage, signal, replicating, words: wordsOf(job), history, isMade: life.isMade(id) };
    }),
    results: life.store.results.since(life.workflow, 0).map(({ id, status, message }) => ({ id, status, message })),
  };
}

describe.each(Object.entries(HISTORIES))("%s", (_, history) => {
  test("comes to the same wherever the process dies, and where a removal is refused once", async () => {
    const whole = await live(history, () => dyingAt(Number.POSITIVE_INFINITY));
    expect(life.store.jobs.all(life.workflow).map(({ id, status }) => `${id} ${status}`)).toEqual(history.end);
    life.end();
    const refused = await live(history, refusingOneRemoval);
    expect(refused.outcome).toEqual(whole.outcome);
    for (let number = 0; number < whole.count; number++) {
      life.end();
      const { outcome } = await live(history, () => dyingAt(number));
      expect(outcome, `died at write ${number}`).toEqual(whole.outcome);
    }
  });
});

describe.each(Object.entries(HISTORIES))("%s", (_, history) => {
  test("comes to the same at whichever side of an effect, of any kind, the process dies", async () => {
    const met = new Set<EffectKind>();
    const whole = await live(history, () => dyingAtEffect(undefined, met));
    for (const kind of [...met]) {
      for (const side of ["before", "after"] as const) {
        end();
        const { outcome } = await live(history, () => dyingAtEffect({ side, kind }, met));
        expect(outcome, `died ${side} ${kind}`).toEqual(whole.outcome);
      }
    }
  });
});

test("these histories meet every kind of effect that there is", async () => {
  const met = new Set<EffectKind>();
  for (const history of Object.values(HISTORIES)) {
    await live(history, () => dyingAtEffect(undefined, met));
    end();
  }
  life = await Invocations.begin();
  expect(effectKinds().filter((kind) => !met.has(kind))).toEqual([]);
});
