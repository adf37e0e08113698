import { describe, expect, test } from "vitest";
import { readCommandLine } from "../../src/cli/commandLine.ts";
import { insteadOf, insteadOfOption, isTypo } from "../../src/cli/otherTools.ts";

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
    ["kill -9 Job-1", "cancel Job-1"],
    ["-n vip kill -SIGTERM Job-1", "cancel -n vip Job-1"],
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
    ["delete job/Job-1", "use `gasw-k8s cancel Job-1` (stops jobs), or `gasw-k8s cleanup` (removes a workflow's objects)"],
    ["RM -f Job-1 Job-2", "use `gasw-k8s cancel Job-1 Job-2` (stops jobs), or `gasw-k8s cleanup` (removes a workflow's objects)"],
    ["scancel", "use `gasw-k8s cancel JOB`"],
    ["qsub -l mem=2gb sh/JOB.sh", "use `gasw-k8s submit sh/JOB.sh`"],
    ["resume JOB-1", "use `gasw-k8s release JOB-1`"],
    ["squeue -u me", "use `gasw-k8s status`"],
    ["get -n vip pods", "use `gasw-k8s -n vip debug pods`"],
    ["tail -n 20 Job-1", "use `gasw-k8s logs Job-1 -f`"],
    ["cp Job-1:/data/x .", "use `gasw-k8s exec Job-1 -- cat FILE`"],
    ["explain a$b", "use `gasw-k8s why 'a$b'`"],
    ["scontrol show job Job-1", "use `gasw-k8s describe Job-1`, or `gasw-k8s status Job-1`"],
    ["frobnicate Job-1", undefined],
    ["constructor", undefined],
  ])("%s: the command that does it is named, ready to copy", (line, instead) => {
    const [word = "", ...words] = line.split(" ");
    expect(insteadOf(undefined, word, words)).toBe(instead);
  });

  test("below config, config's own commands are named", () => {
    expect(insteadOf("config", "get", [])).toBe("use `gasw-k8s config show`");
    expect(insteadOf("config", "delete", [])).toBeUndefined();
  });

  test.each([
    [["debug", "logs"], "--tail=5", "Job-1 --tail=5", "use `gasw-k8s logs Job-1 | tail -n 20`"],
    [["debug", "exec"], "-l", "Job-1 ls -l", "put -- before the command: `gasw-k8s exec Job-1 -- ls -l`"],
    [["status"], "--json", "--json", "use -o json"],
    [["submit"], "-J", "-J me sh/X.sh", "use `gasw-k8s submit sh/X.sh`: its name is the job's"],
    [["submit"], "--frobnicate", "--frobnicate", undefined],
  ])("%j %s: the way to have it is named", (path, option, words, instead) =>
    expect(insteadOfOption(path, option, words.split(" "))).toBe(instead),
  );
});

test.each([
  ["sumbit", "submit", true],
  ["--mem", "--memory", true],
  ["report", "retry", false],
  ["delete", "release", false],
  ["--failed", "--cached", false],
])("%s is taken for a mistyped %s: %s", (given, name, isTaken) => expect(isTypo(given, name)).toBe(isTaken));
