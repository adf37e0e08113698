import type { Connection } from "./connection.ts";
import { type Hold, holdLock, isHeld } from "./lockFiles.ts";
import type { Holder, Keyed } from "./records.ts";

/**
 * Milliseconds for which those who take, or look at, a lock at the same moment may be in each other's way.
 */
const HOLD_PATIENCE_MS = 1000;

/** Who of the processes of this host synchronises, or monitors, a workflow. */
export class Holds {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /**
   * Holds a workflow's synchronisation against all other processes of this host, until it is released or this
   * process ends, however it ends.
   * @returns undefined while another process holds it
   */
  take(workflow: Keyed, { words, isMonitor }: Holder): Hold | undefined {
    const sync = this.#lock(workflow, "sync");
    if (sync === undefined) return undefined;
    try {
      this.#db.run("UPDATE workflows SET holder = ? WHERE key = ?", [words, workflow.key]);
    } catch (error) {
      sync.release();
      throw error;
    }
    if (!isMonitor) return sync;
    // Its first look is still to come.
    this.noteWatch(workflow);
    const monitor = this.#lock(workflow, "monitor");
    if (monitor === undefined) {
      sync.release();
      return undefined;
    }
    const release = () => {
      monitor.release();
      // The last, so that whoever finds it free finds no monitor any more.
      sync.release();
    };
    return { release };
  }

  /** Who held a workflow's synchronisation last, in words: for messages, since it may be over. */
  holderOf({ key }: Keyed): string {
    const sql = "SELECT holder FROM workflows WHERE key = ?";
    return this.#db.get<{ holder: string | null }>(sql, [key])?.holder ?? "another process";
  }

  /** Whether a monitor holds a workflow's synchronisation. */
  isMonitored(workflow: Keyed): boolean {
    return this.#db.guard(() => isHeld(this.#db.path, lockName(workflow, "monitor")));
  }

  /** Notes that a workflow's monitor has an answer of the cluster now. */
  noteWatch({ key }: Keyed): void {
    this.#db.run("UPDATE workflows SET watched = ? WHERE key = ?", [this.#db.timestamp(), key]);
  }

  /** When a workflow's monitor last had an answer of the cluster; undefined where there was none yet. */
  lastWatch({ key }: Keyed): string | undefined {
    const sql = "SELECT watched FROM workflows WHERE key = ?";
    return this.#db.get<{ watched: string | null }>(sql, [key])?.watched ?? undefined;
  }

  #lock(workflow: Keyed, kind: "sync" | "monitor"): Hold | undefined {
    return this.#db.guard(() => holdLock(this.#db.path, lockName(workflow, kind), HOLD_PATIENCE_MS));
  }
}

function lockName({ key }: Keyed, kind: "sync" | "monitor"): string {
  return `${kind}-${key}`;
}
