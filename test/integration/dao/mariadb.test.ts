import type mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mysql as mysqlDialect } from "../../../src/dao/dialects.ts";
import { schemaStatements } from "../../../src/dao/schema.ts";
import { type MariadbServer, startMariadb } from "../../servers/mariadb.ts";
import { daoContract, insert, open, ROW, statementsOf, type TestDatabase } from "./contract.ts";
import { daoFaults } from "./faults.ts";

let server: MariadbServer;
const connections: mysql.Connection[] = [];
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(async () => {
  for (const connection of connections) connection.destroy();
  await server.stop();
});

/** Of a longer key InnoDB indexes no more; and no two paths are the same that are not. */
const DATA = `create table Data (data_path varchar(9000) character set utf8mb4 collate utf8mb4_bin not null,
  data_type enum ('Input','Output'), primary key (data_path(768))) engine=InnoDB`;

const nameOf = ({ settings }: TestDatabase) => new URL(settings.url).pathname.slice(1);

async function makeDatabase(options?: string): Promise<TestDatabase> {
  const name = await server.makeDatabase(options);
  const connection = await server.connect(name);
  connections.push(connection);
  return {
    settings: { url: server.url(name), user: server.user, password: server.password },
    query: async (sql) => {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
      if (!Array.isArray(rows)) return [];
      return rows.map((row) => Object.fromEntries(Object.entries(row).map(([column, cell]) => [column.toLowerCase(), cell])));
    },
  };
}

daoContract("MariaDB", {
  makeDatabase: () => makeDatabase(),
  schema: {
    reference: "mariadb.sql",
    describe: async (database) => {
      const name = nameOf(database);
      const parts = await database.query(
        `select concat_ws(' ', table_name, ordinal_position, column_name, column_type, is_nullable, column_key) as part
           from information_schema.columns where table_schema = '${name}'
         union select concat_ws(' ', table_name, index_name, seq_in_index, column_name, sub_part, non_unique)
           from information_schema.statistics where table_schema = '${name}'
         union select concat_ws(' ', constraint_name, table_name, column_name, referenced_table_name, referenced_column_name, ordinal_position)
           from information_schema.key_column_usage where table_schema = '${name}'`,
      );
      return parts.map(({ part }) => String(part)).sort();
    },
  },
  dropIndex: "drop index InvocationIndex on Jobs",
  unmade: DATA,
  limitsIntegers: true,
  freeStatus: ["alter table Jobs modify status varchar(255)"],
});

daoFaults("MariaDB", () => ({
  scheme: "mariadb",
  authority: server.authority,
  makeDatabase: () => makeDatabase(),
  makeReader: async (database) => {
    const user = `reader_${nameOf(database)}`;
    await database.query(`create user ${user}@'%' identified by 'reads'`);
    await database.query(`grant select on ${nameOf(database)}.* to ${user}@'%'`);
    return { url: database.settings.url, user, password: "reads" };
  },
  lock: async (database, id) => {
    const connection = await server.connect(nameOf(database));
    await connection.query("begin");
    await connection.query("select id from Jobs where id = ? for update", [id]);
    return () => connection.end();
  },
  kill: () => server.kill(),
  start: () => server.start(),
}));

