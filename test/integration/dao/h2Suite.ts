import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { RowWrite } from "../../../src/core/gaswRow/row.ts";
import { GASW_STATUSES } from "../../../src/core/job.ts";
import { decided } from "../../../src/core/lifecycle/make.ts";
import type { JdbcBridge } from "../../../src/dao/jdbcBridge.ts";
import { h2 } from "../../../src/dao/jdbcDialect.ts";
import { schemaStatements } from "../../../src/dao/schema.ts";
import { connectToH2, H2_LOGIN, H2Server, type H2Version, shareClasses } from "../../servers/h2.ts";
import { daoContract, insert, open, ROW, type TestDatabase } from "./contract.ts";
import { bridgesOf } from "./javaProcesses.ts";

const RUNNING: RowWrite = { kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } };

/**
 * What H2 has to do, each test in a database of its own; a version has a file of its own, since that takes a while.
 * @param reference file of test/fixtures/schema with the tables that Hibernate makes there
 */
export function h2Suite(version: H2Version, reference: string): void {
  const isBefore2 = version.startsWith("1.");
  let server: H2Server;
  beforeAll(async () => {
    server = await H2Server.start(version);
    shareClasses(server);
  });
  afterAll(() => server.stop());

  /** Other programs, each with a connection of its own. */
  const others: JdbcBridge[] = [];
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(others.splice(0).map((other) => other.close()));
  });
  const other = async (url: string) => {
    const bridge = await connectToH2(version, url);
    others.push(bridge);
    return bridge;
  };
  const lowerCase = (row: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(row).map(([name, cell]) => [name.toLowerCase(), cell]));

  let databases = 0;
  const makeDatabase = async (): Promise<TestDatabase & { url: string }> => {
    // As the portal names it: one database per workflow.
    const url = server.url(`workflows/workflow-${databases++}/db/jobs`);
    let program: Promise<JdbcBridge> | undefined;
    return {
      url,
      settings: { url, driverJar: server.jar, ...H2_LOGIN },
      query: async (sql) => {
        program ??= other(url);
        return (await (await program).run(sql, [])).rows.map(lowerCase);
      },
    };
  };

  /** What H2 itself would make the tables of again, line by line. */
  const tablesOf = async (database: TestDatabase) => {
    const statements = (await database.query("script nodata")).map(({ script }) => String(script));
    const definitions = statements.filter((statement) => /^(CREATE (CACHED TABLE|INDEX)|ALTER TABLE)/.test(statement));
    const lines = definitions.flatMap((statement) => statement.split("\n").map((line) => `${statement.split("\n")[0]} ${line.trim()}`));
    // The one column that is made otherwise than Hibernate would: H2 1.4 can't read it back.
    return lines.map((line) => (isBefore2 ? line.replace(/ STATUS ENUM\(.*\)/, " STATUS VARCHAR(255)") : line)).sort();
  };

  daoContract(`H2 ${version}`, {
    makeDatabase,
    schema: { reference, describe: tablesOf },
    dropIndex: "drop index InvocationIndex",
    limitsIntegers: true,
    freeStatus: ["alter table Jobs alter column status varchar(255)"],
  });

  test("tables that a killed program left half made are completed, wherever it was killed", async () => {
    const whole = await makeDatabase();
    await open(whole.settings);
    const statements = schemaStatements(h2);
    for (const count of [3, statements.length - 1]) {
      const database = await makeDatabase();
      for (const statement of statements.slice(0, count)) await database.query(statement);
      await open(database.settings);
      expect(await tablesOf(database)).toEqual(await tablesOf(whole));
    }
  });

  test("a KILL that is written while our transaction waits is not overwritten", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    const portal = await other(database.url);
    await portal.transaction("begin");
    await portal.run("update Jobs set status = 'KILL' where id = ?", [ROW.id]);
    // Its own Java process is up before anybody waits.
    await database.query("select 1");
    const ours = dao.apply([RUNNING, insert({ id: "After" })]);
    const running = async () => JSON.stringify(await database.query("select * from information_schema.sessions"));
    await expect.poll(running, { timeout: 60_000 }).toMatch(/update \\?"JOBS\\?" set/);
    await portal.transaction("commit");
    expect((await ours).applied).toEqual([false, true]);
    expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual({ ...ROW, status: "KILL" });
  });

  test("a KILL that is written while our transaction writes is not lost", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    const portal = await other(database.url);
    const many = Array.from({ length: 200 }, (_, index) => insert({ id: `Job-${index}` }));
    await Promise.all([dao.apply([RUNNING, ...many]), portal.run("update Jobs set status = 'KILL' where id = ?", [ROW.id])]);
    expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual({ ...ROW, status: "KILL" });
  });

  test("a row that another program keeps locked is waited for, then told", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings, { timeout: 10_000 });
    await dao.apply([insert()]);
    const portal = await other(database.url);
    await portal.transaction("begin");
    await portal.run("update Jobs set status = 'KILL' where id = ?", [ROW.id]);
    await expect(dao.apply([RUNNING])).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("another program holds a lock"),
    });
    await portal.transaction("rollback");
    expect((await dao.apply([RUNNING])).applied).toEqual([true]);
  });

  test("a user who may only read can read, and is told that a write is not permitted", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    await database.query("create user reader password 'reads'");
    for (const table of ["Jobs", "Nodes", "Data", "job_data", "JobsMinorStatus"])
      await database.query(`grant select on ${table} to reader`);
    const reader = await open({ ...database.settings, user: "reader", password: "reads" });
    expect(await reader.rows([ROW.id])).toEqual(new Map([[ROW.id, ROW]]));
    await expect(reader.apply([RUNNING])).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("permission denied"),
    });
  });

  test("every status can be read back when the database was closed meanwhile", async () => {
    const { settings } = await makeDatabase();
    const dao = await open(settings);
    // Others write signals there, whatever this program writes itself.
    const isWritten = (status: string) => !["CREATED", "NOT_SUBMITTED", "UNDEFINED"].includes(status);
    const statuses = GASW_STATUSES.filter(isWritten);
    const { refused, warnings } = await dao.apply(statuses.map((status) => insert({ id: status, status })));
    expect({ refused, warnings }).toEqual({ refused: new Map(), warnings: [] });
    await dao.close();
    const rows = await (await open(settings)).rows(statuses);
    expect([...rows.values()].map(({ id, status }) => [id, status]).sort()).toEqual(statuses.map((status) => [status, status]).sort());
  });

  test("times do not pass through the zone of any process", async () => {
    // Clocks there skip from 2:00 to 3:00 in that night.
    vi.stubEnv("TZ", "Europe/Paris");
    const database = await makeDatabase();
    const dao = await open(database.settings, { timeZone: "UTC" });
    const creation = "2024-03-31T02:30:00.123Z";
    await dao.apply([insert({ creation })]);
    expect((await dao.rows([ROW.id])).get(ROW.id)?.creation).toBe(creation);
    expect(await database.query("select cast(creation as varchar) as shown from Jobs")).toEqual([{ shown: "2024-03-31 02:30:00.123" }]);
  });

  test("a database that is a file needs no server", async () => {
    const settings: TestDatabase["settings"] = { url: `jdbc:h2:${server.file("größe/db/jobs")}`, driverJar: server.jar };
    const dao = await open(settings);
    await dao.apply([insert()]);
    await dao.close();
    const again = await open(settings);
    expect((await again.rows([ROW.id])).get(ROW.id)).toEqual(ROW);
    await again.close();
    // The server opens what was written so, as GASW's default user.
    const reader = await other(server.url("größe/db/jobs"));
    expect((await reader.run("select id from Jobs", [])).rows).toEqual([{ ID: ROW.id }]);
  });

  test("no Java process is left behind", async () => {
    const dao = await open((await makeDatabase()).settings);
    expect(bridgesOf()).toHaveLength(1);
    await dao.close();
    expect(bridgesOf()).toEqual([]);
  });
}
