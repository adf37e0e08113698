import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../../src/cli/program.ts";
import type { MinorStatus, RowWrite } from "../../../src/core/gaswRow/row.ts";
import { GASW_STATUSES, type GaswStatus } from "../../../src/core/job.ts";
import { decided } from "../../../src/core/lifecycle/make.ts";
import type { Dao, DaoSettings } from "../../../src/dao/dao.ts";
import { JdbcBridge } from "../../../src/dao/jdbcBridge.ts";
import { connectJdbc } from "../../../src/dao/jdbcConnection.ts";
import { KyselyDao } from "../../../src/dao/kyselyDao.ts";
import { act } from "../../../src/services/sync/actions.ts";
import { syncOnce } from "../../../src/services/sync/sync.ts";
import { H2Server, shareClasses } from "../../servers/h2.ts";
import { ioDouble } from "../../unit/io.ts";
import { Invocations } from "../invocations.ts";
import { insert, open, ROW } from "./contract.ts";

const LOGIN = { user: "gasw", password: "gasw" };
const HIBERNATES = path.resolve(import.meta.dirname, "../../fixtures/schema/h2-1.4.196.sql");
/** Holds longer ones than a row has room for beside the caution. */
const LONG = `${"why it failed, ".repeat(16)}and so on`;

let server: H2Server;
beforeAll(async () => {
  server = await H2Server.start("1.4.196");
  shareClasses(server);
});
afterAll(() => server.stop());

let databases = 0;
let url: string;
/** Another program, as the portal is one: what it writes is its own affair. */
let portal: JdbcBridge | undefined;
beforeEach(() => {
  url = server.url(`workflow-${databases++}/db/jobs`);
});
afterEach(async () => {
  await portal?.close();
  portal = undefined;
});

const settings = () => ({ url, driverJar: server.jar, ...LOGIN });

/** The address of a new database that has Hibernate's tables once it is opened. */
const hibernates = () => `${url};INIT=RUNSCRIPT FROM '${HIBERNATES}'`;
const openHibernates = (more: Partial<DaoSettings> = {}) => open({ ...settings(), url: hibernates() }, more);

async function others(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  if (portal === undefined) {
    portal = new JdbcBridge("java", server.jar, process.env);
    await portal.open(url, 30, LOGIN);
  }
  return (await portal.run(sql, [])).rows;
}

const to = (id: string, before: GaswStatus, status: GaswStatus, exitMessage = ""): RowWrite => {
  return { kind: "update", id, ifStatus: before, change: { status: decided(status), exitMessage } };
};
const statusesIn = async (dao: Dao, ids: readonly string[]) =>
  Object.fromEntries([...(await dao.rows(ids))].map(([id, { status }]) => [id, status]));
const messageIn = async (dao: Dao, id = ROW.id) => (await dao.rows([id])).get(id)?.exitMessage;