describe("the GASW database in MariaDB: its own ways", () => {
  test.each(["latin1", "utf8mb3", "latin2"])("a database of %s characters gets a question mark for others", async (charset) => {
    const database = await makeDatabase(`character set ${charset}`);
    const dao = await open(database.settings);
    const { applied, refused } = await dao.apply([
      insert({ command: "plain, Größe, 大, 🧠" }, { node: { site: "大🧠", name: "n" } }),
      insert({ id: "Job-🧠-1" }),
    ]);
    // Done with: to try the second one again would not help.
    expect(applied).toEqual([true, true]);
    expect([...refused.keys()]).toEqual(["Job-🧠-1"]);
    const shown = { latin1: "plain, Größe, ?, ?", utf8mb3: "plain, Größe, 大, ?", latin2: "plain, Gr??e, ?, ?" }[charset];
    expect((await dao.rows([ROW.id, "Job-🧠-1"])).get(ROW.id)?.command).toBe(shown);
    expect(await dao.invocationIds(["🧠", ROW.id])).toEqual(new Map([[ROW.id, 1]]));
  });

  test("tables are found whatever the case of their names, as servers make them that fold it", async () => {
    const database = await makeDatabase();
    for (const statement of statementsOf("mariadb.sql")) {
      await database.query(statement.replaceAll(/\b(Jobs|Nodes|JobsMinorStatus)\b/g, (name) => name.toLowerCase()));
    }
    const dao = await open(database.settings);
    const facts = { node: { site: "s", name: "n" }, minorStatuses: [{ status: "Started", at: "2024-05-01T10:00:00.000Z" }] } as const;
    await dao.apply([insert({}, facts)]);
    expect(await database.query("select id, minor_status from jobsminorstatus")).toEqual([{ id: ROW.id, minor_status: "Started" }]);
    expect(await database.query("select count(*) as number from jobs")).toEqual([{ number: 1 }]);
  });

  test("a job whose id differs from another one's in upper and lower case alone has no row, and is done with", async () => {
    const dao = await open((await makeDatabase()).settings);
    await dao.apply([insert({ id: "Job-a" })]);
    const refused = new Map([["job-a", "the database does not distinguish it from job Job-a"]]);
    expect(await dao.apply([insert({ id: "job-a" }), insert({ id: "Job-b" })])).toEqual({ applied: [true, true], refused, warnings: [] });
    expect([...(await dao.rows(["Job-a", "job-a", "Job-b"])).keys()]).toEqual(["Job-a", "Job-b"]);
  });

  test("a row is refused that lacks a column of others without a default", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await database.query("alter table Jobs add column note varchar(9) not null");
    const { applied, refused } = await dao.apply([insert()]);
    expect({ applied, refused: [...refused.keys()] }).toEqual({ applied: [true], refused: [ROW.id] });
  });

  test("the table of jobs is made together with its indexes, however soon its maker is killed", async () => {
    const database = await makeDatabase();
    const statements = schemaStatements(mysqlDialect);
    const jobs = statements.findIndex((statement) => statement.startsWith("create table Jobs "));
    for (const statement of statements.slice(0, jobs + 1)) await database.query(statement);
    await open(database.settings);
    const indexes = await database.query("show index from Jobs");
    expect([...new Set(indexes.map(({ key_name }) => key_name))].sort()).toEqual(["InvocationIndex", "PRIMARY", "ParamIndex"]);
  });

  describe("the table Data, which Hibernate fails to make", () => {
    /** A database as GASW 4.3 has made it. */
    async function hibernates(options?: string): Promise<TestDatabase> {
      const database = await makeDatabase(options);
      for (const statement of statementsOf("mariadb.sql")) await database.query(statement);
      return database;
    }
    /** GASW's `merge` reads a job together with its data. */
    const merged = (database: TestDatabase, id: string) =>
      database.query(
        `select j1_0.id, d1_0.data_path as linked, d1_1.data_path as path, d1_1.data_type from Jobs j1_0
         left join job_data d1_0 on j1_0.id = d1_0.id left join Data d1_1 on d1_1.data_path = d1_0.data_path
         where j1_0.id = '${id}' order by linked`,
      );
    /** And writes what is new. */
    async function mergeDatum(database: TestDatabase, id: string, path: string, type: string): Promise<void> {
      const found = await database.query(`select d1_0.data_path, d1_0.data_type from Data d1_0 where d1_0.data_path = '${path}'`);
      if (found.length === 0) await database.query(`insert into Data (data_type, data_path) values ('${type}', '${path}')`);
      else await database.query(`update Data set data_type = '${type}' where data_path = '${path}'`);
      await database.query(`insert into job_data (id, data_path) values ('${id}', '${path}')`);
    }
    const LONG = `girder:/scan.nii?token=${"x".repeat(8000)}`;

    test("Hibernate does fail to make it, and with it to write a job", async () => {
      const database = await hibernates();
      const own =
        "create table Data (data_path varchar(9000) not null, data_type enum ('Input','Output'), primary key (data_path)) engine=InnoDB";
      await expect(database.query(own)).rejects.toMatchObject({ code: "ER_TOO_LONG_KEY" });
      await expect(merged(database, "A")).rejects.toMatchObject({ code: "ER_NO_SUCH_TABLE" });
    });

    test.each([undefined, "character set latin1", "character set utf8mb3"])(
      "is made beside GASW's own tables (%s), so that GASW can write its jobs",
      async (options) => {
        const database = await hibernates(options);
        const dao = await open(database.settings);
        await dao.apply([insert({ id: "A" }, { data: [{ path: "file:/in.txt", type: "Input" }] })]);
        await mergeDatum(database, "A", "file:/in.txt", "Output");
        await mergeDatum(database, "A", "file:/IN.txt", "Input");
        await mergeDatum(database, "A", LONG, "Input");
        expect(await merged(database, "A")).toMatchObject([
          ...Array(3).fill({ linked: expect.stringMatching(/^file:\/in\.txt$/i), path: expect.stringMatching(/^file:/) }),
          { linked: LONG, path: LONG, data_type: "Input" },
        ]);
        expect(await database.query("select data_path, data_type from Data where data_path like 'file:%' order by data_path")).toEqual([
          { data_path: "file:/IN.txt", data_type: "Input" },
          { data_path: "file:/in.txt", data_type: "Output" },
        ]);
        // What follows in a job's life: its links are made anew.
        await database.query("delete from job_data where id = 'A'");
        expect(await merged(database, "A")).toMatchObject([{ id: "A", linked: null, path: null }]);
      },
    );

    test("is not touched where an administrator has made it", async () => {
      const database = await hibernates();
      await database.query("create table Data (data_path varchar(3000) character set latin1 primary key, data_type varchar(255))");
      const before = await database.query("show create table Data");
      const dao = await open(database.settings);
      const data = [
        { path: "/a", type: "Input" },
        { path: "/作業", type: "Input" },
      ] as const;
      const { applied, warnings } = await dao.apply([insert({ id: "A" }, { data })]);
      expect([applied, warnings]).toEqual([[true], [expect.stringMatching(/^1 file\(s\) were skipped: the path .* cannot store$/)]]);
      expect(await merged(database, "A")).toMatchObject([{ path: "/a", data_type: "Input" }]);
      expect(await database.query("show create table Data")).toEqual(before);
    });

    test("is done without where this user may not make it, or the server cannot", async () => {
      const database = await hibernates();
      await database.query(`create user writer@'%' identified by 'p'`);
      await database.query(`grant select, insert, update, delete on ${nameOf(database)}.* to writer@'%'`);
      const dao = await open({ ...database.settings, user: "writer", password: "p" });
      const write = insert({ id: "A" }, { data: [{ path: "/a", type: "Input" }] });
      expect(await dao.apply([write])).toMatchObject({ applied: [true], warnings: [expect.stringMatching(/^1 file\(s\) were skipped/)] });
      expect(await database.query("select id from Jobs")).toEqual([{ id: "A" }]);
    });

    test("takes long paths, and leaves out those of which it cannot tell one from another", async () => {
      const database = await hibernates();
      const dao = await open(database.settings);
      const data = ["a", "b"].map((end) => ({ path: `${LONG}${end}`, type: "Input" as const }));
      const { applied, warnings } = await dao.apply([insert({ id: "A" }, { data: [...data, { path: "/作業🧠", type: "Output" }] })]);
      expect(applied).toEqual([true]);
      expect(warnings).toEqual([expect.stringMatching(/^1 file\(s\) were skipped: .* does not distinguish/)]);
      expect(await merged(database, "A")).toMatchObject([{ path: "/作業🧠" }, { path: `${LONG}a` }]);
    });

    test("is there in time for many that open the database at the same moment", async () => {
      const database = await hibernates();
      const daos = await Promise.all(Array.from({ length: 5 }, () => open(database.settings)));
      for (const [index, dao] of daos.entries())
        expect(await dao.apply([insert({ id: `Job-${index}` }, { data: [{ path: "/a", type: "Input" }] })])).toMatchObject({
          warnings: [],
        });
      expect(await database.query("select id from job_data")).toHaveLength(5);
    });

    test("and all others are InnoDB's, whatever the server's own choice", async () => {
      const database = await makeDatabase();
      await database.query("set global default_storage_engine = MyISAM");
      try {
        await open(database.settings);
      } finally {
        await database.query("set global default_storage_engine = InnoDB");
      }
      const engines = `select distinct engine from information_schema.tables where table_schema = '${nameOf(database)}'`;
      expect(await database.query(engines)).toEqual([{ engine: "InnoDB" }]);
    });
  });

  test("flags are read as bits and as small numbers", async () => {
    const database = await makeDatabase();
    await open(database.settings);
    await database.query("alter table Jobs modify isReplicating tinyint(1), modify isBeingKilled bit(1)");
    const dao = await open(database.settings);
    const flags = [
      { isReplicating: true, isBeingKilled: true },
      { isReplicating: false, isBeingKilled: false },
    ];
    await dao.apply(flags.map((flag, index) => insert({ id: `Job-${index}`, ...flag })));
    expect([...(await dao.rows(["Job-0", "Job-1"])).values()]).toEqual(
      flags.map((flag, index) => ({ ...ROW, id: `Job-${index}`, ...flag })),
    );
    expect(await database.query("select id from Jobs where isReplicating and isBeingKilled")).toEqual([{ id: "Job-0" }]);
  });

  test("a zero date is none", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    await database.query("set session sql_mode = ''");
    await database.query("update Jobs set creation = '0000-00-00'");
    expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual({ ...ROW, creation: null });
  });

  test("a server with settings of its own is understood", async () => {
    const database = await makeDatabase();
    await database.query("set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES'");
    await database.query("set global time_zone = '+09:00'");
    await database.query("set global autocommit = 0");
    const dao = await open(database.settings);
    const text = `back\\slash ' " \\' quotes`;
    await dao.apply([insert({ command: text })]);
    expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual({ ...ROW, command: text });
    await database.query("set global sql_mode = default");
    await database.query("set global time_zone = default");
    await database.query("set global autocommit = 1");
    expect(await database.query("select id from Jobs")).toEqual([{ id: ROW.id }]);
  });

  test("a replica is told to be read-only", async () => {
    const database = await makeDatabase();
    const owner = await open(database.settings);
    await owner.apply([insert()]);
    await database.query(`create user plain@'%' identified by 'p'`);
    await database.query(`grant select, insert, update, delete on ${nameOf(database)}.* to plain@'%'`);
    await database.query("set global read_only = 1");
    const dao = await open({ ...database.settings, user: "plain", password: "p" });
    expect((await dao.rows([ROW.id])).size).toBe(1);
    await expect(dao.apply([insert({ id: "B" })])).rejects.toMatchObject({
      code: "DATABASE",
      message: expect.stringContaining("the database is read-only"),
    });
    await database.query("set global read_only = 0");
  });
});
