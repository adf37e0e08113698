import { describe, expect, test } from "vitest";
import { GASW_STATUSES, hasEnded, type LocalStatus } from "../../../src/core/job.ts";
import type { Removal } from "../../../src/core/lifecycle/decision.ts";
import type { Ending, Observation } from "../../../src/core/lifecycle/observe.ts";
import { nextStatus, shownStatus } from "../../../src/core/lifecycle/shown.ts";
import { SIGNALS, type Siblings, type Signal } from "../../../src/core/lifecycle/signal.ts";
import { type Attempt, type Situation, step } from "../../../src/core/lifecycle/step.ts";
import { isReady } from "../../../src/core/lifecycle/turns.ts";
import { FirstMatch, type Rule, readTables, type Words, wordsIn } from "./lifecycleTable.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const RETRIES = 2;
const { tables, sets } = readTables("lifecycle.table.md");
const LOOK = new FirstMatch(tables.get("1") ?? [], 3);
const SIGNAL = new FirstMatch(tables.get("2") ?? [], 4);
const END = new FirstMatch(tables.get("3") ?? [], 3);
const ROW = new FirstMatch(tables.get("4") ?? [], 2);

/** Words with the names of the sets that they belong to. */
const withSets = (words: readonly string[]): Words =>
  [...words, ...[...sets].filter(([, members]) => members.some((member) => words.includes(member))).map(([name]) => name)].join(", ");

/** Finds the words for each thing once: half a million combinations ask for them. */
function once<T>(key: (thing: T) => unknown, words: (thing: T) => Words): (thing: T) => Words {
  const known = new Map<unknown, Words>();
  return (thing) => {
    const name = key(thing);
    const found = known.get(name) ?? words(thing);
    known.set(name, found);
    return found;
  };
}

interface Job {
  readonly status: LocalStatus;
  readonly settled: boolean;
  readonly due: boolean;
  readonly removal: Removal | null;
}

/** Every state that a job can be found in. */
const JOBS: readonly Job[] = [
  ["NOT_SUBMITTED", "open"],
  ["NOT_SUBMITTED", "open", "due"],
  ["NOT_SUBMITTED", "open", "due", "NOT_SUBMITTED"],
  ["NOT_SUBMITTED", "open", "due", "DELETED"],
  ["NOT_SUBMITTED", "open", "", "DELETED"],
  ["NOT_SUBMITTED", "open", "due", "DELETED_REPLICA"],
  ...(["QUEUED", "RUNNING"] as const).flatMap((status) => [
    [status, "open"],
    // A submission that was cut off after its Job was made.
    [status, "open", "due"],
    [status, "open", "", "ERROR"],
    [status, "open", "", "DELETED"],
    [status, "open", "", "DELETED_REPLICA"],
  ]),
  // What a refresh has seen waits, open, for a synchronisation to see to it.
  ["COMPLETED", "open"],
  ["COMPLETED", "open", "", "DELETED"],
  ["COMPLETED", "seen to"],
  ["ERROR", "open"],
  ["ERROR", "open", "", "ERROR"],
  ["ERROR", "open", "", "DELETED"],
  ["ERROR", "open", "", "DELETED_REPLICA"],
  ["ERROR", "seen to"],
  ["ERROR", "seen to", "", "ERROR"],
  ["STALLED", "open"],
  ["STALLED", "open", "", "DELETED"],
  ["STALLED", "seen to"],
  ["ERROR_HELD", "seen to"],
  ["ERROR_HELD", "seen to", "", "ERROR"],
  ["STALLED_HELD", "seen to"],
  ["CANCELLED", "open"],
  ["CANCELLED", "open", "", "DELETED"],
  ["CANCELLED", "seen to"],
  ["DELETED", "open", "", "DELETED"],
  ["DELETED", "seen to", "", "DELETED"],
  ["DELETED_REPLICA", "open", "", "DELETED_REPLICA"],
  ["DELETED_REPLICA", "seen to", "", "DELETED_REPLICA"],
].map(([status, end, due, removal]) => ({
  status: status as LocalStatus,
  settled: end === "seen to",
  due: due === "due",
  removal: (removal as Removal | undefined) ?? null,
}));

const jobWords = once(
  ({ status, settled, due, removal }: Job) => `${status} ${settled} ${due} ${removal}`,
  ({ status, settled, due, removal }) =>
    withSets([status, settled ? "seen to" : "open", ...(due ? ["due"] : []), ...(removal === null ? [] : ["noted", `noted ${removal}`])]),
);

