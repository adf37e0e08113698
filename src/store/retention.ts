import type { StoredFacts } from "../core/retention.ts";
import { LINGERING, OPEN } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { noteKeys } from "./keys.ts";
import type { Keyed } from "./records.ts";

const OWN = "FROM jobs WHERE workflow = w.key";

const LAST_CHANGE = `max(w.created, w.volumes_renewed, coalesce(w.followed, ''),
  coalesce((SELECT max(max(created, coalesce(submitted, ''), coalesce(started, ''), coalesce(ended, ''))) ${OWN}), ''),
  coalesce((SELECT max(at) FROM transitions WHERE job IN (SELECT key ${OWN})), ''))`;

const FACTS = `SELECT (SELECT count(*) ${OWN}) AS jobs,
  (SELECT count(*) ${OWN} AND ${OPEN} AND stage <> 'ended') AS open,
  (SELECT count(*) ${OWN} AND stage = 'ended') AS ended,
  (SELECT count(*) ${OWN} AND stage = 'held') AS held,
  (SELECT count(*) ${OWN} AND ${LINGERING}) AS lingering,
  (SELECT count(*) FROM outbox WHERE job IN (SELECT key ${OWN})) AS undelivered,
  EXISTS (SELECT 1 ${OWN} AND delivered = 1) AS isDelivered,
  ${LAST_CHANGE} AS lastChange
  FROM workflows AS w WHERE w.key = ?`;

/** How long workflows stay in the state. */
export class Retention {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /** What decides whether a workflow may be deleted; undefined where the state does not have it. */
  factsOf({ key }: Keyed): StoredFacts | undefined {
    type Row = Omit<StoredFacts, "isDelivered"> & { readonly isDelivered: number };
    const found = this.#db.get<Row>(FACTS, [key]);
    return found === undefined ? undefined : { ...found, isDelivered: found.isDelivered === 1 };
  }

  /**
   * Deletes a workflow with all that the state has of it, if it still may be.
   * @param allows whether it may, as it is now: nothing changes between the question and the deletion
   * @returns `gone` where the state does not have it any more
   */
  delete(workflow: Keyed, allows: (facts: StoredFacts) => boolean): "deleted" | "kept" | "gone" {
    return this.#db.writeUnlinked(() => {
      const facts = this.factsOf(workflow);
      if (facts === undefined) return "gone";
      if (!allows(facts)) return "kept";
      for (const table of ["workflows", "jobs"] as const) noteKeys(this.#db, table);
      const jobs = "SELECT key FROM jobs WHERE workflow = ?";
      for (const sql of [
        `DELETE FROM outbox WHERE job IN (${jobs})`,
        `DELETE FROM transitions WHERE job IN (${jobs})`,
        "DELETE FROM results WHERE workflow = ?",
        "DELETE FROM hold_events WHERE workflow = ?",
        "DELETE FROM killed WHERE workflow = ?",
        "DELETE FROM jobs WHERE workflow = ?",
        "DELETE FROM workflows WHERE key = ?",
      ])
        this.#db.run(sql, [workflow.key]);
      return "deleted";
    });
  }
}
