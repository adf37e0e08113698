import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseOutput } from "../../../src/services/output/parse.ts";
import { readReturnCode } from "../../../src/services/output/returnCode.ts";
import { anyBytes } from "../core/outputs.ts";
import { folderWith } from "../folders.ts";

const says = (code: number) => `Exiting with return value ${code}\n`;
const AFTER = "<application_execution>\n</application_execution>\n";

const { signal } = new AbortController();

/** What this process has read so far, as the kernel counts it. */
const bytesRead = () => Number(/^rchar: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

/** The return code that two streams with this content state. */
function codeOf(out: string | Uint8Array | undefined, err: string | Uint8Array | undefined): Promise<number | undefined> {
  const folder = folderWith({ ...(out === undefined ? {} : { out }), ...(err === undefined ? {} : { err }) });
  return readReturnCode(folder, "out", "err", signal);
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
  ])("%s", async (_, out, err, code) => expect(await codeOf(out, err)).toBe(code));

  test("is found behind any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        const marked = Buffer.concat([Buffer.from(bytes), Buffer.from(`\n${AFTER}${says(5)}`)]);
        expect(await codeOf(marked, undefined)).toBe(5);
      }),
      { numRuns: 30 },
    );
  });

  const LONG = "a line that says nothing\n".repeat(20_000);
  test.each<[string, string, string, number]>([
    ["that is followed by more than the end that is looked at first", `${AFTER}${says(0)}${LONG}`, "", 0],
    ["behind an application section that has as much after it", `${AFTER}${LONG}${says(3)}`, "", 3],
    ["where there is no application section", `${LONG}${says(22)}`, "", 22],
    ["on stderr, before as much", AFTER + says(0), `${says(40)}${LONG}`, 40],
  ])("is found in a long stream, %s", async (_, out, err, code) => expect(await codeOf(out, err)).toBe(code));

  test("is the one that the parser of the whole output finds, wherever the end begins that is looked at first", async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyBytes, fc.nat(3000), async (out, err, bytes) => {
        const folder = folderWith({ "out/Job-1.sh.out": out, "err/Job-1.sh.err": err });
        const code = await readReturnCode(folder, "out/Job-1.sh.out", "err/Job-1.sh.err", signal, bytes);
        expect(code).toBe((await parseOutput(folder, "Job-1", signal)).exitCode);
      }),
      { numRuns: 200 },
    );
  });

  test("is read from the end of a file of eight gigabytes, without the rest of it", async () => {
    const folder = folderWith();
    const out = path.join(folder, "out");
    const handle = openSync(out, "w");
    // A sparse file: its size is real, its blocks are not.
    writeSync(handle, `\n${AFTER}${says(6)}`, 8 * 2 ** 30);
    closeSync(handle);
    const before = bytesRead();
    expect(await readReturnCode(folder, "out", "err", signal)).toBe(6);
    expect(bytesRead() - before).toBeLessThan(2 ** 20);
  });

  test("is not taken from a line of which only the end is in sight", async () => {
    const line = says(7);
    const bytes = 256 * 1024;
    const cut = `no code: ${line}${"x".repeat(bytes - line.length - 1)}\n`;
    expect(await codeOf(undefined, cut)).toBeUndefined();
    expect(await codeOf(undefined, `${"x".repeat(bytes)}\n${line}`)).toBe(7);
    expect(await codeOf(undefined, "x".repeat(bytes + 1))).toBeUndefined();
  });

  test("is not looked for in what is no file, and never waited for", async () => {
    const folder = folderWith();
    const file = (name: string) => path.join(folder, name);
    mkdirSync(file("directory"));
    execFileSync("mkfifo", [file("pipe")]);
    symlinkSync("loop", file("loop"));
    symlinkSync("/dev/zero", file("zero"));
    for (const name of ["directory", "pipe", "loop", "zero", "nothing", "nothing/below", "x".repeat(300)])
      expect(await readReturnCode(folder, name, name, signal)).toBeUndefined();
  });
});
