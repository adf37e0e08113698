import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from "kysely";
import type { DaoSettings } from "./dao.ts";
import type { Dialect } from "./dialects.ts";

/** Milliseconds for which an interrupted command waits until its connection is closed. */
const FAREWELL_MS = 1000;

/** What a statement came to. */
export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Rows that a write has matched, changed or not. */
  readonly affected: number;
}

/**
 * An open connection to a database, through whatever driver; errors carry the database's own word for them as
 * `code`.
 */
export interface Connection {
  query(sql: string, parameters: readonly unknown[]): Promise<Answer>;
  /** Takes leave of the server. */
  close(): Promise<void>;
  /** Lets go of the server at once. */
  destroy(): void;
}

/** A connection, and the ways of the database behind it. */
export interface Connected {
  readonly connection: Connection;
  readonly dialect: Dialect;
}

/** The database did not answer in the time that it is given. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/**
 * Waits for the database, as long as it is given.
 * @param abandon lets go of the connection: what it does is not known any more
 * @throws NoAnswer; the signal's reason
 */
export async function bounded<T>(
  work: () => Promise<T>,
  { timeout, signal }: Pick<DaoSettings, "timeout" | "signal">,
  abandon: () => void,
): Promise<T> {
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const giveUp = (reason: unknown) => {
      settle();
      abandon();
      reject(reason);
    };
    const aborted = () => giveUp(signal.reason);
    const timer = setTimeout(() => giveUp(new NoAnswer(`no response within ${timeout / 1000} s`)), timeout);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
    signal.addEventListener("abort", aborted, { once: true });
    work().then(resolve, reject).finally(settle);
  });
}

/** Gives Kysely one connection, to one transaction or statement at a time; each statement is bounded. */
export class OneConnectionDriver implements Driver, DatabaseConnection {
  readonly #connected: Connected;
  readonly #limits: Pick<DaoSettings, "timeout" | "signal">;
  #turn: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;

  constructor(connected: Connected, limits: Pick<DaoSettings, "timeout" | "signal">) {
    this.#connected = connected;
    this.#limits = limits;
  }

  async init(): Promise<void> {
    // It is connected already.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn;
    let release: () => void = () => undefined;
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { connection } = this.#connected;
    const { rows, affected } = await bounded(
      () => connection.query(sql, parameters),
      this.#limits,
      () => connection.destroy(),
    );
    return { rows: rows as R[], numAffectedRows: BigInt(affected) };
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("nothing is streamed from the GASW database");
  }

  async beginTransaction(): Promise<void> {
    await this.executeQuery(CompiledQuery.raw(this.#connected.dialect.begin));
  }

  async commitTransaction(): Promise<void> {
    await this.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(): Promise<void> {
    try {
      await this.executeQuery(CompiledQuery.raw("rollback"));
    } catch {
      // What made it roll back is told; a server that loses its client rolls back too.
      this.#connected.connection.destroy();
    }
  }

  async destroy(): Promise<void> {
    const { connection } = this.#connected;
    const { timeout, signal } = this.#limits;
    const patience = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const hurry = () => {
      timer = setTimeout(() => patience.abort(signal.reason), FAREWELL_MS);
    };
    // What was interrupted is closed all the same, but not waited for.
    if (signal.aborted) hurry();
    else signal.addEventListener("abort", hurry, { once: true });
    try {
      await bounded(
        () => connection.close(),
        { timeout, signal: patience.signal },
        () => connection.destroy(),
      );
    } finally {
      signal.removeEventListener("abort", hurry);
      clearTimeout(timer);
    }
  }
}
