import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COLUMNS } from "../../src/store/columns.ts";
import { migrations } from "../../src/store/migrations.ts";

const COLUMN_LIST = Object.values(COLUMNS).map((column) => ({ isTold: false, ...column }));
const TOLD = COLUMN_LIST.filter(({ isTold }) => isTold).map(({ name }) => name);

let database: Database.Database;
beforeAll(() => {
  database = new Database(":memory:");
  for (const statement of migrations.flat()) database.exec(statement);
});
afterAll(() => database.close());

describe("the description of the columns of jobs", () => {
  test("is that of the table that the migrations make, but for what ties a job to its workflow", () => {
    const table = database.pragma("table_info(jobs)") as { name: string; type: string; notnull: number; pk: number }[];
    const made = table.filter(({ name }) => name !== "workflow");
    const described = COLUMN_LIST.map(({ name, codec }) => ({ name, type: codec.type, isNullable: codec.isNullable === true }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(described.sort(byName)).toEqual(
      made.map(({ name, type, notnull, pk }) => ({ name, type, isNullable: notnull === 0 && pk === 0 })).sort(byName),
    );
  });

  test("names what the trigger of the outbox watches, in the row before and after", () => {
    const { sql } = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'jobs_changed'").get() as { sql: string };
    const watched = /UPDATE OF ([a-z_, ]+) ON jobs/.exec(sql)?.[1]?.split(", ") ?? [];
    const compared = ["NEW", "OLD"].map((row) => [...sql.matchAll(new RegExp(`${row}\\.([a-z_]+)(?=[,)])`, "g"))].map(([, name]) => name));
    expect(watched.toSorted()).toEqual(TOLD.toSorted());
    expect(compared.map((names) => names.filter((name) => name !== "key"))).toEqual([watched, watched]);
  });
});