describe("Hibernate's tables in H2 1.4.196, whose ENUM of statuses cannot be read back whole,", () => {
  test("are destroyed by another program's UNHOLD_ERROR, as is told", async () => {
    const dao = await openHibernates();
    await dao.apply([insert()]);
    await others("update Jobs set status = 'UNHOLD_ERROR'");
    await portal?.close();
    await dao.close();
    await expect(open(settings())).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("the file is damaged"),
      hint: expect.stringContaining("UNHOLD_*"),
    });
  });

  test("outlive a shutdown of the server whatever this program has written", async () => {
    const dao = await openHibernates();
    // UNHOLD_* is others' alone to write.
    const written = GASW_STATUSES.filter((status) => !/^(CREATED|NOT_SUBMITTED|UNDEFINED|UNHOLD_.*)$/.test(status));
    const stages: readonly MinorStatus[] = ["Started", "Background", "Inputs", "Application", "Outputs", "Finished"];
    const facts = {
      minorStatuses: stages.map((status) => ({ status, at: "2024-07-01T10:00:00.000Z" })),
      data: [
        { path: "/in", type: "Input" },
        { path: "/out", type: "Output" },
      ],
    } as const;
    const updated = written.map((status) => [`${status}-2`, status] as const);
    await dao.apply(written.map((status) => insert({ id: status, status }, facts)));
    const fatal = await dao.apply([insert({ id: "A", status: "UNHOLD_ERROR" }), insert({ id: "B" })]);
    expect(fatal).toMatchObject({
      applied: [true, true],
      refused: new Map([["A", expect.stringContaining("would destroy the database")]]),
    });
    await dao.apply(updated.flatMap(([id, status]) => [insert({ id }), to(id, "QUEUED", status)]));
    await server.restart();
    const shown = { SUCCESSFULLY_SUBMITTED: "QUEUED", STALLED_HELD: "ERROR_HELD" } as Readonly<Record<string, GaswStatus>>;
    const expected = [["B", "QUEUED"], ...written.map((status) => [status, status]), ...updated].map(([id = "", status = ""]) => [
      id,
      shown[status] ?? status,
    ]);
    const again = await open(settings());
    expect(await statusesIn(again, ["A", ...expected.map(([id = ""]) => id)])).toEqual(Object.fromEntries(expected));
  });

  test("have a hold say once that a release from the portal destroys them, and what to do instead", async () => {
    const dao = await openHibernates();
    const held = { id: "B", status: "STALLED_HELD", exitMessage: "its node is gone" } as const;
    const { warnings } = await dao.apply([
      insert(),
      to(ROW.id, "QUEUED", "ERROR_HELD", LONG),
      insert(held),
      insert({ ...held, id: "C", exitMessage: "" }),
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^job BasicGrep-\d+ \(and 2 more\) is held.*UNHOLD_ERROR.*destroys.*`gasw-k8s release`.*dao\.repairStatusColumn/,
      ),
    ]);
    const caution = await messageIn(dao, "C");
    expect(caution).toMatch(/UNHOLD_\*.*destroys.*`gasw-k8s release`.*dao\.repairStatusColumn/);
    expect(await messageIn(dao, "B")).toBe(`its node is gone; ${caution}`);
    const cut = await messageIn(dao);
    expect(cut).toHaveLength(255);
    expect(cut?.slice(-String(caution).length - 3)).toBe(`…; ${caution}`);
    // What is told of a held job once more is no new hold; its release takes the caution away.
    expect((await dao.apply([to("B", "ERROR_HELD", "STALLED_HELD", "its node is gone")])).warnings).toEqual([]);
    await dao.apply([to("B", "ERROR_HELD", "STALLED", "its node is gone")]);
    expect(await messageIn(dao, "B")).toBe("its node is gone");
  });
});

