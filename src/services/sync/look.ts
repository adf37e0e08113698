import type { Objects } from "../../core/lifecycle/change.ts";
import { mayStillRun, type Observation, observe, podsByJob } from "../../core/lifecycle/observe.ts";
import { readRefusal } from "../../core/lifecycle/refusal.ts";
import type { Shown } from "../../core/lifecycle/turns.ts";
import { workflowHash } from "../../core/names.ts";
import type { CoreV1Event, V1Job, V1Pod } from "../../core/wire.ts";
import { listJobs } from "../../kubernetes/jobs.ts";
import { listEvents, listPods } from "../../kubernetes/objects.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { confirmCluster } from "../workflow/cluster.ts";

/** Seconds after which an unexplained wait is looked up in the events. */
const EXPLAIN_AFTER_S = 5;

/** What the cluster shows of a job. */
export type Seen = Shown & Objects;

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
    // A pod that is refused is reported at the first look; any other wait may end in a moment.
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
export const REFUSED = "FailedCreate";

const REFUSAL_REASONS = { "used-up": "QuotaExceeded", passing: "NoPod", standing: REFUSED } as const;
