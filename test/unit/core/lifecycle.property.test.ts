import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasEnded, isHeld, type LocalStatus } from "../../../src/core/job.ts";
import type { OnHeld } from "../../../src/core/lifecycle/decision.ts";
import type { Extent } from "../../../src/core/lifecycle/round.ts";
import { isSignal, SIGNALS, type Signal } from "../../../src/core/lifecycle/signal.ts";
import { CUTS, type Cut } from "./lifecycleCuts.ts";
import type { Outcome } from "./lifecycleKube.ts";
import { RETRIES, World } from "./lifecycleWorld.ts";

type Action = (world: World) => void;

const index = fc.nat(7);
const outcome: fc.Arbitrary<Outcome> = fc.record({
  exitCode: fc.constantFrom(0, 0, 3, 9),
  byCluster: fc.boolean(),
  file: fc.constantFrom(undefined, 0, 3, 9),
});
const signal = fc.constantFrom<Signal>(...SIGNALS);

const evolve = fc
  .record({ index, to: fc.constantFrom("waiting", "waiting too long", "running", "ended", "lost", "gone"), outcome })
  .map((one): [string, Action] => [
    `the cluster: ${one.index} ${one.to} ${JSON.stringify(one.outcome)}`,
    (world) => world.evolve(one.index, one.to, one.outcome),
  ]);

const cut = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Cut>("nowhere") },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Cut>(...CUTS),
  },
);
const extent = fc.constantFrom<Extent>("all", "all", "all but turns");
const round = fc
  .record({ where: cut, extent })
  .map((one): [string, Action] => [`a round (${one.extent}), cut off ${one.where}`, (world) => world.round(one.where, one.extent)]);
const refresh = cut.map((where): [string, Action] => [`a refresh, cut off ${where}`, (world) => world.refresh(where)]);
const deliver = fc
  .record({ where: fc.constantFrom("nowhere", "nowhere", "before noting", "overtaken"), signal })
  .map((one): [string, Action] => [
    `the rows are written, cut off ${one.where} (${one.signal})`,
    (world) => world.deliver(one.where, one.signal),
  ]);
const signals = fc
  .record({ index, signal })
  .map((one): [string, Action] => [`${one.signal} is written into ${one.index}`, (world) => world.signal(one.index, one.signal)]);
const others: fc.Arbitrary<[string, Action]> = fc.oneof(
  fc.constant<[string, Action]>(["a submission", (world) => world.submit()]),
  index.map((at): [string, Action] => [`the row of ${at} is deleted`, (world) => world.dropRow(at)]),
);
/** A kill of all that goes on, as `cancel` means it. */
const cancel = fc.constant<[string, Action]>([
  "KILL is written into all",
  (world) => {
    for (const { attempt } of world.attempts) world.signal(attempt, "KILL");
  },
]);

interface Start {
  readonly isMade: boolean;
  readonly row: string | null | undefined;
}
const first: fc.Arbitrary<Start> = fc.record({
  isMade: fc.boolean(),
  row: fc.constantFrom(undefined, null, "QUEUED", "SUCCESSFULLY_SUBMITTED"),
});
const history = (...kinds: fc.WeightedArbitrary<[string, Action]>[]) => fc.array(fc.oneof(...kinds), { maxLength: 40 });
const ANYTHING = history(
  { weight: 6, arbitrary: evolve },
  { weight: 6, arbitrary: round },
  { weight: 2, arbitrary: refresh },
  { weight: 3, arbitrary: deliver },
  { weight: 4, arbitrary: signals },
  { weight: 1, arbitrary: cancel },
  { weight: 1, arbitrary: others },
);
const UNSIGNALLED = history(
  { weight: 6, arbitrary: evolve },
  { weight: 6, arbitrary: round },
  { weight: 2, arbitrary: refresh },
  { weight: 2, arbitrary: others },
);

/** Rounds within which a cooperative world comes to rest: some for each attempt that may yet be made. */
const PATIENCE = 80;

