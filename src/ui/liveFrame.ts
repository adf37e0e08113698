import type { Io } from "./io.ts";
import { type JobRecord, statusCounts, summary } from "./jobs.ts";
import { jobTable } from "./jobTable.ts";
import { printable } from "./output.ts";
import type { Size } from "./screen.ts";
import { shortened, widthOf } from "./width.ts";

/** The statuses that need somebody to look, and those that the summary alone tells of. */
const TROUBLE: ReadonlySet<string> = new Set(["ERROR", "STALLED", "ERROR_HELD", "STALLED_HELD"]);
const FOLDED: ReadonlySet<string> = new Set([
  "COMPLETED",
  "CANCELLED",
  "CANCELLED_REPLICA",
  "DELETED",
  "DELETED_REPLICA",
]);

/**
 * What `status --watch` shows: a summary of all jobs, what went wrong with the watching itself, and as many
 * jobs as there is room for. Trouble comes first, then what waits for a reason, and what runs.
 * @param notes the newest last
 */
export function liveFrame(
  io: Io,
  jobs: readonly JobRecord[],
  notes: readonly string[],
  { columns, rows }: Size,
): string[] {
  const head = [
    ...wrapped(summary(jobs), columns),
    ...notes.slice(-1).map((note) => shortened(printable(note), columns)),
  ];
  const listed = jobs.filter(({ status }) => !FOLDED.has(status)).sort(byUrgency);
  // Beside the head: an empty line and the table's header.
  const room = rows - head.length - 2;
  const shown = listed.length <= room ? listed : listed.slice(0, Math.max(0, room - 1));
  const table = shown.length === 0 ? [] : ["", ...jobTable(io, shown).trimEnd().split("\n")];
  const hidden = listed.slice(shown.length);
  const more = hidden.length === 0 ? [] : [`… and ${hidden.length} more: ${statusCounts(hidden)}`];
  return [...head, ...table, ...more.map((line) => shortened(line, columns))].slice(0, rows);
}

/** Trouble with the newest first; all else in the order of the submissions. */
function byUrgency(one: JobRecord, other: JobRecord): number {
  const rank = rankOf(one) - rankOf(other);
  if (rank !== 0 || rankOf(one) !== 0) return rank;
  return (other.ended ?? "").localeCompare(one.ended ?? "");
}

function rankOf({ status, reason }: JobRecord): number {
  if (TROUBLE.has(status)) return 0;
  if (status === "RUNNING") return 2;
  return reason === null ? 3 : 1;
}

/** A text on as many lines as it takes, broken between words. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(`${last} ${word}`) <= columns) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}