const ends = (reason: string, exitCode?: number, byCluster = false): Observation => {
  const ending: Ending = {
    reason,
    message: "",
    byCluster,
    stopped: byCluster || reason === "DeadlineExceeded",
    ...(exitCode === undefined ? {} : { exitCode }),
  };
  return { phase: "ended", ending };
};
const waits = (reason: string): Observation => ({ phase: "waiting", reason, message: "" });

const OBSERVED: readonly (readonly [string, Observation | undefined])[] = [
  ["nothing asked", undefined],
  ["missing", { phase: "missing" }],
  ["waiting", waits("Unschedulable")],
  ["waiting", waits("ErrImagePull")],
  ["waiting too long", waits("InvalidImageName")],
  ["running", { phase: "running" }],
  ["ended 0", ends("Completed", 0)],
  ["ended 0 late", ends("DeadlineExceeded", 0)],
  ["ended 0 evicted", ends("Evicted", 0, true)],
  ["ended 3", ends("Error", 3)],
  ["ended 9", ends("Error", 9)],
  ["ended codeless", ends("InitError")],
  ["ended unseen", ends("Evicted", undefined, true)],
  ["ended evicted", ends("NodeLost", 137, true)],
  ["lost", { phase: "lost", reason: "BackoffLimitExceeded", message: "" }],
];
const observedWords = once(
  (observed: string) => observed,
  (observed) => withSets([observed]),
);
const GRACE = { InvalidImageName: 0, ErrImagePull: 90 };

const OUTPUT: readonly (readonly [string, number | undefined])[] = [
  ["says nothing", undefined],
  ["says 0", 0],
  ["says 3", 3],
  ["says 9", 9],
];

/** What an output can say while the cluster shows something: before an end, one word more is enough to show that it does not count. */
const outputsFor = (observed: string) => (/^(nothing|waiting|running)/.test(observed) ? OUTPUT.slice(0, 2) : OUTPUT);

/** Every kind of company that an attempt can be in. */
const OTHERS: readonly Siblings[] = [
  {},
  { failures: RETRIES - 1 },
  { failures: RETRIES },
  { alive: true, open: true },
  { newer: true, open: true },
  { newer: true },
  { newer: true, failures: RETRIES },
  // The pod of one that was killed is still there.
  { alive: true },
  { completed: true },
  { completed: true, newer: true },
].map((others) => ({ failures: 0, completed: false, alive: false, open: false, newer: false, ...others }));

const othersWords = once(
  (others: Siblings) => others,
  ({ failures, completed, alive, open, newer }) =>
    [
      ...(completed ? ["completed"] : []),
      ...(alive ? ["alive"] : []),
      ...(open ? ["goes on"] : []),
      ...(newer ? ["newer"] : []),
      ...(failures < RETRIES ? ["retries left"] : []),
    ].join(", "),
);

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
];

const rowWords = once(
  (row: Row) => row,
  ({ status, signal }) => {
    if (status === undefined) return "no row";
    if (status === null) return "NULL";
    if ((SIGNALS as readonly string[]).includes(status)) return withSets([status, status === signal ? "taken" : "new"]);
    return (GASW_STATUSES as readonly string[]).includes(status) ? status : "unknown word";
  },
);

/** The rows once their signal has been taken. */
const TAKEN = new Map(ROWS.map((row) => [row, { ...row, signal: row.status as Signal }]));

const isNew = (row: Row) => rowWords(row).includes("new");

/** What a step comes to, as far as the table tells. */
interface Outcome extends Job {
  readonly removeJob: boolean;
  readonly effects: string;
  readonly isRefused: boolean;
  readonly taken: string | null;
  /** undefined: the row's status is left alone. */
  readonly written: string | undefined;
}

/** What the tables say of a look at a job, before its row and the other attempts come into it. */
interface Look {
  readonly observed: string;
  readonly seen: Words;
  readonly rule: Rule;
  readonly job: Job;
  readonly words: Words;
  readonly itsJob: string;
}

function look(job: Job, observed: string, output: string): Look {
  const seen = observedWords(observed);
  const rule = LOOK.find(jobWords(job), seen, output);
  const [shown, itsJob] = rule.says as [string, string];
  const status = shown === "same" ? job.status : shown === "as noted" ? (job.removal as LocalStatus) : (shown as LocalStatus);
  const isOff =
    (job.removal === "ERROR" && status === "RUNNING" && observed === "running") ||
    (job.removal === "NOT_SUBMITTED" && observed === "missing");
  const isDue = job.due && (status === "NOT_SUBMITTED" || observed === "nothing asked");
  const looked = { ...job, status, due: isDue, removal: isOff ? null : job.removal };
  return { observed, seen, rule, job: looked, words: jobWords(looked), itsJob };
}

