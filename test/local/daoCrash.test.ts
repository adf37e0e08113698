import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { likeGasw, RetriedWorkflow } from "../e2e/attempts.ts";
import { expectReadableRows, jobRow, signal, syncUntil, type TestDatabase } from "../e2e/gaswDatabase.ts";
import { eventually } from "../e2e/harness.ts";
import { postgresDatabase } from "../e2e/serverDatabases.ts";
import { many } from "../full.ts";
import { randomNumbers } from "../random.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

/** To have the same moments again: GASW_K8S_TEST_SEED. */
const seed = Number(process.env.GASW_K8S_TEST_SEED ?? randomInt(2 ** 31));
const KILLS = many(20, 10);
const AT_ONCE = many(20, 5);

let server: PostgresServer;
let workflow: RetriedWorkflow;
let database: TestDatabase;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  workflow = new RetriedWorkflow();
  database = postgresDatabase(server, await server.makeDatabase(), workflow);
  workflow.configure({ retryCount: 2, dao: database.config });
});
afterEach(async () => {
  workflow.expectUnharmed();
  await expectReadableRows(database);
  await workflow.cleanup();
});

/** Every attempt as `id status`, as the state and as the GASW database have it. */
async function bothStatuses(): Promise<{ local: string[]; dao: string[] }> {
  const { jobs } = JSON.parse((await workflow.cli("status", "--history", "--cached", "-o", "json")).stdout);
  const rows = await database.query("SELECT id, status FROM Jobs");
  const local = jobs.map(({ attemptId, status }: { attemptId: string; status: string }) => `${attemptId} ${status}`);
  return { local: local.sort(), dao: rows.map(({ id, status }) => `${id} ${status}`).sort() };
}

const held = (id: string) => [`${id} ERROR`, `${id}-r1 ERROR`, `${id}-r2 ERROR_HELD`];

test(`synchronisations that are killed at any moment do nothing twice and lose nothing (seed ${seed})`, async () => {
  const random = randomNumbers(seed);
  for (const id of ["Good-1", "Good-2"]) await workflow.cli("submit", workflow.script(id, likeGasw(id, "sleep 1")));
  for (const id of ["Bad-3", "Bad-4"]) await workflow.cli("submit", workflow.script(id, likeGasw(id, "exit 3")));
  await workflow.cli("submit", workflow.script("Long-5", likeGasw("Long-5", "sleep 600")));
  const begin = performance.now();
  expect((await workflow.cli("status", "--sync")).code).toBe(0);
  const whole = performance.now() - begin;

  // A reader that goes on after the last whole line that it got.
  const told: string[] = [];
  let cursor = 0;
  const read = (stdout: string) => {
    for (const line of stdout.split("\n").slice(0, -1)) {
      const result = JSON.parse(line);
      if (result.kind === "result") told.push(`${result.id} ${result.exitCode}`);
      cursor = result.cursor;
    }
  };
  for (let kill = 0; kill < KILLS; kill++) {
    if (kill === KILLS / 2) await signal(database, "Long-5", "KILL");
    const running = workflow.start("status", "--sync", "-o", "ndjson", "--since", String(cursor));
    await sleep(random() * whole * 1.2);
    running.kill("SIGKILL");
    read((await running.ended).stdout);
  }

  for (const [id, status] of [
    ["Bad-3-r2", "ERROR_HELD"],
    ["Bad-4-r2", "ERROR_HELD"],
    ["Long-5", "DELETED"],
    ["Good-2", "COMPLETED"],
  ] as const) {
    await syncUntil(database, workflow, id, (row) => row.status === status);
  }
  read((await workflow.cli("status", "--sync", "-o", "ndjson", "--since", String(cursor))).stdout);
  const { local, dao } = await bothStatuses();
  expect(local).toEqual(["Good-1 COMPLETED", "Good-2 COMPLETED", ...held("Bad-3"), ...held("Bad-4"), "Long-5 DELETED"].sort());
  expect(dao).toEqual(local);
  expect(told.sort()).toEqual(["Good-1 0", "Good-2 0", "Long-5 9"]);
  const numbers = await database.query("SELECT file_name FROM Jobs GROUP BY file_name HAVING count(DISTINCT invocation_id) > 1");
  expect(numbers).toEqual([]);
});

test("many synchronisations at once retry each failure once, and follow every signal that is written meanwhile", async () => {
  const failing = Array.from({ length: many(8, 4) }, (_, index) => `Bad-${index}`);
  const killed = Array.from({ length: many(4, 2) }, (_, index) => `Long-${index}`);
  await workflow.cli("submit", ...killed.map((id) => workflow.script(id, likeGasw(id, "sleep 600"))));
  for (const id of killed) await syncUntil(database, workflow, id, ({ status }) => status === "RUNNING");
  await workflow.cli("submit", ...failing.map((id) => workflow.script(id, likeGasw(id, "exit 3"))));
  await eventually(
    () => workflow.jobs(),
    (jobs) => jobs.filter(({ status }) => status.failed === 1).length === failing.length,
  );
  const syncs = Array.from({ length: AT_ONCE }, () => workflow.process({}, "status", "--sync"));
  for (const id of killed) await signal(database, id, "KILL");
  for (const { code, stderr } of await Promise.all(syncs)) {
    // Whichever holds them says so.
    const said = stderr.replace(/^warning: .* held after the last retry.*\n/, "");
    expect({ code, said }).toEqual({ code: 0, said: "" });
  }
  for (const id of failing) await syncUntil(database, workflow, `${id}-r2`, ({ status }) => status === "ERROR_HELD");
  for (const id of killed) await syncUntil(database, workflow, id, ({ status }) => status === "DELETED");
  const { local, dao } = await bothStatuses();
  expect(local).toEqual([...failing.flatMap(held), ...killed.map((id) => `${id} DELETED`)].sort());
  expect(dao).toEqual(local);
  expect(await jobRow(database, workflow, "Bad-0")).toMatchObject({ exit_code: 3, isreplicating: false });
});
