import { attemptOf } from "../core/job.ts";
import { type AdoptedAttempt, adoptionOf, SET_ASIDE } from "../core/lifecycle/adopt.ts";
import { ADOPTED, type FoundAttempt, toldSince } from "../core/lifecycle/found.ts";
import { KILLED_BEFORE, killedElsewhere, type Words } from "../core/lifecycle/giveUp.ts";
import { WRITTEN_DOWN } from "../core/lifecycle/marks.ts";
import type { JobChange } from "../core/lifecycle/record.ts";
import { jobName } from "../core/names.ts";
import type { Attempts } from "./attempts.ts";
import type { Changes } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { Jobs } from "./jobs.ts";
import type { Kills } from "./kills.ts";
import type { Keyed, StoredJob, StoredWorkflow } from "./records.ts";

const { stage: _, ...KILLED_ELSEWHERE } = KILLED_BEFORE;

/** What other state files that served a workflow have done with its jobs. */
export class Adoption {
  readonly #db: Connection;
  readonly #jobs: Jobs;
  readonly #changes: Changes;
  readonly #attempts: Attempts;
  readonly #kills: Kills;

  constructor(db: Connection, jobs: Jobs, changes: Changes, attempts: Attempts, kills: Kills) {
    this.#db = db;
    this.#jobs = jobs;
    this.#changes = changes;
    this.#attempts = attempts;
    this.#kills = kills;
  }

  /**
   * Gives up jobs that somebody else has killed: those that may be in the cluster end when they are gone from
   * there, and what has failed, is held or waits for its turn is not run again.
   * @returns whether there was one
   */
  followKills(jobs: readonly StoredJob[], words: Words): boolean {
    const follow = (job: StoredJob) => {
      const change = killedElsewhere(job, words);
      return change !== undefined && this.#changes.write(job, change);
    };
    return this.#db.write(() => jobs.map(follow).includes(true));
  }

  /**
   * Notes that a workflow was taken over from another state file.
   * @param killed hashes of the ids of the jobs that were killed there: one that is written down here later
   * is given up at once
   */
  noteTakeover(workflow: Keyed, killed: readonly string[]): void {
    this.#db.write(() => {
      this.#kills.note(workflow, killed);
      const values = [this.#db.timestamp(), workflow.key];
      this.#db.run("UPDATE workflows SET followed = ? WHERE key = ?", values);
    });
  }

  /**
   * Whether attempts of another state file are to be looked for: the workflow was taken over, or a job of its
   * became known, since the last look.
   */
  isDue({ key }: Keyed): boolean {
    const newest =
      "(SELECT coalesce(max(created), '') FROM jobs WHERE workflow = workflows.key AND attempt = 0)";
    const sql = `SELECT 1 FROM workflows WHERE key = ? AND followed IS NOT NULL AND (adopted IS NULL OR adopted <= max(followed, ${newest}))`;
    return this.#db.has(sql, [key]);
  }

  /**
   * Takes up attempts that another state file has made of jobs that are known here, as later attempts of
   * theirs. What is known already stays, but for an end that was told, and whose attempt goes on there: it
   * has been run again.
   * @param since when they were looked for
   */
  adopt(workflow: StoredWorkflow, attempts: readonly AdoptedAttempt[], since: Date): void {
    this.#db.write(() => {
      for (const attempt of attempts) this.#adopt(workflow, attempt);
      this.#attempts.forgetUntold(`reason = '${SET_ASIDE}' AND jobs.workflow = ?`, workflow.key);
      const values = [since.toISOString(), workflow.key];
      this.#db.run("UPDATE workflows SET adopted = ? WHERE key = ?", values);
    });
  }

  /**
   * Takes up all attempts that are left of a workflow. What is known here stays as it is, unless somebody else has
   * told its end since.
   * @param image of those of which it is not known
   * @param isOthers whether somebody else served the workflow until now
   * @returns the number of attempts that were not known
   */
  takeUp(workflow: StoredWorkflow, found: readonly FoundAttempt[], image: string, isOthers: boolean): number {
    return this.#db.write(() => {
      let taken = 0;
      for (const attempt of found) {
        const known = this.#jobs.find(workflow, attempt.id);
        if (known === undefined) {
          taken++;
          this.#takeUp(workflow, this.#insert(workflow, attempt, image), attempt, attempt.change);
        } else if (isOthers) {
          const change = toldSince(known, attempt);
          if (change !== undefined) this.#takeUp(workflow, known, attempt, change);
        }
      }
      return taken;
    });
  }

  #insert(workflow: StoredWorkflow, found: FoundAttempt, image: string): StoredJob {
    const { change: _, created, hasRow: __, isTold: ___, ...attempt } = found;
    const kubeName = jobName(workflow.namespace, workflow.id, found.id);
    const row = { ...attempt, kubeName, script: null, image: found.request.image ?? image };
    return this.#attempts.insert(workflow, row, created, ADOPTED);
  }

  #takeUp(
    workflow: StoredWorkflow,
    job: StoredJob,
    { id, hasRow, isTold }: FoundAttempt,
    change: JobChange,
  ): void {
    this.#changes.write(job, change);
    if (hasRow) this.#db.run("UPDATE jobs SET delivered = 1 WHERE key = ?", [job.key]);
    if (isTold) this.#db.run("DELETE FROM outbox WHERE job = ?", [job.key]);
    // Also one that is held, or to be retried: that it was killed may not have been told.
    if (this.#kills.has(workflow, id))
      this.followKills([this.#jobs.find(workflow, id) as StoredJob], KILLED_ELSEWHERE);
  }

  #adopt(workflow: StoredWorkflow, adopted: AdoptedAttempt): void {
    const { id, fileName, change } = adopted;
    const last = this.#jobs.attempts(workflow, fileName).at(-1);
    const known = this.#jobs.find(workflow, id);
    if (known !== undefined) {
      const isTold = !this.#db.has("SELECT 1 FROM outbox WHERE job = ?", [known.key]);
      const isKilled = this.#kills.has(workflow, id);
      const adoption = adoptionOf(known, adopted, { isNewest: id === last?.id, isTold, isKilled });
      if (adoption !== undefined) this.#changes.write(known, adoption);
      return;
    }
    const attempt = attemptOf(fileName, id);
    if (last === undefined || attempt === undefined) return;
    const kubeName = jobName(workflow.namespace, workflow.id, id);
    const copy = { ...last, id, attempt, kubeName, ...WRITTEN_DOWN, prepared: false };
    const made = this.#attempts.make(workflow, copy);
    if (made.stage.name === "written") this.#changes.write(made, change);
  }
}
