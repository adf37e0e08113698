import { describe, expect, test } from "vitest";
import { active, DUE, WRITTEN } from "../../../src/core/lifecycle/make.ts";
import { isLeftUnsubmitted } from "../../../src/services/sync/follow.ts";

const NOW = new Date("2026-01-02T03:10:00.000Z");
const JUST_NOW = "2026-01-02T03:09:00.000Z";
const LONG_AGO = "2026-01-02T03:00:00.000Z";

describe("a job that is not submitted", () => {
  test("is waited for until its submission takes too long", () => {
    expect(isLeftUnsubmitted({ stage: WRITTEN, created: JUST_NOW }, NOW)).toBe(false);
    expect(isLeftUnsubmitted({ stage: WRITTEN, created: LONG_AGO }, NOW)).toBe(true);
  });

  test("is waited for however long ago it was made, when this tool is to run it", () => {
    expect(isLeftUnsubmitted({ stage: DUE, created: LONG_AGO }, NOW)).toBe(false);
  });

  test("is nothing that was submitted", () => {
    expect(isLeftUnsubmitted({ stage: active("RUNNING"), created: LONG_AGO }, NOW)).toBe(false);
  });
});
