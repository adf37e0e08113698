import type { Connection } from "./connection.ts";
import type { Kills } from "./kills.ts";
import type { Keyed, Placement } from "./records.ts";

/** Of a workflow that was deleted from the state meanwhile: it had nothing left in any cluster. */
const NOWHERE: Placement = {
  state: "nowhere",
  clusterUid: null,
  claimUid: null,
  server: null,
  context: null,
};

/** Which cluster each workflow's objects are in. */
export class Placements {
  readonly #db: Connection;
  readonly #kills: Kills;

  constructor(db: Connection, kills: Kills) {
    this.#db = db;
    this.#kills = kills;
  }

  /** A workflow's, as it is known now. */
  of({ key }: Keyed): Placement {
    const sql = `SELECT placed AS state, cluster_uid AS clusterUid, claim_uid AS claimUid, cluster_server AS server,
      cluster_context AS context FROM workflows WHERE key = ?`;
    return this.#db.get<Placement>(sql, [key]) ?? NOWHERE;
  }

  /**
   * Notes which cluster a workflow's objects are in, unless somebody has noted another one since this was
   * decided.
   * @param from what the decision was made from
   * @returns whether that is what is noted now
   */
  bind(workflow: Keyed, from: Placement, to: Placement): boolean {
    return this.#db.write(() => {
      const now = this.of(workflow);
      if (now.state === "bound" && now.clusterUid === to.clusterUid && now.claimUid === to.claimUid)
        return true;
      if (now.state !== from.state || now.clusterUid !== from.clusterUid || now.claimUid !== from.claimUid)
        return false;
      const sql = `UPDATE workflows SET placed = 'bound', cluster_uid = ?, claim_uid = ?, cluster_server = ?, cluster_context = ?
        WHERE key = ?`;
      this.#db.run(sql, [to.clusterUid, to.claimUid, to.server, to.context, workflow.key]);
      return true;
    });
  }

  /**
   * Notes that nothing of a workflow is in any cluster any more, unless another job was submitted meanwhile.
   */
  clear(workflow: Keyed): void {
    const { key } = workflow;
    this.#db.write(() => {
      const inCluster = "SELECT 1 FROM jobs WHERE workflow = ? AND status IN ('QUEUED', 'RUNNING') LIMIT 1";
      if (this.#db.has(inCluster, [key])) return;
      const sql = `UPDATE workflows SET placed = 'nowhere', cluster_uid = NULL, claim_uid = NULL, cluster_server = NULL,
        cluster_context = NULL, lease_uid = NULL, lease_created = NULL, lease_version = NULL, lease_renewed = NULL,
        lease_denied = NULL WHERE key = ?`;
      this.#db.run(sql, [key]);
      this.#db.run("UPDATE jobs SET kube_uid = NULL, lingers = 0 WHERE workflow = ?", [key]);
      this.#kills.forget(workflow);
    });
  }

  /** Whether one of these uids is that of the workflow's claim or of one of its Jobs, as they were noted. */
  knowsObject({ key }: Keyed, uids: readonly string[]): boolean {
    if (uids.length === 0) return false;
    const sql = `SELECT 1 FROM json_each(?) AS seen WHERE seen.value IN (SELECT claim_uid FROM workflows WHERE key = ?)
      OR seen.value IN (SELECT kube_uid FROM jobs WHERE workflow = ?) LIMIT 1`;
    return this.#db.has(sql, [JSON.stringify(uids), key, key]);
  }

  /** Whether something of a workflow was seen in its namespace since it is in its cluster. */
  wasInNamespace({ key }: Keyed): boolean {
    const sql = `SELECT 1 FROM workflows WHERE key = ? AND placed = 'bound'
      AND (claim_uid IS NOT NULL OR EXISTS (SELECT 1 FROM jobs WHERE workflow = workflows.key AND kube_uid IS NOT NULL))`;
    return this.#db.has(sql, [key]);
  }
}
