import { hasEnded } from "../../core/job.ts";
import type { OwnWords } from "../../core/lifecycle/decide.ts";
import {
  BLOCKED,
  blockedAttempts,
  decideRound,
  dueAttempts,
  endRemoved,
  NAMESPACE_GONE,
  type Planned,
  type RoundFacts,
} from "../../core/lifecycle/round.ts";
import { SCRIPT_CHANGED, type Step, UNSUBMITTABLE } from "../../core/lifecycle/step.ts";
import { GaswError, systemCode } from "../../errors.ts";
import { NamespaceGone } from "../../kubernetes/volumes.ts";
import type { JobChange, JobUpdate, StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { hasOutput } from "../output/own.ts";
import { isOver, statedCode, Traces } from "../output/ownWords.ts";
import { leftovers, removeLeftover } from "../output/toolFolder.ts";
import { withStreams } from "../submit/attemptFiles.ts";
import { ScriptChanged } from "../submit/scriptContent.ts";
import { nextRequest, startAttempt } from "../submit/startAttempt.ts";
import { Submitter } from "../submit/submitter.ts";
import { OtherCluster } from "../workflow/cluster.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { Tenancy } from "../workflow/owner.ts";
import { takeLateOutputs } from "./lateOutput.ts";
import { changeOf, isThere, look, removeJob, removeLingering, type Seen, tellRefusals } from "./refresh.ts";
import { parseOutputOf, storeOutput } from "./storedOutput.ts";

/** Attempts that are submitted at the same time. */
const CONCURRENCY = 8;

/** What a round is confined to. */
export interface Scope {
  /** File names of the invocations; without them, all of the workflow. */
  readonly fileNames?: ReadonlySet<string>;
  /** Whether attempts that are due are left for whoever holds the workflow. */
  readonly leaveDue?: boolean;
  /**
   * Whether nothing is decided where the workflow is taken over just now: what its owner before has made is
   * to be known first.
   */
  readonly leavesTakeover?: boolean;
  /** Who gives the signals, in words; without it, the GASW database. */
  readonly by?: string;
}

/** What a round has found out. */
interface Facts extends RoundFacts<StoredJob> {
  seen(job: StoredJob): Seen;
  /** Who gives the signals, in words. */
  readonly by: string;
}

/** What is written down about an attempt, as a change of its row. */
interface Plan extends Planned<StoredJob> {
  readonly change: JobChange;
}

/**
 * One round for a workflow: what the cluster shows, the signals that others wrote, what follows from every
 * end, and the resubmissions that are due. The caller holds the workflow, or leaves those to the one who
 * does.
 * @param signals by job id, as the GASW database shows them
 * @throws OtherCluster; NotOwner; GaswError CLUSTER; what fails for one job alone is warned about
 */
export async function reconcile(
  deps: Deps,
  workflow: StoredWorkflow,
  signals: ReadonlyMap<string, string>,
  scope: Scope = {},
): Promise<void> {
  await takeLateOutputs(deps, workflow);
  const { fileNames, leaveDue = false, by = "a signal in the GASW database" } = scope;
  const isMeant = ({ fileName }: StoredJob) => fileNames?.has(fileName) ?? true;
  const attempts = deps.store.openInvocations(workflow, [...signals.keys()]).filter(isMeant);
  if (attempts.length === 0) return;
  const tenancy = new Tenancy(deps, workflow);
  const isKnown = !deps.store.isToAdopt(workflow);
  const seen = await look(deps, workflow, attempts);
  // Somebody else's kill or clean-up may be why a Job is gone: what was known a moment ago does not count
  // then.
  const trusts = !attempts.some((job) => isSubmitted(job) && seen(job).observation.phase === "missing");
  const ownership = await tenancy.taken({ makes: attempts.some(isGoingOn), trusts });
  if (scope.leavesTakeover === true && isKnown && deps.store.isToAdopt(workflow)) return;
  if (ownership === "followed") return await reconcile(deps, workflow, signals, scope);
  const ends = await readEnds(deps, workflow, attempts, seen);
  const facts: Facts = {
    rules: deps.config,
    now: deps.now(),
    by,
    seen,
    signal: ({ id }) => signals.get(id),
    own: ({ key }) => ends.get(key),
  };
  const plans = plansOf(decideRound(attempts, facts), facts);
  const failure = await carryOut(deps, workflow, plans, facts);
  // The tool's folder is read only when a job has left something there for good.
  if (plans.some(({ change }) => change.settled === true)) tidy(deps, workflow, seen);
  if (!leaveDue) await startDue(deps, workflow, deps.store.openInvocations(workflow).filter(isMeant), facts);
  if (failure !== undefined) throw failure;
}

/** Whether there is more to be done for a job than to see to its end. */
function isGoingOn({ status, removal }: StoredJob): boolean {
  return !hasEnded(status) && removal === null;
}

function isSubmitted({ status }: StoredJob): boolean {
  return status === "QUEUED" || status === "RUNNING";
}

/** What jobs have left of their ends, by the keys of those whose output was read. */
type Ends = ReadonlyMap<number, OwnWords>;

/** Reads what every attempt has left whose end is to be seen to now, one after the other. */
async function readEnds(
  deps: Deps,
  workflow: StoredWorkflow,
  attempts: readonly StoredJob[],
  seen: (job: StoredJob) => Seen,
): Promise<Ends> {
  const traces = new Traces(deps, workflow);
  const ends = new Map<number, OwnWords>();
  for (const job of attempts) {
    const { observation } = seen(job);
    if (job.settled || !isOver(job, observation)) continue;
    const written = withStreams(deps, workflow, job, (one) => isThere(seen(one)));
    const read = () =>
      written.superseded === undefined ? keepOutput(deps, job) : statedCode(written, deps.signal);
    ends.set(job.key, await traces.of({ known: job, job: written, seen: observation }, read, deps));
  }
  return ends;
}

/** Reads a job's output and keeps what it tells: in the state, since many outputs may tell much. */
async function keepOutput(deps: Deps, job: StoredJob): Promise<number | undefined> {
  const output = await parseOutputOf(deps, job);
  deps.store.changeJob(job, { output: storeOutput(output) });
  return output.exitCode;
}

function plansOf(planned: readonly Planned<StoredJob>[], facts: Facts): Plan[] {
  return planned.map((one) => ({ ...one, change: stepChange(one, facts) })).filter(isNews);
}

/** What a step changes in a job's row. */
function stepChange({ job, step: next }: Planned<StoredJob>, { seen, now, by }: Facts): JobChange {
  const isRerun = next.decision.status === "NOT_SUBMITTED" && job.status !== "NOT_SUBMITTED";
  const { settled, due, removal, signal } = next;
  const wanted: JobChange = {
    ...changeOf(job, next.decision, seen(job), now),
    settled,
    due,
    removal,
    signal,
    ...(signal === "REPLICATE" && next.effects.includes("resubmit") && !hasEnded(next.decision.status)
      ? { replicating: true }
      : {}),
    ...(isRerun ? NEW_LIFE : {}),
    ...reasonOf(job, next, by),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => job[key as keyof StoredJob] !== value),
  );
}

