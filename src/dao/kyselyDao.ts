import { setTimeout as pause } from "node:timers/promises";
import { Kysely, type SelectQueryBuilder } from "kysely";
import type { GaswRow, RowWrite } from "../core/gaswRow/row.ts";
import { messageOf } from "../errors.ts";
import { Batch } from "./batch.ts";
import { type Connected, OneConnectionDriver } from "./connection.ts";
import type { Applied, Dao, DaoSettings } from "./dao.ts";
import type { Dialect } from "./dialects.ts";
import { isMadeAlready, isRefusedValue, isSacrificed, told } from "./errors.ts";
import { JOB_COLUMNS, rowOf } from "./rows.ts";
import { FoundNames, type FoundSchema, provideSchema } from "./schema.ts";
import { repairStatusColumn } from "./statusColumn.ts";
import type { JobColumn, Tables } from "./tables.ts";
import { TableWriter } from "./tableWriter.ts";
import { fits, fitted } from "./text.ts";

/** Values of one query's list. */
const CHUNK = 500;

/**
 * How often something is done again in which another program was faster, and the longest pause before the
 * first time, in milliseconds; each further one may be four times as long: the other program needs that time
 * to end.
 */
const RETRIES = 3;
const LONGEST_PAUSE_MS = 100;

async function retried<T>(
  action: () => Promise<T>,
  isWorthIt: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await action();
    } catch (error) {
      if (retries === RETRIES || !isWorthIt(error)) throw error;
    }
    await pause(Math.random() * LONGEST_PAUSE_MS * 4 ** retries, undefined, { signal });
  }
}

/** Whether another program makes the tables at the same time. */
function isOvertaken(error: unknown): boolean {
  return isMadeAlready(error) || isSacrificed(error);
}

/** What a write comes to of which the database refuses a value: to try it again would not help. */
function refusal(write: RowWrite, error: unknown): Applied {
  const id = write.kind === "insert" ? write.row.id : write.id;
  return {
    applied: [true],
    refused: new Map([[id, `the database rejects a value (${messageOf(error)})`]]),
    warnings: [],
  };
}

/** The statements on the GASW database, the same for every server; what differs is the dialect's. */
export class KyselyDao implements Dao {
  readonly #db: Kysely<Tables>;
  readonly #schema: FoundSchema;
  readonly #dialect: Dialect;
  readonly #settings: DaoSettings;
  readonly #address: string;
  /** The workflow's id as its column takes it. */
  readonly #simulation: string;

  private constructor(
    db: Kysely<Tables>,
    schema: FoundSchema,
    dialect: Dialect,
    settings: DaoSettings,
    address: string,
  ) {
    this.#db = db;
    this.#schema = schema;
    this.#dialect = dialect;
    this.#settings = settings;
    this.#address = address;
    const column = schema.column("jobs", "simulation_id");
    const { simulationId } = settings;
    this.#simulation = column === undefined ? simulationId : fitted(simulationId, column).text;
  }

  /**
   * Takes over an open connection, with GASW's tables, made where they are missing.
   * @param address of the database, without credentials
   * @throws GaswError DATABASE; the connection is closed then
   */
  static async over(connected: Connected, settings: DaoSettings, address: string): Promise<KyselyDao> {
    const { dialect } = connected;
    const db = new Kysely<Tables>({
      dialect: {
        createAdapter: dialect.adapter,
        createDriver: () => new OneConnectionDriver(connected, settings),
        createQueryCompiler: dialect.compiler,
        createIntrospector: () => {
          throw new Error("the catalogue is read by the dialect's own query");
        },
      },
    });
    return await told(address, settings.signal, async () => {
      try {
        const found = await retried(() => provideSchema(db, dialect), isOvertaken, settings.signal);
        const schema = await repairStatusColumn(db, dialect, found, settings);
        return new KyselyDao(db.withPlugin(new FoundNames(schema)), schema, dialect, settings, address);
      } catch (error) {
        connected.connection.destroy();
        throw error;
      }
    });
  }

  async rows(ids: readonly string[]): Promise<Map<string, GaswRow>> {
    const found = await this.#inChunks(this.#storable("id", ids), (chunk) =>
      this.#jobs().where("id", "in", chunk).execute(),
    );
    const wanted = new Set(ids);
    // MariaDB finds `job-1` for `Job-1`.
    return new Map(this.#own(found).flatMap((row) => (wanted.has(row.id) ? [[row.id, row]] : [])));
  }

