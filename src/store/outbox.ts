import { type Cell, readJob } from "./columns.ts";
import type { Connection } from "./connection.ts";
import { LISTED } from "./jobs.ts";
import type { Acknowledgement, Keyed, OutboxEntry, StoredJob } from "./records.ts";

/** What the GASW database has yet to be told; triggers of the state file write it. */
export class Outbox {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /**
   * What is to be told of a workflow, oldest first.
   * @param until the last entry that counts
   * @param fileNames of the invocations that are meant; without them, all
   */
  read(
    { key }: Keyed,
    until: number,
    limit: number,
    fileNames: ReadonlySet<string> | undefined = undefined,
  ): OutboxEntry[] {
    const [meant, names] =
      fileNames === undefined
        ? ["", []]
        : ["AND file_name IN (SELECT value FROM json_each(?))", [JSON.stringify([...fileNames])]];
    const sql = `SELECT outbox.seq, output, ${LISTED} FROM outbox JOIN jobs ON jobs.key = outbox.job
      JOIN workflows ON workflows.key = jobs.workflow WHERE jobs.workflow = ? AND outbox.seq <= ? ${meant} ORDER BY outbox.seq LIMIT ?`;
    return this.#db
      .all<Record<string, Cell>>(sql, [key, until, ...names, limit])
      .map(({ seq, output, ...row }) => ({
        seq: seq as number,
        output: output as string | null,
        job: readJob<StoredJob>(row),
      }));
  }

  /** The newest entry; 0 where there is none. */
  end(): number {
    return this.#db.get<{ last: number | null }>("SELECT max(seq) AS last FROM outbox", [])?.last ?? 0;
  }

  /** How many jobs of a workflow are to be told. */
  size({ key }: Keyed): number {
    const sql =
      "SELECT count(*) AS size FROM outbox JOIN jobs ON jobs.key = outbox.job WHERE jobs.workflow = ?";
    return this.#db.get<{ size: number }>(sql, [key])?.size ?? 0;
  }

  /**
   * Notes that the GASW database has a job as it was when the entry was read; a change since then stays to be
   * told. Where its row does not show its signal any more, that is forgotten with it: one that comes later is
   * a new one.
   */
  acknowledge(entries: readonly Acknowledgement[]): void {
    const told = "UPDATE jobs SET delivered = 1, invocation_id = ? WHERE key = ?";
    const answered = "UPDATE jobs SET signal = NULL WHERE key = ? AND signal = ?";
    this.#db.write(() => {
      for (const { seq, job, invocationId, isAnswered } of entries) {
        this.#db.run("DELETE FROM outbox WHERE seq = ?", [seq]);
        this.#db.run(told, [invocationId, job.key]);
        if (isAnswered) this.#db.run(answered, [job.key, job.signal]);
      }
    });
  }
}
