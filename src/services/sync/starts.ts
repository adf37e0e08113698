import { includes } from "../../core/lifecycle/effects.ts";
import { SCRIPT_CHANGED, UNSUBMITTABLE } from "../../core/lifecycle/marks.ts";
import { NAMESPACE_GONE } from "../../core/lifecycle/turns.ts";
import { unsubmittable } from "../../core/lifecycle/unsubmittable.ts";
import { GaswError } from "../../errors.ts";
import { NamespaceGone } from "../../kubernetes/ensureVolumes.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { ScriptChanged } from "../submit/scriptContent.ts";
import { AttemptStart } from "../submit/startAttempt.ts";
import { Submitter } from "../submit/submitter.ts";
import { OtherCluster } from "../workflow/cluster.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import type { Run, Task } from "./run.ts";

/** Attempts that are made ready, or submitted, at the same time. */
const CONCURRENCY = 8;

type Start = Task<"moveStreams"> | Task<"createJob">;

/** Makes the workflow directory ready for attempts. */
export function moveStreams(run: Run, tasks: readonly Task<"moveStreams">[]): Promise<void> {
  return run.once(startsOf).each(tasks, (start) => start.moveStreams());
}

/** Submits attempts. */
export function createJobs(run: Run, tasks: readonly Task<"createJob">[]): Promise<void> {
  return run.once(startsOf).each(tasks, (start) => start.createJob());
}

function startsOf(run: Run): Starts {
  return new Starts(run);
}

/** The submissions of one round: what is checked for a start is known at each of its effects. */
class Starts {
  readonly #run: Run;
  /** Others wait for this synchronisation to end: volumes are not waited for in it. */
  #submitter: Submitter | undefined;
  readonly #begun = new Map<number, AttemptStart>();

  constructor(run: Run) {
    this.#run = run;
  }

  /** Makes sure of what all of the attempts need, once; where that is not there, they stay due. */
  async #begin(): Promise<Submitter> {
    if (this.#submitter !== undefined) return this.#submitter;
    const { deps, workflow, tasks } = this.#run;
    const submitter = new Submitter(deps, workflow, false);
    const starts = tasks.filter(({ effect }) => effect.kind === "createJob") as Task<"createJob">[];
    const due = starts.flatMap((task) => (this.#run.isStopped(task.job) ? [] : (this.#rowOf(task) ?? [])));
    if (due.length > 0 && !(await areVolumesReady(deps, submitter, workflow, due)))
      for (const { job } of starts) this.#run.stop(job);
    this.#submitter = submitter;
    return submitter;
  }

  /** Does something for each attempt that goes on so far. */
  async each(tasks: readonly Start[], action: (start: AttemptStart) => Promise<boolean>): Promise<void> {
    const submitter = await this.#begin();
    const queue = tasks.filter(({ job }) => !this.#run.isStopped(job))[Symbol.iterator]();
    const worker = async () => {
      for (const task of queue) if (!(await this.#try(task, submitter, action))) this.#run.stop(task.job);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  }

  /**
   * What is wrong with the script or the configuration is for a person to mend; anything else may be over at
   * the next round.
   * @returns whether it goes on
   */
  async #try(
    task: Start,
    submitter: Submitter,
    action: (start: AttemptStart) => Promise<boolean>,
  ): Promise<boolean> {
    const { deps } = this.#run;
    const job = this.#rowOf(task);
    if (job === undefined) return false;
    try {
      return await action(this.#startOf(job, submitter));
    } catch (error) {
      const failure = failureOf(deps, error);
      deps.warn(`job ${job.id} could not be submitted again: ${failure.message}; ${failure.hint}`);
      const isChanged = failure instanceof ScriptChanged;
      if (!isChanged && failure.code !== "USAGE" && failure.code !== "CONFIG") return false;
      const why = isChanged ? SCRIPT_CHANGED : UNSUBMITTABLE;
      const { change, notes } = unsubmittable(why, failure.message, deps.config);
      deps.store.updates.apply([{ job, change, announce: includes(notes, "announce") }], deps.now());
      return false;
    }
  }

  /** An attempt whose turn it still is: somebody may have given it up meanwhile. */
  #rowOf({ job, isForAdded }: Start): StoredJob | undefined {
    const row = this.#run.row(job, isForAdded);
    return row?.stage.name === "due" ? row : undefined;
  }

  #startOf(job: StoredJob, submitter: Submitter): AttemptStart {
    const { deps, workflow } = this.#run;
    const known = this.#begun.get(job.key);
    if (known !== undefined) return known;
    const start = new AttemptStart(deps, submitter, workflow, job);
    this.#begun.set(job.key, start);
    return start;
  }
}

/** Whether attempts can be submitted now; where their volumes are not ready, they stay due. */
async function areVolumesReady(
  deps: Deps,
  submitter: Submitter,
  { id }: StoredWorkflow,
  due: readonly StoredJob[],
): Promise<boolean> {
  try {
    await submitter.volumesReady();
    tellGone(deps, due, undefined);
    return true;
  } catch (error) {
    const { message, hint } = failureOf(deps, error);
    const isGone = error instanceof NamespaceGone;
    const wait = `resubmissions of workflow ${id} are waiting for their ${isGone ? "namespace" : "volumes"} (${due.length}): ${message}`;
    deps.warn(isGone ? `${wait}; ${hint}` : wait);
    tellGone(deps, due, isGone ? `waits for its namespace: ${message}` : undefined);
    return false;
  }
}

/** Writes down of attempts that are due that they wait for their namespace, or that they do so no more. */
function tellGone({ store, now }: Deps, due: readonly StoredJob[], message: string | undefined): void {
  const [reason, words] = message === undefined ? [null, null] : [NAMESPACE_GONE, message];
  const changed = due.filter((job) =>
    message === undefined ? job.reason === NAMESPACE_GONE : job.message !== message,
  );
  const updates = changed.map((job) => ({ job, change: { reason, message: words } }));
  if (updates.length > 0) store.updates.apply(updates, now());
}

/** What a person, or the next round, may mend. */
function failureOf(deps: Deps, error: unknown): GaswError {
  const isNobodys = error instanceof OtherCluster || error instanceof NotOwner;
  if (!(error instanceof GaswError) || isNobodys || error.code === "INTERRUPTED" || deps.signal.aborted)
    throw error;
  return error;
}
