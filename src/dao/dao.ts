import type { GaswRow, RowWrite } from "../core/gaswRow/row.ts";

/** Where the GASW database is and how it is spoken to. */
export interface DaoSettings {
  /** The workflow whose rows are read and written; those of others are left alone. */
  readonly simulationId: string;
  /**
   * `sqlite:PATH`, `postgres://…`, `mysql://…` (MariaDB too) or `jdbc:…`; nothing is left to be filled in.
   */
  readonly url: string;
  readonly user?: string | undefined;
  /** Never printed; never in the argument list of another process. */
  readonly password?: string | undefined;
  /** JDBC: the driver's jar, of the server's own version. */
  readonly driverJar?: string | undefined;
  /** IANA name of the time zone that the database's times, which have none, are meant in. */
  readonly timeZone: string;
  /** Milliseconds that connecting, and each statement, may take. */
  readonly timeout: number;
  /**
   * Has a column of statuses that destroys its database made VARCHAR(255), and receives a sentence on what
   * came of it.
   */
  readonly repairStatusColumn?: ((outcome: string) => void) | undefined;
  /** The environment: JDBC finds Java by `JAVA_HOME` and `PATH`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** What a batch of writes came to. */
export interface Applied {
  /**
   * For each write whether it is done with: not where the row to be added was there already, or the one to be
   * changed had changed or was gone.
   */
  readonly applied: readonly boolean[];
  /** Why writes that are done with were not made, by job id: to try them again would not help. */
  readonly refused: ReadonlyMap<string, string>;
  /** Sentences on what had to be cut or left out. */
  readonly warnings: readonly string[];
}

/**
 * One workflow's part of the GASW database, whatever server that is. Every method throws GaswError DATABASE
 * where it can't be reached, read or written.
 */
export interface Dao {
  /**
   * The rows of these ids, in one query for every few hundred; ids without a row are missing in the map, and
   * so are those whose row is another workflow's.
   */
  rows(ids: readonly string[]): Promise<Map<string, GaswRow>>;
  /** The rows that stand in one of these statuses. */
  rowsInStatus(statuses: readonly string[]): Promise<GaswRow[]>;
  /** The invocation id by file name, for those of the names that have rows. */
  invocationIds(fileNames: readonly string[]): Promise<Map<string, number>>;
  /** The largest invocation id; 0 where there are no rows. */
  largestInvocationId(): Promise<number>;
  /** Makes all writes in one transaction, in order. */
  apply(writes: readonly RowWrite[]): Promise<Applied>;
  close(): Promise<void>;
}
