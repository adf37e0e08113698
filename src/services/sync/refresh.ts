import { lastFacts } from "../../core/inventory/lastFacts.ts";
import { hasEnded } from "../../core/job.ts";
import { type Decision, decide, type OwnWords } from "../../core/lifecycle/decide.ts";
import { jobIdOf, mayStillRun, type Observation, observe, podsByJob } from "../../core/lifecycle/observe.ts";
import { readRefusal } from "../../core/lifecycle/refusal.ts";
import { mainOf } from "../../core/manifests/mainContainer.ts";
import { KEYS, workflowHash } from "../../core/names.ts";
import { type CoreV1Event, isoTime, type V1Job, type V1Pod } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { listJobs } from "../../kubernetes/jobs.ts";
import { listEvents, listPods, remove } from "../../kubernetes/objects.ts";
import { jobsPath, podsPath } from "../../kubernetes/paths.ts";
import type { JobChange, StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { isOver, statedCode, Traces } from "../output/ownWords.ts";
import { withStreams } from "../submit/attemptFiles.ts";
import { confirmCluster } from "../workflow/cluster.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { Tenancy } from "../workflow/owner.ts";
import { takeLateOutputs } from "./lateOutput.ts";

/** Seconds after which an unexplained wait is looked up in the events. */
const EXPLAIN_AFTER_S = 5;

/**
 * Brings a workflow's jobs up to date with the cluster: one query for its Jobs and one for its pods, however
 * many there are. A read that fails changes nothing.
 * @throws GaswError CLUSTER
 */
export async function refresh(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const { store, now, config } = deps;
  await takeLateOutputs(deps, workflow);
  // Read before the cluster is asked: a job that is known as submitted now must show up in the answer, unless
  // it is gone.
  const jobs = [...store.activeJobs(workflow), ...store.lingeringJobs(workflow)];
  if (jobs.length === 0) return;
  const seen = await look(deps, workflow, jobs);
  const own = new Map<number, OwnWords>();
  const traces = new Traces(deps, workflow);
  for (const job of jobs) {
    const { observation } = seen(job);
    if (hasEnded(job.status) || !isOver(job, observation)) continue;
    const written = withStreams(deps, workflow, job, (one) => isThere(seen(one)));
    own.set(
      job.key,
      await traces.of(
        { known: job, job: written, seen: observation },
        () => statedCode(written, deps.signal),
        deps,
      ),
    );
  }
  const time = now();
  const all = jobs.map((job) => {
    const { observation, kubeJob } = seen(job);
    const decision = decide(job, observation, own.get(job.key) ?? {}, time, config);
    if (decision.warning !== undefined) deps.warn(`job ${job.id}: ${decision.warning}`);
    return { job, kubeJob, decision, change: changeOf(job, decision, seen(job), time) };
  });
  tellRefusals(deps, all);
  const removes =
    all.some(({ decision }) => decision.removeJob || decision.lingers === true) &&
    (await mayRemove(deps, workflow));
  const decisions = all.filter(({ decision }) => removes || !decision.removeJob);
  // What is to be removed is written down first, and ends only when its Job is on its way out: an ended job
  // is never looked at again.
  const written = store.applyUpdates(
    decisions.map(({ job, decision, change }) => ({
      job,
      change: decision.removeJob ? announcement(job, change) : change,
    })),
    time,
  );
  // What can't be written down must not be done.
  if (store.isCopy) return;
  const removals = decisions.filter(({ decision }, index) => decision.removeJob && written[index]);
  const removed = await Promise.allSettled(removals.map((one) => removeThenEnd(deps, one)));
  const lingering = decisions.filter(
    ({ decision }, index) => removes && decision.lingers === true && written[index],
  );
  await removeLingering(
    deps,
    lingering.map(({ job, decision }) => ({ job, decision, seen: seen(job) })),
  );
  const failure = removed.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

/**
 * Whether Jobs may be removed by this state file, now; whoever else serves the workflow sees to them itself.
 */
async function mayRemove(deps: Deps, workflow: StoredWorkflow): Promise<boolean> {
  try {
    return (await new Tenancy(deps, workflow).taken()) !== "followed";
  } catch (error) {
    if (error instanceof NotOwner) return false;
    throw error;
  }
}

/** The part of a change that says what will be done, without the end itself. */
function announcement({ removal }: StoredJob, { status: _, ...rest }: JobChange): JobChange {
  // What was decided before stands; what is decided here is that its time is over.
  return { ...rest, removal: removal ?? "ERROR" };
}

async function removeThenEnd(
  { client, store }: Deps,
  { job, kubeJob, change }: { job: StoredJob; kubeJob: V1Job | undefined; change: JobChange },
): Promise<void> {
  await removeJob(client, job, kubeJob);
  store.changeJob(job, change);
}

/** Has the very Job that was seen removed, with its pod. */
export async function removeJob(
  client: KubernetesClient,
  job: StoredJob,
  kubeJob: V1Job | undefined,
): Promise<void> {
  if (kubeJob !== undefined)
    await remove(client, jobsPath(job.namespace, job.kubeName), kubeJob.metadata?.uid);
}

/** An attempt whose end is written down, and whose pod others keep alive. */
interface Lingering {
  readonly job: StoredJob;
  readonly decision: Decision;
  readonly seen: Seen;
}

/**
 * Removes the Jobs of attempts that have ended, and whose pods others keep alive: they take up room and
 * quota, and their scripts might be started again. What can't be removed now is tried again at the next look.
 */
export async function removeLingering(
  { client, store, warn }: Deps,
  lingering: readonly Lingering[],
): Promise<void> {
  await Promise.all(
    lingering.map(async ({ job, decision, seen: { kubeJob, pod } }) => {
      try {
        // The values of its environment stand in its Job alone: without its pod that ends, and its time to
        // live removes it.
        if (isNeeded(job, decision) && pod !== undefined)
          await remove(client, podsPath(job.namespace, pod.metadata?.name ?? ""), pod.metadata?.uid);
        else await removeJob(client, job, kubeJob);
        store.changeJob({ key: job.key, status: decision.status }, { lingers: false });
      } catch (error) {
        if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
        warn(
          `job ${job.id} has ended, and other containers keep its pod alive, but its Job could not be removed: ${error.message}`,
        );
      }
    }),
  );
}

/** Whether an attempt's Job may be asked for what the next attempt is to be made from. */
function isNeeded({ request }: StoredJob, { status }: Decision): boolean {
  const isFinal = status === "COMPLETED" || status === "DELETED" || status === "DELETED_REPLICA";
  return !isFinal && (request.envNames ?? []).length > 0;
}

/** Says at once that jobs can't begin as they are, when that shows first: nothing mends it but a person. */
export function tellRefusals(
  { warn }: Pick<Deps, "warn">,
  decisions: readonly { job: StoredJob; change: JobChange }[],
): void {
  const [first, ...others] = decisions.filter(({ change }) => change.reason === REFUSED);
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const { id } = first.job;
  warn(
    `job ${id}${more} can't begin as it is: ${first.change.message}; \`gasw-k8s debug why ${id}\` tells the way out`,
  );
}

/** What the cluster shows of a job. */
export interface Seen {
  readonly observation: Observation;
  readonly kubeJob: V1Job | undefined;
  readonly pod: V1Pod | undefined;
  /** Whether its pod may still run something. */
  readonly isAlive: boolean;
}

/**
 * Reads the cluster once, for explanations too of jobs that wait, and answers what it shows of each job.
 * @throws OtherCluster; GaswError CLUSTER
 */
export async function look(
  deps: Deps,
  workflow: StoredWorkflow,
  active: readonly StoredJob[],
): Promise<(job: StoredJob) => Seen> {
  const { client, now } = deps;
  const since = performance.now();
  const hash = workflowHash(workflow.namespace, workflow.id);
  const [jobs, pods] = await Promise.all([
    listJobs(client, workflow.namespace, hash),
    listPods(client, workflow.namespace, hash),
  ]);
  await confirmCluster(deps, workflow, { since, objects: jobs });
  const jobsByName = new Map(jobs.map((job) => [job.metadata?.name ?? "", job]));
  const podByJob = podsByJob(pods);
  const observations = new Map(
    active.map((job) => [job.key, observe(jobsByName.get(job.kubeName), podByJob.get(job.kubeName))]),
  );
  const unexplained = active.filter((job) => isUnexplained(observations.get(job.key)));
  if (unexplained.length > 0) {
    const isOld = unexplained.some((job) => isAged(job, now()));
    // A pod that will never be made is told of from the first look; anything else may be over in a moment.
    const listed = isOld || unexplained.some((job) => podByJob.get(job.kubeName) === undefined);
    const events = listed
      ? await listEvents(client, workflow.namespace, isOld ? "waits" : { reason: "FailedCreate" })
      : [];
    for (const job of unexplained) {
      const seen = observations.get(job.key) as Observation;
      const object = podByJob.get(job.kubeName) ?? jobsByName.get(job.kubeName);
      const event = events.findLast(
        (one) => isAbout(one, object) && (isAged(job, now()) || one.reason === "FailedCreate"),
      );
      if (event !== undefined) observations.set(job.key, explained(seen, event));
    }
  }
  return (job) => {
    const kubeJob = jobsByName.get(job.kubeName);
    const pod = podByJob.get(job.kubeName);
    const observation = observations.get(job.key) ?? observe(kubeJob, pod);
    return { observation, kubeJob, pod, isAlive: pod !== undefined && mayStillRun(pod, observation) };
  };
}

/** Whether the cluster has something of an attempt. */
export function isThere({ observation }: Seen): boolean {
  return observation.phase !== "missing";
}

function isUnexplained(seen: Observation | undefined): boolean {
  return seen?.phase === "waiting" && (seen.reason === "NoPod" || seen.reason === "ContainerCreating");
}

function isAged({ submitted }: StoredJob, now: Date): boolean {
  return submitted !== null && now.getTime() - Date.parse(submitted) > EXPLAIN_AFTER_S * 1000;
}

/** Whether an event is about this very object: one of the same name may have been there before. */
function isAbout({ involvedObject }: CoreV1Event, object: V1Job | V1Pod | undefined): boolean {
  if (object === undefined || involvedObject.name !== object.metadata?.name) return false;
  return (
    involvedObject.uid === undefined ||
    object.metadata?.uid === undefined ||
    involvedObject.uid === object.metadata.uid
  );
}

/** Events that are over once a container is being prepared. */
const PAST: ReadonlySet<string> = new Set(["FailedScheduling", "Pulled"]);

/** The same wait with the words of the event that explains it. */
function explained(seen: Observation, event: CoreV1Event): Observation {
  if (seen.phase !== "waiting" || PAST.has(event.reason ?? "")) return seen;
  const message = event.message ?? seen.message;
  const reason =
    event.reason === REFUSED ? REFUSAL_REASONS[readRefusal(message).kind] : (event.reason ?? seen.reason);
  return { ...seen, reason, message };
}

/** A pod that is not made, as an event and as the reason of a wait that nothing mends. */
const REFUSED = "FailedCreate";

const REFUSAL_REASONS = { "used-up": "QuotaExceeded", passing: "NoPod", standing: REFUSED } as const;

/** What a decision changes in a job's row. */
export function changeOf(
  job: StoredJob,
  decision: Decision,
  { kubeJob, pod: kubePod }: Pick<Seen, "kubeJob" | "pod">,
  now: Date,
): JobChange {
  const lingers = decision.lingers ?? false;
  const { status, reason, message, exitCode, pod, node, startedAt, finishedAt, pendingFamily, pendingSince } =
    decision;
  const uid = kubeJob?.metadata?.uid;
  const wanted: JobChange = {
    status,
    ...(uid === undefined
      ? {}
      : { kubeUid: uid, wrapper: Number(kubeJob?.metadata?.annotations?.[KEYS.wrapper] ?? 0) }),
    pendingFamily,
    pendingSince,
    lingers,
    ...(lingers && !job.lingers && kubePod !== undefined
      ? { lastPod: JSON.stringify(lastFacts(kubePod)) }
      : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(decision.outputLate === true ? { outputLate: true } : {}),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { started: startedAt }),
    ...(hasEnded(status) && finishedAt !== undefined ? { ended: finishedAt } : {}),
    ...(job.status === "NOT_SUBMITTED" && (kubeJob ?? pod) !== undefined && status !== "NOT_SUBMITTED"
      ? acceptedAs(job, kubeJob, now)
      : {}),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => job[key as keyof StoredJob] !== value),
  );
}

/** A submission that was cut off after its Job was made: what was accepted stands in the Job. */
function acceptedAs(job: StoredJob, kubeJob: V1Job | undefined, now: Date): JobChange {
  const contentHash = kubeJob?.metadata?.annotations?.[KEYS.content];
  const image = mainOf(kubeJob?.spec?.template.spec ?? undefined)?.image;
  return {
    submitted: job.submitted ?? now.toISOString(),
    due: false,
    ...(contentHash === undefined ? {} : { contentHash }),
    // Of another submission's script no more than the hash is known.
    ...(contentHash === undefined || contentHash === job.contentHash ? {} : { script: null }),
    ...(image === undefined ? {} : { image }),
  };
}

/** What the cluster's own labels tell of a workflow that this host's state does not know: read-only. */
export interface ForeignJob {
  readonly id: string;
  /** The script's base name. */
  readonly fileName: string;
  readonly kubeName: string;
  /** Directory of the workflow that it was submitted in. */
  readonly directory: string | undefined;
  /** RFC 3339. */
  readonly created: string | undefined;
  readonly decision: Decision;
}

/** The jobs of a workflow as the cluster shows them, for a host that did not submit them. */
export async function observeForeign(
  { client, now, config }: Deps,
  namespace: string,
  workflowId: string,
): Promise<ForeignJob[]> {
  const hash = workflowHash(namespace, workflowId);
  const [jobs, pods] = await Promise.all([
    listJobs(client, namespace, hash),
    listPods(client, namespace, hash),
  ]);
  const podByJob = podsByJob(pods);
  const known = { status: "QUEUED", pendingFamily: null, pendingSince: null } as const;
  return jobs.map((job: V1Job) => {
    const kubeName = job.metadata?.name ?? "";
    const decision = decide(known, observe(job, podByJob.get(kubeName)), {}, now(), config);
    const id = jobIdOf(job) ?? kubeName;
    const { [KEYS.fileName]: fileName = id, [KEYS.directory]: directory } = job.metadata?.annotations ?? {};
    return {
      id,
      fileName,
      kubeName,
      directory,
      created: isoTime(job.metadata?.creationTimestamp),
      decision,
    };
  });
}
