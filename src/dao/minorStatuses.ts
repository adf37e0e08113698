import type { RowFacts } from "../core/gaswRow/row.ts";
import type { TableWriter } from "./tableWriter.ts";
import { toWallTime } from "./wallTime.ts";

/** Adds those minor statuses of a job that are not there yet. */
export async function addMinorStatuses(
  tables: TableWriter,
  id: string,
  minorStatuses: NonNullable<RowFacts["minorStatuses"]>,
): Promise<void> {
  if (!tables.schema.has("jobsminorstatus")) {
    tables.noteLeftOut(
      "minor status(es) were skipped: the GASW database has no table for them",
      minorStatuses.length,
    );
    return;
  }
  const rows = await tables.db
    .selectFrom("jobsminorstatus")
    .select("minor_status")
    .where("id", "=", id)
    .execute();
  const known = new Set(rows.map(({ minor_status }) => minor_status));
  for (const { status, at } of minorStatuses) {
    if (known.has(status)) continue;
    known.add(status);
    const row = { id, minor_status: status, event_date: toWallTime(at, tables.timeZone) };
    // Another program may take the next number at the same moment.
    let isMade = false;
    for (let tries = 0; tries < 10 && !isMade; tries++) {
      isMade = await tables.insertIfMissing("jobsminorstatus", {
        ...row,
        statusid: await nextStatusId(tables),
      });
    }
  }
}

async function nextStatusId(tables: TableWriter): Promise<number> {
  const { largest } = await tables.db
    .selectFrom("jobsminorstatus")
    .select(({ fn }) => fn.max("statusid").as("largest"))
    .executeTakeFirstOrThrow();
  return Number(largest ?? 0) + 1;
}
