import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromWallTime, toWallTime } from "../../../src/dao/wallTime.ts";

const ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"];
const zone = fc.constantFrom(...ZONES);
const instant = fc.integer({ min: Date.UTC(1950, 0, 1), max: Date.UTC(2099, 11, 31) }).map((time) => new Date(time).toISOString());
/** Around the changes of clocks of those zones, where the errors are. */
const near = fc
  .tuple(
    fc.constantFrom(
      "2024-03-31T01:00Z",
      "2024-10-27T01:00Z",
      "2024-03-10T07:00Z",
      "2024-11-03T06:00Z",
      "2024-04-06T15:00Z",
      "2011-12-30T10:00Z",
    ),
    fc.integer({ min: -30 * 3600_000, max: 30 * 3600_000 }),
  )
  .map(([change, distance]) => new Date(Date.parse(change) + distance).toISOString());
const time = fc.oneof(instant, near);

describe("a wall time", () => {
  test.each([
    ["2024-07-01T10:00:00.123Z", "Europe/Paris", "2024-07-01 12:00:00.123"],
    ["2024-01-01T10:00:00Z", "Europe/Paris", "2024-01-01 11:00:00.000"],
    ["2024-01-01T00:00:00+09:00", "UTC", "2023-12-31 15:00:00.000"],
    ["2024-03-31T00:59:59.999Z", "Europe/Paris", "2024-03-31 01:59:59.999"],
    ["2024-03-31T01:00:00Z", "Europe/Paris", "2024-03-31 03:00:00.000"],
    ["2024-06-01T00:00:00Z", "Asia/Kathmandu", "2024-06-01 05:45:00.000"],
    ["1969-12-31T23:59:59.999Z", "UTC", "1969-12-31 23:59:59.999"],
    ["2024-12-31T23:30:00Z", "Europe/Paris", "2025-01-01 00:30:00.000"],
  ])("of %s in %s is %s", (instant, timeZone, shown) => {
    expect(toWallTime(instant, timeZone)).toBe(shown);
    expect(fromWallTime(shown, timeZone)).toBe(new Date(instant).toISOString());
  });

  test.each([
    ["2024-10-27 02:30:00", "Europe/Paris", "2024-10-27T00:30:00.000Z"],
    ["2024-11-03 01:30:00", "America/New_York", "2024-11-03T05:30:00.000Z"],
    ["2024-04-07 01:45:00", "Australia/Lord_Howe", "2024-04-06T14:45:00.000Z"],
  ])("%s that the clocks of %s show twice is the earlier one", (text, timeZone, instant) => {
    expect(fromWallTime(text, timeZone)).toBe(instant);
  });

  test.each([
    ["2024-03-31 02:30:00", "Europe/Paris", "2024-03-31 03:30:00.000"],
    ["2011-12-30 12:00:00", "Pacific/Apia", "2011-12-31 12:00:00.000"],
  ])("%s that the clocks of %s skip is as much later, %s", (text, timeZone, later) => {
    expect(toWallTime(fromWallTime(text, timeZone) ?? "", timeZone)).toBe(later);
  });

  test.each([
    ["2024-05-01T12:00:00.123456", "2024-05-01T12:00:00.123Z"],
    ["2024-05-01 12:00:00.5", "2024-05-01T12:00:00.500Z"],
    ["2024-05-01 12:00:00", "2024-05-01T12:00:00.000Z"],
  ])("is read with any fraction of a second: %s", (text, instant) => expect(fromWallTime(text, "UTC")).toBe(instant));

  test.each(["", "0000-00-00 00:00:00", "2024-02-30 25:00:00", "infinity", "2024-05-01", "0044-03-15 12:00:00 BC"])(
    "is none in %j",
    (text) => expect(fromWallTime(text, "UTC")).toBeNull(),
  );

  test("of no time, or in no zone, is an error", () => {
    expect(() => toWallTime("yesterday", "UTC")).toThrow(RangeError);
    expect(() => toWallTime("2024-05-01T12:00:00Z", "Mars/Olympus")).toThrow(RangeError);
  });

  test("read back is what clocks show at the same moment or, where they show it twice, earlier", () =>
    fc.assert(
      fc.property(time, zone, (instant, timeZone) => {
        const shown = toWallTime(instant, timeZone);
        const read = fromWallTime(shown, timeZone) ?? "";
        expect(toWallTime(read, timeZone)).toBe(shown);
        expect(Date.parse(read)).toBeLessThanOrEqual(Date.parse(instant));
      }),
      { numRuns: 2000 },
    ));

  test("in UTC is the time itself", () =>
    fc.assert(
      fc.property(instant, (instant) => {
        expect(`${toWallTime(instant, "UTC").replace(" ", "T")}Z`).toBe(instant);
      }),
    ));
});
