import { CamelCasePlugin, type Kysely, sql } from "kysely";
import { GaswError } from "../errors.ts";
import type { Dialect } from "./dialects.ts";
import { isRefusedDefinition } from "./errors.ts";
import { FOREIGN_KEYS, INDEXES, TABLES, type Table, type Tables } from "./tables.ts";

/** A column as it is found. */
export interface FoundColumn {
  readonly name: string;
  /** In characters; null: as long as may be. */
  readonly length: number | null;
  /** The server's name for the characters it takes; null: all. */
  readonly charset: string | null;
  /** Words that must not be written there: the database could not be opened again. */
  readonly unreadable?: readonly string[];
}

/**
 * The tables and columns that are there, whatever the case of their names; looked up by their lower-case
 * ones.
 */
export class FoundSchema {
  readonly #tables = new Map<string, { readonly name: string; readonly columns: Map<string, FoundColumn> }>();

  /** @param rows of the dialect's catalogue */
  constructor(
    rows: readonly Readonly<Record<string, unknown>>[],
    { unreadable = () => [] }: Pick<Dialect, "unreadable">,
  ) {
    for (const row of rows) {
      const name = String(row.table_name);
      const known = this.#tables.get(name.toLowerCase());
      // Where `Jobs` and `jobs` are there, Hibernate's own spelling is GASW's table.
      if (known !== undefined && known.name !== name && TABLES.some((table) => table.name === known.name))
        continue;
      const table = known?.name === name ? known : { name, columns: new Map<string, FoundColumn>() };
      this.#tables.set(name.toLowerCase(), table);
      const column = String(row.column_name);
      const charset = row.charset === null ? null : String(row.charset);
      const length = row.length === null ? null : Number(row.length);
      table.columns.set(column.toLowerCase(), { name: column, length, charset, unreadable: unreadable(row) });
    }
  }

  has(table: keyof Tables): boolean {
    return this.#tables.has(table);
  }

  column(table: keyof Tables, column: string): FoundColumn | undefined {
    return this.#tables.get(table)?.columns.get(column);
  }

  /** Those of the columns that are there. */
  among<Table extends keyof Tables, Column extends keyof Tables[Table] & string>(
    table: Table,
    columns: readonly Column[],
  ): Column[] {
    return columns.filter((column) => this.column(table, column) !== undefined);
  }

  /** The database's own spelling of each lower-case name. */
  names(): Map<string, string> {
    const names = new Map<string, string>();
    for (const { name } of TABLES) {
      const table = this.#tables.get(name.toLowerCase());
      for (const [column, found] of table?.columns ?? []) names.set(column, found.name);
    }
    for (const { name } of TABLES) {
      const table = this.#tables.get(name.toLowerCase());
      if (table !== undefined) names.set(name.toLowerCase(), table.name);
    }
    return names;
  }
}

/** Puts the database's spelling of tables and columns into statements, and takes it out of rows. */
export class FoundNames extends CamelCasePlugin {
  readonly #names: ReadonlyMap<string, string>;

  constructor(schema: FoundSchema) {
    super({ maintainNestedObjectKeys: true });
    this.#names = schema.names();
  }

  protected override snakeCase(name: string): string {
    return this.#names.get(name) ?? name;
  }

  protected override camelCase(name: string): string {
    return name.toLowerCase();
  }
}

/**
 * Finds GASW's tables, made as its Hibernate makes them where there is no table of jobs, and those that
 * Hibernate fails to make. What is there is never changed.
 * @throws GaswError DATABASE where the table of jobs lacks a column without which there is no job
 */
export async function provideSchema(db: Kysely<Tables>, dialect: Dialect): Promise<FoundSchema> {
  let schema = await findSchema(db, dialect);
  if (!schema.has("jobs")) {
    await db.transaction().execute((transaction) => makeSchema(transaction, dialect));
    schema = await findSchema(db, dialect);
  }
  const missing = ["id", "status"].filter((column) => schema.column("jobs", column) === undefined);
  if (missing.length === 0) return await withLongKeyed(db, dialect, schema);
  throw new GaswError(
    "DATABASE",
    `the Jobs table of the GASW database lacks the column ${missing.join(" and the column ")}`,
    {
      hint: "fix dao.url: the Jobs table of that database is not GASW's",
    },
  );
}

