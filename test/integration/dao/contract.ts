import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { GaswRow, NewRow, RowFacts, RowWrite } from "../../../src/core/gaswRow/row.ts";
import { GASW_STATUSES, type GaswStatus } from "../../../src/core/job.ts";
import { decided } from "../../../src/core/lifecycle/make.ts";
import type { Dao, DaoSettings } from "../../../src/dao/dao.ts";
import { openDao } from "../../../src/dao/open.ts";

/** An empty database of its own, and another program's way into it. */
export interface TestDatabase {
  readonly settings: Pick<DaoSettings, "url" | "user" | "password" | "driverJar">;
  /** Runs a statement beside the program under test; rows have lower-case keys. */
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** What a database is, beyond what all have in common. */
export interface DatabaseTraits {
  makeDatabase(): Promise<TestDatabase>;
  /** File of test/fixtures/schema with the tables that Hibernate makes, and a list of all that tables consist of, to be compared. */
  readonly schema: { readonly reference: string; describe(database: TestDatabase): Promise<readonly string[]> };
  /** Takes one of GASW's indexes away. */
  readonly dropIndex: string;
  /** What Hibernate fails to make there, and is made beside its tables. */
  readonly unmade?: string;
  /** Lets the column `status` take any word, as in tables that an older GASW made. */
  readonly freeStatus: readonly string[];
  /** Whether a column refuses a number that is larger than its type. */
  readonly limitsIntegers: boolean;
  /** Characters of a text that can't be compressed which `parameters` takes; all by default. */
  readonly incompressible?: number;
}

export const ROW: NewRow = {
  id: "BasicGrep-360261301594475",
  simulationId: "workflow-gENTZc",
  status: decided("QUEUED"),
  isReplicating: false,
  isBeingKilled: false,
  exitCode: -1,
  exitMessage: null,
  creation: "2024-05-01T10:00:00.123Z",
  queued: "2024-05-01T10:00:01.000Z",
  download: null,
  running: null,
  upload: null,
  end: null,
  nodeSite: null,
  nodeName: null,
  command: "grep.json",
  fileName: "BasicGrep-360261301594475",
  parameters: "",
  executor: "Kubernetes",
  invocationId: 1,
};

/** A row as the portal and GASW's lists need it. */
export const insert = (row: Partial<GaswRow & { status: GaswStatus }> = {}, facts?: RowFacts): RowWrite => ({
  kind: "insert",
  row: { ...ROW, ...row, status: decided(row.status ?? ROW.status) },
  ...(facts === undefined ? {} : { facts }),
});

/** Opens a database as the program does, and closes it after the test. */
export async function open(settings: TestDatabase["settings"], more: Partial<DaoSettings> = {}): Promise<Dao> {
  const dao = await openDao({
    simulationId: ROW.simulationId as string,
    timeZone: "Europe/Paris",
    timeout: 20_000,
    env: process.env,
    signal: new AbortController().signal,
    ...settings,
    ...more,
  });
  opened.push(dao);
  return dao;
}

const opened: Dao[] = [];
afterEach(async () => {
  for (const dao of opened.splice(0)) await dao.close();
});

/** Statements of a file, one after the other. */
export function statementsOf(reference: string): string[] {
  const file = path.resolve(import.meta.dirname, "../../fixtures/schema", reference);
  const statements = readFileSync(file, "utf8").split(/;\s*$/m);
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}

/** Text that no server can make shorter. */
function randomText(length: number): string {
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String.fromCharCode(33 + ((state >>> 8) % 94));
  };
  return Array.from({ length }, next).join("");
}

const idsOf = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => id);

