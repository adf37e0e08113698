import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { folderWith } from "./folders.ts";
import { ioDouble } from "./io.ts";

/** Runs one command line in an empty folder, which is its HOME too, without configuration. */
async function gaswK8s(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const cwd = folderWith();
  const { io, stdout, stderr } = ioDouble({ cwd, env: { HOME: cwd } });
  const code = await run(argv, io, "1.2.3");
  return { code, stdout: stdout(), stderr: stderr() };
}

describe("a wrong command line", () => {
  test.each<[string[], string, string]>([
    [["sumbit"], "unknown command 'sumbit'", "did you mean submit?"],
    [["frobnicate"], "unknown command 'frobnicate'", "--help"],
    [["delete", "Job-1"], "unknown command 'delete'", "use `gasw-k8s cancel Job-1` (stops jobs), or `gasw-k8s cleanup`"],
    [["-n", "vip", "resume", "Job-1"], "unknown command 'resume'", "use `gasw-k8s -n vip release Job-1`"],
    [["-n"], "unknown option '-n'", "--help"],
    [["-v", "--bogus"], "unknown option '--bogus'", "--help"],
    [["submit", "--imgae", "x"], "unknown option '--imgae'", "did you mean --image?"],
    [["submit", "--image"], "argument missing", "--help"],
    [["submit"], "no script given", "sh/Job-1.sh"],
    [["submit", "sh/Job-1.sh"], "script sh/Job-1.sh does not exist", "sh/Job-1.sh"],
    [["submit", "no/where/sh/Job-1.sh"], "does not exist", "--workflow"],
    [["submit", "-o", "xml", "x"], "Allowed choices are text, json, ndjson", "--help"],
    [["submit", "--wait-timeout", "soon"], "expected a duration", "--help"],
    [["submit", "--from", "-", "sh/Job-1.sh"], "--from cannot be combined with scripts", "NDJSON"],
    [["submit", "--dry-run", "sh/Job-1.sh"], "script sh/Job-1.sh does not exist", "sh/Job-1.sh"],
    [["submit", "--dry-run=perhaps", "x"], "Allowed choices are client, server", "--help"],
    [["status", "-o", "yaml"], "Allowed choices are text, json, ndjson", "--help"],
    [["status", "--status", "DONE"], "DONE is not a status; use NOT_SUBMITTED, QUEUED, RUNNING, COMPLETED, ERROR", "--help"],
    [["status", "--older-than", "-1"], "expected a duration", "--help"],
    [["status", "--since", "4"], "--since requires --sync -o ndjson", "status --sync -o ndjson"],
    [["monitor", "--since", "4"], "--since requires -o ndjson", "monitor -o ndjson"],
    [["wait"], "missing required argument 'job'", "`gasw-k8s status` lists the jobs"],
    [["report"], "unknown command 'report'", "use `gasw-k8s status --history`"],
    [["config", "get"], "unknown command 'get'", "use `gasw-k8s config show`"],
    [["cleanup", "everything"], "too many arguments", "--help"],
    [["cleanup", "--timeout", "x"], "expected a duration", "--help"],
    [["cleanup", "--older-than", "1h"], "--older-than has no effect without --orphaned or --state", "add --orphaned or --state"],
    [["cleanup", "--metrics-file", "x.prom"], "--metrics-file has no effect without --orphaned", "add --orphaned"],
    [["config", "shwo"], "unknown command 'shwo'", "did you mean show?"],
  ])("%j: one line saying what is wrong and a hint, exit 2", async (argv, message, hint) => {
    const { code, stdout, stderr } = await gaswK8s(...argv);
    expect(stderr).toMatch(/^error: [^\n]+\nhint: [^\n]+\n$/);
    const [first, second] = stderr.split("\n");
    expect(first).toContain(message);
    expect(second).toContain(hint);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test.each([
    ["status", "-o", "json", "--bogus"],
    ["status", "--bogus", "--output=json"],
    ["submit", "--bogus", "-ondjson"],
    ["submit", "-o", "json"],
  ])("%s %s %s %s: is told in JSON where the answer would be", async (...argv) => {
    const { code, stdout, stderr } = await gaswK8s(...argv.filter((word) => word !== undefined));
    expect(JSON.parse(stderr)).toEqual({ error: { code: "USAGE", message: expect.any(String), hint: expect.any(String) } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test.each(["-q", "--history"])("%s is refused with results as NDJSON, where it means nothing", async (option) => {
    const { code, stderr } = await gaswK8s("status", "--sync", "-o", "ndjson", option);
    expect(code).toBe(2);
    expect(JSON.parse(stderr).error).toMatchObject({ code: "USAGE", message: expect.stringContaining(option) });
  });

  test("without a command shows the commands on stderr, exit 2", async () => {
    const { code, stdout, stderr } = await gaswK8s();
    expect(stderr).toContain("Commands:");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

describe("help and version", () => {
  test("go to stdout, exit 0", async () => {
    expect(await gaswK8s("--version")).toEqual({ code: 0, stdout: "1.2.3\n", stderr: "" });
    const { code, stdout, stderr } = await gaswK8s("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of ["submit", "status", "wait", "cleanup", "debug", "config"]) expect(stdout).toContain(`\n  ${command}`);
  });

  test.each(["submit", "status", "wait", "cleanup"])("of %s shows an example and its options", async (command) => {
    const { code, stdout } = await gaswK8s(command, "--help");
    expect(code).toBe(0);
    expect(stdout).toContain(`Examples:\n  gasw-k8s ${command}`);
    expect(stdout).toContain("--workflow <dir>");
  });

  test("of commands that take no script does not speak of one, and has the options of every command apart", async () => {
    for (const command of ["status", "monitor", "wait", "cancel", "cleanup", "adopt", "config check", "debug pods"]) {
      const { stdout } = await gaswK8s(...command.split(" "), "--help");
      expect(stdout).not.toMatch(/\bscript/);
      expect(stdout).toMatch(/\nOptions:\n( .*\n)*? {2}-o, --output( .*\n)+\nCommon options:\n( .*\n)*? {2}-n, --namespace/);
    }
  });
});

test("submit's help says what the texts for GASW do: they are part of the content", async () => {
  const { stdout } = await gaswK8s("submit", "--help");
  expect(stdout.replace(/\s+/g, " ")).toContain("command to store in the GASW database (part of the job's content)");
});

describe("a waiting command", () => {
  test("ends with 125 for a failure of this tool, since other codes are the jobs'", async () => {
    const { code, stderr } = await gaswK8s("submit", "--wait", "sh/Job-1.sh");
    expect(stderr).toContain("does not exist");
    expect(code).toBe(125);
  });

  test("that cannot even be read is wrong usage all the same", async () => {
    expect((await gaswK8s("submit", "--wait", "--bogus")).code).toBe(2);
  });
});

test("a missing configuration file is told with its name, exit 3", async () => {
  const { code, stderr } = await gaswK8s("status", "--config", "nowhere.yaml");
  expect(stderr).toMatch(/^error: .*nowhere\.yaml.*\nhint: .+\n$/);
  expect(code).toBe(3);
});

describe("after a Ctrl-C", () => {
  async function interruptedRun(...argv: string[]): Promise<{ code: number; stderr: string }> {
    const cwd = folderWith();
    const { io, stderr } = ioDouble({ cwd, env: { HOME: cwd, GASW_K8S_NFS_ADDRESS: "nfs", GASW_K8S_NFS_PATH: cwd } });
    const code = await run(argv, { ...io, signal: AbortSignal.abort() }, "1.2.3");
    return { code, stderr: stderr() };
  }

  test("what it ended is told as interrupted, with what goes on, exit 130", async () => {
    const { code, stderr } = await interruptedRun("submit", "--from", "-");
    expect(stderr).toMatch(/^error: interrupted: jobs in the cluster continue\nhint: /);
    expect(code).toBe(130);
  });

  test.each([
    [["submit"], /^error: no script given\n/],
    [["submit", "--bogus"], /^error: unknown option '--bogus'\n/],
  ])("%j: what went wrong by itself is told as it is, exit 2", async (argv, message) => {
    const { code, stderr } = await interruptedRun(...argv);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
