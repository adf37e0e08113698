import {
  type Act,
  EFFECT_PHASES,
  type EffectKind,
  effectKinds,
  type Note,
  type Phase,
} from "../../core/lifecycle/effects.ts";
import { changed, type JobChange } from "../../core/lifecycle/record.ts";
import { readRefusal } from "../../core/lifecycle/refusal.ts";
import type { Planned, Written } from "../../core/lifecycle/round.ts";
import { awaitsTurn, isSameStage } from "../../core/lifecycle/stage.ts";
import { shellWord } from "../../core/shellWord.ts";
import type { JobUpdate, StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { type NewContent, ownOf } from "../submit/newContent.ts";
import { nextRequest } from "../submit/nextRequest.ts";
import { REFUSED, type Seen } from "./look.ts";
import { keepOutputs, noteKills, removeJobs, removeKept } from "./removal.ts";
import { Run, type Task } from "./run.ts";
import { createJobs, moveStreams } from "./starts.ts";
import { clearRunFolders } from "./tidy.ts";

/** What is to be carried out, and what the cluster has shown when it was planned. */
export interface Plan {
  /** All attempts that it was made from. */
  readonly attempts: readonly StoredJob[];
  readonly planned: readonly Planned<StoredJob>[];
  seen(job: StoredJob): Seen;
  /** What a person has asked invocations to be from their next attempts on, by their file names. */
  readonly contents?: ReadonlyMap<string, NewContent> | undefined;
}

type Executors = {
  readonly [Kind in Act["kind"]]: (run: Run, tasks: readonly Task<Kind>[]) => Promise<void>;
};

/** How what is done outside the state is done, for all attempts at once. */
export const EXECUTORS: Executors = {
  noteKill: noteKills,
  removeJob: removeJobs,
  keepOutput: keepOutputs,
  removeKept,
  clearRunFolder: clearRunFolders,
  moveStreams,
  createJob: createJobs,
};

/** What is written down with a job's change. */
const NOTES: {
  readonly [Kind in Note["kind"]]: (
    job: StoredJob,
    config: Deps["config"],
    content: NewContent | undefined,
  ) => Partial<JobUpdate>;
} = {
  addAttempt: (job, config, content) =>
    content === undefined
      ? { resubmit: nextRequest(job, config) }
      : { resubmit: content.request, own: ownOf(content) },
  announce: () => ({ announce: true }),
};

/**
 * Carries a plan out: writes the decisions down, then acts on them, effect by effect, in the order of their
 * kinds. All that a signal comes to is written down with the signal, before its Job is removed; an attempt
 * ends only when its Job is on its way out. What fails for one invocation keeps no other from its turn.
 * @returns why a Job could not be removed, where one could not: that is tried again at the next round
 */
export async function carryOut(
  deps: Deps,
  workflow: StoredWorkflow,
  plan: Plan,
  executors: Executors = EXECUTORS,
): Promise<unknown> {
  const run = new Run(deps, workflow, plan);
  const entries = plan.planned.map(({ job, before, step }) => ({ job, ...before, remark: remarkOf(step) }));
  const written = write(run, entries);
  // What somebody else has changed since the look is decided anew at the next one: its Job stays.
  const current = plan.planned.filter((_, index) => written[index]);
  tell(deps, current);
  // What can't be written down must not be done.
  if (deps.store.isCopy) return undefined;
  run.tasks = current.flatMap(tasksOf);
  await execute(run, executors, "ending");
  writeEnds(run, { ...plan, planned: current });
  tellHeld(run, current);
  writeWaits(run, current);
  await execute(run, executors, "following");
  return run.failure;
}

async function execute(run: Run, executors: Executors, phase: Phase): Promise<void> {
  for (const kind of effectKinds().filter(isAct)) {
    if (EFFECT_PHASES[kind] !== phase) continue;
    const tasks = run.tasks.filter(({ job, effect }) => effect.kind === kind && !run.isStopped(job));
    const executor = executors[kind] as (run: Run, tasks: readonly Task[]) => Promise<void>;
    if (tasks.length > 0) await executor(run, tasks);
  }
}

function isAct(kind: EffectKind): kind is Act["kind"] {
  return EFFECT_PHASES[kind] !== "noted";
}

function tasksOf({ job, effects, turn, added }: Planned<StoredJob>): Task[] {
  const task = (effect: Act, isForAdded: boolean) => ({ job, effect, isForAdded }) as Task;
  return [
    ...[...effects, ...(turn?.effects ?? [])].map((effect) => task(effect, false)),
    ...(added?.effects ?? []).map((effect) => task(effect, true)),
  ];
}

/** Something that is written down of a job. */
interface Entry extends Written {
  readonly job: StoredJob;
  readonly remark?: JobUpdate["remark"];
}

/** @returns of each whether it was written */
function write(run: Run, entries: readonly Entry[]): boolean[] {
  const { deps, workflow } = run;
  const { store, config } = deps;
  const adding = entries.filter(({ notes }) => notes.some(({ kind }) => kind === "addAttempt"));
  const known = new Set(
    adding.flatMap(({ job }) => store.jobs.attempts(workflow, job.fileName).map(({ key }) => key)),
  );
  const updates = entries.map(({ job, change, notes, remark }): JobUpdate => {
    const noted = notes.map(({ kind }) => NOTES[kind](changed(job, change), config, run.contentOf(job)));
    return Object.assign({ job, change, remark }, ...noted);
  });
  const written = store.updates.apply(updates, deps.now());
  for (const { job } of adding) {
    const added = store.jobs.attempts(workflow, job.fileName).find(({ key }) => !known.has(key));
    if (added === undefined) continue;
    known.add(added.key);
    run.noteAdded(job, added);
  }
  return written;
}

function remarkOf({ signal, refusal }: Planned<StoredJob>["step"]): JobUpdate["remark"] {
  return refusal === undefined ? undefined : { reason: "SignalRefused", message: `${signal}: ${refusal}` };
}

/**
 * Sees to the ends of the attempts whose Jobs were removed. What follows from one for its invocation holds
 * only while that is as it was planned for: else the next round decides anew.
 */
function writeEnds(run: Run, plan: Plan): void {
  const ends = plan.planned.flatMap(({ job, after }) =>
    after === undefined || run.isStopped(job) ? [] : [after],
  );
  if (ends.length === 0) return;
  const known = new Map(plan.attempts.map((job) => [job.key, job]));
  for (const { job, before } of plan.planned) known.set(job.key, changed(job, before.change));
  for (const { job, notes } of ends) if (notes.length > 0 && !isAsPlanned(run, known, job)) run.stop(job);
  const current = ends.filter(({ job }) => !run.isStopped(job));
  const written = write(run, current);
  for (const [index, { job }] of current.entries()) if (written[index] !== true) run.stop(job);
}

/** Whether the attempts of a job's invocation are those that it was decided from. */
function isAsPlanned(run: Run, known: ReadonlyMap<number, StoredJob>, { fileName }: StoredJob): boolean {
  const isKnown = (row: StoredJob) => {
    const planned = known.get(row.key);
    return planned !== undefined && isSameStage(row.stage, planned.stage);
  };
  const attempts = run.deps.store.jobs.attempts(run.workflow, fileName);
  return attempts.every((row) => run.isAdded(row) || isKnown(row));
}

/** Writes down what attempts wait for that are due. */
function writeWaits(run: Run, planned: readonly Planned<StoredJob>[]): void {
  const updates = planned.flatMap(({ job, turn, added }) => [
    ...waitOf(run, job, turn?.change, false),
    ...waitOf(run, job, added?.change, true),
  ]);
  if (updates.length > 0) run.deps.store.updates.apply(updates, run.deps.now());
}

function waitOf(run: Run, job: StoredJob, change: JobChange | undefined, isAdded: boolean): JobUpdate[] {
  if (change === undefined || Object.keys(change).length === 0) return [];
  const row = run.row(job, isAdded);
  return row !== undefined && awaitsTurn(row.stage) ? [{ job: row, change }] : [];
}

function tell(deps: Deps, planned: readonly Planned<StoredJob>[]): void {
  tellRefusals(deps, planned);
  for (const { job, step } of planned) {
    const { decision, signal, refusal } = step;
    if (decision.warning !== undefined) deps.warn(`job ${job.id}: ${decision.warning}`);
    if (refusal !== undefined) deps.warn(`${signal} of job ${job.id} was ignored: ${refusal}`);
  }
}

/** Says once of jobs that are held that nothing but a person has them go on. */
function tellHeld(run: Run, planned: readonly Planned<StoredJob>[]): void {
  const held = planned
    .filter(({ job, before, after }) => {
      const { stage } = (after ?? before).change;
      return stage?.name === "held" && job.stage.name !== "held" && !run.isStopped(job);
    })
    .map(({ job }) => job.fileName);
  const [first] = held;
  if (first === undefined) return;
  const id = shellWord(first);
  const what =
    held.length === 1
      ? `job ${first} is held after the last retry`
      : `${held.length} jobs are held after the last retry, the first of them ${first}`;
  run.deps.warn(
    `${what}: see \`gasw-k8s debug why ${id}\`, then use \`gasw-k8s release ${id}\` or \`gasw-k8s cancel ${id}\``,
  );
}

/** Says at once that jobs can't begin as they are, when that shows first: nothing mends it but a person. */
function tellRefusals({ warn }: Pick<Deps, "warn">, planned: readonly Planned<StoredJob>[]): void {
  const [first, ...others] = planned.filter(({ before }) => before.change.reason === REFUSED);
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const { id } = first.job;
  const { message } = first.before.change;
  const { remedy } = readRefusal(message ?? "");
  warn(`job ${id}${more} cannot start: ${message}; ${remedy}; see \`gasw-k8s debug why ${id}\``);
}
