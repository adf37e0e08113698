import { UNKNOWN_CONTENT } from "../core/job.ts";
import { SET_ASIDE } from "../core/lifecycle/adopt.ts";
import { cleanedUp } from "../core/lifecycle/giveUp.ts";
import { WRITTEN_DOWN } from "../core/lifecycle/marks.ts";
import { awaitsTurn } from "../core/lifecycle/stage.ts";
import type { Attempts } from "./attempts.ts";
import type { Changes } from "./changes.ts";
import { OPEN } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import type { History } from "./history.ts";
import type { Jobs } from "./jobs.ts";
import type { Keyed, NewIntent, StoredJob, StoredWorkflow } from "./records.ts";
import type { Workflows } from "./workflows.ts";

/** What is known of a job that is to be submitted. */
export interface RecordedIntent {
  readonly job: StoredJob;
  /** Whether it was written down just now. */
  readonly isNew: boolean;
  /** How the submission fits what is there: one that never reached the cluster can be corrected. */
  readonly fit: "same" | "correctable" | "other";
}

/** What is meant to be submitted and is not in the cluster yet. */
export class Intents {
  readonly #db: Connection;
  readonly #workflows: Workflows;
  readonly #jobs: Jobs;
  readonly #changes: Changes;
  readonly #attempts: Attempts;
  readonly #history: History;

  constructor(
    db: Connection,
    workflows: Workflows,
    jobs: Jobs,
    changes: Changes,
    attempts: Attempts,
    history: History,
  ) {
    this.#db = db;
    this.#workflows = workflows;
    this.#jobs = jobs;
    this.#changes = changes;
    this.#attempts = attempts;
    this.#history = history;
  }

  /**
   * Writes the intent to submit a job, before anything is made for it. The same submission again is the same
   * row, whichever attempt was made of it; one that never got as far as the cluster may be corrected.
   * @throws GaswError CONFLICT when the workflow was deleted from the state and made anew since the command
   * began
   */
  record(workflow: StoredWorkflow, intent: NewIntent): RecordedIntent {
    return this.#db.write(() => {
      this.#workflows.restore(workflow);
      const known = this.#jobs.find(workflow, intent.id);
      if (known === undefined) {
        const first = { fileName: intent.id, attempt: 0, ...WRITTEN_DOWN, invocationId: null };
        const job = this.#attempts.make(workflow, { script: null, ...intent, ...first });
        return { job, isNew: true, fit: "same" };
      }
      if (this.#isKnown(workflow, known, intent)) return { job: known, isNew: false, fit: "same" };
      return { job: known, isNew: false, fit: this.#isCorrectable(known) ? "correctable" : "other" };
    });
  }

  /** Whether an attempt of a job was submitted with this very content, or nobody knows with which. */
  #isKnown(workflow: StoredWorkflow, known: StoredJob, { contentHash }: NewIntent): boolean {
    if (known.contentHash === contentHash || known.contentHash === UNKNOWN_CONTENT) return true;
    const attempts = known.attempt === 0 ? this.#jobs.attempts(workflow, known.fileName) : [];
    return attempts.some((attempt) => attempt.contentHash === contentHash);
  }

  /**
   * Forgets a job that was written down and is not to be submitted, unless the GASW database knows it; in a
   * workflow that was taken over, when the rows of its former owner have been looked at.
   */
  setAside(job: StoredJob): void {
    this.#db.write(() => {
      const followed =
        "SELECT 1 FROM workflows JOIN jobs ON jobs.workflow = workflows.key WHERE jobs.key = ? AND followed IS NOT NULL";
      if (!this.#db.has(followed, [job.key])) this.#attempts.forgetUntold("jobs.key = ?", job.key);
      else if (this.#changes.write(job, { reason: SET_ASIDE, message: "it has run before" }))
        this.#db.run("DELETE FROM outbox WHERE job = ?", [job.key]);
    });
  }

  /**
   * Gives up what a workflow has left to be done once it is cleaned up: failures are not retried any more,
   * and jobs that were written down and never submitted are forgotten where nobody else knows of them: their
   * scripts may be submitted again.
   */
  giveUp({ key }: Keyed): void {
    this.#db.write(() => {
      for (const job of this.#jobs.where(`jobs.workflow = ? AND ${OPEN}`, [key])) {
        const end = cleanedUp(job);
        if (end === "forget") this.#attempts.forget(job);
        else if (end !== undefined) this.#changes.write(job, end);
      }
    });
  }

  /**
   * Whether the cluster has never accepted a job, and this tool does not submit it by itself with what was
   * asked for first.
   */
  #isCorrectable(job: StoredJob): boolean {
    const { stage, attempt, prepared } = job;
    if (stage.status !== "NOT_SUBMITTED" || attempt > 0 || (awaitsTurn(stage) && !prepared)) return false;
    return !this.#history.hasBegun(job);
  }
}