/**
 * What an attempt that runs again forgets of its earlier run; not that there was one: `submitted` tells whose
 * streams are there.
 */
const NEW_LIFE: JobChange = {
  prepared: false,
  reason: "Rescheduled",
  message: "to be run again",
  exitCode: null,
  pod: null,
  node: null,
  started: null,
  output: null,
  outputLate: false,
  lingers: false,
  lastPod: null,
};

/** The words for an end that a signal, or another attempt, brings about, when that is decided. */
function reasonOf(job: StoredJob, { decision, removal, signal }: Step, by: string): JobChange {
  const end = removal ?? decision.status;
  // What was decided before has its words already.
  if (end === job.status || end === job.removal) return {};
  if (end === "DELETED") return { reason: "Killed", message: `killed by ${by}` };
  if (end !== "DELETED_REPLICA") return {};
  const message =
    signal === "KILL_REPLICA" ? "killed as a replica" : "another attempt of its invocation has completed";
  return { reason: "Replica", message };
}

/**
 * Writes the decisions down, then acts on them. All that a signal comes to is written down with the signal,
 * before its Job is removed; an attempt ends only when its Job is on its way out.
 * @returns why a Job could not be removed, where one could not: that is tried again at the next round
 */
async function carryOut(
  deps: Deps,
  workflow: StoredWorkflow,
  plans: readonly Plan[],
  facts: Facts,
): Promise<unknown> {
  const written = deps.store.applyUpdates(
    plans.map((plan) => updateOf(deps, plan)),
    deps.now(),
  );
  // What somebody else has changed since the look is decided anew at the next one: its Job stays.
  const current = plans.filter((_, index) => written[index]);
  tellRefusals(deps, current);
  for (const { job, step: next } of current) {
    if (next.decision.warning !== undefined) deps.warn(`job ${job.id}: ${next.decision.warning}`);
    if (next.refusal !== undefined)
      deps.warn(`${next.signal} of job ${job.id} is not followed: ${next.refusal}`);
  }
  const kills = current.filter(isKill).map(({ job }) => job.id);
  const revived = current.filter(isRevival).map(({ job }) => job.id);
  if (kills.length + revived.length > 0) await new Tenancy(deps, workflow).noteKills(kills, revived);
  const removals = current.filter(({ step: next }) => next.decision.removeJob).map(({ job }) => job);
  const outcomes = await Promise.allSettled(
    removals.map((job) => removeJob(deps.client, job, facts.seen(job).kubeJob)),
  );
  const removed = removals.filter((_, index) => outcomes[index]?.status === "fulfilled");
  if (removed.length > 0) await endJobs(deps, workflow, new Set(removed.map(({ key }) => key)), facts);
  const lingering = current.filter(
    ({ step: next }) => next.decision.lingers === true && hasEnded(next.decision.status),
  );
  await removeLingering(
    deps,
    lingering.map(({ job, step: next }) => ({ job, decision: next.decision, seen: facts.seen(job) })),
  );
  return outcomes.find((outcome) => outcome.status === "rejected")?.reason;
}

