import type { DecidedStatus } from "../core/lifecycle/status.ts";
import type { Connection } from "./connection.ts";
import type { Keyed, Transition } from "./records.ts";

/** An entry of a job's history that is to be made. */
export type NewTransition = Omit<Transition, "at"> & { readonly status: DecidedStatus };

/** What has become of each job: every change of status, and remarks that go with none. */
export class History {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** A job's, oldest first. */
  of({ key }: Keyed): Transition[] {
    const sql = "SELECT at, status, reason, message FROM transitions WHERE job = ? ORDER BY key";
    return this.#db.all<Transition>(sql, [key]);
  }

  note({ key }: Keyed, { status, reason, message }: NewTransition): void {
    const sql = "INSERT INTO transitions (job, at, status, reason, message) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, [key, this.#db.timestamp(), status, reason, message]);
  }

  /** Whether a job was ever in another status than the one it was made in. */
  hasBegun({ key }: Keyed): boolean {
    const sql = "SELECT 1 FROM transitions WHERE job = ? AND status <> 'NOT_SUBMITTED' LIMIT 1";
    return this.#db.has(sql, [key]);
  }

  forget({ key }: Keyed): void {
    this.#db.run("DELETE FROM transitions WHERE job = ?", [key]);
  }
}
