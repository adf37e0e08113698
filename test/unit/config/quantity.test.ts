import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkMemory, parseQuantity } from "../../../src/core/manifests/quantity.ts";

describe("a quantity", () => {
  test.each([
    ["0", 0],
    ["1", 1],
    ["500m", 0.5],
    ["1.5", 1.5],
    [".5", 0.5],
    ["2.", 2],
    ["1e3", 1000],
    ["1E3", 1000],
    ["2E", 2e18],
    ["1k", 1000],
    ["1Ki", 1024],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["-1", -1],
  ])("%s is %d", (text, value) => expect(parseQuantity(text)).toBe(value));

  test.each(["", " ", "1 Gi", "Gi", "1gi", "1KI", "1GB", "one", "1e", "0x10", "1..5", "1Gi ", "NaN", "Infinity", "1e999"])(
    "%j is none",
    (text) => expect(parseQuantity(text)).toBeUndefined(),
  );

  test("grows with its number, whatever the unit", () => {
    const unit = fc.constantFrom("n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei");
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), unit, (a, b, suffix) => {
        const [left = Number.NaN, right = Number.NaN] = [parseQuantity(`${a}${suffix}`), parseQuantity(`${b}${suffix}`)];
        return Math.sign(left - right) === Math.sign(a - b);
      }),
    );
  });

  test("reads any text without failing", () => {
    fc.assert(fc.property(fc.string(), (text) => parseQuantity(text) === undefined || Number.isFinite(parseQuantity(text))));
  });
});

describe("an amount of memory", () => {
  test.each(["512Mi", "4Gi", "1Mi", "1M", "100k", "4Ki", "2147483648", "1e9"])("%s is accepted", (text) =>
    expect(checkMemory(text)).toBeUndefined(),
  );

  test.each([
    ["512", "512Mi"],
    ["512m", "512Mi"],
    ["1.5", "1.5Mi"],
    ["1e3", "1Mi"],
    ["1048575", "1048575Mi"],
  ])("%s is refused, since it is bytes", (text, suggestion) => expect(checkMemory(text)).toContain(`did you mean "${suggestion}"?`));

  test.each(["0", "-1Gi"])("%s is refused, since it is nothing", (text) => expect(checkMemory(text)).toContain("above zero"));
  test.each(["", "lots", "1GB"])("%j is refused", (text) => expect(checkMemory(text)).toContain('such as "512Mi"'));
});
