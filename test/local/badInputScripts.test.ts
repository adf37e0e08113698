import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../e2e/expectations.ts";
import { get, PROGRAM, run, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

const at = (...parts: string[]) => path.join(workflow.directory, ...parts);

async function expectNothingMade(): Promise<void> {
  expect((await get("namespaces", "--field-selector", `metadata.name=${workflow.namespace}`)).items).toEqual([]);
  expect((await workflow.cli("status", "--cached", "-q")).stdout).toBe("");
}

describe("a script that cannot be submitted ends with 2, says why, and makes nothing", () => {
  afterEach(expectNothingMade);

  test.each([
    ["is missing", "sh/missing.sh", () => undefined, / does not exist$/],
    ["is empty", "sh/empty.sh", () => writeFileSync(at("sh/empty.sh"), ""), / is empty$/],
    ["is a directory", "sh/folder.sh", () => mkdirSync(at("sh/folder.sh")), / is a directory$/],
    ["is a pipe", "sh/pipe.sh", () => void execFileSync("mkfifo", [at("sh/pipe.sh")]), / is not a regular file$/],
    ["is not named .sh", "sh/job.py", () => writeFileSync(at("sh/job.py"), "pass\n"), / is not named JOB\.sh$/],
    ["has no name before .sh", "sh/.sh", () => writeFileSync(at("sh/.sh"), "true\n"), / is not named JOB\.sh$/],
    [
      "has too long a name for its output file",
      `sh/${"a".repeat(249)}.sh`,
      () => writeFileSync(at(`sh/${"a".repeat(249)}.sh`), "true\n"),
      / has too long a name for its output file/,
    ],
    ["has a name too long for any file", `sh/${"a".repeat(300)}.sh`, () => undefined, / has a name that is too long$/],
    [
      "is in the workflow, but not in sh/",
      "out/job.sh",
      () => writeFileSync(at("out/job.sh"), "true\n"),
      / is not in sh\/ of the workflow /,
    ],
    ["is a link to outside", "sh/link.sh", () => symlinkSync("/etc/profile", at("sh/link.sh")), / is not in sh\/ of the workflow /],
    ["is a link to nothing", "sh/dangling.sh", () => symlinkSync("nowhere", at("sh/dangling.sh")), / does not exist$/],
    ["is a link to itself", "sh/loop.sh", () => symlinkSync("loop.sh", at("sh/loop.sh")), / is a symbolic link loop$/],
    ["is below a file", "sh/file.sh/job.sh", () => writeFileSync(at("sh/file.sh"), "true\n"), / does not exist$/],
  ])("that %s", async (_, script, arrange, message) => {
    arrange();
    const error = errorOf(await workflow.cli("submit", script, "--workflow", "."));
    expect(error).toMatchObject({ code: 2, message: expect.stringMatching(message) });
    expect(error.message.length).toBeLessThan(400);
  });

  test("that belongs to another workflow", async () => {
    const folder = path.join(workflow.folder, "elsewhere/sh");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "job.sh"), "true\n");
    expect(errorOf(await workflow.cli("submit", path.join(folder, "job.sh"), "--workflow", "."))).toEqual({
      code: 2,
      message: expect.stringContaining(`is not in sh/ of the workflow ${workflow.directory}`),
      hint: expect.stringContaining("jobs see only their workflow directory"),
    });
  });

  test("that its user may not read", async () => {
    const script = workflow.script("secret", "true\n");
    chownSync(script, 0, 0);
    chmodSync(script, 0o600);
    const user = ["--reuid", String(workflow.owner), "--regid", String(workflow.owner), "--clear-groups"];
    const result = await run("setpriv", [...user, process.execPath, PROGRAM, "submit", script], {
      cwd: workflow.directory,
      env: workflow.env,
    });
    expect(errorOf(result)).toEqual({
      code: 2,
      message: expect.stringMatching(/secret\.sh cannot be read \(permission denied\)$/),
      hint: "make it readable: chmod +r",
    });
  });

  test("that the jobs' user may not read: exit 3, naming both", async () => {
    const script = workflow.script("unreadable", "true\n");
    chownSync(script, 0, 0);
    chmodSync(script, 0o600);
    const error = errorOf(await workflow.cli("submit", script));
    expect(error).toMatchObject({
      code: 3,
      message: `jobs run as user ${workflow.owner}, group ${workflow.owner}, which cannot read ${script}`,
    });
  });

  test("that a line of NDJSON names: that line fails alone, as JSON", async () => {
    const input = ['{"script":"sh/missing.sh"}', "not JSON", "[]", '{"script":"sh/missing.sh","color":1}', '{"script":7}'].join("\n");
    const result = await workflow.cliWith({ input }, "submit", "--from", "-", "--workflow", ".");
    const lines = result.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.sort((a, b) => a.line - b.line)).toEqual([
      { line: 1, error: { code: "USAGE", message: "script sh/missing.sh does not exist", hint: expect.any(String) }, transient: false },
      {
        line: 2,
        error: { code: "USAGE", message: expect.stringMatching(/^line 2 is not JSON/), hint: expect.any(String) },
        transient: false,
      },
      { line: 3, error: { code: "USAGE", message: "line 3 is not an object", hint: expect.any(String) }, transient: false },
      { line: 4, error: { code: "USAGE", message: "line 4, color is not a known key", hint: expect.any(String) }, transient: false },
      {
        line: 5,
        error: { code: "USAGE", message: expect.stringMatching(/^line 5, script: expected /), hint: expect.any(String) },
        transient: false,
      },
    ]);
    expect(result).toMatchObject({ stderr: "", code: 2 });
  });
});

test("a bad script among good ones: exit 2, and none is made", async () => {
  const good = workflow.script("good", "true\n");
  expect(errorOf(await workflow.cli("submit", good, "sh/missing.sh"))).toMatchObject({
    code: 2,
    message: "script sh/missing.sh does not exist",
  });
  await expectNothingMade();
});

test("several failures with -o json are one JSON document each on stderr", async () => {
  const scripts = ["one", "two"].map((job) => workflow.script(job, "true\n"));
  workflow.configure({
    k8sNamespace: "kube-no-such",
    k8sKubeConfig: undefined,
    k8sAddress: "https://127.0.0.1:1",
    k8sToken: "x",
    options: { statusRetry: 0, maxRetryToPush: 0 },
  });
  const result = await workflow.cli("submit", ...scripts, "-o", "json");
  expect(result).toMatchObject({ code: 4, stdout: '{\n  "jobs": []\n}\n' });
  for (const line of result.stderr.trimEnd().split("\n")) expect(JSON.parse(line)).toMatchObject({ error: { code: "CLUSTER" } });
});