/** Whether a job is given up that another state file may know, and would run again. */
function isKill({ job, step: { decision, removal } }: Plan): boolean {
  return job.status !== "DELETED" && (removal === "DELETED" || decision.status === "DELETED");
}

/** Whether a job that was given up is to run again. */
function isRevival({ job, step: { decision, signal } }: Plan): boolean {
  return (
    (job.status === "DELETED" || job.removal === "DELETED") &&
    decision.status === "NOT_SUBMITTED" &&
    signal === "RESCHEDULE"
  );
}

/** Sees to the ends of the attempts whose Jobs were removed. */
async function endJobs(
  deps: Deps,
  workflow: StoredWorkflow,
  removed: ReadonlySet<number>,
  facts: Facts,
): Promise<void> {
  const attempts = deps.store.openInvocations(workflow);
  const isRemoved = ({ key }: StoredJob) => removed.has(key);
  for (const job of attempts.filter(isRemoved)) {
    // A killed job's output is told as far as it goes, a replica's is not (GaswMonitor).
    const isTold =
      job.removal === "DELETED" &&
      job.status !== "NOT_SUBMITTED" &&
      withStreams(deps, workflow, job, (one) => isThere(facts.seen(one))).superseded === undefined;
    if (isTold && hasOutput(job)) await keepOutput(deps, job);
  }
  const plans = plansOf(endRemoved(attempts, facts, isRemoved), facts);
  deps.store.applyUpdates(
    plans.map((plan) => updateOf(deps, plan)),
    deps.now(),
  );
}

/** What is over, and stays as it is, is not written again. */
function isNews({ job, step: next, change }: Plan): boolean {
  return (
    !hasEnded(job.status) ||
    next.decision.lingers === true ||
    Object.keys(change).length > 0 ||
    next.effects.length > 0
  );
}

