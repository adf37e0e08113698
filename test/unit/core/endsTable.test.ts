import { describe, expect, test } from "vitest";
import type { OwnWords } from "../../../src/core/lifecycle/decision.ts";
import { includes } from "../../../src/core/lifecycle/effects.ts";
import { active } from "../../../src/core/lifecycle/make.ts";
import { observe } from "../../../src/core/lifecycle/observe.ts";
import { type Attempt, judgeEnd, type Situation, step } from "../../../src/core/lifecycle/step.ts";
import type { V1Job, V1Pod } from "../../../src/core/wire.ts";
import { readTables } from "./lifecycleTable.ts";
import { asObject, BEGIN, END, pod, running, terminated } from "./pods.ts";

const { tables } = readTables("ends.table.md");
const NOW = new Date("2026-01-02T03:10:00Z");
const OUTPUT_GRACE = 90;

const conditions = (type: string, reason: string) => ({ status: { conditions: [{ type, status: "True", reason, message: reason }] } });
const JOBS: Readonly<Record<string, object | undefined>> = {
  open: { status: { active: 1 } },
  complete: conditions("Complete", "CompletionsReached"),
  failed: conditions("Failed", "BackoffLimitExceeded"),
  "out of time": conditions("Failed", "DeadlineExceeded"),
  suspended: { spec: { suspend: true }, status: conditions("Suspended", "JobSuspended").status },
  gone: undefined,
};

function jobOf(words: string): V1Job | undefined {
  if (!(words in JOBS)) throw new Error(`no Job is called ${words}`);
  const json = JOBS[words];
  return json === undefined ? undefined : asObject({ metadata: { name: "job-1", uid: "uid-1" }, ...json });
}

/** The state of the main container, from words such as `137 OOMKilled`. */
function containerOf(words: string): Record<string, unknown> | undefined {
  if (words === "nothing") return undefined;
  if (words === "runs") return running;
  if (words === "unknown") return terminated(137, "ContainerStatusUnknown", { startedAt: null, finishedAt: null });
  const [code, reason] = words.split(" ");
  return terminated(Number(code), reason);
}

function podOf(words: string, state: Record<string, unknown> | undefined): V1Pod | undefined {
  if (words === "none") return undefined;
  const [phase, word] = words.split(" ");
  const disrupted = { conditions: [{ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", message: "evicted" }] };
  const reason = word === undefined || word === "deleted" || word === "disrupted" ? {} : { reason: word, message: word };
  const shown = pod(state, { phase, ...reason, ...(word === "disrupted" ? disrupted : {}) });
  // The deletion was asked for 30 s, its grace period, before the time that stands there.
  const deletion = word === "deleted" ? { deletionTimestamp: END, deletionGracePeriodSeconds: 30 } : {};
  return asObject({ ...shown, metadata: { ...shown.metadata, ...deletion } });
}

function wordsOf(record: string, output: string): OwnWords {
  const [code, signal] = record.split(" ");
  const told = {
    attempt: "job-1",
    podUid: "uid-1",
    code: Number(code),
    signal,
    signalledAt: signal === undefined ? undefined : 1,
    endedAt: Date.parse(END) / 1000,
    outBytes: 0,
    errBytes: 0,
  };
  const isLate = output.startsWith("late");
  return {
    ...(record === "-" ? {} : { record: told }),
    ...(isLate ? { late: "has not arrived" } : {}),
    code: isLate || output === "nothing" ? undefined : Number(output),
  };
}

/**
 * What the code makes of a row's evidence, in the table's words.
 * @param isSeenBefore whether a command that settles nothing has seen the end first
 */
function judged([job = "", podWords = "", state = "", record = "", output = ""]: readonly string[], isSeenBefore: boolean): string[] {
  const waitedFor = output.endsWith("waited for") ? OUTPUT_GRACE : 0;
  const attempt: Attempt = {
    stage: active("RUNNING"),
    started: BEGIN,
    signal: null,
    pendingFamily: output.startsWith("late") ? "output" : null,
    pendingSince: output.startsWith("late") ? new Date(NOW.getTime() - waitedFor * 1000).toISOString() : null,
  };
  const situation: Situation = {
    job: attempt,
    dao: undefined,
    seen: observe(jobOf(job), podOf(podWords, containerOf(state))),
    own: wordsOf(record, output),
    siblings: { failures: 0, completed: false, alive: false, open: false, newer: false },
    rules: { retryCount: 5, retryUnknownEnd: false, onHeld: "hold", pending: {}, outputGrace: OUTPUT_GRACE },
    now: NOW,
  };
  const first = judgeEnd(situation);
  const known = { ...attempt, ...first.decision, stage: first.stage };
  const { stage, decision, effects } = step(isSeenBefore ? { ...situation, job: known } : situation);
  const { reason, exitCode } = isSeenBefore ? first.decision : decision;
  const { status } = stage;
  const isHeld = status === "STALLED_HELD";
  const then = isHeld ? "held" : includes(effects, "announce") ? "told" : includes(effects, "addAttempt") ? "retried" : "waits";
  return [isHeld ? "STALLED" : status, String(reason), exitCode === undefined ? "-" : String(exitCode), then];
}

describe.each([...tables].filter(([, rows]) => rows.length > 0))("section %s of ends.table.md", (_, rows) => {
  test.each(rows.map(({ name, cells }) => [name, cells] as const))("row %s: %s", (_, cells) => {
    const evidence = cells.slice(0, 5);
    const says = cells.slice(5);
    expect(judged(evidence, false)).toEqual(says);
    expect(judged(evidence, true)).toEqual(says);
  });
});

test("a container that never began has left no output: an earlier pod's is not taken for it", () => {
  const waiting = asObject<V1Pod>(pod({ waiting: { reason: "ContainerCreating" } }, { phase: "Failed", reason: "Evicted" }));
  expect(observe(jobOf("failed"), waiting)).toMatchObject({ phase: "ended", ending: { began: false } });
});
