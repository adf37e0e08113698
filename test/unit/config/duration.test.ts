import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../src/config/schema/duration.ts";

describe("a duration", () => {
  test.each([
    [0, 0],
    [90, 90],
    ["90", 90],
    ["1.5", 1.5],
    ["90s", 90],
    ["500ms", 0.5],
    ["15m", 900],
    ["2h", 7200],
    ["1d", 86_400],
    ["1h30m", 5400],
    ["0.1s0.2s", 0.3],
  ])("%j is %d seconds", (value, seconds) => expect(parseDuration(value)).toBe(seconds));

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "", "s", "-5s", "5 minutes", "5M", "1h 30m", "never", null, true, [], {}])(
    "%j is none",
    (value) => expect(parseDuration(value)).toBeUndefined(),
  );

  test("counts a plain number in milliseconds where told so, but never one with its unit", () => {
    expect([parseDuration(2000, "ms"), parseDuration("2000", "ms"), parseDuration("2s", "ms")]).toEqual([2, 2, 2]);
  });

  test("of a whole number and a unit is their product", () => {
    const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    fc.assert(fc.property(fc.nat(1_000_000), unit, (number, name) => parseDuration(`${number}${name}`) === number * units[name]));
  });
});
