import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromJSONSchema } from "zod";
import { parseRequest } from "../../src/commands/requests.ts";
import { EXIT_CODES, type GaswError } from "../../src/errors.ts";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { eventually, PROGRAM, type Running, start } from "../e2e/harness.ts";
import { section } from "../e2e/page.ts";

const docs = path.resolve(import.meta.dirname, "../../docs");
const page = readFileSync(path.join(docs, "engine-contract.md"), "utf8");
const isMissing = (program: string) => spawnSync(program, ["--version"]).error !== undefined;

/** The block of code of a language, of which the page has one. */
function codeIn(language: string): string {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(page) ?? [];
  if (code === undefined) throw new Error(`the page has no code in ${language}`);
  return code;
}

/** Twenty jobs: what each does, and what the engine is told of it once a held one is given up. */
const JOBS: Readonly<Record<string, readonly [script: string, told: string]>> = {
  ...Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`Good-${at}`, ["true\n", "COMPLETED"] as const])),
  // Each fails once, and is retried.
  ...Object.fromEntries([1, 2, 3].map((at) => [`Retried-${at}`, [`mkdir once-${at} || exit 0; exit 4\n`, "COMPLETED"] as const])),
  "Cancelled-1": ["sleep 600\n", "DELETED 9"],
  "Cancelled-2": ["exit 9\n", "CANCELLED 9 9"],
  "Held-1": ["exit 3\n", "DELETED 9 3"],
  "Held-2": ["exit 40\n", "DELETED 9 40"],
  // It is held after two failures, and released goes on once somebody has mended what it lacks.
  "Mended-1": ["mkdir failed-1 || mkdir failed-2 || { until [ -e mended ]; do sleep 0.2; done; exit 0; }; exit 5\n", "DELETED 9 5"],
};

const workflows: RetriedWorkflow[] = [];
afterAll(async () => {
  for (const workflow of workflows) await workflow.finish();
});

/** Starts a loop of the page in a workflow of twenty jobs, as a program of its own that finds gasw-k8s in its PATH. */
function startLoop(program: string, name: string, code: string): { loop: Running; workflow: RetriedWorkflow } {
  const workflow = new RetriedWorkflow({ retryCount: 1 });
  workflows.push(workflow);
  for (const [job, [script]] of Object.entries(JOBS)) workflow.script(job, script);
  const bin = path.join(workflow.folder, "bin");
  mkdirSync(bin);
  symlinkSync(PROGRAM, path.join(bin, "gasw-k8s"));
  const loop = path.join(workflow.folder, name);
  writeFileSync(loop, code);
  chmodSync(loop, 0o755);
  const env = { ...workflow.env, PATH: `${bin}:${process.env.PATH}` };
  return { loop: start(program, [loop, workflow.directory], { env }), workflow };
}

async function cancelOnceRunning(workflow: RetriedWorkflow, job: string): Promise<void> {
  await eventually(
    async () => JSON.parse((await workflow.cli("status", "--cached", "-o", "json")).stdout || '{"jobs":[]}').jobs,
    (jobs) => jobs.some(({ id, status }: { id: string; status: string }) => id === job && status === "RUNNING"),
  );
  expect(await workflow.cli("cancel", job)).toMatchObject({ code: 0 });
}

/** What a loop has printed of its jobs, without the code where that says no more. */
const toldIn = (stdout: string) =>
  Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0], line]),
  );

/** Checks that every job was told once, as it should be. */
function expectTold(stdout: string, other: Readonly<Record<string, string>> = {}): void {
  const lines = stdout.trim().split("\n");
  expect(lines).toHaveLength(20);
  const told = toldIn(stdout);
  for (const [job, [, expected]] of Object.entries(JOBS)) expect(told[job]).toContain(`${job} ${other[job] ?? expected}`);
}

describe.concurrent("the page for engines", () => {
  test.skipIf(isMissing("jq"))("has a loop of 15 lines of bash, where jq is installed, that is told of each of 20 jobs once", async () => {
    const code = codeIn("bash");
    expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
    const { loop, workflow } = startLoop("bash", "loop.sh", code);
    await cancelOnceRunning(workflow, "Cancelled-1");
    const { stdout, code: exitCode } = await loop.ended;
    expect(exitCode).toBe(0);
    expectTold(stdout);
  });

  test.skipIf(isMissing("python3"))(
    "has a loop of 30 lines of Python, where python3 is installed, that is told of each once, and releases what was held",
    async () => {
      const code = codeIn("python");
      expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(30);
      const { loop, workflow } = startLoop("python3", "loop.py", code);
      await cancelOnceRunning(workflow, "Cancelled-1");
      workflow.put("mended");
      const { stdout, stderr, code: exitCode } = await loop.ended;
      expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
      expectTold(stdout, { "Mended-1": "COMPLETED" });
    },
  );
});

/** The rows of a section's table, by their cells. */
function tableIn(title: string): string[][] {
  const rows = section(page, title).match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const words = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

describe("the tables of the page for engines", () => {
  test("name every key of a request", () => {
    let known: string | undefined;
    try {
      parseRequest({ unknown: 1 }, (field) => field);
    } catch (error) {
      known = (error as GaswError).hint;
    }
    expect(known).toBe(
      `known keys: ${tableIn("Keys of a request")
        .flatMap(([key]) => words(key))
        .join(", ")}`,
    );
  });

  test("say of each what the published schema of a request does, which takes what the page shows and no other key", () => {
    const schema = JSON.parse(readFileSync(path.join(docs, "request.schema.json"), "utf8"));
    const described = Object.entries<{ description: string }>(schema.properties).map(([key, { description }]) => [key, description]);
    expect(tableIn("Keys of a request").map(([key, , meaning]) => [words(key)[0], meaning])).toEqual(described);
    const fits = (request: object) => fromJSONSchema(schema).safeParse(request).success;
    expect(fits({ script: "sh/Job-1.sh", memory: "2Gi", env: { THREADS: 4 }, timeout: "2h", resource: { "amd.com/gpu": "2" } })).toBe(true);
    expect(["memory", "scripts"].map((wrong) => fits({ [wrong]: "2Gi" }))).toEqual([false, false]);
    expect(fits({ script: "sh/Job-1.sh", memroy: "2Gi" })).toBe(false);
  });

  test("name every kind of line with its keys", () => {
    const published = JSON.parse(readFileSync(path.join(docs, "output.schema.json"), "utf8")).$defs;
    const rows = tableIn("Kinds of lines");
    expect(rows.map(([kind]) => words(kind)[0])).toEqual(["submitted", "refused", "result", "hold", "change", "job", "error"]);
    for (const [kind, , , keys] of rows) expect(words(keys)).toEqual(Object.keys(published[words(kind)[0] ?? ""].properties));
    const kinds = [published.result.properties.kind.const, ...published.hold.properties.kind.enum, published.change.properties.kind.const];
    expect(rows.flatMap(([, , tell]) => words(tell)).filter((word) => kinds.includes(word))).toEqual(kinds);
  });

  test("name every exit code", () => {
    const codes = [0, 125, ...Object.values(EXIT_CODES)].sort((one, other) => one - other);
    expect(tableIn("Exit codes").map(([code]) => Number(code))).toEqual(codes);
  });
});
