import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoredRequest } from "../../src/core/job.ts";
import { active, DUE, ended, over } from "../../src/core/lifecycle/make.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
let folder: string;
let store: Store;
let workflow: StoredWorkflow;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-attempts-"));
  store = new Store({ path: path.join(folder, "state.db"), now: () => NOW, warn: () => undefined });
  workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function record(id: string, request: StoredRequest = {}, contentHash = "c0ffee") {
  return store.intents.record(workflow, { id, kubeName: `k-${id.toLowerCase()}`, contentHash, image: "debian", request, prepared: false });
}
const submit = (...intent: Parameters<typeof record>) => record(...intent).job;
const outboxIds = () => store.outbox.read(workflow, store.outbox.end(), 100).map(({ job }) => job.id);
const drain = () =>
  store.outbox.acknowledge(
    store.outbox.read(workflow, store.outbox.end(), 100).map(({ seq, job }) => ({ seq, job, invocationId: 7, isAnswered: true })),
  );

describe("attempts", () => {
  test("have GASW's ids, share the script's name and what was asked for, and are due", () => {
    const first = submit("Job-1", { memory: "2Gi", command: "app.sh" });
    const second = store.attempts.add(first, { ...first.request, memory: "4Gi" });
    const third = store.attempts.add(second, second.request);
    expect([second, third].map(({ id, fileName, attempt }) => ({ id, fileName, attempt }))).toEqual([
      { id: "Job-1-r1", fileName: "Job-1", attempt: 1 },
      { id: "Job-1-r2", fileName: "Job-1", attempt: 2 },
    ]);
    expect(third).toMatchObject({ stage: DUE, status: "NOT_SUBMITTED", contentHash: "c0ffee" });
    expect(third.request).toEqual({ memory: "4Gi", command: "app.sh" });
    expect(new Set([first.kubeName, second.kubeName, third.kubeName]).size).toBe(3);
  });

  test("leave the ids of other scripts alone that are called like them", () => {
    const first = submit("Job-1");
    submit("Job-1-r1");
    expect(store.attempts.add(first, {}).id).toBe("Job-1-r2");
    expect(store.jobs.attempts(workflow, "Job-1-r1")).toHaveLength(1);
  });

  test("stand for their invocation by the newest, in the order of the first submissions", () => {
    const first = submit("Job-1");
    submit("Job-2");
    store.attempts.add(first, {});
    expect(store.jobs.newest(workflow).map(({ id }) => id)).toEqual(["Job-1-r1", "Job-2"]);
    expect(store.jobs.all(workflow).map(({ id }) => id)).toEqual(["Job-1", "Job-2", "Job-1-r1"]);
  });

  test("are found by the beginning of the first one's id alone", () => {
    store.attempts.add(submit("Job-1"), {});
    expect(store.jobs.lookUp("Job", true).map(({ id }) => id)).toEqual(["Job-1"]);
    expect(store.jobs.lookUp("Job-1-r1", true).map(({ id }) => id)).toEqual(["Job-1-r1"]);
  });
});

describe("a submission with different content", () => {
  const runsAgain = { stage: DUE, prepared: false };

  test("is taken while the cluster has never accepted the job, also when `retry` has tried to submit it", () => {
    const job = submit("Job-1");
    expect(record("Job-1", {}, "changed")).toMatchObject({ job: { key: job.key }, fit: "correctable" });
    store.changes.write(job, { stage: DUE, prepared: true });
    expect(record("Job-1", {}, "changed")).toMatchObject({ job: { key: job.key }, fit: "correctable" });
  });

  test.each<[string, (job: StoredJob) => void]>([
    ["has been accepted", (job) => store.changes.write(job, { stage: active("QUEUED") })],
    [
      "waits to be run again",
      (job) => {
        store.changes.write(job, { stage: active("RUNNING") });
        store.changes.write({ ...job, stage: active("RUNNING") }, runsAgain);
      },
    ],
    [
      "is just being run again",
      (job) => {
        store.changes.write(job, { stage: active("RUNNING") });
        store.changes.write({ ...job, stage: active("RUNNING") }, { ...runsAgain, prepared: true });
      },
    ],
    ["is about to be submitted by this tool", (job) => store.changes.write(job, { stage: DUE })],
  ])("is not taken when the job %s", (_, arrange) => {
    const job = submit("Job-1");
    arrange(job);
    expect(record("Job-1", {}, "changed").fit).toBe("other");
    expect(submit("Job-1").key).toBe(job.key);
  });

  test("is not taken when it is called like another script's next attempt", () => {
    store.attempts.add(submit("Job-1"), {});
    expect(record("Job-1-r1", {}, "other").fit).toBe("other");
  });

  test("is the same submission again where any attempt was made of that content", () => {
    store.attempts.add(submit("Job-1"), {}, { contentHash: "changed" });
    expect(record("Job-1", {}, "changed").fit).toBe("same");
    expect(record("Job-1").fit).toBe("same");
  });
});

