import { describe, expect, test } from "vitest";
import { GASW_STATUSES, hasEnded, type LocalStatus } from "../../../src/core/job.ts";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import { nextStatus, shownStatus } from "../../../src/core/lifecycle/shown.ts";
import { SIGNALS, type Siblings, type Signal, SUBMIT } from "../../../src/core/lifecycle/signal.ts";
import { isSameStage, type Stage } from "../../../src/core/lifecycle/stage.ts";
import { type Attempt, type Situation, step } from "../../../src/core/lifecycle/step.ts";
import { isReady } from "../../../src/core/lifecycle/turns.ts";
import { stageOf } from "./attempts.ts";
import {
  JOBS,
  type Job,
  jobWords,
  LOOK,
  type Look,
  look,
  NOW,
  OBSERVED,
  OTHERS,
  OUTPUT,
  observedWords,
  once,
  othersWords,
  outputsFor,
  RULES,
  tables,
  undrawn,
  withSets,
} from "./lifecycleCases.ts";
import { FirstMatch, type Rule, type Words, wordsIn } from "./lifecycleTable.ts";

const SIGNAL = new FirstMatch(tables.get("2") ?? [], 4);
const END = new FirstMatch(tables.get("3") ?? [], 3);
/** The same where failures are announced. */
const END_TOLD = new FirstMatch([...(tables.get("7") ?? []), ...(tables.get("3") ?? [])], 3);
const ROW = new FirstMatch(tables.get("4") ?? [], 2);

interface Row {
  readonly status: string | null | undefined;
  /** The signal that the job is known to have followed. */
  readonly signal: Signal | null;
}

const ROWS: readonly Row[] = [
  ...[undefined, null, "NO_STATUS_OF_GASW", ...GASW_STATUSES].map((status) => ({ status, signal: null })),
  ...SIGNALS.map((signal) => ({ status: signal, signal })),
  ...SIGNALS.map((signal, at) => ({ status: signal, signal: SIGNALS[(at + 1) % SIGNALS.length] as Signal })),
  { status: "RUNNING", signal: "KILL" },
  { status: SUBMIT, signal: null },
];

const rowWords = once(
  (row: Row) => row,
  ({ status, signal }) => {
    if (status === undefined) return "no row";
    if (status === null) return "NULL";
    if (status === SUBMIT) return "asked to submit";
    if ((SIGNALS as readonly string[]).includes(status)) return withSets([status, status === signal ? "taken" : "new"]);
    return (GASW_STATUSES as readonly string[]).includes(status) ? status : "unknown word";
  },
);

/** The rows once their signal has been taken. */
const TAKEN = new Map(ROWS.map((row) => [row, { ...row, signal: row.status as Signal }]));

const isNew = (row: Row) => rowWords(row).includes("new");

/** What a step comes to, as far as the table tells. */
interface Outcome {
  readonly stage: Stage;
  readonly removeJob: boolean;
  readonly effects: string;
  readonly isRefused: boolean;
  readonly taken: string | null;
  /** undefined: the row's status is left alone. */
  readonly written: string | undefined;
}

/** What the tables say of a combination, and by which rules. */
function expected(
  { observed, seen, rule, job: looked, words, itsJob }: Look,
  company: Words,
  row: Row,
  ends = END,
): { outcome: Outcome; rules: Rule[]; statuses: LocalStatus[] } {
  const { status } = looked;
  const signal = SIGNAL.find(seen, words, company, rowWords(row));
  const [signalled, fate, follows] = signal.says as [string, string, string];
  const afterSignal = followed({ ...looked, status: signalled === "same" ? status : (signalled as LocalStatus) }, follows, observed);
  const removed =
    fate === "removed if there" ? itsJob === "removed" || observed !== "missing" : fate === "as before" && itsJob === "removed";

  const end = ends.find(seen, jobWords(afterSignal), company);
  const [ended, consequences] = end.says as [string, string];
  const final = {
    ...afterSignal,
    status: ended === "same" ? afterSignal.status : (ended as LocalStatus),
    settled: afterSignal.settled || consequences.includes("seen to"),
  };

  const isTaken = observed !== "nothing asked" && isNew(row);
  const taken = isTaken ? (row.status as Signal) : row.signal;
  const written = ROW.find(jobWords(final), rowWords(isTaken ? (TAKEN.get(row) as Row) : row));
  const [word] = written.says as [string];
  return {
    outcome: {
      stage: stageOf(final),
      removeJob: removed,
      effects: effectsIn(`${follows}, ${consequences}`),
      isRefused: follows.includes("refused"),
      taken,
      written: word === "-" ? undefined : word === "shown" ? (final.status === "NOT_SUBMITTED" ? "QUEUED" : final.status) : word,
    },
    rules: [rule, signal, end, written],
    statuses: [status, afterSignal.status, final.status],
  };
}

function followed(job: Job, follows: string, observed: string): Job {
  if (follows.includes("killed")) return { ...job, settled: false, due: false, removal: job.status as Job["removal"] };
  if (follows.includes("runs again"))
    return { ...job, settled: false, due: true, removal: observed === "missing" ? null : "NOT_SUBMITTED" };
  if (follows.includes("made due")) return { ...job, due: true };
  return follows.includes("another attempt") ? { ...job, settled: hasEnded(job.status) } : job;
}

