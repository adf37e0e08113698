import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rowWhere, signal, sqliteDatabase, type TestDatabase } from "./gaswDatabase.ts";
import { eventually, printed, type Running, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
let database: TestDatabase;
const monitors: Running[] = [];
beforeAll(async () => {
  workflow = new TestWorkflow();
  database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  workflow.configure({ retryCount: 1, dao: database.config });
  await workflow.runJob("Done-1", "true\n");
});
afterAll(async () => {
  for (const monitor of monitors) monitor.kill("SIGKILL");
  await Promise.all(monitors.map((monitor) => monitor.ended));
  await workflow.cleanup();
});

function monitor(...args: readonly string[]): Running {
  const started = workflow.start("monitor", ...args);
  monitors.push(started);
  return started;
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
const jobWhere = (id: string, holds: (row: any) => boolean) => rowWhere(database, workflow, id, holds);

/** A monitor that goes on, and has begun to look: it tells what had ended before. */
async function watching(...args: readonly string[]): Promise<Running> {
  const started = monitor("--forever", ...args);
  await printed(started, /Done-1 COMPLETED/);
  return started;
}

// biome-ignore lint/suspicious/noExplicitAny: results as they are printed
async function results(...args: readonly string[]): Promise<any[]> {
  const { stdout } = await workflow.cli("monitor", "-o", "ndjson", ...args);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "result");
}

/** The results of some jobs, each as its id and its exit code. */
async function told(...ids: readonly string[]): Promise<string[]> {
  const all = await results();
  return all
    .filter(({ id }) => ids.includes(id))
    .map(({ id, exitCode }) => `${id} ${exitCode}`)
    .sort();
}

describe("monitor", () => {
  test("keeps the database up to date by itself, retries, and goes on while a job is held", async () => {
    await workflow.cli(
      "submit",
      workflow.script("Good-1", "until [ -e go ]; do sleep 0.2; done\n"),
      workflow.script("Bad-1", "[ -e repaired ] || exit 3\n"),
    );
    const running = monitor();
    await jobWhere("Good-1", (row) => row.status === "RUNNING");
    await jobWhere("Bad-1-r1", (row) => row.status === "ERROR_HELD");
    writeFileSync(path.join(workflow.directory, "go"), "");
    await jobWhere("Good-1", (row) => row.status === "COMPLETED");
    await printed(running, /Good-1 COMPLETED/);
    // A held job may be released at any moment.
    writeFileSync(path.join(workflow.directory, "repaired"), "");
    await signal(database, "Bad-1-r1", "UNHOLD_ERROR");
    await jobWhere("Bad-1-r2", (row) => row.status === "COMPLETED");
    expect((await running.ended).code).toBe(0);
    expect(running.printed.stdout).toMatch(/^\S+Z Bad-1-r1 ERROR_HELD Error$/m);
    // The output of these scripts states no code.
    expect(await told("Good-1", "Bad-1")).toEqual(["Bad-1 -1", "Good-1 -1"]);
  });

  test("sees what is submitted while it runs, follows a KILL, and ends with 0 at SIGTERM", async () => {
    const running = await watching();
    await workflow.cli("submit", workflow.script("New-1", "sleep 600\n"));
    await jobWhere("New-1", (row) => row.status === "RUNNING");
    await signal(database, "New-1", "KILL");
    await jobWhere("New-1", (row) => row.status === "DELETED");
    running.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    expect(await told("New-1")).toEqual(["New-1 9"]);
  });

  test("is one per workflow: the second says who holds it, and takes over at once when the first was killed", async () => {
    const first = await watching();
    const second = await workflow.cli("monitor");
    expect(second).toMatchObject({ code: 7, stdout: "" });
    expect(second.stderr).toMatch(/is already locked by monitor, process \d+ on \S+ since \d{4}-/);
    first.kill("SIGKILL");
    await first.ended;
    // Nothing is left to be done.
    expect((await workflow.cli("monitor")).code).toBe(0);
  });

  test("lets status, cancel and retry be, which leave to it what is its own", async () => {
    const running = await watching();
    await workflow.cli("submit", workflow.script("Side-1", "sleep 600\n"));
    await jobWhere("Side-1", (row) => row.status === "RUNNING");
    expect(await workflow.status("Side-1")).toMatchObject({ status: "RUNNING" });
    const shown = await workflow.cli("status", "Side-1", "--sync");
    expect(shown.stdout).toMatch(/^Side-1 +RUNNING +RUNNING /m);
    expect((await workflow.cli("cancel", "Side-1")).code).toBe(0);
    await jobWhere("Side-1", (row) => row.status === "DELETED");
    workflow.script("Side-1", "true\n");
    expect((await workflow.cli("retry", "Side-1")).stdout).toBe("Side-1-r1\n");
    await jobWhere("Side-1-r1", (row) => row.status === "COMPLETED");
    expect((await workflow.cli("wait", "Side-1", "--wait-timeout", "300s")).code).toBe(0);
    running.kill("SIGINT");
    const { code, stderr } = await running.ended;
    expect({ code, told: /interrupted: jobs in the cluster continue/.test(stderr) }).toEqual({ code: 130, told: true });
    // Nobody had read of the cancelled one when it was run again: what that came to is told.
    expect(await told("Side-1")).toEqual(["Side-1 -1"]);
  });

  test("tells each result once, also across a restart", async () => {
    const first = await results();
    const ids = first.map(({ id }) => id);
    expect(ids).toContain("Done-1");
    expect(ids).toEqual([...new Set(ids)]);
    await workflow.cli("submit", workflow.script("More-1", "true\n"));
    const second = await results("--since", String(first.at(-1).cursor));
    expect(second.map(({ id }) => id)).toEqual(["More-1"]);
  });

  test("serves its figures to Prometheus", async () => {
    const running = await watching("--metrics", "127.0.0.1:0");
    const address = /serving metrics at (\S+)/.exec(running.printed.stderr)?.[1] ?? "";
    const figures = await eventually(
      async () => await (await fetch(address)).text(),
      (text) => /^gasw_k8s_last_round_timestamp_seconds\S* [1-9]/m.test(text),
    );
    expect(figures).toMatch(/^gasw_k8s_jobs\{status="COMPLETED",workflow="[^"]+"\} \d+$/m);
    expect(figures).toMatch(/^gasw_k8s_outbox\S* 0$/m);
    expect((await fetch(address.replace("/metrics", "/other"))).status).toBe(404);
    const taken = await workflow.cli("monitor", "--metrics", address.replace(/^http:\/\/|\/metrics$/g, ""));
    expect(taken).toMatchObject({ code: 2 });
    running.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });

  test("refuses an address that is none, and a directory that is no workflow", async () => {
    expect(await workflow.cli("monitor", "--metrics", "nonsense")).toMatchObject({ code: 2, stdout: "" });
    const nowhere = await workflow.cliWith({ cwd: "/" }, "monitor");
    expect(nowhere).toMatchObject({ code: 2, stdout: "" });
    expect(nowhere.stderr).toContain("add --workflow DIR");
    const other = new TestWorkflow();
    expect(await other.cli("monitor")).toMatchObject({ code: 6, stdout: "" });
    await other.cleanup();
  });
});
