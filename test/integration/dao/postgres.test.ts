import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { daoContract, insert, open, ROW, type TestDatabase } from "./contract.ts";
import { daoFaults } from "./faults.ts";

let server: PostgresServer;
const clients: pg.Client[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  for (const client of clients) await client.end();
  await server.stop();
});

const nameOf = ({ settings }: TestDatabase) => new URL(settings.url).pathname.slice(1);

async function makeDatabase(options?: string): Promise<TestDatabase> {
  const name = await server.makeDatabase(options);
  const client = await server.connect(name);
  clients.push(client);
  return {
    settings: { url: server.url(name), user: server.user, password: server.password },
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
  };
}

daoContract("PostgreSQL", {
  makeDatabase: () => makeDatabase(),
  schema: {
    reference: "postgresql-15.sql",
    describe: async (database) => {
      const parts = await database.query(
        `select concat_ws(' ', table_name, ordinal_position, column_name, data_type, character_maximum_length, datetime_precision, is_nullable)
           as part from information_schema.columns where table_schema = 'public'
         union select concat_ws(' ', conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace = 'public'::regnamespace
         union select indexdef from pg_indexes where schemaname = 'public'`,
      );
      // A check that was dumped and read in again is the same with other casts.
      return parts.map(({ part }) => String(part).replaceAll(/::(character varying|text)(\[\])?|[()]/g, "")).sort();
    },
  },
  dropIndex: "drop index InvocationIndex",
  limitsIntegers: true,
  freeStatus: ["alter table jobs drop constraint jobs_status_check"],
  incompressible: 2692,
});

daoFaults("PostgreSQL", () => ({
  scheme: "postgres",
  authority: server.authority,
  makeDatabase: () => makeDatabase(),
  makeReader: async (database) => {
    const user = `reader_${nameOf(database)}`;
    await database.query(`create user ${user} password 'reads'`);
    await database.query(`grant select on all tables in schema public to ${user}`);
    return { url: database.settings.url, user, password: "reads" };
  },
  lock: async (database, id) => {
    const client = await server.connect(nameOf(database));
    await client.query("begin");
    await client.query("select id from jobs where id = $1 for update", [id]);
    return () => client.end();
  },
  kill: () => server.kill(),
  start: () => server.start(),
}));

describe("the GASW database in PostgreSQL: its own ways", () => {
  test("text is cut to what the index takes, and not a byte more, in whole characters", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    const characters = Array.from({ length: 6000 }, (_, index) => String.fromCodePoint(0x1f300 + ((index * 7919) % 700)));
    const parameters = characters.slice(0, 4900).join("");
    const { applied, warnings } = await dao.apply([insert({ parameters })]);
    expect(applied).toEqual([true]);
    const kept = (await dao.rows([ROW.id])).get(ROW.id)?.parameters ?? "";
    expect(parameters.startsWith(kept)).toBe(true);
    expect(kept).not.toMatch(/\p{Surrogate}/u);
    if (kept !== parameters) {
      expect(Buffer.byteLength(kept)).toBeGreaterThan(2688);
      expect(warnings).toEqual([expect.stringContaining("parameters was truncated")]);
    }
  });

  test("a server that shows dates its own way is understood", async () => {
    const database = await makeDatabase();
    await database.query(`alter database ${nameOf(database)} set datestyle to 'German'`);
    await database.query(`alter database ${nameOf(database)} set timezone to 'Asia/Tokyo'`);
    await database.query(`alter database ${nameOf(database)} set default_transaction_isolation to 'serializable'`);
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual(ROW);
  });

  test("a server that knows Latin characters only gets a question mark for others", async () => {
    const database = await makeDatabase("encoding 'LATIN1' template template0");
    const dao = await open(database.settings);
    const id = "Job-大-1";
    const { applied, refused } = await dao.apply([insert({ command: "Größe 大 🧠" }), insert({ id })]);
    // Done with: to try the second one again would not help.
    expect(applied).toEqual([true, true]);
    expect([...refused.keys()]).toEqual([id]);
    expect((await dao.rows([ROW.id])).get(ROW.id)?.command).toBe("Größe ? ?");
  });

  test("a server without TLS is refused where TLS is asked for", async () => {
    const { settings, query } = await makeDatabase();
    await query("alter system set ssl to off");
    await query("select pg_reload_conf()");
    await expect
      .poll(() => open({ ...settings, url: `${settings.url}?sslmode=verify-full` }).catch(({ message }: Error) => message))
      .toMatch(/the server does not use TLS/);
    await query("alter system set ssl to on");
    await query("select pg_reload_conf()");
    // The server takes that up in its own time, and the tests after this one need it.
    await expect
      .poll(() => open({ ...settings, url: `${settings.url}?sslmode=verify-full` }).catch(({ message }: Error) => message))
      .toContain("certificate is not trusted");
  });

  test("a standby is told to be read-only", async () => {
    const database = await makeDatabase();
    await open(database.settings);
    await database.query(`alter database ${nameOf(database)} set default_transaction_read_only to on`);
    const dao = await open(database.settings);
    expect(await dao.rows([ROW.id])).toEqual(new Map());
    await expect(dao.apply([insert()])).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("the database is read-only"),
    });
  });

  test("tables in another schema are found by the user's search path", async () => {
    const database = await makeDatabase();
    await database.query("create schema gasw");
    await database.query(`alter database ${nameOf(database)} set search_path to gasw`);
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    expect(await database.query("select id from gasw.jobs")).toEqual([{ id: ROW.id }]);
  });

  test("a socket can be named instead of a host", async () => {
    const database = await makeDatabase();
    const [folder] = await database.query("show unix_socket_directories");
    const url = `postgres://anything:${server.port}/${nameOf(database)}?host=${folder?.unix_socket_directories}`;
    const dao = await open({ ...database.settings, url });
    expect(await dao.largestInvocationId()).toBe(0);
  });
});
