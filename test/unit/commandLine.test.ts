import { describe, expect, test } from "vitest";
import { meantBy, readCommandLine } from "../../src/cli/commandLine.ts";

const read = (line: string) => readCommandLine(line.split(" ").filter((word) => word !== "")).argv.join(" ");

describe("a command line", () => {
  test.each([
    ["-n vip status Job-1", "status -n vip Job-1"],
    ["--namespace=vip -v -o json status", "status --namespace=vip -v -o json"],
    ["-nvip -ojson status", "status -nvip -ojson"],
    ["--kubeconfig k --context c --config f submit sh/X.sh --cpu 1", "submit --kubeconfig k --context c --config f sh/X.sh --cpu 1"],
    ["-n vip debug pods -q", "debug pods -n vip -q"],
    ["debug -n vip why Job-1", "debug why -n vip Job-1"],
    ["-v debug -o json why Job-1", "debug why -v -o json Job-1"],
    ["-n status status", "status -n status"],
  ])("whose options stand before its command, %j, is read as %j", (line, inOrder) => expect(read(line)).toBe(inOrder));

  test.each([
    ["logs Job-1 -f", "debug logs Job-1 -f"],
    ["-n vip why Job-1", "debug why -n vip Job-1"],
    ["exec Job-1 -- ls -v -n", "debug exec Job-1 -- ls -v -n"],
    ["kill Job-1", "cancel Job-1"],
    ["ps -q", "status -q"],
    ["list", "status"],
  ])("in its short form, %j, is read as %j", (line, full) => expect(read(line)).toBe(full));

  test.each([
    "status Job-1 -n vip",
    "submit logs why",
    "status ps",
    "debug --help",
    "--version",
    "-n",
    "--help status",
    "--bogus status",
    "debug",
    "toString",
    "__proto__ x",
  ])("is left as it is: %j", (line) => expect(read(line)).toBe(line));

  test("has no command where it has but options that every command takes", () => {
    expect(readCommandLine(["-v", "-n", "vip"])).toEqual({ path: [], argv: [] });
  });

  test.each([
    ["submit --dry-run sh/X.sh", "submit --dry-run=client sh/X.sh"],
    ["submit --dry-run server sh/X.sh", "submit --dry-run server sh/X.sh"],
  ])("with a dry run of no kind, %j, is read as %j", (line, full) => expect(read(line)).toBe(full));
});

describe("what other tools call a command", () => {
  test.each([
    ["delete", /^cancel .*cleanup/],
    ["RM", /^cancel .*cleanup/],
    ["scancel", /^cancel$/],
    ["qsub", /^submit$/],
    ["resume", /^release$/],
    ["rerun", /^retry$/],
    ["squeue", /^status$/],
    ["log", /^logs$/],
    ["explain", /^why$/],
    ["ssh", /^shell$/],
  ])("%s: what was meant is named", (word, meant) => expect(meantBy(word)).toMatch(meant));

  test("is unknown where nobody calls a command so", () => expect(meantBy("frobnicate")).toBeUndefined());
});