  async rowsInStatus(statuses: readonly string[]): Promise<GaswRow[]> {
    const query = (chunk: readonly string[]) =>
      this.#ofSimulation(this.#jobs()).where("status", "in", chunk).execute();
    return this.#own(await this.#inChunks(statuses, query));
  }

  async invocationIds(fileNames: readonly string[]): Promise<Map<string, number>> {
    if (this.#schema.among("jobs", ["file_name", "invocation_id"]).length < 2) return new Map();
    const found = await this.#inChunks(this.#storable("file_name", fileNames), (chunk) =>
      this.#ofSimulation(this.#db.selectFrom("jobs").select(["file_name", "invocation_id"]))
        .where("file_name", "in", chunk)
        .where("invocation_id", "is not", null)
        .execute(),
    );
    const wanted = new Set(fileNames);
    return new Map(
      found
        .map((cells): [string, number] => [String(cells.file_name), Number(cells.invocation_id)])
        .filter(([name]) => wanted.has(name)),
    );
  }

  async largestInvocationId(): Promise<number> {
    if (this.#schema.column("jobs", "invocation_id") === undefined) return 0;
    const query = this.#db.selectFrom("jobs").select(({ fn }) => fn.max("invocation_id").as("largest"));
    const found = await this.#told(() => this.#ofSimulation(query).executeTakeFirst());
    return Number(found?.largest ?? 0);
  }

  async apply(writes: readonly RowWrite[]): Promise<Applied> {
    if (writes.length === 0) return { applied: [], refused: new Map(), warnings: [] };
    return await this.#told(() => this.#applied(writes));
  }

  /** Where one value is refused, each write is made by itself: it keeps nobody else's row waiting. */
  async #applied(writes: readonly RowWrite[]): Promise<Applied> {
    const { timeZone, signal } = this.#settings;
    const transaction = () =>
      this.#db
        .transaction()
        .execute((transaction) =>
          new Batch(
            new TableWriter(transaction, this.#schema, this.#dialect, timeZone),
            this.#simulation,
          ).apply(writes),
        );
    try {
      return await retried(transaction, isSacrificed, signal);
    } catch (error) {
      if (!isRefusedValue(error)) throw error;
      const [first, ...others] = writes;
      if (first !== undefined && others.length === 0) return refusal(first, error);
    }
    const each: Applied[] = [];
    for (const write of writes) each.push(await this.#applied([write]));
    return {
      applied: each.flatMap(({ applied }) => applied),
      refused: new Map(each.flatMap(({ refused }) => [...refused])),
      warnings: [...new Set(each.flatMap(({ warnings }) => warnings))],
    };
  }

  async close(): Promise<void> {
    await this.#told(() => this.#db.destroy());
  }

  #jobs() {
    return this.#db.selectFrom("jobs").select(this.#schema.among("jobs", JOB_COLUMNS));
  }

  /** An H2 database holds one simulation; a table of an old GASW may have no column for it. */
  #ofSimulation<Row>(
    query: SelectQueryBuilder<Tables, "jobs", Row>,
  ): SelectQueryBuilder<Tables, "jobs", Row> {
    const hasColumn = this.#schema.column("jobs", "simulation_id") !== undefined;
    return hasColumn ? query.where("simulation_id", "=", this.#simulation) : query;
  }

  /** The workflow's own ones among rows. */
  #own(found: readonly Parameters<typeof rowOf>[0][]): GaswRow[] {
    const rows = found.map((cells) => rowOf(cells, this.#settings.timeZone));
    return rows.filter(({ simulationId }) => simulationId === null || simulationId === this.#simulation);
  }

  /**
   * Those of the keys that the column can hold; to compare it with another one is an error for some servers.
   */
  #storable(column: JobColumn, keys: readonly string[]): string[] {
    const found = this.#schema.column("jobs", column);
    return keys.filter((key) => found === undefined || fits(key, found));
  }

  async #inChunks<Row>(
    values: readonly string[],
    query: (chunk: readonly string[]) => Promise<Row[]>,
  ): Promise<Row[]> {
    const found: Row[] = [];
    for (let start = 0; start < values.length; start += CHUNK) {
      found.push(...(await this.#told(() => query(values.slice(start, start + CHUNK)))));
    }
    return found;
  }

  async #told<T>(action: () => Promise<T>): Promise<T> {
    return await told(this.#address, this.#settings.signal, action);
  }
}
