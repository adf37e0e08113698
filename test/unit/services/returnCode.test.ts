import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readReturnCode } from "../../../src/services/returnCode.ts";
import { folderWith } from "../folders.ts";

const says = (code: number) => `Exiting with return value ${code}\n`;
const AFTER = "<application_execution>\n</application_execution>\n";

/** The return code that two streams with this content state. */
function codeOf(out: string | Uint8Array | undefined, err: string | Uint8Array | undefined): number | undefined {
  const folder = folderWith({ ...(out === undefined ? {} : { out }), ...(err === undefined ? {} : { err }) });
  return readReturnCode(folder, "out", "err");
}

describe("the return code in a job's files", () => {
  test.each<[string, string | undefined, string | undefined, number | undefined]>([
    ["stands on stdout after the application section", AFTER + says(0), "", 0],
    ["is that on stderr where both state one", AFTER + says(0), says(40), 40],
    ["counts anywhere on stderr", "", `<application_execution>\n${says(1)}</application_execution>\n`, 1],
    ["is not known where neither states one", "hello\n", "oops\n", undefined],
    ["is read from stdout when there is no stderr", AFTER + says(3), undefined, 3],
    ["is not known where both files are missing", undefined, undefined, undefined],
    ["is not known from empty files", "", "", undefined],
  ])("%s", (_, out, err, code) => expect(codeOf(out, err)).toBe(code));

  test("is found behind any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const marked = Buffer.concat([Buffer.from(bytes), Buffer.from(`\n${AFTER}${says(5)}`)]);
        expect(codeOf(marked, undefined)).toBe(5);
        expect(() => codeOf(bytes, bytes)).not.toThrow();
      }),
      { numRuns: 30 },
    );
  });

  test("is read from the end of a file of eight gigabytes at once", () => {
    const folder = folderWith();
    const out = path.join(folder, "out");
    const handle = openSync(out, "w");
    // A sparse file: its size is real, its blocks are not.
    writeSync(handle, `\n${AFTER}${says(6)}`, 8 * 2 ** 30);
    closeSync(handle);
    const begin = performance.now();
    expect(readReturnCode(folder, "out", "err")).toBe(6);
    expect(performance.now() - begin).toBeLessThan(500);
  });

  test("is not taken from a line of which only the end is in sight", () => {
    const line = says(7);
    const bytes = 256 * 1024;
    const cut = `no code: ${line}${"x".repeat(bytes - line.length - 1)}\n`;
    expect(codeOf(undefined, cut)).toBeUndefined();
    expect(codeOf(undefined, `${"x".repeat(bytes)}\n${line}`)).toBe(7);
    expect(codeOf(undefined, "x".repeat(bytes + 1))).toBeUndefined();
  });

  test("is not looked for in what is no file, and never waited for", () => {
    const folder = folderWith();
    const file = (name: string) => path.join(folder, name);
    mkdirSync(file("directory"));
    execFileSync("mkfifo", [file("pipe")]);
    symlinkSync("loop", file("loop"));
    symlinkSync("/dev/zero", file("zero"));
    for (const name of ["directory", "pipe", "loop", "zero", "nothing", "nothing/below", "x".repeat(300)])
      expect(readReturnCode(folder, name, name)).toBeUndefined();
  });
});
