import { expect, test } from "vitest";
import type { RowChange } from "../../../src/core/gaswRow/row.ts";
import type { LocalStatus } from "../../../src/core/job.ts";
import { ACCEPTED } from "../../../src/core/lifecycle/marks.ts";
import type { JobChange } from "../../../src/core/lifecycle/record.ts";
import { shownStatus } from "../../../src/core/lifecycle/shown.ts";
import { readStatus } from "../../../src/core/lifecycle/status.ts";
import type { Store } from "../../../src/store/store.ts";

// What must not compile is checked by the compiler (`npm run check`): without an error there, the line above it is one.

const word: LocalStatus = "COMPLETED";

test("a word is no status that the state takes", () => {
  // @ts-expect-error
  const literal: JobChange = { status: "COMPLETED" };
  // @ts-expect-error
  const named: JobChange = { status: word };
  // @ts-expect-error
  const written = (store: Store, job: Parameters<Store["changeJob"]>[0]) => store.changes.write(job, { status: "DELETED" });
  // @ts-expect-error
  const decidedFrom = (store: Store) => store.changes.write({ key: 1, status: "RUNNING" }, {});
  expect([literal, named, written, decidedFrom]).toHaveLength(4);
});

test("a word is no status that the GASW database takes", () => {
  // @ts-expect-error
  const literal: RowChange = { status: "COMPLETED" };
  // @ts-expect-error
  const named: RowChange = { status: word };
  expect([literal, named]).toHaveLength(2);
});

test("what the life cycle gives, and what was written down before, is one", () => {
  const changes: JobChange[] = [ACCEPTED, { status: readStatus("RUNNING") }];
  const row: RowChange = { status: shownStatus("NOT_SUBMITTED") };
  expect([...changes, row].map(({ status }) => status)).toEqual(["QUEUED", "RUNNING", "QUEUED"]);
});

test("what is written down is read only where it is a status", () => {
  expect(() => readStatus("PAUSED")).toThrow(RangeError);
  expect(() => readStatus(null)).toThrow(RangeError);
});