/** Lives through a history. The world itself throws when one of its rules is broken. */
function live(start: Start, actions: readonly [string, Action][], onHeld: OnHeld = "hold"): World {
  const world = new World(start, { onHeld });
  for (const [what, action] of actions) {
    world.log.push(what);
    action(world);
  }
  return world;
}

/** Everybody does their part from now on: pods run and end, rounds and writes are not cut off. */
function comeToRest(world: World, outcomes: readonly Outcome[]): void {
  for (let turn = 0; turn < PATIENCE && !world.isAtRest; turn++) {
    world.log.push(`turn ${turn}`);
    world.submit();
    for (const { attempt, doomed, kube } of world.attempts) {
      const next = doomed ? "gone" : kube.kind === "waiting" ? "running" : "ended";
      world.evolve(attempt, next, outcomes[(turn + attempt) % outcomes.length] as Outcome);
    }
    world.round("nowhere");
    world.deliver("nowhere", "KILL");
  }
  expect(world.isAtRest, world.log.join("\n")).toBe(true);
}

const outcomes = fc.array(outcome, { minLength: 1, maxLength: 4 });
const RUNS = { numRuns: 2000 };

describe("over any history of an invocation", () => {
  test("no rule is broken, and it comes to rest: told of, held, or given up as a replica", () => {
    fc.assert(
      fc.property(first, ANYTHING, outcomes, (start, actions, later) => {
        const world = live(start, actions);
        comeToRest(world, later);
        const isHeldBack = world.attempts.some(({ status }) => isHeld(status));
        expect(world.announced || isHeldBack || world.killedAsReplica, world.log.join("\n")).toBe(true);
        expect(world.attempts.length, world.log.join("\n")).toBeLessThanOrEqual(1 + RETRIES + world.asked);
        for (const { row } of world.attempts) expect(isSignal(row?.status)).toBe(false);
      }),
      RUNS,
    );
  });

  test("where failures are announced, none is held: it comes to rest told of, or given up as a replica", () => {
    fc.assert(
      fc.property(first, ANYTHING, outcomes, (start, actions, later) => {
        const world = live(start, actions, "announce");
        comeToRest(world, later);
        expect(world.attempts.filter(({ status }) => isHeld(status))).toEqual([]);
        expect(world.announced || world.killedAsReplica, world.log.join("\n")).toBe(true);
      }),
      RUNS,
    );
  });

  test("without signals it is retried until it has completed, was cancelled, or has failed once too often and is held", () => {
    fc.assert(
      fc.property(first, UNSIGNALLED, outcomes, (start, actions, later) => {
        const world = live(start, actions);
        comeToRest(world, later);
        const statuses = world.attempts.map(({ status }) => status);
        const failures = statuses.slice(0, -1);
        expect(failures.every((status) => status === "ERROR" || status === "STALLED")).toBe(true);
        const last = statuses.at(-1) as LocalStatus;
        expect(["COMPLETED", "CANCELLED"].includes(last)).toBe(world.announced);
        if (!world.announced) expect(isHeld(last)).toBe(true);
        if (!world.announced && !world.log.some((line) => line.includes("unsubmittable"))) expect(statuses.length).toBe(1 + RETRIES);
      }),
      RUNS,
    );
  });

  test("a kill of all that goes on is never lost: nothing is run again, and what had not ended is deleted, unless it ends well first", () => {
    fc.assert(
      fc.property(first, ANYTHING, outcomes, (start, actions, later) => {
        const world = live(start, actions);
        world.log.push("KILL is written into all");
        world.deliver("nowhere", "KILL");
        const before = world.attempts.map(({ status }) => status);
        for (const { attempt } of world.attempts) world.signal(attempt, "KILL");
        comeToRest(world, later);
        expect(world.attempts.length, world.log.join("\n")).toBe(before.length);
        for (const { attempt, status } of world.attempts) {
          const wasGoingOn = !hasEnded(before[attempt] as LocalStatus);
          if (wasGoingOn) expect(["DELETED", "DELETED_REPLICA", "COMPLETED", "CANCELLED"], world.log.join("\n")).toContain(status);
        }
      }),
      RUNS,
    );
  });
});
