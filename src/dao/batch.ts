import { type Expression, type ExpressionBuilder, type SqlBool, sql, type Transaction } from "kysely";
import type { GaswRow, RowChange, RowFacts, RowWrite } from "../core/gaswRow/row.ts";
import { type GaswStatus, nameJobs } from "../core/job.ts";
import type { Applied } from "./dao.ts";
import type { Dialect } from "./dialects.ts";
import { isDuplicate, isTooLongForIndex } from "./errors.ts";
import { FIELDS, type Kind } from "./rows.ts";
import type { FoundSchema } from "./schema.ts";
import { holdWarning, isFatalHold, readableWrite } from "./statusColumn.ts";
import type { Cell, JobColumn, Tables } from "./tables.ts";
import { fits, fitted } from "./text.ts";
import { toWallTime } from "./wallTime.ts";

/** Statuses whose rows break the portal's lists. */
const NEVER_WRITTEN: readonly (GaswStatus | undefined)[] = ["CREATED", "NOT_SUBMITTED", "UNDEFINED"];

/** The largest number of a column of type integer: a node's memory in kB may be more. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/** Data links of one statement. */
const CHUNK = 500;

type Cells = Partial<Record<JobColumn, Cell>>;
type Node = NonNullable<RowFacts["node"]>;

/** The writes of one transaction. */
export class Batch {
  readonly #db: Transaction<Tables>;
  readonly #schema: FoundSchema;
  readonly #dialect: Dialect;
  readonly #timeZone: string;
  readonly #simulation: string;
  readonly #refused = new Map<string, string>();
  readonly #warnings = new Set<string>();
  /** Jobs that are held now and whose release by another program would destroy the database. */
  readonly #endangered: string[] = [];
  /** Data, nodes and minor statuses that were left out, by the reason. */
  readonly #leftOut = new Map<string, number>();

  /** @param simulation the workflow's id, as its column takes it */
  constructor(
    db: Transaction<Tables>,
    schema: FoundSchema,
    dialect: Dialect,
    timeZone: string,
    simulation: string,
  ) {
    this.#db = db;
    this.#schema = schema;
    this.#dialect = dialect;
    this.#timeZone = timeZone;
    this.#simulation = simulation;
  }

