import { describe, expect, test } from "vitest";
import type { Rules } from "../../../src/core/lifecycle/decision.ts";
import { active, CLEARING, DUE, ended, over, removing } from "../../../src/core/lifecycle/make.ts";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import type { Siblings } from "../../../src/core/lifecycle/signal.ts";
import { type Attempt, type Situation, step } from "../../../src/core/lifecycle/step.ts";
import { isReady } from "../../../src/core/lifecycle/turns.ts";

const ALONE: Siblings = { failures: 0, completed: false, alive: false, open: false, newer: false };
const RUNNING: Observation = { phase: "running" };
const WAITS_TOO_LONG: Observation = { phase: "waiting", reason: "InvalidImageName", message: "" };
const ends = (exitCode: number, byCluster = false): Observation => ({
  phase: "ended",
  ending: { exitCode, reason: "Error", message: "", byCluster, stopped: byCluster },
});

const RULES: Rules = { retryCount: 5, retryUnknownEnd: false, onHeld: "hold", pending: { InvalidImageName: 0 }, outputGrace: 90 };

function stepped(job: Partial<Attempt>, situation: Partial<Situation>) {
  const known = { stage: active("RUNNING"), pendingFamily: null, pendingSince: null, signal: null, ...job };
  const rest = { dao: undefined, seen: undefined, siblings: ALONE, rules: RULES, now: new Date(0) };
  return step({ ...rest, ...situation, job: known });
}

describe("a job that is killed", () => {
  test("is not given up while nobody has asked the cluster: its Job would go on", () => {
    expect(stepped({}, { dao: "KILL" })).toMatchObject({ stage: { status: "RUNNING" }, signal: null, effects: [] });
  });

  test("has its Job removed, also where it has just waited too long", () => {
    const killed = stepped({ stage: active("QUEUED") }, { dao: "KILL", seen: WAITS_TOO_LONG });
    expect(killed).toMatchObject({ stage: { status: "DELETED" }, decision: { removeJob: true } });
  });

  test("is not run again when it fails by itself before its Job is removed", () => {
    const stage = removing("RUNNING", "DELETED");
    const killed = { stage: { status: "DELETED" }, effects: [{ kind: "announce" }] };
    expect(stepped({ stage, signal: "KILL" }, { dao: "KILL", seen: ends(0), own: { code: 3 } })).toMatchObject(killed);
    // A refresh, which takes no signals, has seen that failure.
    expect(
      stepped({ stage: ended("ERROR", undefined, "DELETED"), signal: "KILL" }, { dao: "KILL", seen: ends(0), own: { code: 3 } }),
    ).toMatchObject(killed);
  });

  test("has completed if it did so before its Job was removed", () => {
    const stage = removing("RUNNING", "DELETED");
    expect(stepped({ stage, signal: "KILL" }, { dao: "KILL", seen: ends(0) }).stage.status).toBe("COMPLETED");
  });
});

describe("a job whose end was seen, and whose output is late", () => {
  const late = {
    seen: { phase: "ended", ending: { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false } },
  } as const;
  const own = { late: "has not arrived" };

  test.each(["KILL", "KILL_REPLICA", "RESCHEDULE"])("has completed, and is neither given up nor run again by %s", (dao) => {
    expect(stepped({}, { ...late, own })).toMatchObject({ stage: { status: "RUNNING" }, decision: { reason: "OutputLate" } });
    const { stage, decision, refusal, effects } = stepped({}, { ...late, own, dao });
    expect({ stage, decision, effects }).toMatchObject({
      stage: { name: "over", status: "COMPLETED", outputLate: true },
      decision: { reason: "OutputIncomplete" },
      effects: [{ kind: "announce" }],
    });
    expect(refusal).toBeDefined();
  });

  test("is not tried again after a KILL, where it has failed", () => {
    const killed = stepped({}, { seen: ends(3), own, dao: "KILL" });
    expect(killed).toMatchObject({ stage: { status: "DELETED" }, effects: [{ kind: "announce" }] });
  });
});

describe("a job that was given up for waiting too long, and runs after all", () => {
  test("is judged by what becomes of it then", () => {
    const running = stepped({ stage: removing("QUEUED", "ERROR") }, { seen: RUNNING });
    expect(running.stage).toEqual(active("RUNNING"));
    expect(stepped({ stage: running.stage }, { seen: ends(137, true) }).stage.status).toBe("STALLED");
  });
});

describe("a job that is to run again", () => {
  test("is written down as such before its Job is removed", () => {
    const written = stepped({ stage: active("QUEUED") }, { dao: "RESCHEDULE", seen: WAITS_TOO_LONG });
    expect(written).toMatchObject({ stage: CLEARING, decision: { removeJob: false } });
    const next = stepped({ ...written }, { dao: "RESCHEDULE", seen: WAITS_TOO_LONG });
    expect(next).toMatchObject({ stage: CLEARING, decision: { removeJob: true }, effects: [] });
    const gone = stepped({ ...next }, { dao: "RESCHEDULE", seen: { phase: "missing" } });
    expect(gone).toMatchObject({ stage: DUE, decision: { removeJob: false } });
    expect(isReady(gone, ALONE)).toBe(true);
  });
});

describe("a job that is to run again, and whose Job is gone already", () => {
  test("is started at once: nothing is noted that would remove its new Job", () => {
    const again = stepped({ stage: over("DELETED") }, { dao: "RESCHEDULE", seen: { phase: "missing" } });
    expect(again.stage).toEqual(DUE);
    expect(isReady(again, ALONE)).toBe(true);
  });
});

describe("an attempt that is killed beside one that has completed", () => {
  test("is not told of: the other one was", () => {
    const { stage, effects } = stepped(
      { stage: DUE },
      { dao: "KILL", seen: { phase: "missing" }, siblings: { ...ALONE, completed: true } },
    );
    expect(stage.status).toBe("DELETED");
    expect(effects).toEqual([]);
  });
});

describe("a failure beside a newer attempt", () => {
  test("is left to it while it goes on", () => {
    expect(stepped({}, { seen: ends(3), siblings: { ...ALONE, newer: true, open: true } }).effects).toEqual([]);
  });

  test("is retried, or held, when that one has been given up: nobody else goes on", () => {
    const siblings = { ...ALONE, newer: true };
    expect(stepped({}, { seen: ends(3), siblings }).effects).toEqual([{ kind: "addAttempt" }]);
    expect(stepped({}, { seen: ends(3), siblings: { ...siblings, failures: 5 } }).stage.status).toBe("ERROR_HELD");
  });
});
