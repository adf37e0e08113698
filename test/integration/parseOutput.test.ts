import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { many } from "../full.ts";

const JOB = "Job-1";
const OUT = `out/${JOB}.sh.out`;
const ERR = `err/${JOB}.sh.err`;
const APP_OUT = `out/${JOB}.sh.app.out`;
const APP_ERR = `err/${JOB}.sh.app.err`;
const END = "</application_execution>\n[ INFO - now ] Exiting with return value 3\n";
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

let scratch: string;
let program: string;
let directory: string;

beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-output-"));
  chmodSync(scratch, 0o755);
  program = path.join(scratch, "parseOutputProcess.mjs");
  await build({
    input: path.join(import.meta.dirname, "parseOutputProcess.ts"),
    platform: "node",
    output: { file: program, format: "esm" },
  });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeEach(() => {
  directory = mkdtempSync(path.join(scratch, "workflow-"));
  for (const folder of ["out", "err"]) mkdirSync(path.join(directory, folder));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Said {
  readonly exitCode?: number;
  readonly inputs: number;
  readonly leftOut: { readonly inputs: number };
  readonly warnings: readonly string[];
  readonly peakMb: number;
}

async function parse(user: { uid?: number; gid?: number } = {}): Promise<Said> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, directory, JOB], { timeout: 60_000, cwd: scratch, ...user });
  return JSON.parse(stdout);
}

const place = (file: string) => path.join(directory, file);

/** Writes a file of pieces; a number is that many bytes of zero, which take no room on the disk. */
function write(file: string, ...pieces: (string | number)[]): void {
  const handle = openSync(place(file), "w");
  let position = 0;
  for (const piece of pieces) {
    if (typeof piece === "number") position += piece;
    else position += writeSync(handle, piece, position);
  }
  closeSync(handle);
}

function endOf(file: string, length: number): string {
  const handle = openSync(place(file), "r");
  const buffer = Buffer.alloc(length);
  readSync(handle, buffer, 0, length, statSync(place(file)).size - length);
  closeSync(handle);
  return buffer.toString();
}

describe("an output of any size", () => {
  // Many times the memory that it may take.
  const LENGTH = many(2 ** 31, 2 ** 29);

  test("takes less than 100 MB of memory, where it is one line", async () => {
    write(OUT, "SITE_NAME=S\n<application_execution>\n", LENGTH, "last words", END);
    const { exitCode, warnings, peakMb } = await parse();
    expect([exitCode, warnings]).toEqual([3, []]);
    expect(statSync(place(APP_OUT)).size).toBe(LENGTH + "last words".length);
    expect(endOf(APP_OUT, 12)).toBe("\0\0last words");
    expect(peakMb).toBeLessThan(100);
  });

  test("takes as little, where it is many lines on both streams, which state codes and files without end", async () => {
    const line = "a line of an application, as long as such lines are, and some more words\n";
    const lines = line.repeat(200_000);
    const files = Array.from({ length: 150_000 }, (_, index) => `<file_download uri=file:/data/${index}>\n`).join("");
    write(OUT, `<inputs_download>\n${files}</inputs_download>\n<application_execution>\n`, ...Array(30).fill(lines), END);
    write(ERR, ...Array(10).fill(lines), "<application_execution>\n", ...Array(10).fill(lines), "Exiting with return value 6\n");
    const { exitCode, inputs, leftOut, warnings, peakMb } = await parse();
    expect({ exitCode, inputs, leftOut: leftOut.inputs, warnings }).toEqual({
      exitCode: 6,
      inputs: 20_000,
      leftOut: 130_000,
      warnings: [`${OUT} lists too many files: 130000 inputs were ignored`],
    });
    expect(statSync(place(APP_OUT)).size).toBe(30 * lines.length);
    expect(peakMb).toBeLessThan(100);
  });

  test("is read to where it was when the reading began, while a job still writes", async () => {
    write(ERR, "Exiting with return value 4\n");
    writeFileSync(place(OUT), "<application_execution>\n");
    const writer = spawn("bash", ["-c", `while :; do yes | head -c 1000000; sleep 0.02; done >> ${place(OUT)}`]);
    try {
      while (statSync(place(OUT)).size < 2 ** 20) await new Promise(setImmediate);
      expect(await parse()).toMatchObject({ exitCode: 4, warnings: [] });
    } finally {
      const ended = once(writer, "exit");
      writer.kill("SIGKILL");
      await ended;
    }
  });
});

describe.runIf(isRoot)("an output whose workflow directory", () => {
  afterEach(() => {
    if (existsSync(directory)) execFileSync("umount", ["--lazy", directory], { stdio: "ignore" });
  });
  const mount = (...options: string[]) => execFileSync("mount", [...options, directory]);
  const fill = () => {
    for (const folder of ["out", "err"]) mkdirSync(place(folder));
    write(OUT, `<application_execution>\n${"x".repeat(700_000)}\n${END}`);
    write(ERR, "<application_execution>\nhello\n</application_execution>\n");
    writeFileSync(place(`${JOB}.sh.provenance.json`), "{}");
  };

  test("lies on a full disk tells its facts, and leaves no part of a copy", async () => {
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs");
    fill();
    writeFileSync(place(APP_OUT), "old");
    const { exitCode, warnings } = await parse();
    expect([exitCode, warnings]).toEqual([3, [`${APP_OUT} was not written (ENOSPC)`]]);
    expect(readdirSync(place("out"))).toEqual([`${JOB}.sh.out`]);
    expect(readFileSync(place(APP_ERR), "utf8")).toBe("hello\n");
  });

  test("is read-only tells its facts", async () => {
    mount("-t", "tmpfs", "-o", "size=2m", "tmpfs");
    fill();
    mount("-o", "remount,ro");
    const { exitCode, warnings } = await parse();
    expect([exitCode, warnings]).toEqual([
      3,
      [`${APP_OUT} was not written (EROFS)`, `${APP_ERR} was not written (EROFS)`, `${JOB}.sh.provenance.json was not moved (EROFS)`],
    ]);
  });
});

describe.runIf(isRoot)("an output that belongs to somebody else", () => {
  test("and may not be read is warned of", async () => {
    chownSync(place("out"), NOBODY, NOBODY);
    chownSync(place("err"), NOBODY, NOBODY);
    write(OUT, `<application_execution>\n${END}`);
    write(ERR, "Exiting with return value 4\n");
    chmodSync(place(ERR), 0o600);
    chmodSync(directory, 0o755);
    const { exitCode, warnings } = await parse({ uid: NOBODY, gid: NOBODY });
    expect([exitCode, warnings]).toEqual([3, [expect.stringMatching(`^${ERR} was not read: `)]]);
  });
  test("and cannot be written beside is told of", async () => {
    write(OUT, `<application_execution>\n${END}`);
    writeFileSync(place(`${JOB}.sh.provenance.json`), "{}");
    chmodSync(directory, 0o755);
    const { exitCode, warnings } = await parse({ uid: NOBODY, gid: NOBODY });
    expect([exitCode, warnings]).toEqual([
      3,
      [`${APP_OUT} was not written (EACCES)`, `${APP_ERR} was not written (EACCES)`, `${JOB}.sh.provenance.json was not moved (EACCES)`],
    ]);
  });
});
