import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowWrite } from "../../../src/core/gaswRow/row.ts";
import { decided } from "../../../src/core/lifecycle/make.ts";
import { fetchDrivers, jarOf } from "../../servers/h2.ts";
import { type MariadbServer, startMariadb } from "../../servers/mariadb.ts";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { insert, open, ROW, type TestDatabase } from "./contract.ts";

let postgres: PostgresServer;
let mariadb: MariadbServer;
beforeAll(async () => {
  fetchDrivers();
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), mariadb.stop()]);
});

describe.each([
  ["PostgreSQL", "postgresql", jarOf("postgresql", "42.7.8"), () => postgres],
  ["MariaDB", "mariadb", jarOf("mariadb-java-client", "3.5.6"), () => mariadb],
] as const)("%s over JDBC", (_, scheme, driverJar, server) => {
  const makeDatabase = async (): Promise<TestDatabase["settings"]> => {
    const { port, user, password } = server();
    return { url: `jdbc:${scheme}://127.0.0.1:${port}/${await server().makeDatabase()}`, user, password, driverJar };
  };

  test("has the same rows as through its own driver", async () => {
    const settings = await makeDatabase();
    const dao = await open(settings);
    const row = {
      ...ROW,
      status: "COMPLETED",
      isReplicating: true,
      exitMessage: "\"quotes\", 'quotes', \\backslashes\\, ? and $1;\n\tлинии 🧠",
      end: "2025-01-01T00:00:00.001Z",
      nodeSite: "site.fr",
      nodeName: "node-1",
      parameters: "p".repeat(5000),
    } as const;
    const facts = { node: { site: "site.fr", name: "node-1", cpuMhz: 2400.5 }, data: [{ path: "/a", type: "Input" as const }] };
    expect(await dao.apply([insert(row, facts), insert(), insert({ id: "B" })])).toMatchObject({
      applied: [true, false, true],
      warnings: [],
    });
    const native = await open({ ...settings, url: server().url(settings.url.replace(/.*\//, "")) });
    for (const one of [dao, native]) expect((await one.rows([ROW.id])).get(ROW.id)).toEqual(row);
  });

  test("has conditional updates, and transactions that are made whole or not at all", async () => {
    const dao = await open(await makeDatabase());
    await dao.apply([insert()]);
    const update: RowWrite = { kind: "update", id: ROW.id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } };
    expect((await dao.apply([update, update])).applied).toEqual([true, false]);
    await expect(dao.apply([insert({ id: "B" }), insert({ id: "C", status: "CREATED" })])).rejects.toThrow(RangeError);
    expect((await dao.rowsInStatus(["RUNNING", "QUEUED"])).map(({ id }) => id)).toEqual([ROW.id]);
  });

  test("writes of two at the same moment are made once", async () => {
    const settings = await makeDatabase();
    const daos = await Promise.all([open(settings), open(settings)]);
    const writes = Array.from({ length: 20 }, (_, index) => insert({ id: `Job-${index}` }));
    const answers = await Promise.all([daos[0]?.apply(writes), daos[1]?.apply(writes.toReversed())]);
    expect(answers.flatMap((answer) => answer?.applied ?? []).filter(Boolean)).toHaveLength(20);
  });

  test("makes the others of a batch in which a value is refused", async () => {
    const settings = await makeDatabase();
    const dao = await open(settings);
    const { refused } = await dao.apply([insert(), insert({ id: "B", invocationId: 3_000_000_000 }), insert({ id: "C" })]);
    expect([...refused.keys()]).toEqual(["B"]);
    expect([...(await dao.rows([ROW.id, "B", "C"])).keys()].sort()).toEqual([ROW.id, "C"]);
    const administrator: { query(sql: string): Promise<unknown>; end(): Promise<void> } = await server().connect(
      settings.url.replace(/.*\//, ""),
    );
    await administrator.query("alter table Jobs add column note varchar(9) not null default ''");
    await administrator.query("alter table Jobs alter column note drop default");
    await administrator.end();
    expect([...(await dao.apply([insert({ id: "D" })])).refused.keys()]).toEqual(["D"]);
  });

  test("tells a wrong password", async () => {
    const settings = await makeDatabase();
    await expect(open({ ...settings, password: "wrong one" })).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringMatching(new RegExp(`^cannot use the GASW database jdbc:${scheme}://.*: login failed`)),
    });
  });
});

test("MariaDB over JDBC works without the table Data where this user may not make it", async () => {
  const name = await mariadb.makeDatabase();
  const settings = { url: `jdbc:mariadb://127.0.0.1:${mariadb.port}/${name}`, driverJar: jarOf("mariadb-java-client", "3.5.6") };
  await open({ ...settings, user: mariadb.user, password: mariadb.password });
  const administrator = await mariadb.connect(name);
  await administrator.query("drop table Data");
  await administrator.query("create user writer@'%' identified by 'p'");
  await administrator.query(`grant select, insert, update, delete on ${name}.* to writer@'%'`);
  await administrator.end();
  const dao = await open({ ...settings, user: "writer", password: "p" });
  const { applied, warnings } = await dao.apply([insert({}, { data: [{ path: "/a", type: "Input" }] })]);
  expect([applied, warnings]).toEqual([[true], [expect.stringMatching(/^1 file\(s\) were skipped/)]]);
});
