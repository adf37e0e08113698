import { execFileSync } from "node:child_process";
import path from "node:path";
import { spawn as spawnInTerminal } from "@lydell/node-pty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorOf, jsonErrorOf } from "../e2e/expectations.ts";
import { PROGRAM, run, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeAll(async () => {
  workflow = new TestWorkflow();
  const scripts = ["Grep-11", "Grep-12", "Sort-1"].map((job) => workflow.script(job, "true\n"));
  expect(await workflow.cli("submit", ...scripts, "--wait", "--wait-timeout", "300s")).toMatchObject({ code: 0, stderr: "" });
});
afterAll(() => workflow.cleanup());

describe("wrong usage ends with 2 and a hint", () => {
  test.each([
    ["an unknown command", ["statsu"], "unknown command 'statsu'", /^did you mean status\? see gasw-k8s --help/],
    ["an unknown option", ["status", "--naemspace", "x"], "unknown option '--naemspace'", /^did you mean --namespace\?/],
    ["an option without its value", ["submit", "sh/Sort-1.sh", "--image"], "option '--image <name>' argument missing", /--help/],
    [
      "a value that is none of a few",
      ["status", "-o", "xml"],
      /^option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are text, json/,
      /--help/,
    ],
    ["a duration in words", ["wait", "Sort-1", "--wait-timeout", "soon"], /argument 'soon' is invalid. expected a duration/, /--help/],
    ["a status that is none", ["status", "--status", "DONE"], /DONE is not a status/, /--help/],
    ["no job to wait for", ["wait"], /missing required argument 'job'/, /--help/],
    ["one argument too many", ["config", "schema", "x"], /too many arguments/, /--help/],
    ["no script", ["submit"], "no script given", /submit sh\/Job-1\.sh/],
    ["a script and --from", ["submit", "sh/Sort-1.sh", "--from", "-"], /^--from cannot be combined with scripts/, /NDJSON/],
    ["an image that is none", ["submit", "sh/Sort-1.sh", "--image", "a b"], /^--image: expected an image name/, /--help/],
    ["an amount of memory that is none", ["submit", "sh/Sort-1.sh", "--memory", "lots"], /^--memory: expected /, /--help/],
    ["memory without a unit", ["submit", "sh/Sort-1.sh", "--memory", "4"], /^--memory: expected /, /--help/],
    [
      "temporary storage without a unit",
      ["submit", "sh/Sort-1.sh", "--ephemeral-storage", "4"],
      /^--ephemeral-storage: expected /,
      /--help/,
    ],
    [
      "a CPU limit below the request",
      ["submit", "sh/Sort-1.sh", "--cpu", "2", "--cpu-limit", "1500m"],
      "the CPU limit 1500m (--cpu-limit) is below the CPU request 2 (--cpu)",
      /^raise the limit to 2 or more \(--cpu-limit, or resources\.cpuLimit .* request 1500m or less \(--cpu, /,
    ],
    [
      "a grace period for a month",
      ["submit", "sh/Sort-1.sh", "--grace-period", "30d"],
      /^--grace-period: expected .* at most 604800 s/,
      /--help/,
    ],
    ["a negative grace period", ["submit", "sh/Sort-1.sh", "--grace-period", "-5"], /^--grace-period: expected a duration/, /--help/],
    ["a resource without an amount", ["submit", "sh/Sort-1.sh", "--resource", "amd.com/gpu"], /expected NAME=QTY$/, /mig-1g\.5gb=1/],
    [
      "half a device",
      ["submit", "sh/Sort-1.sh", "--resource", "amd.com/gpu=0.5"],
      /^--resource amd\.com\/gpu: expected a whole/,
      /how many/,
    ],
    ["a resource with an option of its own", ["submit", "sh/Sort-1.sh", "--resource", "cpu=1"], /^--resource cpu: expected/, /--cpu-limit/],
    [
      "a resource that is stated twice",
      ["submit", "sh/Sort-1.sh", "--resource", "amd.com/gpu=1", "--resource", "amd.com/gpu=2"],
      "--resource amd.com/gpu is given more than once",
      /the whole amount once/,
    ],
    [
      "huge pages alone",
      ["submit", "sh/Sort-1.sh", "--resource", "hugepages-2Mi=64Mi"],
      /^hugepages-2Mi is requested without CPU or memory/,
      /--memory/,
    ],
    ["a resource beside --from", ["submit", "--from", "-", "--resource", "amd.com/gpu=1"], /^--from cannot be combined/, /NDJSON/],
    ["a variable without a value", ["submit", "sh/Sort-1.sh", "--env", "A"], "--env: expected KEY=VALUE", /--env THREADS=4/],
    ["a workflow that is no directory", ["submit", "sh/Sort-1.sh", "--workflow", "missing"], /missing/, /./],
    ["two kinds of clean-up", ["cleanup", "--state", "--orphaned"], /^option '--state' cannot be used with option '--orphaned'/, /--help/],
    [
      "a clean-up of the state by force",
      ["cleanup", "--state", "--force"],
      /^option '--state' cannot be used with option '--force'/,
      /--help/,
    ],
    [
      "an option of --orphaned for the state",
      ["cleanup", "--state", "--older-than", "1d", "--legacy"],
      "--legacy has no effect without --orphaned",
      /add --orphaned/,
    ],
    ["a prefix that several jobs have", ["status", "Grep-1"], /^Grep-1 matches 2 jobs: .*Grep-11.*Grep-12/, /give the full id/],
  ])("%s", async (_, args, message, hint) => {
    const error = errorOf(await workflow.cli(...args));
    expect(error).toEqual({
      code: 2,
      message: typeof message === "string" ? message : expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  test.each([
    [["statsu", "-o", "json"]],
    [["status", "--naemspace", "-o=json"]],
    [["status", "--bogus", "--output", "ndjson"]],
    [["status", "Grep-1", "-ojson"]],
  ])("as JSON on stderr where the answer was to be JSON: %s", async (args) => {
    expect(jsonErrorOf(await workflow.cli(...args))).toMatchObject({ code: 2, name: "USAGE" });
  });

  test("nothing at all shows the help on stderr", async () => {
    const { stdout, stderr, code } = await workflow.cli();
    expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
    expect(stderr).toMatch(/^Usage: gasw-k8s .*\n[\s\S]*Examples:/);
  });

  test("the help that is asked for is an answer: stdout and exit 0", async () => {
    for (const args of [["--help"], ["submit", "--help"], ["--version"]]) {
      const { stdout, stderr, code } = await workflow.cli(...args);
      expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
      expect(stdout).not.toBe("");
    }
  });
});

describe("a job", () => {
  test("that nobody knows: exit 6, as text and as JSON", async () => {
    const error = errorOf(await workflow.cli("status", "Nobody-1"));
    expect(error).toEqual({
      code: 6,
      message: expect.stringContaining("no job Nobody-1"),
      hint: expect.stringContaining("gasw-k8s status"),
    });
    expect(jsonErrorOf(await workflow.cli("status", "Nobody-1", "-o", "json"))).toEqual({ ...error, name: "NOT_FOUND" });
    expect(errorOf(await workflow.cli("wait", "Nobody-1"))).toMatchObject({ code: 125 });
  });

  test("whose name would break the line is told on one", async () => {
    const error = errorOf(await workflow.cli("status", "No\nbody\u001b[31m"));
    expect(error.message).toContain("No\\nbody\\x1b[31m");
  });

  test("is found by its id, its script's path, its Kubernetes name and the beginning of its id alone", async () => {
    const [record] = JSON.parse((await workflow.cli("status", "Sort-1", "-o", "json")).stdout).jobs;
    for (const name of ["sh/Sort-1.sh", path.join(workflow.directory, "sh/Sort-1.sh"), record.kubernetesName, "Sor", "Sort-1"]) {
      expect(await workflow.cli("status", name, "-q")).toEqual({ stdout: "Sort-1\n", stderr: "", code: 0 });
    }
    expect(await workflow.cliWith({ cwd: "/" }, "status", record.kubernetesName, "-q")).toMatchObject({ stdout: "Sort-1\n", code: 0 });
    expect(await workflow.cli("status", "Grep-11", "-q")).toMatchObject({ stdout: "Grep-11\n", code: 0 });
    expect(errorOf(await workflow.cli("status", "sh/Nobody-1.sh"))).toMatchObject({ code: 6 });
  });
});

/** What a terminal shows of the program. */
async function inTerminal(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const terminal = spawnInTerminal(process.execPath, [PROGRAM, ...args], {
    cwd: workflow.directory,
    env: { ...workflow.env, TERM: "xterm", ...env },
    cols: 200,
  });
  let shown = "";
  terminal.onData((text) => (shown += text));
  await new Promise((resolve) => terminal.onExit(resolve));
  return shown;
}

describe("stdout", () => {
  const escapeCode = "\u001b[";

  test("has colour on a terminal, and none with NO_COLOR or CI or elsewhere", async () => {
    expect(await inTerminal({}, "status")).toContain(`${escapeCode}32mCOMPLETED`);
    for (const env of [{ NO_COLOR: "1" }, { CI: "true" }]) {
      for (const args of [["status"], ["status", "--watch"]]) {
        const shown = await inTerminal(env, ...args);
        expect(shown).toContain("COMPLETED");
        expect(shown).not.toContain(escapeCode);
      }
    }
    const piped = await workflow.cli("status", "--watch");
    expect(piped.stdout).toContain("COMPLETED");
    expect(piped.stdout + piped.stderr).not.toContain(escapeCode);
  });

  test("is the answer alone: progress goes to stderr, and -q prints ids only", async () => {
    const { stdout } = await workflow.cli("status", "--watch", "-o", "ndjson");
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).status),
    ).toEqual(["COMPLETED", "COMPLETED", "COMPLETED"]);
    expect(await workflow.cli("status", "-q")).toEqual({ stdout: "Grep-11\nGrep-12\nSort-1\n", stderr: "", code: 0 });
  });

  test("that nobody reads any more is no failure, and no stack trace is shown", async () => {
    for (const command of ["status -o json", "config schema", "--help", "status --watch"]) {
      const script = `set -o pipefail; "$0" "$1" ${command} | head -n 1`;
      const result = await run("bash", ["--norc", "-c", script, process.execPath, PROGRAM], { cwd: workflow.directory, env: workflow.env });
      expect(result.code).toBe(0);
      expect(result.stdout.split("\n")).toHaveLength(2);
      expect(result.stderr).not.toMatch(/EPIPE|\bat /);
      // A reader that was gone before the first word.
      const unread = await run("bash", ["--norc", "-c", script.replace("head -n 1", "true"), process.execPath, PROGRAM], {
        cwd: workflow.directory,
        env: workflow.env,
      });
      expect(unread).toMatchObject({ code: 0, stdout: "", stderr: expect.not.stringMatching(/EPIPE|cannot be written|\bat /) });
    }
    const gone = `"$0" "$1" submit sh/Sort-1.sh --wait >&- 2>&-; echo $?`;
    expect(
      (await run("bash", ["--norc", "-c", gone, process.execPath, PROGRAM], { cwd: workflow.directory, env: workflow.env })).stdout,
    ).toBe("0\n");
  });

  test("on a full disk is a failure: exit 1", () => {
    const script = `"$0" "$1" status > /dev/full; echo $?`;
    const out = execFileSync("bash", ["--norc", "-c", script, process.execPath, PROGRAM], {
      cwd: workflow.directory,
      env: workflow.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(out.toString()).toBe("1\n");
  });
});
