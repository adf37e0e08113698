import type { CoreV1Event, V1Job } from "@kubernetes/client-node";
import { hasEnded } from "../core/job.ts";
import { KEYS, workflowHash } from "../core/names.ts";
import { jobIdOf, type Observation, observe, podsByJob, timeText } from "../core/observe.ts";
import { type Decision, decide, type OwnWords } from "../core/observed.ts";
import { asUserError, type KubernetesClient } from "../kubernetes/client.ts";
import { jobPath, listJobs } from "../kubernetes/jobs.ts";
import { listEvents, listPods, remove } from "../kubernetes/objects.ts";
import type { JobChange, StoredJob, StoredWorkflow } from "../store/records.ts";
import { confirmCluster } from "./cluster.ts";
import type { Deps } from "./deps.ts";
import { isOver, statedCode, Traces } from "./ownWords.ts";

/** Seconds after which an unexplained wait is looked up in the events. */
const EXPLAIN_AFTER_S = 5;

/**
 * Brings a workflow's jobs up to date with the cluster: one query for its Jobs and one for its pods, however many there are.
 * A read that fails changes nothing.
 * @throws GaswError CLUSTER
 */
export async function refresh(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const { client, store, now, config } = deps;
  // Read before the cluster is asked: a job that is known as submitted now must show up in the answer, unless it is gone.
  const active = store.activeJobs(workflow);
  if (active.length === 0) return;
  try {
    const seen = await look(deps, workflow, active);
    const own = new Map<number, OwnWords>();
    const traces = new Traces(deps, workflow);
    for (const job of active) {
      const { observation } = seen(job);
      if (isOver(job, observation)) own.set(job.key, await traces.of(job, observation, await statedCode(job, deps.signal)));
    }
    const time = now();
    const decisions = active.map((job) => {
      const { observation, kubeJob } = seen(job);
      const decision = decide(job, observation, own.get(job.key) ?? {}, time, config.pending);
      if (decision.warning !== undefined) deps.warn(`job ${job.id}: ${decision.warning}`);
      return { job, kubeJob, decision, change: changeOf(job, decision, kubeJob, time) };
    });
    // What is to be removed is written down first, and ends only when its Job is on its way out: an ended job is never looked at again.
    const written = store.applyUpdates(
      decisions.map(({ job, decision, change }) => ({ job, change: decision.removeJob ? announcement(job, change) : change })),
      time,
    );
    // What can't be written down must not be done.
    if (store.isCopy) return;
    const removals = decisions.filter(({ decision }, index) => decision.removeJob && written[index]);
    const removed = await Promise.allSettled(removals.map((one) => removeThenEnd(deps, one)));
    const failure = removed.find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  } catch (error) {
    throw asUserError(error, client);
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
export async function removeJob(client: KubernetesClient, job: StoredJob, kubeJob: V1Job | undefined): Promise<void> {
  if (kubeJob !== undefined) await remove(client, jobPath(job.namespace, job.kubeName), kubeJob.metadata?.uid);
}

/** What the cluster shows of a job. */
export interface Seen {
  readonly observation: Observation;
  readonly kubeJob: V1Job | undefined;
  /** Whether its pod may still run something. */
  readonly isAlive: boolean;
}

/**
 * Reads the cluster once, for explanations too of jobs that wait, and answers what it shows of each job.
 * @throws OtherCluster; GaswError CLUSTER; ApiError
 */
export async function look(deps: Deps, workflow: StoredWorkflow, active: readonly StoredJob[]): Promise<(job: StoredJob) => Seen> {
  const { client, now } = deps;
  const since = performance.now();
  const hash = workflowHash(workflow.namespace, workflow.id);
  const [jobs, pods] = await Promise.all([listJobs(client, workflow.namespace, hash), listPods(client, workflow.namespace, hash)]);
  await confirmCluster(deps, workflow, { since, objects: jobs });
  const jobsByName = new Map(jobs.map((job) => [job.metadata?.name ?? "", job]));
  const podByJob = podsByJob(pods);
  const observations = new Map(active.map((job) => [job.key, observe(jobsByName.get(job.kubeName), podByJob.get(job.kubeName))]));
  const unexplained = active.filter((job) => isUnexplained(job, observations.get(job.key), now()));
  if (unexplained.length > 0) {
    const events = newestByObject(await listEvents(client, workflow.namespace, "waits"));
    for (const job of unexplained) {
      const event = events.get(podByJob.get(job.kubeName)?.metadata?.name ?? job.kubeName);
      if (event !== undefined) observations.set(job.key, explained(observations.get(job.key) as Observation, event));
    }
  }
  return (job) => {
    const kubeJob = jobsByName.get(job.kubeName);
    const pod = podByJob.get(job.kubeName);
    const observation = observations.get(job.key) ?? observe(kubeJob, pod);
    const isAlive = pod !== undefined && (observation.phase === "waiting" || observation.phase === "running");
    return { observation, kubeJob, isAlive };
  };
}

function isUnexplained(job: StoredJob, seen: Observation | undefined, now: Date): boolean {
  if (seen?.phase !== "waiting" || (seen.reason !== "NoPod" && seen.reason !== "ContainerCreating")) return false;
  return job.submitted !== null && now.getTime() - Date.parse(job.submitted) > EXPLAIN_AFTER_S * 1000;
}

function newestByObject(events: readonly CoreV1Event[]): Map<string, CoreV1Event> {
  return new Map(events.map((event) => [event.involvedObject.name ?? "", event]));
}

/** Events that are over once a container is being prepared. */
const PAST: ReadonlySet<string> = new Set(["FailedScheduling", "Pulled"]);

/** The same wait with the words of the event that explains it. */
function explained(seen: Observation, event: CoreV1Event): Observation {
  if (seen.phase !== "waiting" || PAST.has(event.reason ?? "")) return seen;
  const quota = event.reason === "FailedCreate" && (event.message ?? "").includes("exceeded quota");
  return { ...seen, reason: quota ? "QuotaExceeded" : (event.reason ?? seen.reason), message: event.message ?? seen.message };
}

/** What a decision changes in a job's row. */
export function changeOf(job: StoredJob, decision: Decision, kubeJob: V1Job | undefined, now: Date): JobChange {
  const { status, reason, message, exitCode, pod, node, startedAt, finishedAt, pendingFamily, pendingSince } = decision;
  const uid = kubeJob?.metadata?.uid;
  const wanted: JobChange = {
    status,
    ...(uid === undefined ? {} : { kubeUid: uid, wrapper: Number(kubeJob?.metadata?.annotations?.[KEYS.wrapper] ?? 0) }),
    pendingFamily,
    pendingSince,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { started: startedAt }),
    ...(hasEnded(status) && finishedAt !== undefined ? { ended: finishedAt } : {}),
    ...(job.status === "NOT_SUBMITTED" && (kubeJob ?? pod) !== undefined && status !== "NOT_SUBMITTED"
      ? acceptedAs(job, kubeJob, now)
      : {}),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => job[key as keyof StoredJob] !== value));
}

