import type { V1Job } from "@kubernetes/client-node";
import { hasEnded, isHeld } from "../core/job.ts";
import { type Step, step, UNSUBMITTABLE } from "../core/lifecycle.ts";
import type { OwnWords } from "../core/observed.ts";
import type { Siblings } from "../core/signal.ts";
import { GaswError, systemCode } from "../errors.ts";
import { asUserError } from "../kubernetes/client.ts";
import type { JobChange, JobUpdate, StoredJob, StoredWorkflow } from "../store/records.ts";
import { OtherCluster } from "./cluster.ts";
import type { Deps } from "./deps.ts";
import { hasOutput } from "./ownOutput.ts";
import { isOver, recordOf } from "./ownWords.ts";
import { parseOutput } from "./parseOutput.ts";
import { changeOf, look, removeJob, type Seen } from "./refresh.ts";
import { nextRequest, startAttempt } from "./startAttempt.ts";
import { storeOutput } from "./storedOutput.ts";
import { Submitter } from "./submit.ts";
import { EndRecords, leftovers, removeLeftover } from "./toolFolder.ts";

/** Attempts that are submitted at the same time. */
const CONCURRENCY = 8;

/** What a round is confined to. */
export interface Scope {
  /** File names of the invocations; without them, all of the workflow. */
  readonly fileNames?: ReadonlySet<string>;
  /** Whether attempts that are due are left for whoever holds the workflow. */
  readonly leaveDue?: boolean;
  /** Who gives the signals, in words; without it, the GASW database. */
  readonly by?: string;
}

/** One job's step, and what it was decided from. */
interface Decided {
  readonly job: StoredJob;
  readonly step: Step;
  readonly change: JobChange;
  readonly kubeJob: V1Job | undefined;
}

/**
 * One round for a workflow: what the cluster shows, the signals that others wrote, what follows from every end, and the resubmissions that
 * are due. The caller holds the workflow, or leaves those to the one who does.
 * @param signals by job id, as the GASW database shows them
 * @throws GaswError CLUSTER; what fails for one job alone is warned about
 */
export async function reconcile(
  deps: Deps,
  workflow: StoredWorkflow,
  signals: ReadonlyMap<string, string>,
  { fileNames, leaveDue = false, by = "a signal in the GASW database" }: Scope = {},
): Promise<void> {
  const isMeant = ({ fileName }: StoredJob) => fileNames?.has(fileName) ?? true;
  const attempts = deps.store.openInvocations(workflow, [...signals.keys()]).filter(isMeant);
  if (attempts.length === 0) return;
  try {
    const seen = await look(deps, workflow, attempts);
    const ends = await readEnds(deps, workflow, attempts, seen);
    const decided = decideAll(deps, attempts, seen, signals, ends, by);
    await carryOut(deps, decided, ends);
    tidy(deps, workflow, seen);
    if (!leaveDue) await startDue(deps, workflow, deps.store.openInvocations(workflow).filter(isMeant), seen);
  } catch (error) {
    throw asUserError(error, deps.client);
  }
}

/** What jobs have left of their ends, by the keys of those whose output was read. */
type Ends = ReadonlyMap<number, OwnWords>;

/** Reads what every attempt has left whose end is to be seen to now, one after the other. */
async function readEnds(
  deps: Deps,
  { directory }: StoredWorkflow,
  attempts: readonly StoredJob[],
  seen: (job: StoredJob) => Seen,
): Promise<Ends> {
  const records = new EndRecords(directory);
  const ends = new Map<number, OwnWords>();
  for (const job of attempts) {
    const { observation } = seen(job);
    if (job.settled || !isOver(job, observation)) continue;
    const code = hasOutput(job) ? await keepOutput(deps, job) : undefined;
    ends.set(job.key, { code, record: recordOf(job, observation, records) });
  }
  return ends;
}

/** Reads a job's output and keeps what it tells: in the state, since many outputs may tell much. */
async function keepOutput(deps: Deps, job: StoredJob): Promise<number | undefined> {
  const output = await parseOutput(job.directory, job.fileName, deps.signal);
  for (const warning of output.warnings) deps.warn(`job ${job.id}: ${warning}`);
  deps.store.changeJob(job, { output: storeOutput(output) });
  return output.exitCode;
}

/** Decides for one attempt after the other: each sees what became of the others. */
function decideAll(
  deps: Deps,
  attempts: readonly StoredJob[],
  seen: (job: StoredJob) => Seen,
  signals: ReadonlyMap<string, string>,
  ends: Ends,
  by: string,
): Decided[] {
  const now = deps.now();
  const { retryCount, pending } = deps.config;
  const invocations = byFileName(attempts);
  return attempts.map((job) => {
    const { observation, kubeJob } = seen(job);
    const siblings = siblingsOf(job, invocations, seen);
    const situation = {
      job,
      dao: signals.get(job.id),
      seen: observation,
      own: ends.get(job.key),
      siblings,
      retryCount,
      grace: pending,
      now,
    };
    const next = step(situation);
    if (next.decision.warning !== undefined) deps.warn(`job ${job.id}: ${next.decision.warning}`);
    invocations.get(job.fileName)?.set(job.key, { ...job, status: next.decision.status, settled: next.settled });
    return { job, step: next, change: stepChange(job, next, kubeJob, now, by), kubeJob };
  });
}

