import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import type { GaswRow, RowChange, RowFacts, RowWrite } from "../core/gaswRow/row.ts";
import { type GaswStatus, nameJobs } from "../core/job.ts";
import type { Applied } from "./dao.ts";
import { replaceData } from "./data.ts";
import { isTooLongForIndex } from "./errors.ts";
import { addMinorStatuses } from "./minorStatuses.ts";
import { upsertNode } from "./nodes.ts";
import { FIELDS, type Kind } from "./rows.ts";
import { holdWarning, isFatalHold, readableWrite } from "./statusColumn.ts";
import type { Cell, JobColumn, Tables } from "./tables.ts";
import type { TableWriter } from "./tableWriter.ts";
import { fits, fitted } from "./text.ts";
import { toWallTime } from "./wallTime.ts";

/** Statuses whose rows break the portal's lists. */
const NEVER_WRITTEN: readonly (GaswStatus | undefined)[] = ["CREATED", "NOT_SUBMITTED", "UNDEFINED"];

type Cells = Partial<Record<JobColumn, Cell>>;
type Node = NonNullable<RowFacts["node"]>;

/** The writes of one transaction. */
export class Batch {
  readonly #tables: TableWriter;
  readonly #simulation: string;
  readonly #refused = new Map<string, string>();
  /** Jobs that are held now and whose release by another program would destroy the database. */
  readonly #endangered: string[] = [];

  /** @param simulation the workflow's id, as its column takes it */
  constructor(tables: TableWriter, simulation: string) {
    this.#tables = tables;
    this.#simulation = simulation;
  }