describe("a job that is held in such tables", () => {
  let life: Invocations;
  let dao: Dao;
  let warnings: string[];
  beforeEach(async () => {
    life = await Invocations.begin({ retryCount: 0 });
    warnings = [];
    life.onWarning = (warning) => {
      // That is told of any job that is held.
      if (!warning.includes("is held after the last retry")) warnings.push(warning);
    };
    dao = await openHibernates({ simulationId: life.workflow.id });
    life.submitted("Job-1");
    life.lose("Job-1");
    await synchronise();
  });
  afterEach(() => life.end());

  const synchronise = () => syncOnce(life.deps, dao, life.workflow);
  const attempts = () => life.store.jobs.all(life.workflow).map(({ id, status }) => `${id} ${status}`);
  const onceClosed = async () => {
    await Promise.all([dao.close(), portal?.close()]);
    return await statusesIn(await open(settings(), { simulationId: life.workflow.id }), ["Job-1", "Job-1-r1"]);
  };

  test("as STALLED_HELD is released by `release`, which writes no word of its own", async () => {
    expect(attempts()).toEqual(["Job-1 STALLED_HELD"]);
    expect(await statusesIn(dao, ["Job-1"])).toEqual({ "Job-1": "ERROR_HELD" });
    expect(warnings).toEqual([expect.stringMatching(/^job Job-1 is held/)]);
    await synchronise();
    await act(life.deps, life.workflow, [life.job("Job-1")], "release");
    const written: unknown[] = [];
    const apply = dao.apply.bind(dao);
    dao.apply = (writes) => {
      written.push(...writes.map((write) => (write.kind === "insert" ? write.row : write.change).status));
      return apply(writes);
    };
    for (let round = 0; round < 3; round++) await synchronise();
    expect(attempts()).toEqual(["Job-1 STALLED", "Job-1-r1 QUEUED"]);
    expect(new Set(written)).toEqual(new Set(["STALLED", "QUEUED"]));
    expect(warnings).toHaveLength(1);
    expect(await onceClosed()).toEqual({ "Job-1": "STALLED", "Job-1-r1": "QUEUED" });
  });

  test("as STALLED_HELD goes on at the UNHOLD_ERROR that its row asks for; answered before the database closes, that does no harm", async () => {
    await others("update Jobs set status = 'UNHOLD_ERROR'");
    await synchronise();
    expect(attempts()).toEqual(["Job-1 STALLED", "Job-1-r1 QUEUED"]);
    expect(await onceClosed()).toEqual({ "Job-1": "STALLED", "Job-1-r1": "QUEUED" });
  });

  test("is shown by `status --sync` as its row has it, with the caution; the configuration can have the column repaired", async () => {
    life.submitted("Job-2");
    life.lose("Job-2");
    await life.round();
    const env = { ...process.env, GASW_K8S_STATE_PATH: life.store.path, GASW_K8S_DAO_URL: url, GASW_K8S_DAO_DRIVER_JAR: server.jar };
    const status = async (more: NodeJS.ProcessEnv = {}) => {
      const { io, stdout, stderr } = ioDouble({ cwd: life.folder, env: { ...env, ...more } });
      const code = await run(["status", "--sync", "-o", "json"], io, "1.2.3");
      const { jobs } = JSON.parse(stdout()) as { jobs: Record<string, string>[] };
      return { code, stderr: stderr(), shown: jobs.map(({ id, status, daoStatus }) => `${id} ${status} ${daoStatus}`) };
    };
    const shown = ["Job-1 STALLED_HELD ERROR_HELD", "Job-2 STALLED_HELD ERROR_HELD"];
    expect(await status()).toEqual({ code: 0, shown, stderr: expect.stringMatching(/^warning: job Job-2 is held, and a release .*\n$/) });
    const repaired = await status({ GASW_K8S_DAO_REPAIR_STATUS_COLUMN: "true" });
    expect(repaired).toEqual({
      code: 0,
      shown,
      stderr: expect.stringMatching(/^warning: dao\.repairStatusColumn: .* is now VARCHAR\(255\).*\n$/),
    });
  });

  test("is answered QUEUED where its next attempt is told REPLICATE or RESCHEDULE, once", async () => {
    await act(life.deps, life.workflow, [life.job("Job-1")], "release");
    await synchronise();
    for (const signal of ["REPLICATE", "RESCHEDULE"]) {
      await others(`update Jobs set status = '${signal}' where id = 'Job-1-r1'`);
      await synchronise();
      expect(await statusesIn(dao, ["Job-1-r1"])).toEqual({ "Job-1-r1": "QUEUED" });
      for (let round = 0; round < 3; round++) await synchronise();
      expect(life.job("Job-1-r1").signal).toBeNull();
      expect(life.store.outbox.size(life.workflow)).toBe(0);
    }
  });
});