/** What the tables say of a combination, and by which rules. */
function expected(
  { observed, seen, rule, job: looked, words, itsJob }: Look,
  company: Words,
  row: Row,
): { outcome: Outcome; rules: Rule[] } {
  const { status } = looked;
  const signal = SIGNAL.find(seen, words, company, rowWords(row));
  const [signalled, fate, follows] = signal.says as [string, string, string];
  const afterSignal = followed({ ...looked, status: signalled === "same" ? status : (signalled as LocalStatus) }, follows, observed);
  const removed =
    fate === "removed if there" ? itsJob === "removed" || observed !== "missing" : fate === "as before" && itsJob === "removed";

  const end = END.find(seen, jobWords(afterSignal), company);
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
      ...final,
      removeJob: removed,
      effects: effectsIn(`${follows}, ${consequences}`),
      isRefused: follows.includes("refused"),
      taken,
      written: word === "-" ? undefined : word === "shown" ? (final.status === "NOT_SUBMITTED" ? "QUEUED" : final.status) : word,
    },
    rules: [rule, signal, end, written],
  };
}

function followed(job: Job, follows: string, observed: string): Job {
  if (follows.includes("killed")) return { ...job, settled: false, due: false, removal: job.status as Removal };
  if (follows.includes("runs again"))
    return { ...job, settled: false, due: true, removal: observed === "missing" ? null : "NOT_SUBMITTED" };
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
function actual(job: Job, seen: Observation | undefined, fileCode: number | undefined, siblings: Siblings, row: Row): Outcome {
  const attempt: Attempt = { ...job, pendingFamily: null, pendingSince: null, signal: row.signal };
  const situation: Situation = {
    job: attempt,
    dao: row.status,
    seen,
    own: { code: fileCode },
    siblings,
    rules: { retryCount: RETRIES, retryUnknownEnd: false, pending: GRACE, outputGrace: 90 },
    now: NOW,
  };
  const { decision, settled, due, removal, signal, effects, refusal } = step(situation);
  const { status } = decision;
  const isStarted = seen !== undefined && isReady({ status, due, removal }, siblings);
  return {
    status,
    settled,
    due,
    removal,
    removeJob: decision.removeJob,
    effects: [...effects.map(({ kind }) => kind), ...(isStarted ? ["createJob"] : [])].join(),
    isRefused: refusal !== undefined,
    taken: signal,
    written: row.status === undefined ? shownStatus(status) : nextStatus({ status, removal, signal }, row.status),
  };
}

const FIELDS = ["status", "settled", "due", "removal", "removeJob", "effects", "isRefused", "taken", "written"] as const;

/** What of an outcome is not as the tables say. */
function differences(told: Outcome, got: Outcome): string[] {
  return FIELDS.filter((field) => told[field] !== got[field]).map((field) => `${field} ${got[field]} instead of ${told[field]}`);
}

describe("the life cycle", () => {
  test("goes as the table says, for every job, row and observation", () => {
    const wrong: string[] = [];
    let count = 0;
    for (const job of JOBS)
      for (const [observed, seen] of OBSERVED)
        for (const [output, code] of outputsFor(observed)) {
          const looked = look(job, observed, output);
          for (const others of OTHERS)
            for (const row of ROWS) {
              count++;
              const { outcome, rules } = expected(looked, othersWords(others), row);
              const got = actual(job, seen, code, others, row);
              if (FIELDS.every((field) => outcome[field] === got[field])) continue;
              const found = differences(outcome, got);
              const words = [jobWords(job), observed, output, othersWords(others), rowWords(row)];
              wrong.push(`${words.join(" | ")}: ${found.join("; ")} (rules ${rules.map(({ name }) => name).join(", ")})`);
            }
        }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(count).toBeGreaterThan(500_000);
    const unused = [LOOK, SIGNAL, END, ROW].flatMap(({ rules, used }) => rules.filter(({ name }) => !used.has(name)));
    expect(unused).toEqual([]);
  }, 300_000);

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
    const said = [LOOK, SIGNAL, END, ROW].flatMap(({ rules }) => wordsIn(rules));
    expect(said.filter((word) => !known.has(word))).toEqual([]);
  });
});
