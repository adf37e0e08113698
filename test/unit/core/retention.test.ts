import { describe, expect, test } from "vitest";
import { quietSeconds, type RetentionTerms, reasonToKeep, type StoredFacts } from "../../../src/core/retention.ts";

const NOW = new Date("2026-03-10T12:00:00Z");
const DAY_S = 86_400;
const FACTS: StoredFacts = {
  ...{ jobs: 3, open: 0, ended: 0, held: 0, lingering: 0, undelivered: 0, isDelivered: false },
  lastChange: "2026-01-01T00:00:00.000Z",
};
const TERMS: RetentionTerms = { olderThan: 30 * DAY_S, hasDatabase: true, isMonitored: false, now: NOW };
const RECENT = "it has changed recently (see --older-than)";

describe("a workflow is kept in the state", () => {
  test.each<[string, Partial<StoredFacts>, Partial<RetentionTerms>, string | undefined]>([
    ["not if all is over and told", {}, {}, undefined],
    ["not if it never had jobs", { jobs: 0 }, {}, undefined],
    ["if a monitor is running", {}, { isMonitored: true }, "a monitor is running for it"],
    ["if a job goes on", { open: 1 }, {}, "1 job has not ended"],
    ["if jobs go on", { open: 2 }, {}, "2 jobs have not ended"],
    ["if an end was not seen to", { ended: 1 }, {}, "the end of 1 job has not been handled yet (gasw-k8s status --sync, or cleanup)"],
    ["if a job is held", { held: 1 }, {}, "1 job is held (gasw-k8s release or cancel)"],
    ["if Jobs are to be deleted", { lingering: 2 }, {}, "2 Jobs of ended jobs must still be deleted"],
    [
      "if the configured database is to be told",
      { undelivered: 1 },
      {},
      "the GASW database does not have 1 result yet (gasw-k8s status --sync)",
    ],
    [
      "if a database that is not configured any more is to be told",
      { undelivered: 2, isDelivered: true },
      { hasDatabase: false },
      "the GASW database does not have 2 results yet (gasw-k8s status --sync)",
    ],
    ["not if there is no database to be told", { undelivered: 2 }, { hasDatabase: false }, undefined],
    ["if it changed a moment too late", { lastChange: "2026-02-08T12:00:00.001Z" }, {}, RECENT],
    ["not if it changed just in time", { lastChange: "2026-02-08T12:00:00.000Z" }, {}, undefined],
    ["if it will change only in an hour", { lastChange: "2026-03-10T13:00:00Z" }, {}, RECENT],
    ["not if it will change in an hour and nothing is recent", { lastChange: "2026-03-10T13:00:00Z" }, { olderThan: 0 }, undefined],
    ["if nobody can tell when it changed", { lastChange: "yesterday" }, { olderThan: 0 }, RECENT],
  ])("%s", (_, facts, terms, reason) => {
    expect(reasonToKeep({ ...FACTS, ...facts }, { ...TERMS, ...terms })).toBe(reason);
  });
});

test("a change in the future counts as one of now", () => {
  expect(quietSeconds({ lastChange: "2026-03-10T11:59:00Z" }, NOW)).toBe(60);
  expect(quietSeconds({ lastChange: "2026-03-10T13:00:00Z" }, NOW)).toBe(0);
});
