import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jobRecord } from "../../src/commands/jobRecord.ts";
import type { Dao } from "../../src/dao/dao.ts";
import { openDao } from "../../src/dao/open.ts";
import { act } from "../../src/services/sync/actions.ts";
import { deliver } from "../../src/services/sync/deliver.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import { readSignals } from "../../src/services/sync/sync.ts";
import { jobTable } from "../../src/ui/jobTable.ts";
import { ioDouble } from "../unit/io.ts";
import { Invocations, outputOf } from "./invocations.ts";

/** As the cluster of `Invocations` tells them. */
const [STARTED, FINISHED] = ["2026-01-02T03:04:05.000Z", "2026-01-02T03:05:05.000Z"];
const LATER = { startedAt: "2026-01-02T03:06:00.000Z", finishedAt: "2026-01-02T03:07:00.000Z" };
const SUBMITTED = "2026-01-02T03:04:00.000Z";

let life: Invocations;
let dao: Dao;
let database: Database.Database;
let time: number;
beforeEach(() => begin());
afterEach(end);

async function begin(config: Readonly<Record<string, unknown>> = {}): Promise<void> {
  life = await Invocations.begin(config);
  time = Date.parse(SUBMITTED);
  life.now = () => new Date(time);
  const limits = { timeZone: "UTC", timeout: 10_000, env: process.env, signal: new AbortController().signal };
  dao = await openDao({ ...limits, simulationId: life.workflow.id, url: `sqlite:${life.folder}/gasw.db` });
  database = new Database(path.join(life.folder, "gasw.db"), { timeout: 10_000 });
}
async function end(): Promise<void> {
  await dao.close();
  database.close();
  life.end();
}

/** Lets seconds pass by this host's clock; fewer than none where it is set back. */
const pass = (seconds: number) => {
  time += seconds * 1000;
};
const later = (at: string, seconds: number) => new Date(Date.parse(at) + seconds * 1000).toISOString();
const inSeconds = (seconds: number) => new Date(time + seconds * 1000).toISOString();

/** What `status` does. */
const look = () => refresh(life.deps, life.workflow);
/** What `status --sync` does. */
async function sync(): Promise<void> {
  await life.round(Object.fromEntries(await readSignals(dao)));
  await deliver(life.deps, dao, life.workflow);
}
/** Two rounds, 15 s apart. */
async function syncTwice(): Promise<void> {
  await sync();
  pass(15);
  await sync();
}
const signal = (id: string, status: string) => database.prepare("UPDATE Jobs SET status = ? WHERE id = ?").run(status, id);

/** The dates that a job's row shows, in UTC. */
function row(id: string): Record<string, string | null> {
  const columns = "creation, queued, download, running, upload, end_e";
  const found = database.prepare(`SELECT ${columns} FROM Jobs WHERE id = ?`).get(id) as Record<string, string | null>;
  return Object.fromEntries(Object.entries(found).map(([name, at]) => [name, at === null ? null : new Date(`${at}Z`).toISOString()]));
}
/** Both ends of a job: in the state, and in its row. */
const endsOf = (id: string) => [life.job(id).ended, row(id).end_e];

/** How old `status` says that a job is. */
function age(id: string): string {
  const { io } = ioDouble({ now: life.now() });
  const [header, line] = jobTable(io, [jobRecord(life.job(id))])
    .split("\n")
    .map((text) => text.trim().split(/ {2,}/));
  return line?.[header?.indexOf("AGE") ?? 0] ?? "";
}