/** What every database has to do, each test in one of its own. */
export function daoContract(name: string, traits: DatabaseTraits): void {
  const { makeDatabase } = traits;
  const hibernates = statementsOf(traits.schema.reference);
  const unmade = traits.unmade === undefined ? [] : [traits.unmade];
  const fresh = async () => {
    const database = await makeDatabase();
    return { database, dao: await open(database.settings) };
  };
  const rowIn = async (dao: Dao, id = ROW.id) => (await dao.rows([id])).get(id);

  describe(`the GASW database in ${name}: its tables`, () => {
    test("are made as Hibernate makes them, with those that it fails to make", async () => {
      const { database } = await fresh();
      const reference = await makeDatabase();
      for (const statement of [...hibernates, ...unmade]) await reference.query(statement);
      const made = await traits.schema.describe(database);
      expect(made).toEqual(await traits.schema.describe(reference));
      expect(made.length).toBeGreaterThan(40);
    });

    test("are made once by many that open it at the same time", async () => {
      const database = await makeDatabase();
      const daos = await Promise.all(Array.from({ length: 5 }, () => open(database.settings, { timeout: 60_000 })));
      await daos[0]?.apply([insert()]);
      for (const dao of daos) expect(await rowIn(dao)).toEqual(ROW);
    });

    test("are used as Hibernate made them", async () => {
      const database = await makeDatabase();
      const reference = await makeDatabase();
      for (const statement of hibernates) await database.query(statement);
      for (const statement of [...hibernates, ...unmade]) await reference.query(statement);
      const dao = await open(database.settings);
      expect(await dao.apply([insert()])).toEqual({ applied: [true], refused: new Map(), warnings: [] });
      expect(await rowIn(dao)).toEqual(ROW);
      expect(await traits.schema.describe(database)).toEqual(await traits.schema.describe(reference));
    });

    test("of an older GASW, without the newest columns, are used as they are", async () => {
      const { database } = await fresh();
      for (const column of ["dirac_site", "isBeingKilled", "checkpoint_init", "checkpoint_upload"])
        await database.query(`alter table Jobs drop column ${column}`);
      const dao = await open(database.settings);
      expect((await dao.apply([insert({ isBeingKilled: true })])).applied).toEqual([true]);
      const change = { status: decided("RUNNING"), isBeingKilled: true, isReplicating: true } as const;
      expect((await dao.apply([{ kind: "update", id: ROW.id, ifStatus: "QUEUED", change }])).applied).toEqual([true]);
      expect(await rowIn(dao)).toEqual({ ...ROW, status: "RUNNING", isReplicating: true, isBeingKilled: false });
    });

    test("without an index that GASW makes are left without it", async () => {
      const { database } = await fresh();
      await database.query(traits.dropIndex);
      const before = await traits.schema.describe(database);
      await open(database.settings);
      expect(await traits.schema.describe(database)).toEqual(before);
    });

    test("may have columns of others, which are left alone", async () => {
      const { database } = await fresh();
      await database.query("alter table Jobs add column portal_note varchar(255)");
      const dao = await open(database.settings);
      await dao.apply([insert()]);
      await database.query("update Jobs set portal_note = 'kept'");
      await dao.apply([{ kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } }]);
      expect(await rowIn(dao)).toEqual({ ...ROW, status: "RUNNING" });
      expect((await database.query("select portal_note from Jobs"))[0]?.portal_note).toBe("kept");
    });

    test("that are not GASW's are refused", async () => {
      const database = await makeDatabase();
      await database.query("create table Jobs (id varchar(255) not null primary key, state varchar(255))");
      await expect(open(database.settings)).rejects.toMatchObject({
        code: "DATABASE",
        message: expect.stringContaining("lacks the column status"),
      });
    });
  });

  describe(`the GASW database in ${name}: rows`, () => {
    test("are read as they were written", async () => {
      const { dao } = await fresh();
      const full: NewRow = {
        ...ROW,
        id: "Full-1",
        status: decided("COMPLETED"),
        isReplicating: true,
        isBeingKilled: true,
        exitCode: 0,
        exitMessage: "all \"quotes\", 'quotes', \\backslashes\\, ? and $1; -- \n\tand lines",
        download: "2024-05-01T10:00:02.001Z",
        running: "2024-05-01T10:00:03.999Z",
        upload: "2024-12-31T23:59:59.999Z",
        end: "2025-01-01T00:00:00.000Z",
        nodeSite: "a.site",
        nodeName: "node-1",
        parameters: "x".repeat(2000),
        invocationId: 7,
      };
      const { applied, warnings } = await dao.apply([insert(), { kind: "insert", row: full }]);
      expect({ applied, warnings }).toEqual({ applied: [true, true], warnings: [] });
      const rows = await dao.rows([ROW.id, "Full-1", "Absent-1"]);
      expect(rows).toEqual(
        new Map([
          [ROW.id, ROW],
          ["Full-1", full],
        ]),
      );
    });

    test("of any language are kept, without what no database stores", async () => {
      const { dao } = await fresh();
      const text = "Größe, размер, 大きさ, 🧠🧲";
      await dao.apply([insert({ id: "Ä-🧠-1", command: text, exitMessage: `nul\0byte, half \ud83e of a character` })]);
      const row = await rowIn(dao, "Ä-🧠-1");
      expect(row?.command).toBe(text);
      expect(row?.exitMessage).toBe("nulbyte, half \ufffd of a character");
    });

    test("that GASW left are read", async () => {
      const { database, dao } = await fresh();
      const id = "BasicGrep-360261301594475";
      const dates =
        "'2024-07-01 12:00:00', '2024-07-01 12:00:00.5', '2024-07-01 12:00:01', '2024-07-01 12:00:02', '2024-07-01 12:00:03', '2024-07-01 12:00:04.123'";
      await database.query(
        "insert into Nodes (node_name, site, ncpus, cpu_mhz, cpu_bogomips, cpu_cache_size, mem_total) values ('basicgrep-pod', 'site.fr', 4, 2400.5, 4800.0, 512, 16000000)",
      );
      await database.query(
        `insert into Jobs (id, status, executor, exit_code, exit_message, file_name, invocation_id, checkpoint_init, checkpoint_upload,
          isReplicating, isBeingKilled, simulation_id, command, parameters, node_name, node_site, creation, queued, download, running, upload, end_e)
          values ('${id}', 'COMPLETED', 'Kubernetes', 0, '', '${id}', 1, 0, 0, false, false, 'workflow-gENTZc', 'grep.json', 'p',
          'basicgrep-pod', 'site.fr', ${dates})`,
      );
      await database.query(
        "insert into Data (data_path, data_type) values ('file:/tmp/in.txt', 'Input'), ('file:///tmp/out.txt', 'Output')",
      );
      await database.query(`insert into job_data (id, data_path) values ('${id}', 'file:/tmp/in.txt'), ('${id}', 'file:///tmp/out.txt')`);
      expect(await rowIn(dao, id)).toEqual({
        ...ROW,
        status: "COMPLETED",
        exitCode: 0,
        exitMessage: "",
        parameters: "p",
        nodeName: "basicgrep-pod",
        nodeSite: "site.fr",
        creation: "2024-07-01T10:00:00.000Z",
        queued: "2024-07-01T10:00:00.500Z",
        download: "2024-07-01T10:00:01.000Z",
        running: "2024-07-01T10:00:02.000Z",
        upload: "2024-07-01T10:00:03.000Z",
        end: "2024-07-01T10:00:04.123Z",
      });
    });

    test("of others may lack anything", async () => {
      const { database, dao } = await fresh();
      await database.query("insert into Jobs (id) values ('Bare-1')");
      expect(await rowIn(dao, "Bare-1")).toMatchObject({
        status: null,
        isReplicating: false,
        exitCode: -1,
        creation: null,
        invocationId: 0,
      });
      const write: RowWrite = { kind: "update", id: "Bare-1", ifStatus: null, change: { status: decided("QUEUED") } };
      expect((await dao.apply([write, write])).applied).toEqual([true, false]);
    });

    test("never have a NULL where GASW or the portal chokes on it", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert({ parameters: null, creation: null })]);
      const [cells = {}] = await database.query(
        "select isReplicating, isBeingKilled, exit_code, checkpoint_init, checkpoint_upload, invocation_id, status, parameters, creation from Jobs",
      );
      expect(Object.entries(cells).filter(([, cell]) => cell === null)).toEqual([]);
      expect(await rowIn(dao)).toMatchObject({ parameters: "", creation: ROW.queued });
    });

    test.each(["CREATED", "NOT_SUBMITTED", "UNDEFINED"] as const)("never say %s", async (status) => {
      const { dao } = await fresh();
      await expect(dao.apply([insert({ status })])).rejects.toThrow(RangeError);
      await dao.apply([insert()]);
      await expect(dao.apply([{ kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided(status) } }])).rejects.toThrow(
        RangeError,
      );
      expect(await rowIn(dao)).toEqual(ROW);
    });

    test("say what they were told, whatever the status", async () => {
      const { dao } = await fresh();
      const statuses = GASW_STATUSES.filter((status) => !["CREATED", "NOT_SUBMITTED", "UNDEFINED"].includes(status));
      const writes = statuses.map((status) => insert({ id: status, status, exitMessage: "why" }));
      expect(await dao.apply(writes)).toEqual({ applied: writes.map(() => true), refused: new Map(), warnings: [] });
      const rows = [...(await dao.rows(statuses)).values()];
      expect(rows.map(({ id, status, exitMessage }) => [id, status, exitMessage]).sort()).toEqual(statuses.map((one) => [one, one, "why"]));
    });

    test("are found by status", async () => {
      const { database, dao } = await fresh();
      const row = (id: string, status: GaswStatus, simulationId = ROW.simulationId) => insert({ id, status, simulationId });
      await dao.apply([row("A", "KILL"), row("B", "RUNNING"), row("C", "RESCHEDULE"), row("D", "KILL", "workflow-2")]);
      expect(idsOf((await dao.rowsInStatus(["KILL", "RESCHEDULE"])) as never).sort()).toEqual(["A", "C"]);
      expect(await dao.rowsInStatus([])).toEqual([]);
      const other = await open(database.settings, { simulationId: "WORKFLOW-GENTZC" });
      expect(await other.rowsInStatus(["KILL"])).toEqual([]);
    });

    test("tell the invocation of a file name, and the largest one", async () => {
      const { dao } = await fresh();
      const row = (id: string, fileName: string, invocationId: number, simulationId = ROW.simulationId) =>
        insert({ id, fileName, invocationId, simulationId });
      expect(await dao.largestInvocationId()).toBe(0);
      await dao.apply([row("A", "A", 3), row("A-r1", "A", 3), row("B", "B", 12), row("C", "C", 40, "workflow-2")]);
      expect(await dao.invocationIds(["A", "B", "C", "D"])).toEqual(
        new Map([
          ["A", 3],
          ["B", 12],
        ]),
      );
      expect(await dao.largestInvocationId()).toBe(12);
    });

    test("of a thousand jobs are written and read at once", async () => {
      const { dao } = await fresh();
      const ids = Array.from({ length: 1000 }, (_, index) => `Job-${index}`);
      const { applied } = await dao.apply(ids.map((id, index) => insert({ id, fileName: id, invocationId: index })));
      expect(applied).toEqual(ids.map(() => true));
      const change = { status: decided("RUNNING"), download: "2024-05-01T10:00:02.000Z" } as const;
      await dao.apply(ids.map((id) => ({ kind: "update", id, ifStatus: "QUEUED", change })));
      const rows = await dao.rows([...ids, "Absent"]);
      expect([...rows.keys()].sort()).toEqual(ids.sort());
      expect([...rows.values()].every(({ status }) => status === "RUNNING")).toBe(true);
      expect(await dao.largestInvocationId()).toBe(999);
    });
  });

  describe(`the GASW database in ${name}: writes`, () => {
    test("add a row once", async () => {
      const { dao } = await fresh();
      expect((await dao.apply([insert(), insert({ command: "other" }), insert({ id: "B" })])).applied).toEqual([true, false, true]);
      expect((await rowIn(dao))?.command).toBe(ROW.command);
    });

    test("never overwrite what another program wrote meanwhile", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert()]);
      await database.query("update Jobs set status = 'KILL'");
      const facts: RowFacts = { node: { site: "s", name: "n" }, minorStatuses: [{ status: "Started", at: "2024-05-01T10:00:00.000Z" }] };
      const change = { status: decided("RUNNING"), nodeSite: "s", nodeName: "n" } as const;
      expect((await dao.apply([{ kind: "update", id: ROW.id, ifStatus: "QUEUED", change, facts }])).applied).toEqual([false]);
      expect(await rowIn(dao)).toEqual({ ...ROW, status: "KILL" });
      expect(await database.query("select site from Nodes")).toEqual([]);
      expect(await database.query("select id from JobsMinorStatus")).toEqual([]);
      expect((await dao.apply([{ kind: "update", id: ROW.id, ifStatus: "KILL", change: { status: decided("DELETED") } }])).applied).toEqual(
        [true],
      );
    });

    test("count a row that was already so as changed", async () => {
      const { dao } = await fresh();
      await dao.apply([insert()]);
      const write: RowWrite = { kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided("QUEUED"), queued: ROW.queued } };
      expect((await dao.apply([write, { ...write, change: {} }])).applied).toEqual([true, true]);
    });

    test("pass over a row that somebody deleted", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert(), insert({ id: "B" })]);
      await database.query(`delete from Jobs where id = '${ROW.id}'`);
      const write = (id: string): RowWrite => ({ kind: "update", id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } });
      expect((await dao.apply([write(ROW.id), write("B")])).applied).toEqual([false, true]);
      expect(await rowIn(dao)).toBeUndefined();
    });

    test("tell names apart that differ in upper and lower case", async () => {
      const { dao } = await fresh();
      await dao.apply([insert({ id: "Job-1" })]);
      const write: RowWrite = { kind: "update", id: "job-1", ifStatus: "QUEUED", change: { status: decided("RUNNING") } };
      expect((await dao.apply([write])).applied).toEqual([false]);
      expect(await rowIn(dao, "job-1")).toBeUndefined();
      expect(await rowIn(dao, "Job-1")).toMatchObject({ status: "QUEUED" });
    });

    test("that are refused as the doubles of others are done with", async () => {
      const { database, dao } = await fresh();
      await database.query("create unique index one_command on Jobs (command)");
      const { applied, ...others } = await dao.apply([insert(), insert({ id: "B" }), insert({ id: "C", command: "c" })]);
      expect(applied).toEqual([true, true, true]);
      expect(others).toEqual({ refused: new Map([["B", "the database does not distinguish it from another row"]]), warnings: [] });
      expect([...(await dao.rows([ROW.id, "B", "C"])).keys()].sort()).toEqual([ROW.id, "C"]);
    });

    test("take a status word that GASW does not know for what it is", async () => {
      const { database, dao } = await fresh();
      for (const statement of traits.freeStatus) await database.query(statement);
      await dao.apply([insert()]);
      await database.query("update Jobs set status = 'PAUSED'");
      expect(await rowIn(dao)).toMatchObject({ status: "PAUSED" });
      const write: RowWrite = { kind: "update", id: ROW.id, ifStatus: "PAUSED", change: { status: decided("RUNNING") } };
      expect((await dao.apply([write, write])).applied).toEqual([true, false]);
    });

    test("of two at the same moment are made once", async () => {
      const database = await makeDatabase();
      const daos = await Promise.all([open(database.settings), open(database.settings)]);
      const ids = Array.from({ length: 50 }, (_, index) => `Job-${index}`);
      const facts: RowFacts = { node: { site: "s", name: "n", cpus: 2 }, data: [{ path: "shared", type: "Input" }] };
      const once = async (writes: readonly RowWrite[], again: readonly RowWrite[]) => {
        const [first, second] = await Promise.all([daos[0]?.apply(writes), daos[1]?.apply(again)]);
        const applied = [...(first?.applied ?? []), ...(second?.applied ?? [])];
        expect(applied.filter(Boolean)).toHaveLength(ids.length);
      };
      const inserts = ids.map((id) => insert({ id }, facts));
      // In opposite order: each holds what the other wants.
      await once(inserts, inserts.toReversed());
      const change = { status: decided("RUNNING"), nodeSite: "s", nodeName: "n" } as const;
      const updates = ids.map((id): RowWrite => ({ kind: "update", id, ifStatus: "QUEUED", change, facts }));
      await once(updates, updates.toReversed());
    });

    test("of one connection wait for each other", async () => {
      const { dao } = await fresh();
      const all = Array.from({ length: 20 }, (_, index) => dao.apply([insert({ id: `Job-${index}` }), insert({ id: "Same" })]));
      const applied = (await Promise.all(all)).map((one) => one.applied);
      expect(applied.map(([own]) => own)).toEqual(all.map(() => true));
      expect(applied.filter(([, same]) => same)).toHaveLength(1);
    });

    test("of which one is refused are made without it", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert(), insert({ id: "B" }), insert({ id: "C" })]);
      // Every kind of database refuses a value for this reason.
      await database.query("create unique index one_code on Jobs (exit_code, exit_message)");
      const fail = (id: string, exitMessage: string): RowWrite => {
        return { kind: "update", id, ifStatus: "QUEUED", change: { status: decided("ERROR"), exitCode: 1, exitMessage } };
      };
      const { applied, ...others } = await dao.apply([fail(ROW.id, "one"), fail("B", "one"), fail("C", "two"), insert({ id: "D" })]);
      expect(applied).toEqual([true, true, true, true]);
      expect(others).toEqual({ refused: new Map([["B", expect.stringMatching(/^the database rejects a value \(/)]]), warnings: [] });
      const found = [...(await dao.rows([ROW.id, "B", "C", "D"])).values()];
      expect(found.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(
        [`${ROW.id} ERROR`, "B QUEUED", "C ERROR", "D QUEUED"].sort(),
      );
    });

    test("with a number that its column does not hold are refused", async () => {
      if (!traits.limitsIntegers) return;
      const { dao } = await fresh();
      const { applied, refused } = await dao.apply([insert(), insert({ id: "B", invocationId: 3_000_000_000 }), insert({ id: "C" })]);
      expect(applied).toEqual([true, true, true]);
      expect([...refused.keys()]).toEqual(["B"]);
      expect([...(await dao.rows([ROW.id, "B", "C"])).keys()].sort()).toEqual([ROW.id, "C"]);
    });

    test("of a batch are made all or none", async () => {
      const { dao } = await fresh();
      await expect(dao.apply([insert(), insert({ id: "B", status: "CREATED" })])).rejects.toThrow();
      expect(await dao.rows([ROW.id, "B"])).toEqual(new Map());
    });
  });

  describe(`the GASW database in ${name}: rows of other workflows`, () => {
    const update = (ifStatus: string): RowWrite => ({ kind: "update", id: ROW.id, ifStatus, change: { status: decided("RUNNING") } });
    const taken = new Map([[ROW.id, expect.stringMatching(/^workflow other has a job with that id there; .*{workflowDir} in dao.url$/)]]);

    test("are neither shown nor changed, and keep their ids", async () => {
      const { database, dao } = await fresh();
      const other = await open(database.settings, { simulationId: "other" });
      const row = { ...ROW, simulationId: "other" };
      await other.apply([{ kind: "insert", row }]);
      expect(await dao.rows([ROW.id])).toEqual(new Map());
      expect(await dao.apply([insert(), insert({ id: "B" })])).toEqual({ applied: [true, true], refused: taken, warnings: [] });
      expect(await dao.apply([update("QUEUED")])).toMatchObject({ applied: [false] });
      expect(await rowIn(other)).toEqual(row);
      expect(await rowIn(dao, "B")).toMatchObject({ simulationId: ROW.simulationId });
    });

    test("are those of workflows that differ in upper and lower case, too", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert()]);
      const other = await open(database.settings, { simulationId: String(ROW.simulationId).toUpperCase() });
      expect(await other.rows([ROW.id])).toEqual(new Map());
      expect(await other.apply([update("QUEUED")])).toMatchObject({ applied: [false] });
      expect(await rowIn(dao)).toEqual(ROW);
    });

    test("are not those that name no workflow", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert()]);
      await database.query("update Jobs set simulation_id = null");
      expect((await dao.apply([insert(), update("QUEUED")])).applied).toEqual([false, true]);
      expect(await rowIn(dao)).toMatchObject({ simulationId: null, status: "RUNNING" });
    });
  });

  describe(`the GASW database in ${name}: what is too long`, () => {
    test("is cut, and told once per job and column", async () => {
      const { dao } = await fresh();
      const { applied, warnings } = await dao.apply([
        insert({ exitMessage: "e".repeat(300), command: `${"c".repeat(254)}🧠` }),
        { kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided("ERROR"), exitMessage: "f".repeat(300) } },
      ]);
      expect(applied).toEqual([true, true]);
      expect(warnings.filter((warning) => warning.includes("exit_message"))).toEqual([expect.stringContaining(ROW.id)]);
      expect(warnings).toHaveLength(2);
      expect(await rowIn(dao)).toMatchObject({ exitMessage: "f".repeat(255), command: "c".repeat(254) });
    });

    test("in parameters is cut as late as the server lets it", async () => {
      const { dao } = await fresh();
      const [plain, random] = ["ab ".repeat(4000), randomText(9500)];
      const { applied, warnings } = await dao.apply([
        insert({ id: "Plain", parameters: plain }),
        insert({ id: "Random", parameters: random }),
      ]);
      expect(applied).toEqual([true, true]);
      expect((await rowIn(dao, "Plain"))?.parameters).toBe(plain.slice(0, 10_000));
      const kept = (await rowIn(dao, "Random"))?.parameters ?? "";
      expect(kept).toBe(random.slice(0, traits.incompressible ?? random.length));
      expect(warnings.filter((warning) => warning.includes("job Random")).length).toBe(kept === random ? 0 : 1);
      // A corrected request is no other case.
      const corrected = [...random].reverse().join("");
      const correct: RowWrite = { kind: "update", id: "Plain", ifStatus: "QUEUED", change: { parameters: corrected } };
      expect((await dao.apply([correct])).applied).toEqual([true]);
      expect((await rowIn(dao, "Plain"))?.parameters).toBe(corrected.slice(0, traits.incompressible ?? corrected.length));
    });

    test("as an id gets no row, and is told", async () => {
      const { dao } = await fresh();
      const id = "J".repeat(300);
      const refused = new Map([[id, expect.stringContaining("the id is too long")]]);
      const { applied, ...others } = await dao.apply([insert({ id }), insert(), insert({ id: "K".repeat(255) })]);
      // Done with: to try it again would not help.
      expect(applied).toEqual([true, true, true]);
      expect(others).toEqual({ refused, warnings: [] });
      const update: RowWrite = { kind: "update", id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } };
      expect(await dao.apply([update])).toEqual({ applied: [true], refused, warnings: [] });
      expect((await dao.rows([id, "K".repeat(255)])).size).toBe(1);
    });

    test("as a data path is left out and counted", async () => {
      const { database, dao } = await fresh();
      const data = [`/${"p".repeat(9500)}`, `/${"q".repeat(9001)}`, "/short"].map((path) => ({ path, type: "Input" as const }));
      const { applied, warnings } = await dao.apply([insert({}, { data })]);
      expect(applied).toEqual([true]);
      expect(warnings).toEqual([expect.stringMatching(/^2 file/)]);
      expect((await database.query("select data_path from job_data")).map(({ data_path }) => data_path)).toEqual(["/short"]);
    });

    test("as a number is as large as may be", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert({}, { node: { site: "s", name: "n", memoryKb: 2 ** 33, cacheKb: 512.5 } })]);
      const [node] = await database.query("select mem_total, cpu_cache_size from Nodes");
      expect([Number(node?.mem_total), Number(node?.cpu_cache_size)]).toEqual([2147483647, 512]);
    });
  });

  describe(`the GASW database in ${name}: times`, () => {
    test.each([
      ["summer", "2024-07-01T10:00:00.123Z", "2024-07-01 12:00:00.123"],
      ["winter", "2024-01-01T10:00:00.999Z", "2024-01-01 11:00:00.999"],
      ["the last hour before clocks go forward", "2024-03-31T00:59:59.999Z", "2024-03-31 01:59:59.999"],
      ["the first hour after clocks went forward", "2024-03-31T01:00:00.000Z", "2024-03-31 03:00:00.000"],
      ["the hour that clocks repeat, the first time", "2024-10-27T00:30:00.000Z", "2024-10-27 02:30:00.000"],
    ])("are written and read as the time zone's clocks show them in %s", async (_, time, shown) => {
      const { database, dao } = await fresh();
      await dao.apply([insert({ creation: time })]);
      expect(idsOf(await database.query(`select id from Jobs where creation = '${shown}'`))).toEqual([ROW.id]);
      expect((await rowIn(dao))?.creation).toBe(time);
    });

    test("that clocks show twice are the earlier ones, and those that they skip as much later", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert({ creation: "2024-10-27T01:30:00.000Z" })]);
      expect((await rowIn(dao))?.creation).toBe("2024-10-27T00:30:00.000Z");
      await database.query("update Jobs set creation = '2024-03-31 02:30:00'");
      expect((await rowIn(dao))?.creation).toBe("2024-03-31T01:30:00.000Z");
    });
  });

  describe(`the GASW database in ${name}: what belongs to a row`, () => {
    test("its node is there before it is named, and brought up to date", async () => {
      const { database, dao } = await fresh();
      const node = { site: "site.fr", name: "node-1" };
      const named = { nodeSite: node.site, nodeName: node.name };
      await dao.apply([insert({ id: "A", ...named }), insert({ id: "B" })]);
      const facts: RowFacts = {
        node: { ...node, cpus: 8, cpuModel: "Xeon", cpuMhz: 2400.5, cacheKb: 512, bogomips: 4800.25, memoryKb: 16_000_000 },
      };
      await dao.apply([{ kind: "update", id: "B", ifStatus: "QUEUED", change: { status: decided("COMPLETED"), ...named }, facts }]);
      await dao.apply([{ kind: "update", id: "A", ifStatus: "QUEUED", change: { exitCode: 3 }, facts: { node: { ...node, cpus: 16 } } }]);
      expect(await dao.rows(["A", "B"])).toEqual(
        new Map([
          ["A", { ...ROW, id: "A", ...named, exitCode: 3 }],
          ["B", { ...ROW, id: "B", ...named, status: "COMPLETED" }],
        ]),
      );
      const nodes = await database.query("select * from Nodes");
      expect(nodes.map((row) => [row.site, row.node_name, Number(row.ncpus), row.cpu_model_name])).toEqual([
        ["site.fr", "node-1", 16, "Xeon"],
      ]);
      const [{ cpu_mhz, cpu_bogomips, cpu_cache_size, mem_total } = {}] = nodes;
      expect([cpu_mhz, cpu_bogomips, cpu_cache_size, mem_total].map(Number)).toEqual([2400.5, 4800.25, 512, 16_000_000]);
    });

    test("an unknown node has no NULL where GASW chokes on it", async () => {
      const { database, dao } = await fresh();
      await dao.apply([insert({ nodeSite: "s", nodeName: "n" })]);
      const [{ cpu_model_name, ...numbers } = {}] = await database.query("select * from Nodes");
      expect(Object.entries(numbers).filter(([, cell]) => cell === null)).toEqual([]);
    });

    test("its data are replaced, the last type of a path wins", async () => {
      const { database, dao } = await fresh();
      const linked = async (id: string) =>
        (await database.query(`select data_path from job_data where id = '${id}' order by data_path`)).map(({ data_path }) => data_path);
      await dao.apply([
        insert(
          { id: "A" },
          {
            data: [
              { path: "/a", type: "Input" },
              { path: "/a", type: "Output" },
              { path: "/ä🧠", type: "Input" },
            ],
          },
        ),
        insert({ id: "B" }, { data: [{ path: "/a", type: "Input" }] }),
      ]);
      expect([await linked("A"), await linked("B")]).toEqual([["/a", "/ä🧠"], ["/a"]]);
      const type = async () => (await database.query("select data_type from Data where data_path = '/a'"))[0]?.data_type;
      expect(await type()).toBe("Input");
      const replace = (data: RowFacts["data"] = []): RowWrite => ({
        kind: "update",
        id: "A",
        ifStatus: "QUEUED",
        change: {},
        facts: { data },
      });
      await dao.apply([
        replace([
          { path: "/new", type: "Output" },
          { path: "/a", type: "Output" },
        ]),
      ]);
      expect([await linked("A"), await linked("B"), await type()]).toEqual([["/a", "/new"], ["/a"], "Output"]);
      await dao.apply([replace([])]);
      expect(await linked("A")).toEqual([]);
      await dao.apply([
        insert({ id: "Many" }, { data: Array.from({ length: 1200 }, (_, index) => ({ path: `/${index}`, type: "Input" })) }),
      ]);
      expect(await linked("Many")).toHaveLength(1200);
    });

    test("data are left out and counted where there is no table for them", async () => {
      const { database } = await fresh();
      await database.query("drop table job_data");
      await database.query("drop table Data");
      const dao = await open(database.settings);
      const data = [
        { path: "/a", type: "Input" },
        { path: "/b", type: "Output" },
      ] as const;
      const { applied, warnings } = await dao.apply([
        insert({ id: "A" }, { data }),
        insert({ id: "B" }, { data }),
        insert({ id: "C" }, { data: [] }),
      ]);
      expect(applied).toEqual([true, true, true]);
      expect(warnings).toEqual([expect.stringMatching(/^4 file\(s\) were skipped/)]);
    });

    test("minor statuses are added that it does not have, numbered on", async () => {
      const { database, dao } = await fresh();
      const at = "2024-07-01T10:00:00.123Z";
      await dao.apply([insert({ id: "A" }), insert({ id: "B" })]);
      await database.query(
        "insert into JobsMinorStatus (statusId, id, minor_status, event_date) values (41, 'A', 'Started', '2024-07-01 12:00:00')",
      );
      const facts: RowFacts = {
        minorStatuses: [
          { status: "Started", at },
          { status: "Inputs", at },
          { status: "Application", at },
        ],
      };
      const write = (id: string): RowWrite => ({ kind: "update", id, ifStatus: "QUEUED", change: {}, facts });
      await dao.apply([write("A"), write("B")]);
      await dao.apply([write("A"), write("B")]);
      const rows = await database.query("select statusId, id, minor_status from JobsMinorStatus order by statusId");
      expect(rows.map((row) => [Number(row.statusid), row.id, row.minor_status])).toEqual([
        [41, "A", "Started"],
        [42, "A", "Inputs"],
        [43, "A", "Application"],
        [44, "B", "Started"],
        [45, "B", "Inputs"],
        [46, "B", "Application"],
      ]);
      expect(await database.query("select statusId from JobsMinorStatus where event_date = '2024-07-01 12:00:00.123'")).toHaveLength(5);
    });
  });
}
