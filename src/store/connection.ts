import type Database from "better-sqlite3";
import type { Cell } from "./columns.ts";
import { openCopy } from "./copy.ts";
import { stateError } from "./errors.ts";
import { type OpenOptions, openDatabase } from "./open.ts";

/** The one connection to the state file, which all subjects of the store share. Synchronous. */
export class Connection {
  readonly path: string;
  /**
   * Whether it is a copy in memory, which is lost with this process: nothing may be done that has to be
   * written down.
   */
  readonly isCopy: boolean;
  readonly #database: Database.Database;
  readonly #now: () => Date;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(options: OpenOptions, isCopy: boolean) {
    this.path = options.path;
    this.isCopy = isCopy;
    this.#now = options.now;
    this.#database = isCopy ? openCopy(options) : openDatabase(options);
  }

  close(): void {
    this.#database.close();
  }

  /** The time now; RFC 3339 in UTC. */
  timestamp(): string {
    return this.#now().toISOString();
  }

  /** The time that was so many milliseconds ago. */
  timestampBefore(milliseconds: number): string {
    return new Date(this.#now().getTime() - milliseconds).toISOString();
  }

  /**
   * A transaction that takes the write lock at once, so that two processes never fail by upgrading a read
   * lock; within another one, a part of that.
   */
  write<T>(action: () => T): T {
    return this.guard(() => this.#database.transaction(action).immediate());
  }

  /**
   * The same, but that rows are deleted without looking for others that refer to them: of a thousand jobs,
   * each would read all results. The action deletes those itself.
   */
  writeUnlinked<T>(action: () => T): T {
    this.guard(() => this.#database.pragma("foreign_keys = OFF"));
    try {
      return this.write(action);
    } finally {
      this.guard(() => this.#database.pragma("foreign_keys = ON"));
    }
  }

  run(sql: string, values: readonly Cell[]): Database.RunResult {
    return this.guard(() => this.#statement(sql).run(...values));
  }

  get<T>(sql: string, values: readonly Cell[]): T | undefined {
    return this.guard(() => this.#statement(sql).get(...values) as T | undefined);
  }

  all<T>(sql: string, values: readonly Cell[]): T[] {
    return this.guard(() => this.#statement(sql).all(...values) as T[]);
  }

  /** Whether a query finds anything. */
  has(sql: string, values: readonly Cell[]): boolean {
    return this.get(sql, values) !== undefined;
  }

  /** Words what goes wrong with the state file's own errors. */
  guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw stateError(error, this.path);
    }
  }

  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
