import { describe, expect, test } from "vitest";
import type { GaswRow } from "../../../src/core/gaswRow/row.ts";
import { GASW_STATUSES, type GaswStatus } from "../../../src/core/job.ts";
import { adoptedAttempt, adoptionOf, SET_ASIDE } from "../../../src/core/lifecycle/adopt.ts";
import { abandoned, cleanedUp, killedElsewhere } from "../../../src/core/lifecycle/giveUp.ts";
import { withLateOutput } from "../../../src/core/lifecycle/lateOutput.ts";
import { ACCEPTED, UNSUBMITTABLE } from "../../../src/core/lifecycle/marks.ts";
import type { AttemptRecord, JobChange } from "../../../src/core/lifecycle/record.ts";
import { plan } from "../../../src/core/lifecycle/round.ts";
import type { Stage } from "../../../src/core/lifecycle/stage.ts";
import { judgeEnd } from "../../../src/core/lifecycle/step.ts";
import { unsubmittable } from "../../../src/core/lifecycle/unsubmittable.ts";
import { inStage, stageOf, unknownAttempt } from "./attempts.ts";
import {
  ALONE,
  JOBS,
  type Job,
  jobWords,
  look,
  NOW,
  OBSERVED,
  OUTPUT,
  outputsFor,
  RULES,
  tables,
  undrawn,
  withSets,
} from "./lifecycleCases.ts";
import { FirstMatch, wordsIn } from "./lifecycleTable.ts";

const CALLER = new FirstMatch(tables.get("5") ?? [], 2);
const LATE = new FirstMatch(tables.get("6") ?? [], 2);
const WORDS = { reason: "Killed", message: "killed" };

type Known = AttemptRecord & { readonly delivered: boolean };

/** What each caller makes of a job; undefined: nothing. */
const CALLERS: Readonly<Record<string, (job: Known) => JobChange | "forget" | undefined>> = {
  submitted: ({ stage }) => (stage.name === "written" || stage.name === "due" ? ACCEPTED : undefined),
  unsubmittable: ({ stage }) => (stage.name === "due" ? UNSUBMITTABLE : undefined),
  "unsubmittable and told": ({ stage }) =>
    stage.name === "due" ? unsubmittable(UNSUBMITTABLE, "no image", { onHeld: "announce" }).change : undefined,
  "Job removed by a clean-up": (job) => {
    const [planned] = plan([job], {
      extent: "clean-up",
      rules: RULES,
      now: NOW,
      kill: WORDS,
      seen: () => ({ observation: { phase: "missing" }, isAlive: false }),
      signal: () => "KILL",
      own: () => undefined,
    });
    return { ...planned?.before.change, ...planned?.after?.change };
  },
  "cleaned up": cleanedUp,
  "cluster given up": (job) => abandoned(job, "a cluster", NOW),
  "killed elsewhere": (job) => killedElsewhere(job, WORDS),
};

const RECORDS: readonly (readonly [string, Pick<Known, "delivered" | "attempt">])[] = [
  ["unknown elsewhere", { delivered: false, attempt: 0 }],
  ["told", { delivered: true, attempt: 0 }],
  ["later", { delivered: false, attempt: 1 }],
];

const recordOf = (job: Job, more: Partial<Known> = {}): Known => ({
  ...unknownAttempt,
  ...inStage(job),
  delivered: false,
  ...more,
});

function told(job: Job, says: readonly string[]): Stage | "forget" {
  const [status = "", follows = ""] = says;
  if (status === "forgotten") return "forget";
  const noted = /noted (\w+)/.exec(follows)?.[1] as Job["removal"] | undefined;
  return stageOf({
    status: status === "same" ? job.status : (status as Job["status"]),
    settled: follows.includes("seen to") || (job.settled && !follows.includes("open")),
    due: job.due && !follows.includes("not due"),
    removal: noted ?? job.removal,
  });
}

