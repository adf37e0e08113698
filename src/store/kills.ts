import { killHash } from "../core/owner.ts";
import type { Connection } from "./connection.ts";
import type { Keyed } from "./records.ts";

/** The jobs that other state files have killed, of which this one may hear later. */
export class Kills {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** @param hashes of the jobs' ids; those that were noted before are forgotten */
  note(workflow: Keyed, hashes: readonly string[]): void {
    this.forget(workflow);
    const sql = "INSERT INTO killed (workflow, hash) SELECT ?, value FROM json_each(?)";
    this.#db.run(sql, [workflow.key, JSON.stringify(hashes)]);
  }

  /** Forgets what was killed from other state files. */
  forget({ key }: Keyed): void {
    this.#db.run("DELETE FROM killed WHERE workflow = ?", [key]);
  }

  has({ key }: Keyed, id: string): boolean {
    return this.#db.has("SELECT 1 FROM killed WHERE workflow = ? AND hash = ?", [key, killHash(id)]);
  }
}
