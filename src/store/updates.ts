import type { Attempts } from "./attempts.ts";
import type { Changes } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { History } from "./history.ts";
import type { JobUpdate } from "./records.ts";
import type { Results } from "./results.ts";

/** What one look at the cluster comes to, for many jobs together. */
export class Updates {
  readonly #db: Connection;
  readonly #changes: Changes;
  readonly #attempts: Attempts;
  readonly #results: Results;
  readonly #history: History;

  constructor(db: Connection, changes: Changes, attempts: Attempts, results: Results, history: History) {
    this.#db = db;
    this.#changes = changes;
    this.#attempts = attempts;
    this.#results = results;
    this.#history = history;
  }

  /**
   * Writes what one look found out about many jobs of a workflow, and what follows from it, in one
   * transaction.
   * @returns of each whether it was written; an invocation of which somebody else has changed an attempt
   * meanwhile is left as it is
   */
  apply(updates: readonly JobUpdate[], observed: Date): boolean[] {
    return this.#db.write(() => {
      const others = updates.filter(({ job }) => !this.#changes.isAsDecided(job));
      const changed = new Set(others.map(({ job }) => job.fileName));
      return updates.map((update) => {
        const { key, fileName } = update.job;
        this.#db.run("UPDATE jobs SET observed = ? WHERE key = ?", [observed.toISOString(), key]);
        return !changed.has(fileName) && this.#apply(update);
      });
    });
  }

  #apply({ job, change, resubmit, own, announce, remark }: JobUpdate): boolean {
    if (!this.#changes.write(job, change)) return false;
    if (resubmit !== undefined) this.#attempts.add(job, resubmit, own);
    if (announce === true) this.#results.announce(job);
    if (remark !== undefined)
      this.#history.note(job, { ...remark, status: (change.stage ?? job.stage).status });
    return true;
  }
}
