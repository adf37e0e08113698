import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GaswError } from "../../../src/errors.ts";
import { duration, errorReport, printable } from "../../../src/ui/output.ts";
import { table } from "../../../src/ui/table.ts";
import { shortened } from "../../../src/ui/width.ts";

describe("a text that is shown", () => {
  test.each([
    ["plain", "plain"],
    ["été 日本 🙂", "été 日本 🙂"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["\u0000\u007f\u009b", "\\x00\\x7f\\x9b"],
    ["a\u2028b", "a\\u2028b"],
    ["gnp.\u202egpj", "gnp.\\u202egpj"],
    ["half \ud83d", "half \\ud83d"],
  ])("%j is printed as %s", (text, shown) => expect(printable(text)).toBe(shown));

  test("never breaks the line and never commands the terminal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });
});

describe("a table", () => {
  test("aligns its columns and has no blanks at the ends of its lines", () => {
    const rows = [
      ["Job-1", "RUNNING", ""],
      ["A-longer-name", "ERROR", "exit code 3"],
    ];
    expect(table(["JOB", "STATUS", "REASON"], rows)).toBe(
      ["JOB            STATUS   REASON", "Job-1          RUNNING", "A-longer-name  ERROR    exit code 3", ""].join("\n"),
    );
  });

  test("is aligned where a terminal shows characters twice as wide, or with nothing of their own", () =>
    expect(
      table(
        ["JOB", "STATUS"],
        [
          ["作業", "RUNNING"],
          ["e\u0301t", "ERROR"],
        ],
      ),
    ).toBe("JOB   STATUS\n作業  RUNNING\ne\u0301t    ERROR\n"));

  test.each([
    ["emoji, of one character or of several", "👩‍🔬🇫🇷", 4],
    ["half-width kana", "ｱｲ", 2],
    ["Hangul in its parts", "\u1112\u1161\u11ab", 2],
    ["a variation selector", "❤\ufe0f", 2],
    ["a control sequence, which is shown as text", "\u001b[31m", 8],
    ["a line break, which is shown as text", "a\nb", 4],
  ])("gives %s the room that a terminal does", (_, cell, width) => {
    const [header, row] = table(["JOB", "STATUS"], [[cell, "RUNNING"]]).split("\n");
    expect(header).toBe(`JOB${" ".repeat(Math.max(3, width) - 1)}STATUS`);
    expect(row).toBe(`${printable(cell)}${" ".repeat(Math.max(0, 3 - width) + 2)}RUNNING`);
  });

  test("of no rows is its header", () => expect(table(["A", "B"], [])).toBe("A  B\n"));

  test("styles cells, not the header, and the styles take no room", () => {
    const style = (cell: string, column: number) => (column === 0 ? `<${cell}>` : cell);
    expect(table(["A", "B"], [["x", "y"]], style)).toBe("A  B\n<x>  y\n");
  });

  test("has one line for each row, whatever the cells hold, and each column begins at one place", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "é", "\n", "\u001b", "\t") });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
        const lines = table(["FIRST", "SECOND"], rows).split("\n").slice(0, -1);
        expect(lines).toHaveLength(rows.length + 1);
        const begin = lines[0]?.indexOf("SECOND") ?? -1;
        rows.forEach(([, second], index) => {
          expect(lines[index + 1]?.slice(begin) ?? "").toBe(printable(second));
        });
      }),
    );
  });
});

describe("a text that is too long for its column", () => {
  test.each([
    ["short", "short"],
    ["exactly 10", "exactly 10"],
    ["eleven char", "eleven ch…"],
    ["作業作業作", "作業作業作"],
    ["作業作業作業", "作業作業…"],
    ["a作業作業作", "a作業作業…"],
    ["e\u0301".repeat(11), `${"e\u0301".repeat(9)}…`],
    ["👩‍🔬👩‍🔬👩‍🔬👩‍🔬👩‍🔬👩‍🔬", "👩‍🔬👩‍🔬👩‍🔬👩‍🔬…"],
  ])("loses whole characters at its end: %s", (text, short) => expect(shortened(text, 10)).toBe(short));
});

describe("a length of time", () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  test.each([
    [0, "0s"],
    [-5 * second, "0s"],
    [999, "0s"],
    [45 * second, "45s"],
    [minute, "1m"],
    [3 * minute + 10 * second, "3m10s"],
    [2 * hour + 5 * minute + 59 * second, "2h5m"],
    [day, "1d"],
    [4 * day + 3 * hour, "4d3h"],
    [400 * day + 59 * minute, "400d"],
  ])("of %d ms is %s", (milliseconds, text) => expect(duration(milliseconds)).toBe(text));
});

describe("an error", () => {
  const error = new GaswError("CONFLICT", "volume\nx is taken", {
    hint: "name another",
    cause: new Error("409", { cause: new Error("deep") }),
  });

  test("is one line and its hint", () => {
    expect(errorReport(error, { output: "text" })).toBe("error: volume\\nx is taken\nhint: name another\n");
  });

  test("shows the chain of its causes when asked to", () => {
    expect(errorReport(error, { output: "text", verbose: true })).toBe(
      "error: volume\\nx is taken\nhint: name another\ncause: 409\ncause: deep\n",
    );
  });

  test.each(["json", "ndjson"] as const)("is one line of JSON where the answer is %s", (output) => {
    expect(JSON.parse(errorReport(error, { output }))).toEqual({
      error: { code: "CONFLICT", message: "volume\nx is taken", hint: "name another" },
    });
    expect(errorReport(error, { output })).toMatch(/^[^\n]+\n$/);
  });

  test.each([
    ["FAILURE", 1],
    ["USAGE", 2],
    ["CONFIG", 3],
    ["CLUSTER", 4],
    ["VOLUME_NOT_READY", 5],
    ["NOT_FOUND", 6],
    ["CONFLICT", 7],
    ["TIMEOUT", 124],
    ["INTERRUPTED", 130],
  ] as const)("of kind %s ends the process with %d", (code, exitCode) => {
    expect(new GaswError(code, "message", { hint: "hint" }).exitCode).toBe(exitCode);
  });
});
