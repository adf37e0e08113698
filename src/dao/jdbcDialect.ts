import { DefaultQueryCompiler, MysqlAdapter, PostgresQueryCompiler } from "kysely";
import { GaswError } from "../errors.ts";
import { type Dialect, declareEnum, mysql, postgres, sameText } from "./dialects.ts";

/** H2 takes the SQL standard's quoted names, and JDBC's parameters. */
class H2QueryCompiler extends DefaultQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return "?";
  }
}

class JdbcPostgresQueryCompiler extends PostgresQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return "?";
  }
}

/** JDBC begins a transaction itself, at the connection's own isolation level. */
const begin = "begin";

/** H2 2. */
export const h2: Dialect = {
  // Like MySQL it commits at every definition, and returns no rows from a write.
  adapter: () => new MysqlAdapter(),
  compiler: () => new H2QueryCompiler(),
  begin,
  catalogue: `select table_name as "table_name", column_name as "column_name", character_maximum_length as "length", null as "charset"
    from information_schema.columns where table_schema = schema()`,
  schemaLock: undefined,
  ifMissing: "if not exists ",
  declare: declareEnum({
    integer: "integer",
    boolean: "boolean",
    timestamp: "timestamp(6)",
    double: "float(53)",
    bytes: "varbinary(255)",
  }),
  longKeyed: [],
  foreignKeysInline: false,
  indexesInline: false,
  manyAtOnce: true,
  boolean: (value) => value,
  failureAborts: false,
  indexBytes: undefined,
  isText: sameText,
};

/**
 * How many of an ENUM's words H2 before 1.4.197 can read back from a file (org.h2.mvstore.db.ValueDataType):
 * the first ones.
 */
const READABLE_WORDS = 16;

/**
 * The words that a column has in its table's definition, as H2 1.4 writes it, in their order; none where it
 * is not an ENUM.
 */
function wordsOf(column: string, definition: string): string[] {
  const name = column.replace(/\W/g, "\\$&");
  const words =
    new RegExp(`^\\s*"?${name}"? ENUM\\(((?:'(?:[^']|'')*'(?:, ?)?)*)\\)`, "m").exec(definition)?.[1] ?? "";
  return [...words.matchAll(/'((?:[^']|'')*)'/g)].map(([, word = ""]) => word.replaceAll("''", "'"));
}

/** H2 1.x. Its tables are made without an ENUM of statuses; GASW reads a status that is a text as well. */
const h2Before2: Dialect = {
  ...h2,
  // The server tells its own version: the driver's may be another one.
  catalogue: `select table_name as "table_name", column_name as "column_name", character_maximum_length as "length", null as "charset",
    case when type_name = 'ENUM' and h2version() < '1.4.197' then (select sql from information_schema.tables as tables
      where tables.table_schema = columns.table_schema and tables.table_name = columns.table_name) end as "definition"
    from information_schema.columns as columns where table_schema = schema()`,
  unreadable: ({ column_name, definition }) =>
    wordsOf(String(column_name), String(definition ?? "")).slice(READABLE_WORDS),
  declare: (type, column) => h2.declare(column === "status" ? { length: 255 } : type, column),
};

/** A database behind JDBC. */
export interface JdbcProduct {
  readonly dialect: Dialect;
  /**
   * What is said first: others' changes are seen as soon as they are committed, and their locks are waited
   * for within the timeout (in milliseconds).
   */
  greeting(timeout: number): readonly string[];
}

const mysqlProduct: JdbcProduct = {
  dialect: { ...mysql, begin },
  greeting: (timeout) => [
    "set session transaction isolation level read committed",
    `set session innodb_lock_wait_timeout = ${Math.max(1, Math.floor(timeout / 1000))}`,
  ],
};

const h2Product: JdbcProduct = {
  dialect: h2,
  greeting: (timeout) => [`set lock_timeout ${lockTimeout(timeout)}`],
};

const h2Before2Product: JdbcProduct = { ...h2Product, dialect: h2Before2 };

/**
 * The databases that GASW knows, by the name that their JDBC drivers give
 * (`DatabaseMetaData.getDatabaseProductName`).
 */
const PRODUCTS: Readonly<Record<string, JdbcProduct>> = {
  H2: h2Product,
  PostgreSQL: {
    dialect: { ...postgres, begin, compiler: () => new JdbcPostgresQueryCompiler() },
    greeting: () => ["set session characteristics as transaction isolation level read committed"],
  },
  MariaDB: mysqlProduct,
  MySQL: mysqlProduct,
};

/**
 * H2 finds no deadlock: two transactions that wait for each other end when the first of them has waited for
 * that long. So it is a part of the time that there is, the transaction is done again, and no two programs
 * wait equally long.
 */
function lockTimeout(timeout: number): number {
  return Math.ceil((timeout / 8) * (1 + Math.random()));
}

/**
 * The database of that name.
 * @throws GaswError CONFIG where GASW does not know it
 */
export function productOf(name: string, version: string): JdbcProduct {
  const product = name === "H2" && version.startsWith("1.") ? h2Before2Product : PRODUCTS[name];
  if (product !== undefined) return product;
  throw new GaswError("CONFIG", `dao.url uses ${name}, which GASW does not support`, {
    hint: `use one of ${Object.keys(PRODUCTS).join(", ")}`,
  });
}
