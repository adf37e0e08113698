import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { openDao } from "../../../src/dao/open.ts";
import { daoContract, insert, open, ROW, type TestDatabase } from "./contract.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-dao-"));
const files: Database.Database[] = [];
afterAll(() => {
  for (const file of files) file.close();
  rmSync(scratch, { recursive: true });
});

const LIMITS = { simulationId: "any", timeZone: "UTC", timeout: 5000, env: process.env, signal: new AbortController().signal };

/** Does something without root's right to write everywhere. */
async function asNobody(action: () => Promise<void>): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await action();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

let number = 0;
async function makeDatabase(): Promise<TestDatabase> {
  const file = path.join(scratch, `${number++}.db`);
  const other = new Database(file, { timeout: 10_000 });
  files.push(other);
  return {
    settings: { url: `sqlite:${file}` },
    query: async (sql) => {
      const statement = other.prepare<[], Record<string, unknown>>(sql);
      if (!statement.reader) statement.run();
      if (!statement.reader) return [];
      return statement.all().map((row) => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name.toLowerCase(), cell])));
    },
  };
}

daoContract("SQLite", {
  makeDatabase,
  schema: {
    reference: "sqlite.sql",
    describe: async (database) => {
      const parts = await database.query(
        `select t.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk as part from sqlite_schema t, pragma_table_info(t.name) c
         where t.type = 'table' union select type || ' ' || name || ' ' || tbl_name from sqlite_schema where sql is not null union
         select t.name || ' ' || f."from" || ' -> ' || f."table" || '.' || f."to" from sqlite_schema t, pragma_foreign_key_list(t.name) f`,
      );
      return parts.map(({ part }) => String(part)).sort();
    },
  },
  dropIndex: "drop index InvocationIndex",
  limitsIntegers: false,
  freeStatus: ["pragma ignore_check_constraints = on"],
});

describe("the GASW database in SQLite: its file", () => {
  test("is made with its folder, for its owner alone", async () => {
    const file = path.join(scratch, "new", "folder", "gasw.db");
    const dao = await open({ url: `sqlite:${file}` });
    await dao.apply([insert()]);
    for (const name of readdirSync(path.dirname(file))) expect(statSync(path.join(path.dirname(file), name)).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(existsSync(`${file}-wal`)).toBe(true);
  });

  test("holds times as text to the millisecond", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    expect(await database.query("select creation from Jobs")).toEqual([{ creation: "2024-05-01 12:00:00.123" }]);
  });

  test("may be named with slashes as in a URL", async () => {
    const file = path.join(scratch, "slashes.db");
    await open({ url: `sqlite://${file}` });
    expect(existsSync(file)).toBe(true);
  });

  test.each([
    [
      "that is something else",
      () => writeFileSync(path.join(scratch, "text.db"), "no database\n".repeat(100)),
      "text.db",
      /damaged, or not a SQLite database/,
    ],
    ["in a folder that is a file", () => writeFileSync(path.join(scratch, "file"), ""), "file/gasw.db", /the file cannot be opened \(E/],
    ["that is a folder", () => undefined, ".", /the file cannot be opened \(/],
  ])("%s is refused", async (_, prepare, name, message) => {
    prepare();
    const refusal = {
      code: "DATABASE",
      exitCode: 8,
      message: expect.stringMatching(message),
      hint: expect.any(String),
      cause: expect.any(Error),
    };
    await expect(open({ url: `sqlite:${path.join(scratch, name)}` })).rejects.toMatchObject(refusal);
  });

  test("that is read-only is refused", async () => {
    const folder = path.join(scratch, "read-only");
    const file = path.join(folder, "gasw.db");
    const writer = await openDao({ ...LIMITS, url: `sqlite:${file}` });
    await writer.apply([insert()]);
    await writer.close();
    chmodSync(file, 0o444);
    chmodSync(folder, 0o755);
    chmodSync(scratch, 0o755);
    // In its folder SQLite would have to make the files by which readers and writers know of each other.
    const refusal = { code: "DATABASE", message: expect.stringContaining("the database is read-only") };
    await asNobody(() => expect(open({ url: `sqlite:${file}` })).rejects.toMatchObject(refusal));
  });

  test("that another program recovers after a crash is waited for", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings);
    await dao.apply([insert()]);
    const file = database.settings.url.slice("sqlite:".length);
    // As a writer that was killed leaves the shared memory, whose locks of writing and of recovery another process holds.
    const held = 'use Fcntl; open(F, "+<", shift); $lock = pack("s s x4 q q l x4", F_WRLCK, 0, 120, 3, 0);';
    const perl = spawn("perl", ["-e", `${held} fcntl(F, F_SETLK, $lock) or die $!; $| = 1; print "held"; <STDIN>`, `${file}-shm`]);
    await once(perl.stdout, "data");
    const memory = openSync(`${file}-shm`, "r+");
    writeSync(memory, Buffer.alloc(96), 0, 96, 0);
    closeSync(memory);
    const impatient = new Database(file, { timeout: 0 });
    files.push(impatient);
    expect(() => impatient.prepare("select id from Jobs").all()).toThrow(expect.objectContaining({ code: "SQLITE_BUSY_RECOVERY" }));
    const written = dao.apply([insert({ id: "B" })]);
    perl.stdin.end();
    expect((await written).applied).toEqual([true]);
    expect([...(await dao.rows([ROW.id, "B"])).keys()].sort()).toEqual(["B", ROW.id]);
  });

  test("that another program keeps locked is waited for as long as a statement may take", async () => {
    const database = await makeDatabase();
    const dao = await open(database.settings, { timeout: 200 });
    await database.query("begin immediate");
    await expect(dao.apply([insert()])).rejects.toMatchObject({
      code: "DATABASE",
      // On a busy machine the limit of the whole answer may be noticed first.
      message: expect.stringMatching(/another program holds a lock|no response within 0\.2 s/),
    });
    await database.query("commit");
    expect((await dao.apply([insert()])).applied).toEqual([true]);
  });
});