function updateOf({ config }: Deps, { job, step: next, change }: Plan): JobUpdate {
  const { effects, refusal, signal } = next;
  return {
    job,
    change,
    ...(effects.includes("resubmit") ? { resubmit: nextRequest({ ...job, ...known(next) }, config) } : {}),
    announce: effects.includes("announce"),
    ...(refusal === undefined
      ? {}
      : { remark: { reason: "SignalRefused", message: `${signal}: ${refusal}` } }),
  };
}

function known({ decision }: Step): Partial<Pick<StoredJob, "node" | "reason">> {
  const { node, reason } = decision;
  return { ...(node === undefined ? {} : { node }), ...(reason === undefined ? {} : { reason }) };
}

/**
 * Removes from the tool's folder what is left of attempts that are settled, and of which nothing runs any
 * more.
 */
function tidy({ store, warn }: Deps, workflow: StoredWorkflow, seen: (job: StoredJob) => Seen): void {
  const failures: string[] = [];
  for (const leftover of leftovers(workflow.directory)) {
    const [job] = store.lookUp(leftover.attempt, false, workflow);
    if (job?.kubeName !== leftover.attempt || !job.settled || seen(job).isAlive) continue;
    try {
      removeLeftover(workflow.directory, leftover, job.fileName);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      failures.push(`${leftover.folder}/${leftover.name} of job ${job.id} (${code})`);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return;
  warn(
    `what is left of jobs that are over could not be removed: ${first}${others.length === 0 ? "" : ` and ${others.length} more`}`,
  );
}

/** Submits the attempts whose turn it is, and says what keeps the others waiting. */
async function startDue(
  deps: Deps,
  workflow: StoredWorkflow,
  attempts: readonly StoredJob[],
  facts: Facts,
): Promise<void> {
  const due = dueAttempts(attempts, facts);
  tellBlocked(deps, attempts, facts);
  if (due.length === 0) return;
  // Others wait for this synchronisation to end: volumes are not waited for in it.
  const submitter = new Submitter(deps, workflow, false);
  if (!(await areVolumesReady(deps, submitter, workflow, due))) return;
  const queue = due[Symbol.iterator]();
  const worker = async () => {
    for (const job of queue) await tryToStart(deps, submitter, workflow, job);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Writes down what attempts wait for that are due, and whose turn it is not. */
function tellBlocked({ store, now }: Deps, attempts: readonly StoredJob[], facts: Facts): void {
  const blocked = blockedAttempts(attempts, facts);
  const updates = attempts.flatMap((job): JobUpdate[] => {
    const message = blocked.get(job);
    if (message !== undefined)
      return message === job.message ? [] : [{ job, change: { reason: BLOCKED, message } }];
    return job.reason === BLOCKED && job.due ? [{ job, change: { reason: null, message: null } }] : [];
  });
  if (updates.length > 0) store.applyUpdates(updates, now());
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
    const wait = `resubmissions of workflow ${id} wait for their ${isGone ? "namespace" : "volumes"} (${due.length}): ${message}`;
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
  if (updates.length > 0) store.applyUpdates(updates, now());
}

/** What a person, or the next round, may mend. */
function failureOf(deps: Deps, error: unknown): GaswError {
  const isNobodys = error instanceof OtherCluster || error instanceof NotOwner;
  if (!(error instanceof GaswError) || isNobodys || error.code === "INTERRUPTED" || deps.signal.aborted)
    throw error;
  return error;
}

/**
 * What is wrong with the script or the configuration is for a person to mend; anything else may be over at
 * the next round.
 */
async function tryToStart(
  deps: Deps,
  submitter: Submitter,
  workflow: StoredWorkflow,
  job: StoredJob,
): Promise<void> {
  try {
    await startAttempt(deps, submitter, workflow, job);
  } catch (error) {
    const failure = failureOf(deps, error);
    deps.warn(`job ${job.id} could not be submitted again: ${failure.message}; ${failure.hint}`);
    const isChanged = failure instanceof ScriptChanged;
    if (!isChanged && failure.code !== "USAGE" && failure.code !== "CONFIG") return;
    const end = isChanged ? SCRIPT_CHANGED : UNSUBMITTABLE;
    deps.store.applyUpdates([{ job, change: { ...end, message: failure.message } }], deps.now());
  }
}