describe("what is decided outside a round", () => {
  test("goes as the table says, for every caller and job", () => {
    const wrong: string[] = [];
    for (const [caller, change] of Object.entries(CALLERS))
      for (const job of JOBS)
        for (const [name, more] of RECORDS) {
          const words = withSets([...jobWords(job).split(", "), name]);
          const expected = told(job, CALLER.find(caller, words).says);
          const changed = change(recordOf(job, more));
          const got = changed === "forget" ? changed : (changed?.stage ?? stageOf(job));
          if (JSON.stringify(got) !== JSON.stringify(expected))
            wrong.push(`${caller} | ${words}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
        }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(CALLER.rules.filter(({ name }) => !CALLER.used.has(name))).toEqual([]);
  });

  test("goes as the table says for an output that arrives when its end was told", () => {
    for (const job of JOBS.filter(({ settled, removal }) => settled && removal === null))
      for (const [output, code] of OUTPUT) {
        const [status] = LATE.find(jobWords(job), output).says;
        const { change } = withLateOutput({ ...recordOf(job), exitCode: null }, code);
        expect(change.stage.status, `${jobWords(job)} | ${output}`).toBe(status === "same" ? job.status : status);
      }
    expect(LATE.rules.filter(({ name }) => !LATE.used.has(name))).toEqual([]);
  });

  test("is told of in words that all mean something", () => {
    const known = new Set(["any", ...Object.keys(CALLERS), ...OUTPUT.map(([name]) => name), ...RECORDS.map(([name]) => name)]);
    const jobs = new Set(JOBS.flatMap((job) => withSets(jobWords(job).split(", ")).split(", ")));
    const said = [CALLER, LATE].flatMap(({ rules }) => wordsIn(rules));
    expect(said.filter((word) => !known.has(word) && !jobs.has(word))).toEqual([]);
  });
});

test("a plain look decides what the first table says, and nothing that follows from it", () => {
  for (const job of JOBS)
    for (const [observed, seen] of OBSERVED)
      for (const [output, code] of outputsFor(observed)) {
        const attempt = { ...recordOf(job), signal: "KILL" } as const;
        const { decision, ...rest } = judgeEnd({
          job: attempt,
          dao: undefined,
          seen,
          own: { code },
          siblings: ALONE,
          rules: RULES,
          now: NOW,
        });
        const { rule, job: looked, itsJob } = look(job, observed, output);
        // What was noted for an end that a plain look has seen counts once that is seen to.
        const status = rule.says[0] === "as noted" && rule.inputs[1] === "any" ? job.status : looked.status;
        const stage = stageOf({ status, settled: job.settled, due: looked.due, removal: job.removal });
        const expected = { stage, removeJob: itsJob === "removed" };
        const got = { stage: rest.stage, removeJob: decision.removeJob };
        expect(got, `${jobWords(job)} | ${observed} | ${output}`).toEqual(expected);
        expect({ signal: rest.signal, effects: rest.effects }).toEqual({ signal: "KILL", effects: [] });
      }
});

test("docs/lifecycle.md draws every change that is decided outside a round", () => {
  const ways = JOBS.flatMap((job) => [
    ...Object.values(CALLERS).map((change) => [job, change(recordOf(job))] as const),
    ...(job.settled ? OUTPUT.map(([, code]) => [job, withLateOutput(recordOf(job), code).change] as const) : []),
    ...GASW_STATUSES.map((shown) => [job, adopted(job, shown)] as const),
  ]);
  const edges = ways.map(([{ status }, change]) => [status, change === "forget" ? "[*]" : (change?.stage?.status ?? status)] as const);
  expect(undrawn(edges)).toEqual([]);
});

/** What another state file changes of a job that is known here, by the status in its row. */
function adopted(job: Job, status: GaswStatus): JobChange | undefined {
  const row = { id: "Job-1", fileName: "Job-1", status, exitCode: -1, queued: null, running: null, creation: null } as GaswRow;
  const reason = job.status === "NOT_SUBMITTED" ? SET_ASIDE : null;
  return adoptionOf(recordOf(job, { reason }), adoptedAttempt(row, false), { isNewest: true, isTold: true, isKilled: false });
}
