import { changesInWords } from "../core/contentChange.ts";
import { attemptNumber } from "../core/job.ts";
import type { Io } from "./io.ts";
import type { HistoryEntry, JobRecord } from "./jobs.ts";
import { printable } from "./output.ts";
import { colours, statusStyle } from "./style.ts";
import { table } from "./table.ts";

/** The changes of every attempt, oldest first, each under its attempt's name. */
export function historyText(io: Io, jobs: readonly JobRecord[]): string {
  const several = new Set(jobs.map((job) => job.workflow)).size > 1;
  const style = statusStyle(colours(io, io.stdout));
  return jobs
    .filter(({ history = [] }) => history.length > 0)
    .map((job) => {
      const name = `${several ? `${job.workflow}/` : ""}${job.id}`;
      const rows = (job.history ?? []).map(({ at, status, ...words }) => [at, status, wordsOf(words)]);
      const changes = table(["TIME", "STATUS", "REASON"], rows, (cell, column) =>
        column === 1 ? style(cell) : cell,
      );
      const other = job.changes === undefined ? "" : ` (${changesInWords(job.changes)})`;
      return `\n${printable(`${name}, attempt ${attemptNumber(job)}${other}`)}:\n${changes}`;
    })
    .join("");
}

function wordsOf({ reason, message }: Pick<HistoryEntry, "reason" | "message">): string {
  return [reason, message].filter((word) => word !== null && word !== "").join(": ");
}
