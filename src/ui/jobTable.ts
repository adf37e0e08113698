import { describeExitCode } from "../core/gasw/exitCode.ts";
import { attemptNumber } from "../core/job.ts";
import type { Io } from "./io.ts";
import { isOver, type JobRecord } from "./jobs.ts";
import { duration, printable } from "./output.ts";
import { colours, statusStyle } from "./style.ts";
import { table } from "./table.ts";
import { shortened, widthOf } from "./width.ts";

/** The longest reason where nothing limits a line. */
const REASON_WIDTH = 70;
/** What is left of a reason, at least, before a column makes room for it. */
const SHORTEST_REASON = 16;
const GAP = 2;
/** The columns that a narrow terminal does without, the least missed first. */
const DISPENSABLE = ["WAITED", "RAN", "NODE", "AGE"];

/** A column of the table: its title, and its cells from the first job's on. */
interface Column {
  readonly title: string;
  readonly cells: readonly string[];
}

/** The table of `status`; on a terminal, with the columns that it has room for. */
export function jobTable(io: Io, jobs: readonly JobRecord[]): string {
  // A terminal whose size is not known says 0.
  const width = io.stdout.isTTY === true ? io.stdout.columns || undefined : undefined;
  const columns = fitting(columnsOf(jobs, io.now().getTime()), jobs.map(reasonText), width);
  const style = statusStyle(colours(io, io.stdout));
  const statusColumn = columns.findIndex(({ title }) => title === "STATUS");
  return table(
    columns.map(({ title }) => title),
    jobs.map((_, row) => columns.map(({ cells }) => cells[row] ?? "")),
    (cell, column) => (column === statusColumn ? style(cell) : cell),
  );
}

function columnsOf(jobs: readonly JobRecord[], now: number): Column[] {
  const column = (title: string, cellOf: (job: JobRecord) => string) => ({ title, cells: jobs.map(cellOf) });
  const isShared = new Set(jobs.map((job) => job.workflow)).size > 1;
  const isRetried = jobs.some((job) => job.attempt > 0);
  const isSynced = jobs.some((job) => job.daoStatus !== null);
  const end = (job: JobRecord) => job.ended ?? (isOver(job) ? null : now);
  return [
    ...(isShared ? [column("WORKFLOW", (job) => job.workflow)] : []),
    column("JOB", (job) => job.id),
    ...(isRetried ? [column("ATTEMPT", (job) => String(attemptNumber(job)))] : []),
    column("STATUS", (job) => job.status),
    ...(isSynced ? [column("GASW", (job) => job.daoStatus ?? "-")] : []),
    column("EXIT", (job) => (job.exitCode === null ? "-" : String(job.exitCode))),
    column("AGE", (job) => between(job.created, job.ended ?? now)),
    column("WAITED", (job) => between(job.created, job.started ?? end(job))),
    column("RAN", (job) => between(job.started, end(job))),
    column("NODE", (job) => job.node ?? "-"),
  ];
}

/** A length of time; never a negative one, since the cluster tells whole seconds of a clock of its own. */
function between(from: string | null, to: string | number | null): string {
  if (from === null || to === null) return "-";
  return duration((typeof to === "string" ? Date.parse(to) : to) - Date.parse(from));
}

/** The columns and the reasons beside them: all of them, or what a line of the width has room for. */
function fitting(
  columns: readonly Column[],
  reasons: readonly string[],
  width: number | undefined,
): Column[] {
  const longest = Math.max(...["REASON", ...reasons].map(widthOf));
  const kept = [...columns];
  const room = () =>
    width === undefined ? REASON_WIDTH : width - kept.reduce((sum, column) => sum + widthIn(column), 0);
  for (const title of DISPENSABLE) {
    if (room() >= Math.min(longest, SHORTEST_REASON)) break;
    kept.splice(0, kept.length, ...kept.filter((column) => column.title !== title));
  }
  const reasonWidth = Math.max(Math.min(longest, SHORTEST_REASON), Math.min(room(), REASON_WIDTH));
  return [...kept, { title: "REASON", cells: reasons.map((reason) => shortened(reason, reasonWidth)) }];
}

function widthIn({ title, cells }: Column): number {
  return Math.max(widthOf(title), ...cells.map((cell) => widthOf(printable(cell)))) + GAP;
}

/** Why a job waits or how it ended, in a few words. */
function reasonText(job: JobRecord): string {
  if (job.status === "COMPLETED" || job.reason === null) return "";
  const meaning = job.exitCode === null ? undefined : describeExitCode(job.exitCode);
  const text = job.reason === "Error" && meaning !== undefined ? meaning.text : (job.message ?? "");
  return printable(text === "" ? job.reason : `${job.reason}: ${text}`);
}