/** Adds the tables that Hibernate has failed to make, where this user may and the server can. */
async function withLongKeyed(
  db: Kysely<Tables>,
  dialect: Dialect,
  schema: FoundSchema,
): Promise<FoundSchema> {
  const unmade = TABLES.filter(
    ({ name }) => dialect.longKeyed.includes(name) && !schema.has(name.toLowerCase() as keyof Tables),
  );
  if (unmade.length === 0) return schema;
  try {
    for (const table of unmade) await sql.raw(tableStatement(table, dialect)).execute(db);
  } catch (error) {
    if (!isRefusedDefinition(error)) throw error;
    return schema;
  }
  return await findSchema(db, dialect);
}

async function makeSchema(db: Kysely<Tables>, dialect: Dialect): Promise<void> {
  const run = (statement: string | undefined) => statement !== undefined && sql.raw(statement).execute(db);
  await run(dialect.schemaLock?.take);
  // Another process may have been faster.
  const isMade = (await findSchema(db, dialect)).has("jobs");
  if (!isMade) for (const statement of schemaStatements(dialect)) await run(statement);
  await run(dialect.schemaLock?.release);
}

/** The tables and columns that are there now. */
export async function findSchema(db: Kysely<Tables>, dialect: Dialect): Promise<FoundSchema> {
  const { rows } = await sql.raw<Record<string, unknown>>(dialect.catalogue).execute(db);
  return new FoundSchema(rows, dialect);
}

/**
 * The statements that make GASW's tables as Hibernate makes them; names are unquoted, so that each database folds their case as it
 * does for Hibernate. The table of jobs comes last with all that hangs on it: where it is, a program that was
 * killed has left nothing out. But an H2 file without a server dies with its program, and MariaDB and MySQL
 * get the foreign keys afterwards, each by itself.
 */
export function schemaStatements(dialect: Dialect): string[] {
  const { ifMissing } = dialect;
  const tables = TABLES.filter(({ name }) => !dialect.longKeyed.includes(name)).map((table) =>
    tableStatement(table, dialect),
  );
  const indexes = INDEXES.map(
    (index) => `create index ${ifMissing}${index.name} on ${index.table} ${keyText(index, dialect)}`,
  );
  const added = foreignKeysOf(dialect).map(
    (foreign) => `alter table ${foreign.table} add ${foreignKeyText(foreign, dialect)}`,
  );
  const last = [
    ...tables.slice(-1),
    ...(dialect.indexesInline ? [] : indexes),
    ...(dialect.foreignKeysInline ? [] : added),
  ];
  return [...tables.slice(0, -1), ...(dialect.manyAtOnce ? [last.join("; ")] : last)];
}

function tableStatement({ name, columns, key, required = key }: Table, dialect: Dialect): string {
  const { ifMissing, tableOptions = "" } = dialect;
  const isLongKeyed = dialect.longKeyed.includes(name);
  const keyed = key.map((column) => (isLongKeyed ? `${column}(${dialect.indexCharacters ?? ""})` : column));
  const parts = Object.entries(columns).map(([column, type]) => {
    const exact = isLongKeyed && key.includes(column) ? (dialect.exactText ?? "") : "";
    return `${column} ${dialect.declare(type, column)}${exact}${required.includes(column) ? " not null" : ""}`;
  });
  if (key.length > 0) parts.push(`primary key (${keyed.join(", ")})`);
  if (dialect.foreignKeysInline)
    parts.push(
      ...foreignKeysOf(dialect)
        .filter(({ table }) => table === name)
        .map((foreign) => foreignKeyText(foreign, dialect)),
    );
  if (dialect.indexesInline)
    parts.push(
      ...INDEXES.filter(({ table }) => table === name).map(
        (index) => `index ${index.name} ${keyText(index, dialect)}`,
      ),
    );
  return `create table ${ifMissing}${name} (${parts.join(", ")})${tableOptions}`;
}

function foreignKeysOf({ longKeyed }: Dialect): (typeof FOREIGN_KEYS)[number][] {
  return FOREIGN_KEYS.filter(({ target }) => !longKeyed.includes(target));
}

function foreignKeyText(
  { name, columns, target, key }: (typeof FOREIGN_KEYS)[number],
  { ifMissing }: Dialect,
): string {
  return `constraint ${ifMissing}${name} foreign key (${columns.join(", ")}) references ${target} (${key.join(", ")})`;
}

function keyText({ column, length }: (typeof INDEXES)[number], dialect: Dialect): string {
  const { indexCharacters = length } = dialect;
  return length > indexCharacters ? `(${column}(${indexCharacters}))` : `(${column})`;
}
