import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lastReturnCode, stdoutReturnCode } from "../../../src/core/returnCode.ts";

const application = (text: string) => `<application_execution>\n${text}\n</application_execution>\n`;

describe("the return code that a stream states", () => {
  test.each([
    ["Exiting with return value 0", 0],
    ["Exiting with return value 32\n", 32],
    ["Exiting with return value -1\n", -1],
    ["Exiting with return value 1\r\nmore\r\n", 1],
    ["Exiting with return value 1\nExiting with return value 2\n", 2],
    ["Exiting with return value 3   \n", 3],
    ["[ INFO - Tue Jan 28 13:27:49 UTC 2025 ] Exiting with return value 0\n", 0],
    ["[ ERROR - Tue Jan 28 13:27:49 UTC 2025 ] Exiting with return value 40\r\n", 40],
    ["50%[ ERROR - now ] Exiting with return value 2\n", 2],
  ])("of %j is %d", (text, code) => expect(lastReturnCode(text)).toBe(code));

  test.each([
    "",
    "Exiting with return value",
    "Exiting with return value x",
    "Exiting with return value 1 or so",
    "  Exiting with return value 1",
    "echo Exiting with return value 1",
    '    error "Exiting with return value 1"',
    "[ DEBUG - now ] Exiting with return value 1",
    "exiting with return value 1",
    "Exiting with return value 12345678901",
    "Exiting with return value 1.5",
  ])("is not told by %j", (text) => expect(lastReturnCode(text)).toBeUndefined());

  test("is the last one, whatever stands around it", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), fc.integer({ min: 0, max: 255 }), (lines, code) => {
        expect(lastReturnCode([...lines, `Exiting with return value ${code}`, "the end"].join("\n"))).toBe(code);
      }),
    );
  });
});

describe("on stdout it", () => {
  test.each<[string, string, boolean, number | undefined]>([
    ["counts after the application section", `${application("")}Exiting with return value 0\n`, true, 0],
    ["counts after it in the end of a long stream", "…</application_execution>\nExiting with return value 4\n", false, 4],
    ["counts after an end that stands behind a text", "words</application_execution>\nExiting with return value 4\n", true, 4],
    ["does not count after an end within a line", "</application_execution> or so\nExiting with return value 4\n", false, undefined],
    ["does not count inside it", application("Exiting with return value 5"), true, undefined],
    ["does not count in a section that never ended", "<application_execution>\nExiting with return value 5\n", true, undefined],
    ["does not count before it", `Exiting with return value 5\n${application("")}`, true, undefined],
    ["counts where no application section began", "Exiting with return value 22\n", true, 22],
    ["does not count in the end of a stream whose sections are out of sight", "Exiting with return value 5\n", false, undefined],
  ])("%s", (_, text, isWhole, code) => expect(stdoutReturnCode(text, isWhole)).toBe(code));
});