describe("the end of an attempt", () => {
  test("stays what the container's end was when later rounds look at it, beside the attempt that took its place", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 3);
    pass(120);
    for (let round = 0; round < 3; round++) {
      await syncTwice();
      expect(endsOf("Job-1")).toEqual([FINISHED, FINISHED]);
      expect(age("Job-1")).toBe("1m5s");
    }
    expect(life.job("Job-1-r1").status).toBe("QUEUED");
  });

  test("is not told to the database again while nothing has changed", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await sync();
    pass(15);
    await life.round();
    expect(life.store.outbox.size(life.workflow)).toBe(0);
  });

  test("stays as a plain status has seen it, whatever the synchronisation makes of it", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await look();
    pass(15);
    await sync();
    expect(endsOf("Job-1")).toEqual([FINISHED, FINISHED]);
  });

  test("that nothing has measured is the time at which it was first seen, by whatever command", async () => {
    life.submitted("Job-1");
    life.show("Job-1", "running");
    await look();
    life.lose("Job-1");
    pass(30);
    await look();
    const seen = inSeconds(0);
    expect(life.job("Job-1")).toMatchObject({ status: "STALLED", ended: seen });
    pass(15);
    await syncTwice();
    expect(endsOf("Job-1")).toEqual([seen, seen]);
  });

  test("stays when the job is held, and released", async () => {
    await end();
    await begin({ retryCount: 0 });
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await look();
    pass(15);
    await sync();
    expect(life.job("Job-1")).toMatchObject({ status: "ERROR_HELD", ended: FINISHED });
    pass(15);
    signal("Job-1", "UNHOLD_ERROR");
    await syncTwice();
    expect(life.job("Job-1").status).toBe("ERROR");
    expect(endsOf("Job-1")).toEqual([FINISHED, FINISHED]);
  });

  test("stays when a held job is given up", async () => {
    await end();
    await begin({ retryCount: 0 });
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await sync();
    pass(15);
    await act(life.deps, life.workflow, [life.job("Job-1")], "cancel");
    await syncTwice();
    expect(life.job("Job-1").status).toBe("DELETED");
    expect(endsOf("Job-1")).toEqual([FINISHED, FINISHED]);
  });

  test("is that of its removal where it is killed, also beside an attempt that is made later", async () => {
    life.submitted("Job-1");
    life.show("Job-1", "running");
    await sync();
    pass(60);
    signal("Job-1", "KILL");
    await sync();
    const killed = inSeconds(0);
    expect(endsOf("Job-1")).toEqual([killed, killed]);
    life.lose("Job-1");
    pass(15);
    signal("Job-1", "REPLICATE");
    await syncTwice();
    expect(life.job("Job-1-r1").status).toBe("QUEUED");
    expect(endsOf("Job-1")).toEqual([killed, killed]);
  });

  test("is there too where it could not be submitted, or was given up before it was", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 3);
    life.hide("sh/Job-1.sh");
    await sync();
    const first = inSeconds(0);
    expect(life.job("Job-1-r1")).toMatchObject({ status: "ERROR_HELD", ended: first });
    life.store.attempts.add(life.job("Job-1"), {});
    life.store.intents.giveUp(life.workflow);
    expect(life.job("Job-1-r2")).toMatchObject({ status: "DELETED", ended: first });
    pass(15);
    await syncTwice();
    expect([endsOf("Job-1-r1"), endsOf("Job-1-r2")]).toEqual([
      [first, first],
      [first, first],
    ]);
  });

  test("is none while the same attempt runs again: its row has neither end nor download, then those of its new run", async () => {
    await end();
    await begin({ retryCount: 0 });
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await sync();
    expect(row("Job-1")).toMatchObject({ download: STARTED, end_e: FINISHED });
    life.lose("Job-1");
    pass(15);
    signal("Job-1", "RESCHEDULE");
    await syncTwice();
    expect(life.job("Job-1")).toMatchObject({ status: "QUEUED", started: null, ended: null });
    expect(row("Job-1")).toMatchObject({ download: null, running: null, upload: null, end_e: null });
    life.show("Job-1", 0, LATER);
    pass(120);
    await syncTwice();
    expect(row("Job-1")).toMatchObject({ download: LATER.startedAt, running: null, end_e: LATER.finishedAt });
  });

  test("is not before the beginning where this host's clock was set back meanwhile, and stays when that is put right", async () => {
    life.submitted("Job-1");
    life.show("Job-1", "running");
    pass(60);
    await sync();
    life.lose("Job-1");
    pass(-3600);
    await sync();
    expect(endsOf("Job-1")).toEqual([STARTED, STARTED]);
    pass(3600);
    await sync();
    expect(endsOf("Job-1")).toEqual([STARTED, STARTED]);
  });
});

describe("the dates of a row", () => {
  const TIMINGS = "Input download time: 10 seconds\nExecution time: 30 seconds\nResults upload time: 5 seconds\n";

  test("that follow from the output's timings are the same at every round", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 0);
    life.write("out/Job-1.sh.out", `${TIMINGS}${outputOf("fine", 0)}`);
    await look();
    pass(15);
    await sync();
    const first = row("Job-1");
    expect([first.running, first.upload, first.end_e].map((at) => at?.slice(14, 19))).toEqual(["04:15", "04:45", "04:50"]);
    life.store.attempts.add(life.job("Job-1"), {});
    pass(15);
    await syncTwice();
    expect(row("Job-1")).toEqual(first);
  });

  test("are in order for every attempt, though the cluster tells whole seconds, in which it was queued after their beginning", async () => {
    time = Date.parse(STARTED) + 700;
    life.submitted("Job-1");
    life.show("Job-1", 3, { startedAt: STARTED, finishedAt: STARTED });
    await sync();
    const queued = inSeconds(0);
    expect(row("Job-1")).toEqual({ creation: queued, queued, download: queued, running: null, upload: null, end_e: queued });
    life.write("out/Job-1.sh.out", `${TIMINGS}${outputOf("fine", 0)}`);
    life.show("Job-1-r1", 0, { startedAt: STARTED, finishedAt: STARTED });
    pass(60);
    await syncTwice();
    const { creation, ...dates } = row("Job-1-r1");
    expect(dates).toEqual({ queued, download: queued, running: later(queued, 10), upload: later(queued, 40), end_e: later(queued, 45) });
    expect(creation).toBe(queued);
  });

  test("of a job that never ran are empty, but for its queueing and its end", async () => {
    await end();
    await begin({ retryCount: 0 });
    life.submitted("Job-1");
    life.lose("Job-1");
    pass(15);
    await syncTwice();
    const { status } = life.job("Job-1");
    expect([status, row("Job-1")]).toEqual([
      "STALLED_HELD",
      { creation: SUBMITTED, queued: SUBMITTED, download: null, running: null, upload: null, end_e: expect.any(String) },
    ]);
  });

  test("of its making are kept, whoever has made it", async () => {
    await dao.rows([]);
    database.exec(`INSERT INTO Jobs (id, simulation_id, status, file_name, invocation_id, creation, queued, isReplicating, isBeingKilled, exit_code)
      VALUES ('Job-1', 'workflow-1', 'QUEUED', 'Job-1', 7, '2026-01-02 03:00:00', '2026-01-02 03:00:01', 0, 0, -1)`);
    life.submitted("Job-1");
    life.show("Job-1", "running");
    await syncTwice();
    life.show("Job-1", 3);
    await syncTwice();
    expect(row("Job-1")).toMatchObject({
      creation: "2026-01-02T03:00:00.000Z",
      queued: "2026-01-02T03:00:01.000Z",
      download: STARTED,
      end_e: FINISHED,
    });
  });
});
