import { expect, test } from "vitest";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import type { AttemptRecord } from "../../../src/core/lifecycle/record.ts";
import { effectsOf, type PlanFacts, plan } from "../../../src/core/lifecycle/round.ts";
import { inStage, unknownAttempt } from "./attempts.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const WAY_OUT = "once node n1 is known to be off: kubectl delete pod …";
const SILENT: Observation = {
  phase: "running",
  reason: "NodeUnreachable",
  message: "node n1 does not respond: the job may still be running there",
  pod: "p1",
  node: "n1",
  goneBy: "2026-01-02T03:00:00Z",
  wayOut: WAY_OUT,
};
const TOLD = `node n1 does not respond: the job may still be running there; its pod p1 stays Terminating; ${WAY_OUT}`;

const attempt = (number: number, more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  ...unknownAttempt,
  key: number,
  attempt: number,
  ...more,
});
const dead = attempt(0, inStage({ status: "DELETED", settled: true }));
const next = attempt(1, inStage({ status: "NOT_SUBMITTED", due: true }));

/** @param shown what the cluster shows of attempts, by their numbers */
function facts(shown: Readonly<Record<number, Observation>>): PlanFacts<AttemptRecord> {
  return {
    extent: "all",
    kill: { reason: "Killed", message: "killed by somebody" },
    rules: { retryCount: 5, retryUnknownEnd: false, onHeld: "hold", pending: {}, outputGrace: 90 },
    now: NOW,
    seen: (job) => {
      const observation = shown[job.attempt] ?? { phase: "missing" };
      return { observation, isAlive: observation.phase === "running" || observation.phase === "waiting" };
    },
    signal: () => undefined,
    // It waits for an output that is late.
    own: ({ status }) => (status === "QUEUED" ? { late: "has not arrived" } : undefined),
  };
}

test.each<[string, readonly AttemptRecord[], Readonly<Record<number, Observation>>, string | undefined]>([
  [
    "a pod of an earlier one on a dead node",
    [dead, next],
    { 0: SILENT },
    `waits for attempt 1, whose pod p1 still exists on node n1: ${TOLD}`,
  ],
  [
    "its own earlier pod on a dead node",
    [attempt(0, inStage({ status: "NOT_SUBMITTED", due: true, removal: "NOT_SUBMITTED" }))],
    { 0: SILENT },
    `waits for attempt 1, whose pod p1 still exists on node n1: ${TOLD}`,
  ],
  [
    "an earlier one that runs",
    [attempt(0, inStage({ status: "RUNNING" })), next],
    { 0: { phase: "running", pod: "p1", node: "n1" } },
    "waits for attempt 1, whose pod p1 still exists on node n1",
  ],
  [
    "an earlier one whose end is not decided yet",
    [attempt(0, inStage({ status: "QUEUED" })), next],
    {},
    "waits for attempt 1, which is QUEUED",
  ],
  [
    "its own Job, which is on its way out",
    [attempt(0, inStage({ status: "NOT_SUBMITTED", due: true, removal: "NOT_SUBMITTED" }))],
    { 0: { phase: "lost", reason: "Failed", message: "" } },
    "waits for attempt 1 to be removed from the cluster",
  ],
  ["nothing", [dead, next], {}, undefined],
  ["nothing of another script's", [{ ...dead, fileName: "Job-2" }, next], { 0: SILENT }, undefined],
])("an attempt that is due waits for %s", (_, attempts, shown, words) => {
  const planned = plan(attempts, facts(shown));
  const told = planned.flatMap(({ turn }) => turn?.change.message ?? []);
  expect(told).toEqual(words === undefined ? [] : [words]);
  // Whoever waits is not submitted, and who is not submitted is told why.
  const started = planned.filter((one) => effectsOf(one).some(({ kind }) => kind === "createJob"));
  expect(started.length).toBe(words === undefined ? 1 : 0);
});
