import { describe, expect, test } from "vitest";
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

const RULES = { retryCount: 5, retryUnknownEnd: false, pending: { InvalidImageName: 0 }, outputGrace: 90 };

function stepped(job: Partial<Attempt>, situation: Partial<Situation>) {
  const known = { status: "RUNNING", pendingFamily: null, pendingSince: null, settled: false, due: false, signal: null, ...job } as const;
  const rest = { dao: undefined, seen: undefined, siblings: ALONE, rules: RULES, now: new Date(0) };
  return step({ ...rest, ...situation, job: known });
}

describe("a job that is killed", () => {
  test("is not given up while nobody has asked the cluster: its Job would go on", () => {
    expect(stepped({}, { dao: "KILL" })).toMatchObject({ decision: { status: "RUNNING" }, signal: null, effects: [] });
  });

  test("has its Job removed, also where it has just waited too long", () => {
    const { decision } = stepped({ status: "QUEUED" }, { dao: "KILL", seen: WAITS_TOO_LONG });
    expect(decision).toMatchObject({ status: "DELETED", removeJob: true });
  });

  test("is not run again when it fails by itself before its Job is removed", () => {
    const removal = "DELETED";
    const killed = { decision: { status: "DELETED" }, effects: [{ kind: "announce" }] };
    expect(stepped({ removal, signal: "KILL" }, { dao: "KILL", seen: ends(0), own: { code: 3 } })).toMatchObject(killed);
    // A refresh, which takes no signals, has seen that failure.
    expect(stepped({ removal, signal: "KILL", status: "ERROR" }, { dao: "KILL", seen: ends(0), own: { code: 3 } })).toMatchObject(killed);
  });

  test("has completed if it did so before its Job was removed", () => {
    expect(stepped({ removal: "DELETED", signal: "KILL" }, { dao: "KILL", seen: ends(0) }).decision.status).toBe("COMPLETED");
  });
});

describe("a job whose end was seen, and whose output is late", () => {
  const late = {
    seen: { phase: "ended", ending: { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false } },
  } as const;
  const own = { late: "has not arrived" };

  test.each(["KILL", "KILL_REPLICA", "RESCHEDULE"])("has completed, and is neither given up nor run again by %s", (dao) => {
    expect(stepped({}, { ...late, own }).decision).toMatchObject({ status: "RUNNING", reason: "OutputLate" });
    const { decision, refusal, effects, due } = stepped({}, { ...late, own, dao });
    expect({ decision, due, effects }).toMatchObject({
      decision: { status: "COMPLETED", reason: "OutputIncomplete", outputLate: true },
      due: false,
      effects: [{ kind: "announce" }],
    });
    expect(refusal).toBeDefined();
  });

  test("is not tried again after a KILL, where it has failed", () => {
    const killed = stepped({}, { seen: ends(3), own, dao: "KILL" });
    expect(killed).toMatchObject({ decision: { status: "DELETED" }, effects: [{ kind: "announce" }] });
  });
});

describe("a job that was given up for waiting too long, and runs after all", () => {
  test("is judged by what becomes of it then", () => {
    const running = stepped({ status: "QUEUED", removal: "ERROR" }, { seen: RUNNING });
    expect(running).toMatchObject({ decision: { status: "RUNNING" }, removal: null });
    expect(stepped({ ...running.decision, removal: running.removal }, { seen: ends(137, true) }).decision.status).toBe("STALLED");
  });
});

describe("a job that is to run again", () => {
  test("is written down as such before its Job is removed", () => {
    const written = stepped({ status: "QUEUED" }, { dao: "RESCHEDULE", seen: WAITS_TOO_LONG });
    expect(written).toMatchObject({ decision: { status: "NOT_SUBMITTED", removeJob: false }, due: true, removal: "NOT_SUBMITTED" });
    const next = stepped({ ...written, status: "NOT_SUBMITTED" }, { dao: "RESCHEDULE", seen: WAITS_TOO_LONG });
    expect(next).toMatchObject({ decision: { status: "NOT_SUBMITTED", removeJob: true }, removal: "NOT_SUBMITTED", effects: [] });
    const gone = stepped({ ...next, status: "NOT_SUBMITTED" }, { dao: "RESCHEDULE", seen: { phase: "missing" } });
    expect(gone).toMatchObject({ decision: { status: "NOT_SUBMITTED", removeJob: false }, removal: null });
    expect(isReady({ ...gone, status: gone.decision.status }, ALONE)).toBe(true);
  });
});

describe("a job that is to run again, and whose Job is gone already", () => {
  test("is started at once: nothing is noted that would remove its new Job", () => {
    const again = stepped({ status: "DELETED", settled: true, removal: "DELETED" }, { dao: "RESCHEDULE", seen: { phase: "missing" } });
    expect(again).toMatchObject({ decision: { status: "NOT_SUBMITTED" }, removal: null });
    expect(isReady({ ...again, status: again.decision.status }, ALONE)).toBe(true);
  });
});

describe("an attempt that is killed beside one that has completed", () => {
  test("is not told of: the other one was", () => {
    const waiting = { status: "NOT_SUBMITTED", due: true } as const;
    const { decision, effects } = stepped(waiting, { dao: "KILL", seen: { phase: "missing" }, siblings: { ...ALONE, completed: true } });
    expect(decision.status).toBe("DELETED");
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
    expect(stepped({}, { seen: ends(3), siblings: { ...siblings, failures: 5 } }).decision.status).toBe("ERROR_HELD");
  });
});