describe("a decision", () => {
  test("is carried out once, whoever else has made it from the same job", () => {
    const job = submit("Job-1");
    store.changes.write(job, { stage: ended("ERROR") });
    const failed = store.jobs.find(workflow, "Job-1");
    if (failed === undefined) throw new Error("no job");
    const update = { job: failed, change: { stage: over("ERROR") }, resubmit: {} };
    store.updates.apply([update], NOW);
    store.updates.apply([update], NOW);
    expect(store.jobs.attempts(workflow, "Job-1").map(({ id }) => id)).toEqual(["Job-1", "Job-1-r1"]);
  });

  test("is carried out for all attempts of an invocation that it was made for, or for none", () => {
    const first = submit("Job-1");
    const second = store.attempts.add(first, {});
    store.changes.write(second, { stage: active("QUEUED") });
    const updates = [first, second, submit("Job-2")].map((job) => ({ job, change: { stage: ended("DELETED") }, announce: true }));
    expect(store.updates.apply(updates, NOW)).toEqual([false, false, true]);
    expect(store.jobs.all(workflow).map(({ id, status }) => `${id} ${status}`)).toEqual([
      "Job-1 NOT_SUBMITTED",
      "Job-1-r1 QUEUED",
      "Job-2 DELETED",
    ]);
    expect(store.results.since(workflow, 0).map(({ id }) => id)).toEqual(["Job-2"]);
  });

  test("leaves its remark in the history without a change of status", () => {
    const job = submit("Job-1");
    store.updates.apply([{ job, change: {}, remark: { reason: "SignalRefused", message: "KILL: too late" } }], NOW);
    expect(store.history.of(job).map(({ status, reason }) => [status, reason])).toEqual([
      ["NOT_SUBMITTED", null],
      ["NOT_SUBMITTED", "SignalRefused"],
    ]);
  });
});

describe("the outbox", () => {
  test("has every job that was made or changed, once, in the order of the last changes", () => {
    const first = submit("Job-1");
    submit("Job-2");
    expect(outboxIds()).toEqual(["Job-1", "Job-2"]);
    store.changes.write(first, { stage: active("QUEUED") });
    expect(outboxIds()).toEqual(["Job-2", "Job-1"]);
  });

  test("forgets what was acknowledged, and keeps what has changed since it was read", () => {
    const job = submit("Job-1");
    const entries = store.outbox.read(workflow, store.outbox.end(), 100);
    store.changes.write(job, { stage: active("QUEUED") });
    store.outbox.acknowledge(entries.map((entry) => ({ ...entry, invocationId: 7, isAnswered: true })));
    expect(outboxIds()).toEqual(["Job-1"]);
    drain();
    expect(outboxIds()).toEqual([]);
    expect(store.jobs.find(workflow, "Job-1")).toMatchObject({ delivered: true, invocationId: 7 });
  });

  test("is not concerned by what the database does not show", () => {
    const job = submit("Job-1");
    drain();
    store.changes.write(job, { pendingFamily: "image", reason: "ErrImagePull", message: "a pull failed", prepared: true });
    store.updates.apply([{ job, change: {} }], NOW);
    expect(outboxIds()).toEqual([]);
  });

  test("is bounded by the end that it had when a delivery began", () => {
    const job = submit("Job-1");
    const end = store.outbox.end();
    store.changes.write(job, { stage: active("QUEUED") });
    expect(store.outbox.read(workflow, end, 100)).toEqual([]);
  });
});

describe("results", () => {
  test("are told once per invocation, in order, after a reader's cursor", () => {
    for (const id of ["Job-1", "Job-2"]) {
      const job = submit(id);
      store.updates.apply([{ job, change: { stage: over("COMPLETED") }, announce: true }], NOW);
      const again = store.jobs.find(workflow, id);
      if (again !== undefined) store.updates.apply([{ job: again, change: {}, announce: true }], NOW);
    }
    const results = store.results.since(workflow, 0);
    expect(results.map(({ id }) => id)).toEqual(["Job-1", "Job-2"]);
    expect(store.results.since(workflow, results[0]?.cursor ?? 0).map(({ id }) => id)).toEqual(["Job-2"]);
  });
});

describe("a clean-up", () => {
  test("forgets what nobody else knows of, and ends what is known", () => {
    submit("Unknown-1");
    const known = submit("Known-1");
    store.outbox.acknowledge(
      store.outbox
        .read(workflow, store.outbox.end(), 100)
        .filter(({ job }) => job.key === known.key)
        .map((entry) => ({ ...entry, invocationId: 1, isAnswered: true })),
    );
    const failed = submit("Failed-1");
    store.changes.write(failed, { stage: ended("ERROR") });
    store.attempts.add(failed, {});
    store.intents.giveUp(workflow);
    expect(store.jobs.all(workflow).map(({ id, stage }) => ({ id, stage }))).toEqual([
      { id: "Known-1", stage: ended("DELETED") },
      { id: "Failed-1", stage: over("ERROR") },
      { id: "Failed-1-r1", stage: ended("DELETED") },
    ]);
  });
});
