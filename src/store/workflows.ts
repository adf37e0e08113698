import type { Workflow } from "../core/job.ts";
import { isSameDirectory } from "../directory.ts";
import { GaswError } from "../errors.ts";
import { ACTIVE, OPEN, TO_BE_DONE, UNFINISHED } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { nextKey } from "./keys.ts";
import type { Keyed, StoredWorkflow } from "./records.ts";

const WORKFLOWS = "SELECT key, id, namespace, directory FROM workflows";

/** The workflows that the state knows. */
export class Workflows {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /**
   * The workflow's row, made when missing.
   * @throws GaswError CONFLICT when the same id is known from another directory
   */
  register({ namespace, id, directory }: Workflow): StoredWorkflow {
    return this.#db.write(() => {
      const known = this.find(namespace, id);
      if (known === undefined) {
        this.#make({ namespace, id, directory });
        return this.find(namespace, id) as StoredWorkflow;
      }
      if (isSameDirectory(known.directory, directory)) return known;
      throw new GaswError(
        "CONFLICT",
        `workflow ${id} already exists in another directory, ${known.directory}`,
        {
          hint: "rename one of the directories, or use another namespace or state file (state.path): a workflow's id is its directory's base name",
        },
      );
    });
  }

  /**
   * For the store's own use: makes the row of a workflow anew, under its own key, where it was deleted from
   * the state while a command was at work with it.
   * @throws GaswError CONFLICT where another command has made one meanwhile
   */
  restore(workflow: StoredWorkflow): void {
    if (this.isKnown(workflow)) return;
    if (this.find(workflow.namespace, workflow.id) !== undefined) {
      throw new GaswError("CONFLICT", `workflow ${workflow.id} was deleted from the state meanwhile`, {
        hint: "run the command again: another one has registered the workflow anew",
      });
    }
    this.#make(workflow, workflow.key);
  }

  /** Whether the state still has a workflow that it had. */
  isKnown({ key }: Keyed): boolean {
    return this.#db.has("SELECT 1 FROM workflows WHERE key = ?", [key]);
  }

  #make({ namespace, id, directory }: Workflow, key?: number): void {
    const now = this.#db.timestamp();
    const sql = `INSERT INTO workflows (key, namespace, id, directory, created, volumes_renewed, placed)
      VALUES (coalesce(?, ${nextKey("workflows")}), ?, ?, ?, ?, ?, 'nowhere')`;
    this.#db.run(sql, [key ?? null, namespace, id, directory, now, now]);
  }

  find(namespace: string, id: string): StoredWorkflow | undefined {
    return this.#db.get<StoredWorkflow>(`${WORKFLOWS} WHERE namespace = ? AND id = ?`, [namespace, id]);
  }

  /** Those of an id, in whatever namespace. */
  named(id: string): StoredWorkflow[] {
    return this.#db.all<StoredWorkflow>(`${WORKFLOWS} WHERE id = ? ORDER BY key`, [id]);
  }

  all(): StoredWorkflow[] {
    return this.#db.all<StoredWorkflow>(`${WORKFLOWS} ORDER BY key`, []);
  }

  /** Those that have jobs which have not ended. */
  active(): StoredWorkflow[] {
    const active = `EXISTS (SELECT 1 FROM jobs WHERE jobs.workflow = workflows.key AND ${ACTIVE})`;
    return this.#db.all<StoredWorkflow>(`${WORKFLOWS} WHERE ${active} ORDER BY key`, []);
  }

  /** Those for which a synchronisation has something to do. */
  unfinished(): StoredWorkflow[] {
    const unfinished = `SELECT workflow FROM jobs WHERE key IN (${TO_BE_DONE})`;
    return this.#db.all<StoredWorkflow>(`${WORKFLOWS} WHERE key IN (${unfinished}) ORDER BY key`, []);
  }

  /**
   * Whether one has jobs that were submitted and have not ended, or whose end was not seen to yet, or that
   * wait to be released.
   */
  isOpen({ key }: Keyed): boolean {
    const sql = `SELECT 1 FROM jobs WHERE workflow = ? AND ${UNFINISHED} AND status <> 'NOT_SUBMITTED'`;
    return this.#db.has(sql, [key]);
  }

  /** The same, without the jobs that wait to be released. */
  isGoingOn({ key }: Keyed): boolean {
    const sql = `SELECT 1 FROM jobs WHERE workflow = ? AND ${OPEN} AND status <> 'NOT_SUBMITTED'`;
    return this.#db.has(sql, [key]);
  }

  /**
   * Whether the marks of use on a workflow's volumes are due to be renewed; true for one caller only, who
   * then renews them.
   * @param interval milliseconds between two renewals
   */
  claimRenewal({ key }: Keyed, interval: number): boolean {
    const sql = "UPDATE workflows SET volumes_renewed = ? WHERE key = ? AND volumes_renewed <= ?";
    const values = [this.#db.timestamp(), key, this.#db.timestampBefore(interval)];
    return this.#db.run(sql, values).changes > 0;
  }

  /** Has the marks of use on a workflow's volumes be renewed by the next submission, whatever their age. */
  outdateMarks({ key }: Keyed): void {
    this.#db.run("UPDATE workflows SET volumes_renewed = ? WHERE key = ?", [new Date(0).toISOString(), key]);
  }
}
