import type { Connection } from "./connection.ts";
import type { Keyed, LeaseNote } from "./records.ts";

/** Of a workflow that was deleted from the state meanwhile. */
const UNKNOWN: LeaseNote = { uid: null, created: null, version: null, renewed: null, denied: null };

/** The workflows' Leases, as this state file has written them last. */
export class Leases {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** What is known of a workflow's Lease. */
  of({ key }: Keyed): LeaseNote {
    const sql = `SELECT lease_uid AS uid, lease_created AS created, lease_version AS version, lease_renewed AS renewed,
      lease_denied AS denied FROM workflows WHERE key = ?`;
    return this.#db.get<LeaseNote>(sql, [key]) ?? UNKNOWN;
  }

  /** Notes a workflow's Lease as it is now. */
  note({ key }: Keyed, { uid, created, version, renewed, denied }: LeaseNote): void {
    const sql = `UPDATE workflows SET lease_uid = ?, lease_created = ?, lease_version = ?, lease_renewed = ?, lease_denied = ?
      WHERE key = ?`;
    this.#db.run(sql, [uid, created, version, renewed, denied, key]);
  }

  /**
   * Notes that a workflow's Lease is not any more in the version that was noted, unless a newer one was noted
   * meanwhile.
   */
  outdate({ key }: Keyed, version: string): void {
    const sql =
      "UPDATE workflows SET lease_version = NULL, lease_renewed = NULL WHERE key = ? AND lease_version = ?";
    this.#db.run(sql, [key, version]);
  }
}