  async apply(writes: readonly RowWrite[]): Promise<Applied> {
    const applied: boolean[] = [];
    for (const write of writes) applied.push(await this.#apply(write));
    const endangered = this.#endangered.length === 0 ? [] : [holdWarning(nameJobs(this.#endangered))];
    return { applied, refused: this.#refused, warnings: [...this.#tables.warnings, ...endangered] };
  }

  async #apply(wanted: RowWrite): Promise<boolean> {
    const isInsert = wanted.kind === "insert";
    const id = isInsert ? wanted.row.id : wanted.id;
    const { status } = isInsert ? wanted.row : wanted.change;
    if (NEVER_WRITTEN.includes(status))
      throw new RangeError(`${status} is never written to the GASW database`);
    if (!this.#isKey(id))
      return this.#refuse(id, "the id is too long, or has characters that the database cannot store");
    const write = readableWrite(wanted, this.#tables.schema);
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
    if (isFatalHold(write, this.#tables.schema)) this.#endangered.push(id);
    await this.#writeNode(id, nodeSite, nodeName, write.facts?.node);
    if (write.facts?.data !== undefined) await replaceData(this.#tables, id, write.facts.data);
    if (write.facts?.minorStatuses !== undefined)
      await addMinorStatuses(this.#tables, id, write.facts.minorStatuses);
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
    const columns = this.#tables.schema.among("jobs", ["id", "simulation_id"]);
    const rows = await this.#tables.db.selectFrom("jobs").select(columns).where("id", "=", id).execute();
    const same = rows.find((row) => row.id === id);
    if (same === undefined) {
      const other = rows[0] === undefined ? "another row" : `job ${rows[0].id}`;
      return this.#refuse(id, `the database does not distinguish it from ${other}`);
    }
    const owner = same.simulation_id ?? this.#simulation;
    if (owner === this.#simulation) return false;
    const remedy = "give each workflow its own database, with {workflowDir} in dao.url";
    return this.#refuse(id, `workflow ${owner} has a job with that id there; ${remedy}`);
  }

  async #insert(row: GaswRow): Promise<boolean> {
    const { nodeSite, nodeName, ...rest } = row;
    const creation = row.creation ?? row.queued ?? new Date().toISOString();
    const cells = this.#cells(row.id, { ...rest, parameters: row.parameters ?? "", creation });
    // NULL there makes GASW's lists fail.
    for (const checkpoint of this.#tables.schema.among("jobs", ["checkpoint_init", "checkpoint_upload"]))
      cells[checkpoint] = 0;
    return await this.#fittingIndex(row.id, cells, (fitting) =>
      this.#tables.insertIfMissing("jobs", fitting as Tables["jobs"]),
    );
  }

  /** Whether an id can be a row's key, which can't be cut. */
  #isKey(id: string): boolean {
    const column = this.#tables.schema.column("jobs", "id");
    return column === undefined || fits(id, column);
  }

  /**
   * Tries long parameters whole first: whether the index takes them depends on how well the server can
   * compress them.
   */
  async #fittingIndex(id: string, cells: Cells, write: (cells: Cells) => Promise<boolean>): Promise<boolean> {
    const { indexBytes } = this.#tables.dialect;
    const { parameters } = cells;
    if (
      indexBytes === undefined ||
      typeof parameters !== "string" ||
      Buffer.byteLength(parameters) <= indexBytes
    )
      return await write(cells);
    await sql`savepoint whole`.execute(this.#tables.db);
    try {
      return await write(cells);
    } catch (error) {
      if (!isTooLongForIndex(error)) throw error;
      await sql`rollback to savepoint whole`.execute(this.#tables.db);
    }
    const { text } = fitted(parameters, { name: "parameters", length: null, charset: null }, indexBytes);
    const isWritten = await write({ ...cells, parameters: text });
    if (isWritten)
      this.#tables.noteCut(
        `job ${id}: parameters was truncated to ${text.length} characters, the limit of its index`,
      );
    return isWritten;
  }

  async #update(id: string, ifStatus: string | null, change: RowChange): Promise<boolean> {
    return await this.#fittingIndex(id, this.#cells(id, change), (cells) =>
      this.#updateWhere(id, ifStatus, cells),
    );
  }

  async #updateWhere(id: string, ifStatus: string | null, cells: Cells): Promise<boolean> {
    const { numUpdatedRows } = await this.#tables.db
      .updateTable("jobs")
      // Facts alone change no column, but must find the row as it was.
      .set(Object.keys(cells).length === 0 ? ({ ref }) => ({ status: ref("status") }) : cells)
      .where((jobs) => this.#tables.dialect.isText(jobs, "id", id))
      .where((jobs) => this.#isOwn(jobs))
      .where("status", ifStatus === null ? "is" : "=", ifStatus)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  #isOwn(jobs: ExpressionBuilder<Tables, "jobs">): Expression<SqlBool> {
    if (this.#tables.schema.column("jobs", "simulation_id") === undefined) return jobs.lit(true);
    return jobs.or([
      jobs("simulation_id", "is", null),
      this.#tables.dialect.isText(jobs, "simulation_id", this.#simulation),
    ]);
  }

  /** The cells of those fields whose columns are there. */
  #cells(id: string, fields: { readonly [Field in keyof GaswRow]?: GaswRow[Field] | undefined }): Cells {
    const cells: Cells = {};
    for (const [field, value] of Object.entries(fields)) {
      const [column, kind] = FIELDS[field as keyof GaswRow];
      if (this.#tables.schema.column("jobs", column) === undefined || value === undefined) continue;
      cells[column] = value === null ? null : this.#cell(kind, value, id, column);
    }
    return cells;
  }

  #cell(kind: Kind, value: string | number | boolean, id: string, column: JobColumn): Cell {
    if (kind === "text") return this.#tables.fit("jobs", column, String(value), id);
    if (kind === "time") return toWallTime(String(value), this.#tables.timeZone);
    return kind === "boolean" ? this.#tables.dialect.boolean(Boolean(value)) : Number(value);
  }

  /** The node first: the row of the job can name no other. */
  async #writeNode(
    id: string,
    site: string | null | undefined,
    name: string | null | undefined,
    facts: Node | undefined,
  ): Promise<void> {
    if (facts !== undefined) await upsertNode(this.#tables, id, facts);
    if (site === undefined && name === undefined) return;
    const isOther = facts?.site !== site || facts?.name !== name;
    if (isOther && typeof site === "string" && typeof name === "string")
      await upsertNode(this.#tables, id, { site, name });
    const cells = this.#cells(id, { nodeSite: site, nodeName: name });
    if (Object.keys(cells).length === 0) return;
    await this.#tables.db
      .updateTable("jobs")
      .set(cells)
      .where((jobs) => this.#tables.dialect.isText(jobs, "id", id))
      .execute();
  }
}
