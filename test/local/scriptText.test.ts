import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

const CLEAN = "#!/bin/bash\nif true; then\n  echo done\nfi\n";

/** Scripts that bash reads otherwise than an editor shows them. */
const FLAWED: readonly [name: string, text: Buffer, said: RegExp][] = [
  ["Windows line endings", Buffer.from(CLEAN.replaceAll("\n", "\r\n")), /has Windows line endings \(CRLF\)/],
  ["Windows line endings in the first line alone", Buffer.from(CLEAN.replace("\n", "\r\n")), /has Windows line endings \(CRLF\)/],
  ["Windows line endings in its last line alone", Buffer.from(CLEAN.replace(/\n$/, "\r\n")), /has Windows line endings \(CRLF\)/],
  ["old Mac line endings", Buffer.from(CLEAN.replaceAll("\n", "\r")), /has only carriage returns for line endings/],
  ["a byte order mark", Buffer.from(`\ufeff${CLEAN}`), /begins with a byte order mark/],
  ["UTF-16", Buffer.from(`\ufeff${CLEAN}`, "utf16le"), /is UTF-16 text/],
];

describe.each(FLAWED)("a script with %s", (_, text, said) => {
  test("is submitted, with one warning that names it and a command that mends it", async () => {
    const script = workflow.script("Job 1", "");
    writeFileSync(script, text);
    const { code, stdout, stderr } = await workflow.cli("submit", script);
    expect([code, stdout]).toEqual([0, "Job 1\n"]);
    const [, what, command = ""] = /^warning: (.*): convert it with (.*)\n$/.exec(stderr) ?? [];
    expect(what).toMatch(said);
    expect(what).toContain(script);
    expect(readFileSync(script)).toEqual(text);
    execFileSync("bash", ["-c", command]);
    expect(readFileSync(script, "utf8")).toBe(CLEAN);
  });
});

test("a script with both a byte order mark and Windows line endings is told of both", async () => {
  const script = workflow.script("Job-1", `\ufeff${CLEAN.replaceAll("\n", "\r\n")}`);
  const { code, stderr } = await workflow.cli("submit", script, "--dry-run");
  expect(code).toBe(0);
  expect(stderr.match(/^warning: script /gm)).toHaveLength(2);
});

test("a script that is as it should be is told nothing of, whatever characters it has", async () => {
  const script = workflow.script("Job-1", "printf 'a\\r\\nb'; echo été 作業\n");
  expect(await workflow.cli("submit", script)).toEqual({ code: 0, stdout: "Job-1\n", stderr: "" });
});