/** Attempts by their invocation's file name, then by key. */
type Invocations = ReadonlyMap<string, Map<number, StoredJob>>;

function byFileName(attempts: readonly StoredJob[]): Invocations {
  const invocations = new Map<string, Map<number, StoredJob>>();
  for (const job of attempts) {
    const known = invocations.get(job.fileName) ?? new Map<number, StoredJob>();
    invocations.set(job.fileName, known.set(job.key, job));
  }
  return invocations;
}

function siblingsOf(job: StoredJob, invocations: Invocations, seen: (job: StoredJob) => Seen): Siblings {
  const attempts = invocations.get(job.fileName)?.values() ?? [];
  const others = [...attempts].filter(({ key }) => key !== job.key);
  return {
    failures: others.filter(({ status }) => status === "ERROR" || status === "STALLED" || isHeld(status)).length,
    completed: others.some(({ status }) => status === "COMPLETED"),
    alive: others.some((other) => isAlive(other) || seen(other).isAlive),
    open: others.some(({ settled, status }) => !settled || isHeld(status)),
    newer: others.some(({ attempt }) => attempt > job.attempt),
  };
}

/** Whether an attempt is in the cluster or on its way there; one that only waits for its turn is not. */
function isAlive({ status, due, prepared }: StoredJob): boolean {
  return !hasEnded(status) && !(status === "NOT_SUBMITTED" && due && !prepared);
}

/** What a step changes in a job's row. */
function stepChange(job: StoredJob, next: Step, kubeJob: V1Job | undefined, now: Date, by: string): JobChange {
  const isRerun = next.decision.status === "NOT_SUBMITTED" && job.status !== "NOT_SUBMITTED";
  const { settled, due, removal, signal } = next;
  const wanted: JobChange = {
    ...changeOf(job, next.decision, kubeJob, now),
    settled,
    due,
    removal,
    signal,
    ...(signal === "REPLICATE" && next.effects.includes("resubmit") && !hasEnded(next.decision.status) ? { replicating: true } : {}),
    ...(isRerun ? NEW_LIFE : {}),
    ...reasonOf(job, next, by),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => job[key as keyof StoredJob] !== value));
}

/** What an attempt that runs again forgets of its earlier run; not that there was one: `submitted` tells whose streams are there. */
const NEW_LIFE: JobChange = {
  prepared: false,
  reason: "Rescheduled",
  message: "to be run again",
  exitCode: null,
  pod: null,
  node: null,
  started: null,
  output: null,
};

/** The words for an end that a signal, or another attempt, has brought about. */
function reasonOf(job: StoredJob, { decision: { status }, signal }: Step, by: string): JobChange {
  // What was decided before has its words already.
  if (status === job.status || (job.removal !== null && job.removal !== "NOT_SUBMITTED")) return {};
  if (status === "DELETED") return { reason: "Killed", message: `killed by ${by}` };
  if (status !== "DELETED_REPLICA") return {};
  const message = signal === "KILL_REPLICA" ? "killed as a replica" : "another attempt of its invocation has completed";
  return { reason: "Replica", message };
}

