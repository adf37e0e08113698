import { expect, test } from "vitest";
import type { RowChange } from "../../../src/core/gaswRow/row.ts";
import type { LocalStatus } from "../../../src/core/job.ts";
import { ACCEPTED } from "../../../src/core/lifecycle/marks.ts";
import type { JobChange } from "../../../src/core/lifecycle/record.ts";
import { shownStatus } from "../../../src/core/lifecycle/shown.ts";
import { readStatus } from "../../../src/core/lifecycle/status.ts";
import { readStage } from "../../../src/core/lifecycle/storedStage.ts";
import type { StoredJob } from "../../../src/store/records.ts";
import type { Store } from "../../../src/store/store.ts";

// What must not compile is checked by the compiler (`npm run check`): without an error there, the line above it is one.

const word: LocalStatus = "COMPLETED";

test("words are no stage that the state takes, nor are statuses that were decided", () => {
  // @ts-expect-error
  const literal: JobChange = { stage: { name: "written", status: "NOT_SUBMITTED" } };
  // @ts-expect-error
  const made: JobChange = { stage: { name: "active", status: ACCEPTED.stage.status } };
  // @ts-expect-error
  const written = (store: Store, job: StoredJob) => store.changes.write(job, { status: "DELETED" });
  // @ts-expect-error
  const decidedFrom = (store: Store) => store.changes.write({ key: 1, stage: { name: "due", status: "NOT_SUBMITTED" } }, {});
  expect([literal, made, written, decidedFrom]).toHaveLength(4);
});

test("a status is not written apart from its stage", () => {
  // @ts-expect-error
  const change: JobChange = { status: readStatus("RUNNING") };
  expect(change).toBeDefined();
});

test("a word is no status that the GASW database takes", () => {
  // @ts-expect-error
  const literal: RowChange = { status: "COMPLETED" };
  // @ts-expect-error
  const named: RowChange = { status: word };
  expect([literal, named]).toHaveLength(2);
});

test("what the life cycle gives, and what was written down before, is one", () => {
  const stored = { stage: "active", status: "RUNNING", removal: null, lingers: false, outputLate: false };
  const changes: JobChange[] = [ACCEPTED, { stage: readStage(stored) }];
  const row: RowChange = { status: shownStatus("NOT_SUBMITTED") };
  expect([...changes.map(({ stage }) => stage?.status), row.status]).toEqual(["QUEUED", "RUNNING", "QUEUED"]);
});

test("what is written down is read only where it is a stage, and a status", () => {
  const stored = { status: "RUNNING", removal: null, lingers: false, outputLate: false };
  expect(() => readStage({ ...stored, stage: "paused" })).toThrow(RangeError);
  expect(() => readStage({ ...stored, stage: null })).toThrow(RangeError);
  expect(() => readStatus("PAUSED")).toThrow(RangeError);
  expect(() => readStatus(null)).toThrow(RangeError);
});