describe("dao.repairStatusColumn", () => {
  let told: string[];
  beforeEach(() => {
    told = [];
  });
  const asked = { repairStatusColumn: (outcome: string) => void told.push(outcome) };
  /** All that the database consists of, rows apart. */
  const definitions = async () => (await others("script nodata")).map((row) => String(row.SCRIPT)).sort();

  test("makes the column VARCHAR(255) when it is asked to, once, and leaves all else as it is", async () => {
    const dao = await openHibernates();
    await dao.apply([
      insert(),
      insert({ id: "B", status: "STALLED_HELD", exitMessage: "lost" }),
      insert({ id: "C", status: "ERROR_HELD" }),
    ]);
    // The last moment: the database would not survive being closed.
    await others("update Jobs set status = 'UNHOLD_ERROR' where id = 'C'");
    await others("create user reader password 'reads'");
    await others("grant select on Jobs to reader");
    const before = await definitions();
    expect(before.join()).toContain("STATUS ENUM(");
    const repaired = await open(settings(), asked);
    expect(told).toEqual([expect.stringMatching(/is now VARCHAR\(255\); its 3 rows are unchanged/)]);
    expect(await definitions()).toEqual(before.map((sql) => sql.replace(/^( +STATUS) ENUM\(.*\)/m, "$1 VARCHAR(255)")));
    expect(await statusesIn(repaired, [ROW.id, "B", "C"])).toEqual({ [ROW.id]: "QUEUED", B: "ERROR_HELD", C: "UNHOLD_ERROR" });
    expect([await messageIn(repaired, "B"), await messageIn(repaired, "C")]).toEqual(["lost", ""]);
    const { warnings } = await repaired.apply([to("B", "ERROR_HELD", "STALLED_HELD", "lost")]);
    expect(warnings).toEqual([]);
    await Promise.all([dao.close(), repaired.close(), portal?.close()]);
    const again = await open(settings(), asked);
    expect(told).toHaveLength(1);
    expect(await statusesIn(again, [ROW.id, "B", "C"])).toEqual({ [ROW.id]: "QUEUED", B: "STALLED_HELD", C: "UNHOLD_ERROR" });
  });

  test("tells what keeps the column from being made so, and goes on without", async () => {
    const rights = "CREATE USER writer PASSWORD 'writes'\\;GRANT SELECT, INSERT, UPDATE, DELETE ON JOBS TO writer";
    await open({ ...settings(), url: `${hibernates()}\\;${rights}` });
    const writer = await open({ ...settings(), user: "writer", password: "writes" }, asked);
    expect(told).toEqual([
      expect.stringMatching(/cannot change the status column to VARCHAR\(255\), it remains an ENUM \(Admin rights are required/),
    ]);
    await writer.apply([insert({ status: "STALLED_HELD" })]);
    expect(await statusesIn(writer, [ROW.id])).toEqual({ [ROW.id]: "ERROR_HELD" });
  });

  test("tells of another program's lock, too, which outlasts it unharmed", async () => {
    const dao = await openHibernates();
    await dao.apply([insert()]);
    await others("select id from Jobs");
    await portal?.transaction("begin");
    await others("update Jobs set status = 'KILL'");
    await open(settings(), { ...asked, timeout: 15_000 });
    expect(told).toEqual([expect.stringMatching(/remains an ENUM \(Timeout trying to lock table/)]);
    await others("update Jobs set isBeingKilled = true");
    await portal?.transaction("commit");
    expect((await dao.rows([ROW.id])).get(ROW.id)).toMatchObject({ status: "KILL", isBeingKilled: true });
  });

  test("is done once by two that are asked for it at the same moment", async () => {
    await openHibernates();
    const limits = { simulationId: "", timeZone: "UTC", timeout: 60_000, env: process.env, signal: new AbortController().signal };
    const given = { ...settings(), ...limits, ...asked };
    const connected = await Promise.all([connectJdbc(url, given), connectJdbc(url, given)]);
    const daos = await Promise.all(connected.map((one) => KyselyDao.over(one, given, url)));
    expect(told).toEqual([expect.stringContaining("is now VARCHAR(255)")]);
    for (const dao of daos) expect((await dao.apply([insert({ status: "STALLED_HELD" })])).warnings).toEqual([]);
    await Promise.all(daos.map((dao) => dao.close()));
  });

  test("refuses a database whose rows are not what they were", async () => {
    const limits = { simulationId: "", timeZone: "UTC", timeout: 60_000, env: process.env, signal: new AbortController().signal };
    const given = { ...settings(), ...limits, ...asked, url: hibernates() };
    const { connection, dialect } = await connectJdbc(url, given);
    await connection.query("insert into Jobs (id, status) values ('A', 'QUEUED'), ('B', 'QUEUED')", []);
    const query = connection.query.bind(connection);
    connection.query = async (sql, parameters) => {
      // As if somebody were at work there at that very moment.
      if (sql.startsWith("alter table")) await query("delete from Jobs where id = 'B'", []);
      return await query(sql, parameters);
    };
    await expect(KyselyDao.over({ connection, dialect }, given, url)).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("1 of 2 rows have changed"),
      hint: expect.stringContaining("backup"),
    });
    expect(told).toEqual([]);
  });
});