/** Writes the decisions down and acts on them. What is to be removed is written down first, and ends only when its Job is on its way out. */
async function carryOut(deps: Deps, decided: readonly Decided[], ends: Ends): Promise<void> {
  const { store, client } = deps;
  const plans = decided.filter(isNews).map((one) => ({ ...one, update: updateOf(deps, one) }));
  const written = store.applyUpdates(
    plans.map((plan) => (plan.step.decision.removeJob ? { job: plan.job, change: announcement(plan) } : plan.update)),
    deps.now(),
  );
  for (const { job, step: next } of plans) {
    if (next.refusal !== undefined) deps.warn(`${next.signal} of job ${job.id} is not followed: ${next.refusal}`);
  }
  // What somebody else has changed since the look is decided anew at the next one: its Job stays.
  const removals = plans.filter(({ step: next }, index) => next.decision.removeJob && written[index]);
  const removed = await Promise.allSettled(removals.map(({ job, kubeJob }) => removeJob(client, job, kubeJob)));
  for (const [index, plan] of removals.entries()) {
    if (removed[index]?.status !== "fulfilled") continue;
    const { step: next } = plan;
    // The announcement has noted the signal already.
    const job = { ...plan.job, signal: next.signal };
    // A killed job's output is told as far as it goes, a replica's is not (GaswMonitor).
    const isTold = next.decision.status === "DELETED" && job.status !== "NOT_SUBMITTED" && hasOutput(job);
    if (isTold && !ends.has(job.key)) await keepOutput(deps, job);
    store.applyUpdates([{ ...plan.update, job }], deps.now());
  }
  const failure = removed.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

/** What is over, and stays as it is, is not written again. */
function isNews({ job, step: next, change }: Decided): boolean {
  return !hasEnded(job.status) || Object.keys(change).length > 0 || next.effects.length > 0;
}

function updateOf({ config }: Deps, { job, step: next, change }: Decided): JobUpdate {
  const { effects, refusal, signal } = next;
  return {
    job,
    change,
    ...(effects.includes("resubmit") ? { resubmit: nextRequest({ ...job, ...known(next) }, config) } : {}),
    announce: effects.includes("announce"),
    ...(refusal === undefined ? {} : { remark: { reason: "SignalRefused", message: `${signal}: ${refusal}` } }),
  };
}

function known({ decision }: Step): Partial<Pick<StoredJob, "node" | "reason">> {
  const { node, reason } = decision;
  return { ...(node === undefined ? {} : { node }), ...(reason === undefined ? {} : { reason }) };
}

/** The part of a removal that is written down before it is made: what was decided, not yet the end itself. */
function announcement({ job, step: next, change }: Decided): JobChange {
  const { status } = next.decision;
  const removal = next.removal ?? (status === "DELETED" || status === "DELETED_REPLICA" ? status : "ERROR");
  const { reason = job.reason, message = job.message } = change;
  return { removal, signal: next.signal, reason, message };
}

/** Removes from the tool's folder what is left of attempts that are settled, and of which nothing runs any more. */
function tidy({ store, warn }: Deps, workflow: StoredWorkflow, seen: (job: StoredJob) => Seen): void {
  for (const leftover of leftovers(workflow.directory)) {
    const [job] = store.lookUp(leftover.attempt, false, workflow);
    if (job?.kubeName !== leftover.attempt || !job.settled || seen(job).isAlive) continue;
    try {
      removeLeftover(workflow.directory, leftover);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      warn(`${leftover.folder}/${leftover.name} of job ${job.id}, which is over, could not be removed (${code})`);
      return;
    }
  }
}

/** Submits the attempts whose turn it is. */
async function startDue(
  deps: Deps,
  workflow: StoredWorkflow,
  attempts: readonly StoredJob[],
  seen: (job: StoredJob) => Seen,
): Promise<void> {
  const now = deps.now();
  const { retryCount, pending } = deps.config;
  const invocations = byFileName(attempts);
  const started = new Set<string>();
  const due = attempts.filter((job) => {
    if (!job.due || job.status !== "NOT_SUBMITTED" || started.has(job.fileName)) return false;
    const siblings = siblingsOf(job, invocations, seen);
    const next = step({ job, dao: undefined, seen: seen(job).observation, siblings, retryCount, grace: pending, now });
    if (!next.effects.includes("start")) return false;
    started.add(job.fileName);
    return true;
  });
  if (due.length === 0) return;
  // Others wait for this synchronisation to end: volumes are not waited for in it.
  const submitter = new Submitter(deps, workflow, false);
  if (!(await areVolumesReady(deps, submitter, due.length))) return;
  const queue = due[Symbol.iterator]();
  const worker = async () => {
    for (const job of queue) await tryToStart(deps, submitter, workflow, job);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Whether attempts can be submitted now; where their volumes are not ready, they stay due. */
async function areVolumesReady(deps: Deps, submitter: Submitter, count: number): Promise<boolean> {
  try {
    await submitter.volumesReady();
    return true;
  } catch (error) {
    deps.warn(`resubmissions wait for their volumes (${count}): ${failureOf(deps, error).message}`);
    return false;
  }
}

/** What a person, or the next round, may mend. */
function failureOf(deps: Deps, error: unknown): GaswError {
  const failure = asUserError(error, deps.client);
  if (!(failure instanceof GaswError) || failure instanceof OtherCluster || failure.code === "INTERRUPTED" || deps.signal.aborted)
    throw failure;
  return failure;
}

/** What is wrong with the script or the configuration is for a person to mend; anything else may be over at the next round. */
async function tryToStart(deps: Deps, submitter: Submitter, workflow: StoredWorkflow, job: StoredJob): Promise<void> {
  try {
    await startAttempt(deps, submitter, workflow, job);
  } catch (error) {
    const failure = failureOf(deps, error);
    deps.warn(`job ${job.id} could not be submitted again: ${failure.message}; ${failure.hint}`);
    if (failure.code !== "USAGE" && failure.code !== "CONFIG") return;
    deps.store.applyUpdates([{ job, change: { ...UNSUBMITTABLE, message: failure.message } }], deps.now());
  }
}