  async apply(writes: readonly RowWrite[]): Promise<Applied> {
    const applied: boolean[] = [];
    for (const write of writes) applied.push(await this.#apply(write));
    const leftOut = [...this.#leftOut].map(([what, count]) => `${count} ${what}`);
    const endangered = this.#endangered.length === 0 ? [] : [holdWarning(nameJobs(this.#endangered))];
    return { applied, refused: this.#refused, warnings: [...this.#warnings, ...leftOut, ...endangered] };
  }

  async #apply(wanted: RowWrite): Promise<boolean> {
    const isInsert = wanted.kind === "insert";
    const id = isInsert ? wanted.row.id : wanted.id;
    const { status } = isInsert ? wanted.row : wanted.change;
    if (NEVER_WRITTEN.includes(status))
      throw new RangeError(`${status} is never written to the GASW database`);
    if (!this.#isKey(id))
      return this.#refuse(id, "the id is too long, or has characters that the database can't hold");
    const write = readableWrite(wanted, this.#schema);
    if (write === undefined)
      return this.#refuse(
        id,
        `${status} in its ENUM column would destroy the database, which could not read it back`,
      );
    const { nodeSite, nodeName, ...values } = write.kind === "insert" ? write.row : write.change;
    const isWritten =
      write.kind === "insert"
        ? await this.#insert(write.row)
        : await this.#update(id, write.ifStatus, values);
    if (!isWritten) return isInsert && (await this.#refuseTaken(id));
    if (isFatalHold(write, this.#schema)) this.#endangered.push(id);
    await this.#writeNode(id, nodeSite, nodeName, write.facts?.node);
    if (write.facts?.data !== undefined) await this.#replaceData(id, write.facts.data);
    if (write.facts?.minorStatuses !== undefined) await this.#addMinorStatuses(id, write.facts.minorStatuses);
    return true;
  }

  /** @returns true: the write is done with */
  #refuse(id: string, why: string): true {
    this.#refused.set(id, why);
    return true;
  }

  /**
   * Sees to a row that was not added.
   * @returns whether it never will be, since the row that keeps it out is not the job's own
   */
  async #refuseTaken(id: string): Promise<boolean> {
    const columns = this.#schema.among("jobs", ["id", "simulation_id"]);
    const rows = await this.#db.selectFrom("jobs").select(columns).where("id", "=", id).execute();
    const same = rows.find((row) => row.id === id);
    if (same === undefined) {
      const other = rows[0] === undefined ? "another row" : `job ${rows[0].id}`;
      return this.#refuse(id, `the database does not tell it from ${other}`);
    }
    const owner = same.simulation_id ?? this.#simulation;
    if (owner === this.#simulation) return false;
    const remedy = "give each workflow a database of its own, with {workflowDir} in dao.url";
    return this.#refuse(id, `workflow ${owner} has a job of that id there; ${remedy}`);
  }

  async #insert(row: GaswRow): Promise<boolean> {
    const { nodeSite, nodeName, ...rest } = row;
    const creation = row.creation ?? row.queued ?? new Date().toISOString();
    const cells = this.#cells(row.id, { ...rest, parameters: row.parameters ?? "", creation });
    // NULL there makes GASW's lists fail.
    for (const checkpoint of this.#schema.among("jobs", ["checkpoint_init", "checkpoint_upload"]))
      cells[checkpoint] = 0;
    return await this.#fittingIndex(row.id, cells, (fitting) =>
      this.#insertIfMissing("jobs", fitting as Tables["jobs"]),
    );
  }

  /** Whether an id can be a row's key, which can't be cut. */
  #isKey(id: string): boolean {
    const column = this.#schema.column("jobs", "id");
    return column === undefined || fits(id, column);
  }

  /**
   * Tries long parameters whole first: whether the index takes them depends on how well the server can
   * compress them.
   */
  async #fittingIndex(id: string, cells: Cells, write: (cells: Cells) => Promise<boolean>): Promise<boolean> {
    const { indexBytes } = this.#dialect;
    const { parameters } = cells;
    if (
      indexBytes === undefined ||
      typeof parameters !== "string" ||
      Buffer.byteLength(parameters) <= indexBytes
    )
      return await write(cells);
    await sql`savepoint whole`.execute(this.#db);
    try {
      return await write(cells);
    } catch (error) {
      if (!isTooLongForIndex(error)) throw error;
      await sql`rollback to savepoint whole`.execute(this.#db);
    }
    const { text } = fitted(parameters, { name: "parameters", length: null, charset: null }, indexBytes);
    const isWritten = await write({ ...cells, parameters: text });
    if (isWritten)
      this.#warnings.add(
        `job ${id}: parameters was cut to ${text.length} characters, which its index can take`,
      );
    return isWritten;
  }

  async #update(id: string, ifStatus: string | null, change: RowChange): Promise<boolean> {
    return await this.#fittingIndex(id, this.#cells(id, change), (cells) =>
      this.#updateWhere(id, ifStatus, cells),
    );
  }

  async #updateWhere(id: string, ifStatus: string | null, cells: Cells): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("jobs")
      // Facts alone change no column, but must find the row as it was.
      .set(Object.keys(cells).length === 0 ? ({ ref }) => ({ status: ref("status") }) : cells)
      .where((jobs) => this.#dialect.isText(jobs, "id", id))
      .where((jobs) => this.#isOwn(jobs))
      .where("status", ifStatus === null ? "is" : "=", ifStatus)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  #isOwn(jobs: ExpressionBuilder<Tables, "jobs">): Expression<SqlBool> {
    if (this.#schema.column("jobs", "simulation_id") === undefined) return jobs.lit(true);
    return jobs.or([
      jobs("simulation_id", "is", null),
      this.#dialect.isText(jobs, "simulation_id", this.#simulation),
    ]);
  }

  /** The cells of those fields whose columns are there. */
  #cells(id: string, fields: { readonly [Field in keyof GaswRow]?: GaswRow[Field] | undefined }): Cells {
    const cells: Cells = {};
    for (const [field, value] of Object.entries(fields)) {
      const [column, kind] = FIELDS[field as keyof GaswRow];
      if (this.#schema.column("jobs", column) === undefined || value === undefined) continue;
      cells[column] = value === null ? null : this.#cell(kind, value, id, column);
    }
    return cells;
  }

  #cell(kind: Kind, value: string | number | boolean, id: string, column: JobColumn): Cell {
    if (kind === "text") return this.#fit("jobs", column, String(value), id);
    if (kind === "time") return toWallTime(String(value), this.#timeZone);
    return kind === "boolean" ? this.#dialect.boolean(Boolean(value)) : Number(value);
  }

  #fit(table: keyof Tables, column: string, value: string, id: string): string {
    const found = this.#schema.column(table, column);
    if (found === undefined) return value;
    const { text, cut } = fitted(value, found);
    if (cut)
      this.#warnings.add(
        `job ${id}: ${column} was cut to ${text.length} characters, as long as its column is`,
      );
    return text;
  }

  /** @returns whether there was no row of that key */
  async #insertIfMissing<Table extends keyof Tables>(table: Table, cells: Tables[Table]): Promise<boolean> {
    const insert = this.#db.insertInto(table as "jobs").values(cells as Tables["jobs"]);
    if (this.#dialect.failureAborts) {
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

  /** The node first: the row of the job can name no other. */
  async #writeNode(
    id: string,
    site: string | null | undefined,
    name: string | null | undefined,
    facts: Node | undefined,
  ): Promise<void> {
    if (facts !== undefined) await this.#upsertNode(id, facts);
    if (site === undefined && name === undefined) return;
    const isOther = facts?.site !== site || facts?.name !== name;
    if (isOther && typeof site === "string" && typeof name === "string")
      await this.#upsertNode(id, { site, name });
    const cells = this.#cells(id, { nodeSite: site, nodeName: name });
    if (Object.keys(cells).length === 0) return;
    await this.#db
      .updateTable("jobs")
      .set(cells)
      .where((jobs) => this.#dialect.isText(jobs, "id", id))
      .execute();
  }

  async #upsertNode(id: string, node: Node): Promise<void> {
    if (!this.#schema.has("nodes")) {
      this.#count("node(s) were left out: the GASW database has no table for them");
      return;
    }
    const key = {
      site: this.#fit("nodes", "site", node.site, id),
      node_name: this.#fit("nodes", "node_name", node.name, id),
    };
    const facts = Object.entries(this.#nodeCells(id, node)).filter(([, cell]) => cell !== undefined);
    // GASW's numbers are Java primitives, which can't be NULL.
    const unknown = {
      cpu_bogomips: 0,
      cpu_cache_size: 0,
      cpu_mhz: 0,
      cpu_model_name: null,
      mem_total: 0,
      ncpus: 0,
    };
    if (await this.#insertIfMissing("nodes", { ...unknown, ...Object.fromEntries(facts), ...key })) return;
    if (facts.length === 0) return;
    await this.#db
      .updateTable("nodes")
      .set(Object.fromEntries(facts))
      .where("site", "=", key.site)
      .where("node_name", "=", key.node_name)
      .execute();
  }

  #nodeCells(
    id: string,
    { cpus, cpuModel, cpuMhz, cacheKb, bogomips, memoryKb }: Node,
  ): Partial<Tables["nodes"]> {
    const integer = (value: number | undefined) =>
      value === undefined ? undefined : Math.min(Math.trunc(value), LARGEST_INTEGER);
    const cells = {
      ncpus: integer(cpus),
      cpu_model_name: cpuModel === undefined ? undefined : this.#fit("nodes", "cpu_model_name", cpuModel, id),
      cpu_mhz: cpuMhz,
      cpu_cache_size: integer(cacheKb),
      cpu_bogomips: bogomips,
      mem_total: integer(memoryKb),
    };
    return cells as Partial<Tables["nodes"]>;
  }

  async #replaceData(id: string, data: NonNullable<RowFacts["data"]>): Promise<void> {
    const column = this.#schema.column("data", "data_path");
    if (column === undefined || !this.#schema.has("job_data")) {
      if (data.length > 0)
        this.#count("file(s) were left out: the GASW database has no table for them", data.length);
      return;
    }
    const types = new Map(data.map(({ path, type }) => [path, type]));
    for (const path of types.keys()) {
      if (fits(path, column, this.#dialect.indexBytes)) continue;
      types.delete(path);
      this.#count(
        "file(s) were left out: the path is too long for the GASW database, or has characters that it can't hold",
      );
    }
    await this.#db.deleteFrom("job_data").where("id", "=", id).execute();
    const paths = [...types.keys()];
    for (let start = 0; start < paths.length; start += CHUNK) {
      const chunk = paths.slice(start, start + CHUNK);
      await this.#upsertData(chunk, types);
      await this.#db
        .insertInto("job_data")
        .values(chunk.map((data_path) => ({ id, data_path })))
        .execute();
    }
  }

  /** Data shared by many jobs are written once: rows that say the same already are not locked. */
  async #upsertData(paths: readonly string[], types: ReadonlyMap<string, string>): Promise<void> {
    const rows = await this.#db
      .selectFrom("data")
      .select(["data_path", "data_type"])
      .where("data_path", "in", paths)
      .execute();
    const found = new Map(rows.map(({ data_path, data_type }) => [data_path, data_type]));
    for (const data_path of paths) {
      const data_type = types.get(data_path) ?? null;
      if (found.get(data_path) === data_type) continue;
      if (!found.has(data_path) && (await this.#insertIfMissing("data", { data_path, data_type }))) continue;
      await this.#db.updateTable("data").set({ data_type }).where("data_path", "=", data_path).execute();
    }
  }

  async #addMinorStatuses(id: string, minorStatuses: NonNullable<RowFacts["minorStatuses"]>): Promise<void> {
    if (!this.#schema.has("jobsminorstatus")) {
      this.#count(
        "minor status(es) were left out: the GASW database has no table for them",
        minorStatuses.length,
      );
      return;
    }
    const rows = await this.#db
      .selectFrom("jobsminorstatus")
      .select("minor_status")
      .where("id", "=", id)
      .execute();
    const known = new Set(rows.map(({ minor_status }) => minor_status));
    for (const { status, at } of minorStatuses) {
      if (known.has(status)) continue;
      known.add(status);
      const row = { id, minor_status: status, event_date: toWallTime(at, this.#timeZone) };
      // Another program may take the next number at the same moment.
      let isMade = false;
      for (let tries = 0; tries < 10 && !isMade; tries++) {
        isMade = await this.#insertIfMissing("jobsminorstatus", {
          ...row,
          statusid: await this.#nextStatusId(),
        });
      }
    }
  }

  async #nextStatusId(): Promise<number> {
    const { largest } = await this.#db
      .selectFrom("jobsminorstatus")
      .select(({ fn }) => fn.max("statusid").as("largest"))
      .executeTakeFirstOrThrow();
    return Number(largest ?? 0) + 1;
  }

  #count(what: string, count = 1): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + count);
  }
}
