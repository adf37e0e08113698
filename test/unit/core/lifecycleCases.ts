import { readFileSync } from "node:fs";
import path from "node:path";
import type { LocalStatus } from "../../../src/core/job.ts";
import type { Rules } from "../../../src/core/lifecycle/decision.ts";
import type { Ending } from "../../../src/core/lifecycle/ending.ts";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import type { Siblings } from "../../../src/core/lifecycle/signal.ts";
import type { DecidedEnd } from "../../../src/core/lifecycle/stage.ts";
import { FirstMatch, type Rule, readTables, type Words } from "./lifecycleTable.ts";

export const NOW = new Date("2026-01-02T03:04:05Z");
const RETRIES = 2;
const { tables: read, sets } = readTables("lifecycle.table.md");
export const tables = read;
export const LOOK = new FirstMatch(tables.get("1") ?? [], 3);

/** Words with the names of the sets that they belong to. */
export const withSets = (words: readonly string[]): Words =>
  [...words, ...[...sets].filter(([, members]) => members.some((member) => words.includes(member))).map(([name]) => name)].join(", ");

/** Finds the words for each thing once: half a million combinations ask for them. */
export function once<T>(key: (thing: T) => unknown, words: (thing: T) => Words): (thing: T) => Words {
  const known = new Map<unknown, Words>();
  return (thing) => {
    const name = key(thing);
    const found = known.get(name) ?? words(thing);
    known.set(name, found);
    return found;
  };
}

type Removal = DecidedEnd | "NOT_SUBMITTED";

/** A job in the tables' words. */
export interface Job {
  readonly status: LocalStatus;
  readonly settled: boolean;
  readonly due: boolean;
  readonly removal: Removal | null;
}

/** Every state that a job can be found in. */
export const JOBS: readonly Job[] = [
  ["NOT_SUBMITTED", "open"],
  ["NOT_SUBMITTED", "open", "due"],
  ["NOT_SUBMITTED", "open", "due", "NOT_SUBMITTED"],
  ["NOT_SUBMITTED", "open", "", "DELETED"],
  ["NOT_SUBMITTED", "open", "", "DELETED_REPLICA"],
  ...(["QUEUED", "RUNNING"] as const).flatMap((status) => [
    [status, "open"],
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

export const jobWords = once(
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

export const OBSERVED: readonly (readonly [string, Observation | undefined])[] = [
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
export const observedWords = once(
  (observed: string) => observed,
  (observed) => withSets([observed]),
);
export const RULES: Rules = {
  retryCount: RETRIES,
  retryUnknownEnd: false,
  onHeld: "hold",
  pending: { InvalidImageName: 0, ErrImagePull: 90 },
  outputGrace: 90,
};

/** No other attempt of its script. */
export const ALONE: Siblings = { failures: 0, completed: false, alive: false, open: false, newer: false };

export const OUTPUT: readonly (readonly [string, number | undefined])[] = [
  ["says nothing", undefined],
  ["says 0", 0],
  ["says 3", 3],
  ["says 9", 9],
];

/** What an output can say while the cluster shows something: before an end, one word more is enough to show that it does not count. */
export const outputsFor = (observed: string) => (/^(nothing|waiting|running)/.test(observed) ? OUTPUT.slice(0, 2) : OUTPUT);

/** Every kind of company that an attempt can be in. */
export const OTHERS: readonly Siblings[] = [
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
].map((others) => ({ ...ALONE, ...others }));

export const othersWords = once(
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

/** What the tables say of a look at a job, before its row and the other attempts come into it. */
export interface Look {
  readonly observed: string;
  readonly seen: Words;
  readonly rule: Rule;
  readonly job: Job;
  readonly words: Words;
  readonly itsJob: string;
}

export function look(job: Job, observed: string, output: string): Look {
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

/** The changes of a status that docs/lifecycle.md does not draw. */
export function undrawn(edges: Iterable<readonly [from: string, to: string]>): string[] {
  const page = readFileSync(path.join(import.meta.dirname, "../../../docs/lifecycle.md"), "utf8");
  const drawn = new Set([...page.matchAll(/^ {4}(\S+) --> (\S+):/gm)].map(([, from, to]) => `${from} --> ${to}`));
  const found = new Set([...edges].filter(([from, to]) => from !== to).map(([from, to]) => `${from} --> ${to}`));
  return [...found].filter((edge) => !drawn.has(edge));
}
