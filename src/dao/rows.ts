import type { GaswRow } from "../core/gaswRow/row.ts";
import type { Cell, JobColumn } from "./tables.ts";
import { fromWallTime } from "./wallTime.ts";

/** What a column of the table of jobs holds. */
export type Kind = "text" | "time" | "boolean" | "integer";

/** Where each field of a row stands. A missing column reads like NULL: as GASW's default. */
export const FIELDS: {
  readonly [Field in keyof GaswRow]: readonly [column: JobColumn, kind: Kind, missing: GaswRow[Field]];
} = {
  id: ["id", "text", ""],
  simulationId: ["simulation_id", "text", null],
  status: ["status", "text", null],
  isReplicating: ["isreplicating", "boolean", false],
  isBeingKilled: ["isbeingkilled", "boolean", false],
  exitCode: ["exit_code", "integer", -1],
  exitMessage: ["exit_message", "text", null],
  creation: ["creation", "time", null],
  queued: ["queued", "time", null],
  download: ["download", "time", null],
  running: ["running", "time", null],
  upload: ["upload", "time", null],
  end: ["end_e", "time", null],
  nodeSite: ["node_site", "text", null],
  nodeName: ["node_name", "text", null],
  command: ["command", "text", null],
  fileName: ["file_name", "text", null],
  parameters: ["parameters", "text", null],
  executor: ["executor", "text", null],
  invocationId: ["invocation_id", "integer", 0],
};

export const JOB_COLUMNS: readonly JobColumn[] = Object.values(FIELDS).map(([column]) => column);

/** A row as the product knows it, from the cells of those columns that are there. */
export function rowOf(cells: Readonly<Partial<Record<JobColumn, Cell>>>, timeZone: string): GaswRow {
  const fields = Object.entries(FIELDS).map(([field, [column, kind, missing]]) => {
    const cell = cells[column] ?? null;
    return [field, cell === null ? missing : READ[kind](cell, timeZone)];
  });
  return Object.fromEntries(fields) as unknown as GaswRow;
}

const READ: Readonly<
  Record<Kind, (cell: Exclude<Cell, null>, timeZone: string) => string | number | boolean | null>
> = {
  text: String,
  time: (cell, timeZone) => fromWallTime(String(cell), timeZone),
  integer: Number,
  boolean: isTrue,
};

/** Booleans come as themselves, as MySQL's bits or small integers, or as PostgreSQL's and H2's words. */
function isTrue(cell: Exclude<Cell, null>): boolean {
  if (cell instanceof Uint8Array) return cell.some((byte) => byte !== 0);
  return typeof cell === "string" ? /^(t|true|1)$/i.test(cell) : Boolean(cell);
}
