import type { Transaction } from "kysely";
import type { Dialect } from "./dialects.ts";
import { isDuplicate } from "./errors.ts";
import type { FoundSchema } from "./schema.ts";
import type { Tables } from "./tables.ts";
import { fitted } from "./text.ts";

/** Writes rows in one transaction, in the way of its database, and remembers what did not fit into it. */
export class TableWriter {
  readonly db: Transaction<Tables>;
  readonly schema: FoundSchema;
  readonly dialect: Dialect;
  /** Where the database's times, which have no zone, are. */
  readonly timeZone: string;
  readonly #cuts = new Set<string>();
  /** What was left out, by the reason. */
  readonly #leftOut = new Map<string, number>();

  constructor(db: Transaction<Tables>, schema: FoundSchema, dialect: Dialect, timeZone: string) {
    this.db = db;
    this.schema = schema;
    this.dialect = dialect;
    this.timeZone = timeZone;
  }

  /** What a person should know: texts that were cut, and what was left out. */
  get warnings(): string[] {
    return [...this.#cuts, ...[...this.#leftOut].map(([what, count]) => `${count} ${what}`)];
  }

  /** Notes what was cut. */
  noteCut(warning: string): void {
    this.#cuts.add(warning);
  }

  /** Notes what was left out: the words after its number. */
  noteLeftOut(what: string, count = 1): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + count);
  }

  /** A text as long as its column takes it. */
  fit(table: keyof Tables, column: string, value: string, id: string): string {
    const found = this.schema.column(table, column);
    if (found === undefined) return value;
    const { text, cut } = fitted(value, found);
    if (cut)
      this.noteCut(
        `job ${id}: ${column} was truncated to ${text.length} characters, the length of its column`,
      );
    return text;
  }

  /** @returns whether there was no row of that key */
  async insertIfMissing<Table extends keyof Tables>(table: Table, cells: Tables[Table]): Promise<boolean> {
    const insert = this.db.insertInto(table as "jobs").values(cells as Tables["jobs"]);
    if (this.dialect.failureAborts) {
      const { numInsertedOrUpdatedRows } = await insert
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      return (numInsertedOrUpdatedRows ?? 0n) > 0n;
    }
    try {
      await insert.execute();
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }
}