/** The effects by the words of the table. */
const EFFECTS = { "another attempt": "addAttempt", announced: "announce", started: "createJob" };

/** The effects that a cell, or several, speak of. */
const effectsIn = once(
  (text: string) => text,
  (text) =>
    Object.entries(EFFECTS)
      .filter(([words]) => text.includes(words))
      .map(([, effect]) => effect)
      .join(),
);

/** What the code makes of a combination. */
function actual(
  job: Job,
  seen: Observation | undefined,
  fileCode: number | undefined,
  siblings: Siblings,
  row: Row,
  rules = RULES,
): Outcome {
  const attempt: Attempt = { stage: stageOf(job), pendingFamily: null, pendingSince: null, signal: row.signal };
  const situation: Situation = {
    job: attempt,
    dao: row.status,
    seen,
    own: { code: fileCode },
    siblings,
    rules,
    now: NOW,
  };
  const { stage, decision, signal, effects, refusal } = step(situation);
  const isStarted = seen !== undefined && isReady({ stage }, siblings);
  return {
    stage,
    removeJob: decision.removeJob,
    effects: [...effects.map(({ kind }) => kind), ...(isStarted ? ["createJob"] : [])].join(),
    isRefused: refusal !== undefined,
    taken: signal,
    written: row.status === undefined ? shownStatus(stage.status) : nextStatus({ stage, signal }, row.status),
  };
}

const FIELDS = ["removeJob", "effects", "isRefused", "taken", "written"] as const;

/** What of an outcome is not as the tables say. */
function differences(told: Outcome, got: Outcome): string[] {
  const others = FIELDS.filter((field) => told[field] !== got[field]).map((field) => `${field} ${got[field]} instead of ${told[field]}`);
  const [mine, theirs] = [got, told].map(({ stage }) => JSON.stringify(stage));
  return mine === theirs ? others : [...others, `${mine} instead of ${theirs}`];
}

describe("the life cycle", () => {
  test("goes as the table says, for every job, row and observation", () => {
    const wrong: string[] = [];
    const edges = new Set<string>();
    let count = 0;
    for (const job of JOBS)
      for (const [observed, seen] of OBSERVED)
        for (const [output, code] of outputsFor(observed)) {
          const looked = look(job, observed, output);
          for (const others of OTHERS)
            for (const row of ROWS) {
              count++;
              const { outcome, rules, statuses } = expected(looked, othersWords(others), row);
              for (const [index, to] of statuses.entries()) edges.add(`${statuses[index - 1] ?? job.status} ${to}`);
              const got = actual(job, seen, code, others, row);
              if (isSameStage(outcome.stage, got.stage) && FIELDS.every((field) => outcome[field] === got[field])) continue;
              const found = differences(outcome, got);
              const words = [jobWords(job), observed, output, othersWords(others), rowWords(row)];
              wrong.push(`${words.join(" | ")}: ${found.join("; ")} (rules ${rules.map(({ name }) => name).join(", ")})`);
            }
        }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(count).toBeGreaterThan(500_000);
    expect(undrawn([...edges].map((edge) => edge.split(" ") as [string, string]))).toEqual([]);
    const unused = [LOOK, SIGNAL, END, ROW].flatMap(({ rules, used }) => rules.filter(({ name }) => !used.has(name)));
    expect(unused).toEqual([]);
  });

  test("goes as the table says where failures are announced: none is held, and none that is over is released", () => {
    const signals: readonly unknown[] = [undefined, "UNHOLD_ERROR", "UNHOLD_STALLED", "REPLICATE", "RESCHEDULE"];
    const rows = ROWS.filter(({ status, signal }) => signals.includes(status) && signal === null);
    const rules = { ...RULES, onHeld: "announce" } as const;
    for (const job of JOBS)
      for (const [observed, seen] of OBSERVED)
        for (const [output, code] of outputsFor(observed))
          for (const others of OTHERS)
            for (const row of rows) {
              const { outcome } = expected(look(job, observed, output), othersWords(others), row, END_TOLD);
              const got = actual(job, seen, code, others, row, rules);
              const words = [jobWords(job), observed, output, othersWords(others), rowWords(row)];
              expect(differences(outcome, got), words.join(" | ")).toEqual([]);
            }
    expect(END_TOLD.used).toContain("7.1");
  });

  test("is told of in words that all mean something", () => {
    const observed = OBSERVED.map(([name]) => observedWords(name));
    const all = [
      "any",
      ...JOBS.map(jobWords),
      ...observed,
      ...OUTPUT.map(([name]) => name),
      ...OTHERS.map(othersWords),
      ...ROWS.map(rowWords),
    ];
    const known = new Set(all.flatMap((words) => words.split(", ")));
    const said = [LOOK, SIGNAL, END_TOLD, ROW].flatMap(({ rules }) => wordsIn(rules));
    expect(said.filter((word) => !known.has(word))).toEqual([]);
  });
});
