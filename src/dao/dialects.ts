import {
  type DialectAdapter,
  type Expression,
  type ExpressionBuilder,
  MysqlAdapter,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresQueryCompiler,
  type QueryCompiler,
  type SqlBool,
  SqliteAdapter,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import type { Cell, ColumnType, PlainType, Tables } from "./tables.ts";

/** All in which one database differs from another. */
export interface Dialect {
  readonly adapter: () => DialectAdapter;
  readonly compiler: () => QueryCompiler;
  /** Begins a transaction that sees what others have committed meanwhile, as conditional updates need it. */
  readonly begin: string;
  /**
   * Lists the columns of all tables in use: `table_name`, `column_name`, `length` (in characters, null where
   * there is no limit) and
   * `charset` (null where every character is taken).
   */
  readonly catalogue: string;
  /**
   * Words of a column, by its row in the catalogue, with which the database destroys itself: it takes them,
   * and can't be opened any more once it was closed with one of them in it. Not there: none.
   */
  readonly unreadable?: (column: Readonly<Record<string, unknown>>) => readonly string[];
  /** Keeps others from making the tables meanwhile; one without a release ends with its transaction. */
  readonly schemaLock: { readonly take: string; readonly release?: string } | undefined;
  /**
   * What makes a definition leave alone what is there, where each is committed by itself and no lock keeps
   * others from the next one.
   */
  readonly ifMissing: "" | "if not exists ";
  /** A column's type, as Hibernate's dialect for this database declares it. */
  readonly declare: (type: ColumnType, column: string) => string;
  /**
   * Tables whose keys are longer than the server indexes: Hibernate fails to make them, and then to write
   * jobs, which it joins with them. The first characters are their key here, to which no foreign key can
   * refer.
   */
  readonly longKeyed: readonly string[];
  /** Whether foreign keys can only be declared together with their table. */
  readonly foreignKeysInline: boolean;
  /** Whether indexes are declared together with their table, since each definition is committed by itself. */
  readonly indexesInline: boolean;
  /**
   * Whether one request may hold many statements, which the server makes to their end whatever becomes of
   * this program.
   */
  readonly manyAtOnce: boolean;
  readonly boolean: (value: boolean) => Cell;
  /**
   * Whether a statement that fails spoils its transaction: `on conflict do nothing` and savepoints are there
   * for that.
   */
  readonly failureAborts: boolean;
  /** Bytes of text that an index surely takes, where less than the column holds. */
  readonly indexBytes: number | undefined;
  /** Characters of a longer column that its index has room for, where the server must be told so. */
  readonly indexCharacters?: number;
  /** What follows the type of a text that is a key, where the server would take other texts for the same. */
  readonly exactText?: string;
  /** What follows the definition of a table. */
  readonly tableOptions?: string;
  /** Whether a column is this very text. */
  readonly isText: (
    jobs: ExpressionBuilder<Tables, "jobs">,
    column: "id" | "simulation_id",
    text: string,
  ) => Expression<SqlBool>;
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `'${value}'`).join(", ");
}

/** Declares columns by the database's names for plain types; an enum is a text with a check. */
function declareChecked(names: Readonly<Record<PlainType, string>>): Dialect["declare"] {
  return (type, column) => {
    if (typeof type !== "object") return names[type];
    if ("length" in type) return `varchar(${type.length})`;
    return `varchar(255) check (${column} in (${quoted(type.oneOf)}))`;
  };
}

/** Declares columns by the database's names for plain types; an enum is one of the database's own. */
export function declareEnum(names: Readonly<Record<PlainType, string>>): Dialect["declare"] {
  return (type) => {
    if (typeof type !== "object") return names[type];
    return "length" in type ? `varchar(${type.length})` : `enum (${quoted([...type.oneOf].sort())})`;
  };
}

/** Where the database itself tells any two texts apart. */
export const sameText: Dialect["isText"] = (jobs, column, text) => jobs(column, "=", text);

/** SQLite: GASW itself has no dialect for it; the tables are those of PostgreSQL. */
export const sqlite: Dialect = {
  adapter: () => new SqliteAdapter(),
  compiler: () => new SqliteQueryCompiler(),
  // A transaction that begins by reading could not wait for another one's write.
  begin: "begin immediate",
  catalogue: `select t.name as table_name, c.name as column_name, null as charset,
    nullif(cast(substr(c.type, instr(c.type, '(') + 1) as integer), 0) as length
    from sqlite_schema as t, pragma_table_info(t.name) as c where t.type = 'table'`,
  schemaLock: undefined,
  ifMissing: "",
  declare: declareChecked({
    integer: "integer",
    boolean: "boolean",
    timestamp: "timestamp",
    double: "double precision",
    bytes: "blob",
  }),
  longKeyed: [],
  foreignKeysInline: true,
  indexesInline: false,
  manyAtOnce: false,
  boolean: Number,
  failureAborts: false,
  indexBytes: undefined,
  isText: sameText,
};

export const postgres: Dialect = {
  adapter: () => new PostgresAdapter(),
  compiler: () => new PostgresQueryCompiler(),
  begin: "begin isolation level read committed",
  catalogue: `select table_name, column_name, character_maximum_length as length,
    (select pg_encoding_to_char(encoding) from pg_database where datname = current_database()) as charset
    from information_schema.columns where table_schema = current_schema()`,
  schemaLock: { take: "select pg_advisory_xact_lock(hashtext('gasw-k8s schema'))" },
  ifMissing: "",
  declare: declareChecked({
    integer: "integer",
    boolean: "boolean",
    timestamp: "timestamp(6)",
    double: "float(53)",
    bytes: "bytea",
  }),
  longKeyed: [],
  foreignKeysInline: false,
  indexesInline: false,
  manyAtOnce: false,
  boolean: (value) => value,
  failureAborts: true,
  // A third of a page holds 2,704 bytes (BTMaxItemSize), less the headers of the entry and of the text.
  indexBytes: 2692,
  isText: sameText,
};

/** MariaDB and MySQL. */
export const mysql: Dialect = {
  adapter: () => new MysqlAdapter(),
  compiler: () => new MysqlQueryCompiler(),
  begin: "begin",
  catalogue: `select table_name as table_name, column_name as column_name, character_maximum_length as length,
    character_set_name as charset from information_schema.columns where table_schema = database()`,
  // Here every definition ends its transaction.
  schemaLock: {
    take: "select get_lock('gasw-k8s schema', 60)",
    release: "select release_lock('gasw-k8s schema')",
  },
  ifMissing: "",
  declare: declareEnum({
    integer: "integer",
    boolean: "bit",
    timestamp: "datetime(6)",
    double: "float(53)",
    bytes: "varbinary(255)",
  }),
  longKeyed: ["Data"],
  foreignKeysInline: false,
  indexesInline: true,
  manyAtOnce: false,
  boolean: Number,
  failureAborts: false,
  indexBytes: undefined,
  // InnoDB indexes 3,072 bytes; MariaDB cuts an index to that itself, MySQL refuses it.
  indexCharacters: 768,
  exactText: " character set utf8mb4 collate utf8mb4_bin",
  tableOptions: " engine=InnoDB",
  // The usual collations take upper case for lower case; the first comparison is the one that finds its
  // index.
  isText: (jobs, column, text) =>
    jobs.and([
      sameText(jobs, column, text),
      sql<SqlBool>`convert(${jobs.ref(column)} using utf8mb4) collate utf8mb4_bin = ${text}`,
    ]),
};
