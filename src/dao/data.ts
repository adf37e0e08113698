import type { RowFacts } from "../core/gaswRow/row.ts";
import type { Tables } from "./tables.ts";
import type { TableWriter } from "./tableWriter.ts";
import { fits } from "./text.ts";

/** Data links of one statement. */
const CHUNK = 500;

/** Writes which files a job has read and written, instead of those that were noted before. */
export async function replaceData(
  tables: TableWriter,
  id: string,
  data: NonNullable<RowFacts["data"]>,
): Promise<void> {
  const column = tables.schema.column("data", "data_path");
  if (column === undefined || !tables.schema.has("job_data")) {
    if (data.length > 0)
      tables.noteLeftOut("file(s) were skipped: the GASW database has no table for them", data.length);
    return;
  }
  const types = new Map(data.map(({ path, type }) => [path, type]));
  for (const path of types.keys()) {
    if (fits(path, column, tables.dialect.indexBytes)) continue;
    types.delete(path);
    tables.noteLeftOut(
      "file(s) were skipped: the path is too long for the GASW database, or has characters that it cannot store",
    );
  }
  await tables.db.deleteFrom("job_data").where("id", "=", id).execute();
  const paths = [...types.keys()];
  for (let start = 0; start < paths.length; start += CHUNK) {
    const chunk = paths.slice(start, start + CHUNK);
    const stored = await upsertData(tables, chunk, types);
    if (stored.length > 0)
      await tables.db
        .insertInto("job_data")
        .values(stored.map((data_path) => ({ id, data_path })))
        .execute();
    if (stored.length < chunk.length)
      tables.noteLeftOut(
        "file(s) were skipped: the GASW database does not distinguish their paths from others",
        chunk.length - stored.length,
      );
  }
}

/**
 * Data shared by many jobs are written once: rows that say the same already are not locked.
 * @returns the paths that have rows now; where only their beginning is a key, some may not
 */
async function upsertData(
  tables: TableWriter,
  paths: readonly string[],
  types: ReadonlyMap<string, string>,
): Promise<string[]> {
  const rows = await tables.db
    .selectFrom("data")
    .select(["data_path", "data_type"])
    .where("data_path", "in", paths)
    .execute();
  const found = new Map(rows.map(({ data_path, data_type }) => [data_path, data_type]));
  const stored: string[] = [];
  for (const data_path of paths) {
    const data_type = types.get(data_path) ?? null;
    if (found.get(data_path) === data_type || (await upsertDatum(tables, { data_path, data_type }, found)))
      stored.push(data_path);
  }
  return stored;
}

/** @returns whether there is a row of that path now */
async function upsertDatum(
  tables: TableWriter,
  { data_path, data_type }: Tables["data"],
  found: ReadonlyMap<unknown, unknown>,
): Promise<boolean> {
  if (!found.has(data_path) && (await tables.insertIfMissing("data", { data_path, data_type }))) return true;
  const update = tables.db.updateTable("data").set({ data_type }).where("data_path", "=", data_path);
  const { numUpdatedRows } = await update.executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}
