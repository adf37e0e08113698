import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { eventually, PROGRAM, type Result, run } from "../e2e/harness.ts";
import { proposedCommands } from "../unit/debug/commands.ts";

/** A job that does not run as it is. */
interface Broken {
  readonly script: string;
  readonly options?: readonly string[];
  /** What `debug why` finds. */
  readonly cause: string;
  /** The command that runs it, as `debug why` is to print it. */
  readonly command: RegExp;
  /** What a person mends before, who has read the sentence. */
  readonly mend?: () => void;
}

let workflow: RetriedWorkflow;
beforeAll(() => {
  workflow = new RetriedWorkflow({ retryCount: 0 });
});
afterAll(() => workflow.finish());

/** A script that is killed where its memory is too little, as the kernel would do. */
const HUNGRY = `max=\${CGROUP_MEMORY_MAX:-$(cat /sys/fs/cgroup/memory.max)}
[ "$max" -ge 100000000 ] || kill -9 $$
`;

const BROKEN: Readonly<Record<string, Broken>> = {
  "Memory-1": {
    script: HUNGRY,
    options: ["--memory", "64Mi"],
    cause: "signal",
    command: /^gasw-k8s retry Memory-1 --memory 128Mi$/,
  },
  "Image-1": {
    script: "true\n",
    options: ["--image", "localhost:1/absent:1"],
    cause: "registry-unreachable",
    command: /^gasw-k8s cancel Image-1 && gasw-k8s retry Image-1 --image \S+$/,
  },
  "Input-1": {
    script: "cat input.txt\n",
    cause: "exit-code",
    command: /^gasw-k8s retry Input-1$/,
    mend: () => workflow.put("input.txt", "there\n"),
  },
  "Syntax-1": {
    script: "if true; then\n",
    cause: "script-syntax",
    command: /^gasw-k8s retry Syntax-1$/,
    mend: () => workflow.script("Syntax-1", "if true; then true; fi\n"),
  },
  "Windows-1": {
    script: "true\r\ncd .\r\n",
    cause: "script-crlf",
    command: /^sed -i 's\/\\r\$\/\/' \S+\/sh\/Windows-1\.sh && gasw-k8s retry Windows-1$/,
  },
  "Big-1": {
    script: "true\n",
    options: ["--cpu", "100"],
    cause: "no-room",
    command: /^gasw-k8s cancel Big-1 && gasw-k8s retry Big-1 --cpu \S+$/,
  },
  "Slow-1": {
    script: "until [ -e fast ]; do sleep 0.1; done\n",
    options: ["--timeout", "8s"],
    cause: "deadline",
    command: /^gasw-k8s retry Slow-1 --timeout 16s$/,
    mend: () => workflow.put("fast"),
  },
  "Cancelled-1": {
    script: "until [ -e go ]; do sleep 0.1; done\n",
    cause: "deleted",
    command: /^gasw-k8s retry Cancelled-1$/,
    mend: () => workflow.put("go"),
  },
};

/** Types a command into a shell in another folder, as it was copied. */
async function typed(command: string): Promise<Result> {
  return await run("bash", ["-c", command], { cwd: workflow.folder, env: { ...workflow.env, PATH: `${shims()}:${process.env.PATH}` } });
}

/** A folder with the program under its name. */
function shims(): string {
  const folder = path.join(workflow.folder, "bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "gasw-k8s"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(path.join(folder, "gasw-k8s"), 0o755);
  return folder;
}

/** What `debug why` says, once it has found that. */
async function remedyOf(job: string, cause: string): Promise<string> {
  const answer = await eventually(
    async () => {
      await workflow.sync();
      return JSON.parse((await workflow.cli("debug", "why", job, "-o", "json")).stdout);
    },
    (found) => found.cause === cause,
  );
  return answer.remedy;
}

test("eight broken jobs run, each by the command that is copied from `debug why`", async () => {
  for (const [job, { script, options = [] }] of Object.entries(BROKEN))
    expect(await workflow.cli("submit", workflow.script(job, script), ...options), job).toMatchObject({ code: 0 });
  await workflow.until("Cancelled-1", "RUNNING");
  await workflow.cli("cancel", "Cancelled-1");
  for (const [job, { cause, command: expected, mend }] of Object.entries(BROKEN)) {
    const commands = proposedCommands(await remedyOf(job, cause));
    const [command = ""] = commands.filter((one) => one.includes("gasw-k8s retry"));
    expect(command, job).toMatch(expected);
    mend?.();
    // What else is proposed is to be of use, too.
    for (const one of commands) {
      const { code, stderr } = await typed(one);
      expect({ one, code, refused: /^error: .*/m.exec(stderr)?.[0] }).toEqual({ one, code: 0, refused: undefined });
    }
  }
  const ends = await eventually(
    async () => {
      await workflow.sync();
      const { jobs } = JSON.parse((await workflow.cli("status", "--cached", "-o", "json")).stdout);
      const shown = jobs.map(({ id, status }: { id: string; status: string }) => [id, status]);
      return Object.fromEntries(shown.filter(([id]: [string]) => id in BROKEN));
    },
    (statuses) => Object.values(statuses).every((status) => status === "COMPLETED"),
  );
  expect(Object.keys(ends).sort()).toEqual(Object.keys(BROKEN).sort());
  const { stdout } = await workflow.cli("status", "--history", "--cached");
  expect(stdout).toContain("\nMemory-1, attempt 2 (memory 64Mi -> 128Mi):\n");
  expect(stdout).toContain("\nWindows-1, attempt 2 (sh/Windows-1.sh changed):\n");
});

test("the commands that a submission answers with run what was submitted, whatever has become of the job", async () => {
  const script = workflow.script("Again-1", "until [ -e again ]; do sleep 0.1; done\n");
  const copied = async (...options: readonly string[]) => proposedCommands((await workflow.cli("submit", script, ...options)).stderr);
  const succeeds = async (commands: readonly string[]) => {
    expect(commands).toHaveLength(1);
    expect(await typed(commands[0] ?? "")).toMatchObject({ code: 0 });
  };
  await workflow.cli("submit", script, "--env", "TOKEN=s3cret");
  // It goes on; then it was cancelled; at last, it has completed.
  await succeeds(await copied("--memory", "64Mi", "--env", "TOKEN=s3cret"));
  await workflow.cli("cancel", "Again-1");
  await succeeds(await copied("--memory", "96Mi", "--env", "TOKEN=s3cret"));
  expect(await workflow.cli("retry", "Again-1", "--memory", "lots")).toMatchObject({ code: 2, stdout: "" });
  workflow.put("again");
  await eventually(
    () => workflow.sync().then(() => workflow.status("Again-1")),
    ({ status }) => status === "COMPLETED",
  );
  await succeeds(await copied("--memory", "128Mi"));
  expect((await workflow.cli("status", "Again-1", "--history", "--cached")).stdout).not.toContain("s3cret");
});
