import type { Connection } from "./connection.ts";

/** Tables whose rows are known by their keys in processes that may outlive the rows. */
type Keys = "workflows" | "jobs";

/**
 * SQL of the key of a table's next row: never one that a deleted row had, by which a process may still know
 * that. The largest one is noted where SQLite keeps those of its own AUTOINCREMENT tables, since such tables
 * these are not.
 */
export function nextKey(table: Keys): string {
  return `(SELECT 1 + max(coalesce((SELECT max(key) FROM ${table}), 0),
    coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = '${table}'), 0)))`;
}

/** Notes, before rows of a table are deleted, the largest key that it has given. */
export function noteKeys(db: Connection, table: Keys): void {
  const last = db.get<{ key: number }>(`SELECT ${nextKey(table)} - 1 AS key`, [])?.key ?? 0;
  db.run("DELETE FROM sqlite_sequence WHERE name = ?", [table]);
  db.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, last]);
}