/** A submission that was cut off after its Job was made: what was accepted stands in the Job. */
function acceptedAs(job: StoredJob, kubeJob: V1Job | undefined, now: Date): JobChange {
  const contentHash = kubeJob?.metadata?.annotations?.[KEYS.content];
  const image = kubeJob?.spec?.template.spec?.containers[0]?.image;
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
export async function observeForeign({ client, now, config }: Deps, namespace: string, workflowId: string): Promise<ForeignJob[]> {
  const hash = workflowHash(namespace, workflowId);
  try {
    const [jobs, pods] = await Promise.all([listJobs(client, namespace, hash), listPods(client, namespace, hash)]);
    const podByJob = podsByJob(pods);
    const known = { status: "QUEUED", pendingFamily: null, pendingSince: null } as const;
    return jobs.map((job: V1Job) => {
      const kubeName = job.metadata?.name ?? "";
      const decision = decide(known, observe(job, podByJob.get(kubeName)), {}, now(), config.pending);
      const id = jobIdOf(job) ?? kubeName;
      const { [KEYS.fileName]: fileName = id, [KEYS.directory]: directory } = job.metadata?.annotations ?? {};
      return { id, fileName, kubeName, directory, created: timeText(job.metadata?.creationTimestamp), decision };
    });
  } catch (error) {
    throw asUserError(error, client);
  }
}
