import type { Act } from "../../core/lifecycle/effects.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import type { NewContent } from "../submit/newContent.ts";
import type { Seen } from "./look.ts";

/** An effect that is to be executed for an attempt. */
export interface Task<Kind extends Act["kind"] = Act["kind"]> {
  /** The attempt that it was planned for. */
  readonly job: StoredJob;
  readonly effect: Extract<Act, { readonly kind: Kind }>;
  /** Whether it is for the attempt that the plan has added after that one. */
  readonly isForAdded: boolean;
}

/** What a plan is carried out with beside itself. */
interface PlanInputs {
  seen(job: StoredJob): Seen;
  readonly contents?: ReadonlyMap<string, NewContent> | undefined;
}

/** How a plan is being carried out: what has been made, and what has failed. */
export class Run {
  readonly deps: Deps;
  readonly workflow: StoredWorkflow;
  /** What the cluster has shown of an attempt. */
  readonly seen: (job: StoredJob) => Seen;
  /** All that is to be executed. */
  tasks: readonly Task[] = [];
  /** Attempts that were written down, by the keys of those that they follow. */
  readonly #added = new Map<number, string>();
  readonly #addedKeys = new Set<number>();
  readonly #stopped = new Set<string>();
  readonly #contents: ReadonlyMap<string, NewContent>;
  readonly #made = new Map<unknown, unknown>();
  #failure: unknown;

  constructor(deps: Deps, workflow: StoredWorkflow, plan: PlanInputs) {
    this.deps = deps;
    this.workflow = workflow;
    this.seen = (job) => plan.seen(job);
    this.#contents = plan.contents ?? new Map();
  }

  /** What a person has asked a job's invocation to be from its next attempt on. */
  contentOf({ fileName }: StoredJob): NewContent | undefined {
    return this.#contents.get(fileName);
  }

  /** What is made once for all tasks of a run. */
  once<T>(make: (run: Run) => T): T {
    if (!this.#made.has(make)) this.#made.set(make, make(this));
    return this.#made.get(make) as T;
  }

  /** What has failed first, where that is the caller's to tell. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Nothing more is done for a job's invocation: the next round decides anew. */
  stop({ fileName }: StoredJob, failure?: unknown): void {
    this.#stopped.add(fileName);
    this.#failure ??= failure;
  }

  isStopped({ fileName }: StoredJob): boolean {
    return this.#stopped.has(fileName);
  }

  isAdded({ key }: StoredJob): boolean {
    return this.#addedKeys.has(key);
  }

  noteAdded({ key }: StoredJob, added: StoredJob): void {
    this.#added.set(key, added.id);
    this.#addedKeys.add(added.key);
  }

  /** The attempt itself, or the one that was added after it, as it is written down now. */
  row(job: StoredJob, isAdded = false): StoredJob | undefined {
    const id = isAdded ? this.#added.get(job.key) : job.id;
    return id === undefined ? undefined : this.deps.store.jobs.find(this.workflow, id);
  }
}
