import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import { PROGRAM, TestWorkflow } from "../e2e/harness.ts";
import { makeVolume } from "../e2e/volumes.ts";

const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };

// biome-ignore lint/suspicious/noExplicitAny: answers are what is tested
function answersOf(stdout: string): any[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("submit --from", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("answers each line of stdin with a line; a bad one fails alone, with its number and field", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    for (const id of ["Job-1", "Job-2", "Job-3"]) workflow.script(id, "true\n");
    const lines = [
      '{"script":"sh/Job-1.sh","cpu":"500m","memory":"64Mi","env":{"A":1},"invocationId":7,"command":"grep","parameters":"-c x","inputs":["a"],"outputs":[]}',
      '{"script":"sh/Job-2.sh","memory":"512"}',
      "",
      '{"script":"sh/Job-2.sh"',
      '["sh/Job-2.sh"]',
      '{"script":"sh/Job-2.sh","mem":"1Gi"}',
      '{"script":"sh/none.sh"}',
      '{"memory":"1Gi"}',
      `{"script":${JSON.stringify(path.join(workflow.directory, "sh", "Job-3.sh"))}}`,
    ];
    const result = await workflow.cliWith({ input: `${lines.join("\n")}\n` }, "submit", "--from", "-");
    expect(result).toMatchObject({ stderr: "", code: 2 });
    const answers = answersOf(result.stdout).sort((a, b) => a.line - b.line);
    const failure = (line: number, message: RegExp) => ({
      line,
      error: { code: "USAGE", message: expect.stringMatching(message), hint: expect.any(String) },
      transient: false,
    });
    expect(answers).toEqual([
      { line: 1, id: "Job-1", workflow: workflow.id, namespace: workflow.namespace, kubernetesName: expect.any(String), created: true },
      failure(2, /^line 2, memory: expected /),
      failure(4, /^line 4 is not JSON: /),
      failure(5, /^line 5 is not an object$/),
      failure(6, /^line 6, mem is not a known key$/),
      failure(7, /none\.sh does not exist$/),
      failure(8, /^line 8, script: expected /),
      { line: 9, id: "Job-3", workflow: workflow.id, namespace: workflow.namespace, kubernetesName: expect.any(String), created: true },
    ]);
    const jobs = await workflow.jobs();
    expect(jobs.map((job) => job.metadata.annotations["gasw-k8s.io/job"]).sort()).toEqual(["Job-1", "Job-3"]);
    const [container] = jobs[0].spec.template.spec.containers;
    expect(container.resources).toEqual({ requests: { cpu: "500m", memory: "64Mi" }, limits: { memory: "64Mi" } });
    expect(container.env[0]).toEqual({ name: "A", value: "1" });
  });

  test("reads a file", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    workflow.script("Job-1", "true\n");
    writeFileSync(path.join(workflow.folder, "requests.ndjson"), '{"script":"sh/Job-1.sh"}');
    const result = await workflow.cli("submit", "--from", "../../requests.ndjson");
    expect(result).toMatchObject({ stderr: "", code: 0 });
    expect(answersOf(result.stdout)).toMatchObject([{ line: 1, id: "Job-1", created: true }]);
  });

  test("takes a file with a byte order mark and Windows line endings", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    workflow.script("Job-1", "true\n");
    workflow.script("Job-2", "true\n");
    const requests = '\ufeff{"script":"sh/Job-1.sh"}\r\n{"script":"sh/Job-2.sh"}\r\n';
    const result = await workflow.cliWith({ input: requests }, "submit", "--from", "-");
    expect(result).toMatchObject({ stderr: "", code: 0 });
    expect(answersOf(result.stdout).map(({ id }) => id)).toEqual(expect.arrayContaining(["Job-1", "Job-2"]));
  });

  test("warns once of a script that bash will stumble over, however often it is submitted", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const [first, second] = ["Job-1", "Job-2"].map((id) => workflow.script(id, "true\r\n"));
    const requests = [first, first, second, first].map((script) => `${JSON.stringify({ script })}\n`).join("");
    const { stdout, stderr, code } = await workflow.cliWith({ input: requests }, "submit", "--from", "-");
    expect(code).toBe(0);
    expect(answersOf(stdout)).toHaveLength(4);
    const warned = [...stderr.matchAll(/^warning: script (\S+) has Windows line endings/gm)].map(([, script]) => script);
    expect(warned.sort()).toEqual([first, second]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
  });

  test.each([
    [["--from", "none.ndjson"], /^error: the request file .*none\.ndjson cannot be read \(ENOENT\)\nhint: /],
    [["--from", "sh"], /^error: the request file .*sh is a directory\nhint: /],
    [["--from", "-", "--image", "busybox"], /^error: --from cannot be combined with scripts, job options/],
    [["--from", "-", "--dry-run"], /^error: --from cannot be combined with .*--dry-run/],
  ])("refuses %j (exit 2)", async (args, message) => {
    workflow = new TestWorkflow();
    expect(await workflow.cli("submit", ...args)).toEqual({ stdout: "", stderr: expect.stringMatching(message), code: 2 });
  });

  test("stays open: answers a line before the next one is written, and ends with its input", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const engine = new Engine(workflow);
    for (const id of ["Job-1", "Job-2"]) {
      workflow.script(id, "true\n");
      expect(await engine.ask({ script: `sh/${id}.sh` })).toMatchObject({ id, created: true });
    }
    expect(await engine.ask({ script: "sh/Job-1.sh" })).toMatchObject({ line: 3, id: "Job-1", created: false });
    expect(await engine.ask({ script: "sh/Job-1.sh", gpu: 1 })).toMatchObject({ line: 4, error: { code: "CONFLICT" } });
    expect(await engine.end()).toBe(7);
    expect(await workflow.jobs()).toHaveLength(2);
  });

  test("stays open when a volume is not to be had, and submits once it is", async () => {
    workflow = new TestWorkflow({
      config: { ...PARKED, volumes: [{ name: "data", type: "claim", claimName: "data", mountPathContainer: "/data" }] },
    });
    workflow.script("Job-1", "true\n");
    const engine = new Engine(workflow);
    expect(await engine.ask({ script: "sh/Job-1.sh" })).toMatchObject({ error: { code: "NOT_FOUND" } });
    await makeVolume(workflow, "data", workflow.folder);
    await expect.poll(() => engine.ask({ script: "sh/Job-1.sh" }), { interval: 2000 }).toMatchObject({ id: "Job-1" });
    expect(await engine.end()).toBe(6);
  });
});

/** An engine that keeps one submitting process open. */
class Engine {
  readonly #child;
  readonly #answers: AsyncIterator<string>;
  readonly #closed: Promise<number | null>;

  constructor(workflow: TestWorkflow) {
    this.#child = spawn(process.execPath, [PROGRAM, "submit", "--from", "-"], {
      cwd: workflow.directory,
      env: workflow.env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#closed = new Promise((resolve) => this.#child.on("close", resolve));
  }

  async ask(request: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value } = await this.#answers.next();
    return JSON.parse(value);
  }

  end(): Promise<number | null> {
    this.#child.stdin.end();
    return this.#closed;
  }
}
