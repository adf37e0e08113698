import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fits, fitted } from "../../../src/dao/text.ts";

const column = (length: number | null, charset: string | null = null) => ({ name: "command", length, charset });
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string().map((text) => `\ud83e${text}\0\udc00`),
);

describe("a text that is to be stored", () => {
  test("is cut in whole characters, by characters or by bytes", () => {
    expect(fitted("ab🧠c", column(3))).toEqual({ text: "ab", cut: true });
    expect(fitted("ab🧠c", column(4))).toEqual({ text: "ab🧠", cut: true });
    expect(fitted("aä🧠c", column(null), 6)).toEqual({ text: "aä", cut: true });
    expect(fitted("aä🧠c", column(null), 7)).toEqual({ text: "aä🧠", cut: true });
    expect(fitted("aä🧠c", column(5), 8)).toEqual({ text: "aä🧠c", cut: false });
    expect(fitted("\ufeffabc", column(null), 5)).toEqual({ text: "\ufeffab", cut: true });
  });

  test("loses NUL, and halves of characters are replaced, without being called cut", () => {
    expect(fitted("a\0b\ud83e", column(3))).toEqual({ text: "ab\ufffd", cut: false });
  });

  test.each([
    ["utf8mb4", "ä大🧠"],
    ["UTF8", "ä大🧠"],
    ["utf8mb3", "ä大?"],
    ["latin1", "ä??"],
    ["LATIN1", "ä??"],
    ["koi8r", "???"],
  ])("in a column of %s is %s", (charset, stored) => expect(fitted("ä大🧠", column(null, charset)).text).toBe(stored));

  test("always fits, and is the beginning of the text", () =>
    fc.assert(
      fc.property(anyText, fc.nat(20), fc.nat(40), (text, length, bytes) => {
        const whole = fitted(text, column(null)).text;
        const stored = fitted(text, column(length), bytes);
        expect(stored.text.length).toBeLessThanOrEqual(length);
        expect(Buffer.byteLength(stored.text)).toBeLessThanOrEqual(bytes);
        expect(whole.startsWith(stored.text)).toBe(true);
        expect(stored.text).not.toMatch(/[\0\p{Surrogate}]/u);
        expect(stored.cut).toBe(stored.text !== whole);
        expect(fits(stored.text, column(length), bytes)).toBe(true);
      }),
    ));

  test("is no key where it is changed", () => {
    expect(fits("Job-1", column(5))).toBe(true);
    expect(fits("Job-12", column(5))).toBe(false);
    expect(fits("Jöb", column(5, "ascii"))).toBe(false);
  });
});
