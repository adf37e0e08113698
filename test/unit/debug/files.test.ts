import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { areAtHand, localFiles } from "../../../src/services/debug/files.ts";
import { tailLines } from "../../../src/services/output/tail.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-files-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function readFrom(offset: number): Promise<{ text: string; end: number; isThere: boolean }> {
  const result = { text: "", end: offset };
  const isThere = await localFiles(folder).read("f", offset, async (position, chunk) => {
    result.text += chunk.toString();
    result.end = position + chunk.length;
  });
  return { ...result, isThere };
}

describe("localFiles", () => {
  test("goes on where it stopped", async () => {
    writeFileSync(path.join(folder, "f"), "one");
    const first = await readFrom(0);
    appendFileSync(path.join(folder, "f"), "two");
    expect([first, await readFrom(first.end)]).toEqual([
      { text: "one", end: 3, isThere: true },
      { text: "two", end: 6, isThere: true },
    ]);
  });
  test("begins anew with a file that was begun anew", async () => {
    writeFileSync(path.join(folder, "f"), "new");
    expect(await readFrom(100)).toEqual({ text: "new", end: 3, isThere: true });
  });
  test("says that a file is missing", async () => {
    expect(await readFrom(0)).toEqual({ text: "", end: 0, isThere: false });
  });
});

describe("areAtHand", () => {
  test("needs the workflow directory, not yet the files", () => {
    expect(areAtHand(folder, ["out/x"])).toBe(false);
    mkdirSync(path.join(folder, "sh"));
    expect(areAtHand(folder, ["out/x"])).toBe(true);
  });
});

describe("tailLines", () => {
  test("gives the last lines that say something", () => {
    writeFileSync(path.join(folder, "f"), "a\nb\n\nc\n\n");
    expect(tailLines(folder, "f", 2)).toEqual(["b", "c"]);
  });
  test("reads only the end of a large file, and whole lines of it", () => {
    writeFileSync(path.join(folder, "f"), `${"x".repeat(100_000)}\nlast\n`);
    expect(tailLines(folder, "f", 3)).toEqual(["last"]);
  });
  test("leaves out the markers of GASW's scripts, and what they print as they clean up", () => {
    const noise = "rm: cannot remove 'x'\n".repeat(400);
    writeFileSync(
      path.join(folder, "f"),
      `<application_execution>\r\nwhy\r\n</application_execution>\r\n<cleanup>\r\n${noise}</cleanup>\n`,
    );
    expect(tailLines(folder, "f", 3)).toEqual(["why"]);
  });
  test("shows the end of a long last line", () => {
    writeFileSync(path.join(folder, "f"), `a\n${"x".repeat(9_000)}!\n`);
    expect(tailLines(folder, "f", 1)).toEqual([`${"x".repeat(4095)}!`]);
  });
  test("finds nothing in a file that is missing or empty", () => {
    writeFileSync(path.join(folder, "f"), "");
    expect([tailLines(folder, "f", 3), tailLines(folder, "g", 3)]).toEqual([[], []]);
  });
});

describe("what a job has put in place of its output", () => {
  test.each([
    { what: "a pipe", put: (file: string) => execFileSync("mkfifo", [file]) },
    { what: "a link to a file elsewhere", put: (file: string) => symlinkSync("/etc/passwd", file) },
    { what: "a link to a device", put: (file: string) => symlinkSync("/dev/zero", file) },
    { what: "a directory", put: (file: string) => mkdirSync(file) },
  ])("is no file, neither shown nor waited for: $what", async ({ put }) => {
    put(path.join(folder, "f"));
    expect(await readFrom(0)).toEqual({ text: "", end: 0, isThere: false });
    expect(tailLines(folder, "f", 3)).toEqual([]);
  });
  test("is not shown through a folder that is a link, either", () => {
    symlinkSync("/etc", path.join(folder, "out"));
    expect(tailLines(folder, "out/passwd", 3)).toEqual([]);
  });
  test("is read where it is a link within the workflow", () => {
    writeFileSync(path.join(folder, "g"), "here\n");
    symlinkSync("g", path.join(folder, "f"));
    expect(tailLines(folder, "f", 3)).toEqual(["here"]);
  });
});
