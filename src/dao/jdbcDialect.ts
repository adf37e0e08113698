import { DefaultQueryCompiler, MysqlAdapter, PostgresQueryCompiler } from "kysely";
import { type Dialect, declareEnum, mysql, postgres } from "./dialects.ts";

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

/** H2 1.4 and 2. */
export const h2: Dialect = {
  // Like MySQL it commits at every definition, and returns no rows from a write.
  adapter: () => new MysqlAdapter(),
  compiler: () => new H2QueryCompiler(),
  begin: "begin",
  catalogue: `select table_name as "table_name", column_name as "column_name", character_maximum_length as "length", null as "charset"
    from information_schema.columns where table_schema = schema()`,
  schemaLock: undefined,
  ifMissing: "if not exists ",
  declare: declareEnum({ integer: "integer", boolean: "boolean", timestamp: "timestamp(6)", double: "float(53)", bytes: "varbinary(255)" }),
  unmakeable: [],
  foreignKeysInline: false,
  boolean: (value) => value,
  failureAborts: false,
  indexBytes: undefined,
  isJob: (jobs, id) => jobs("jobs.id", "=", id),
};

/** The ways of the databases that GASW knows, by the name that their JDBC drivers give (`DatabaseMetaData.getDatabaseProductName`). */
const PRODUCTS: Readonly<Record<string, Dialect>> = {
  H2: h2,
  PostgreSQL: { ...postgres, compiler: () => new JdbcPostgresQueryCompiler() },
  MariaDB: mysql,
  MySQL: mysql,
};

/** The ways of a database by its product's name; undefined where GASW does not know it. */
export function dialectOf(product: string): Dialect | undefined {
  return PRODUCTS[product];
}

export const KNOWN_PRODUCTS = Object.keys(PRODUCTS);
