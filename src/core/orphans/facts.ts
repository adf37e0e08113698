import path from "node:path";
import { conditionOf, jobNameOf, observe, podsByJob } from "../lifecycle/observe.ts";
import { hasRecordedSource, isOurs } from "../manifests/volumes.ts";
import { KEYS, workflowVolumeNames } from "../names.ts";
import { readLease, type Tenure } from "../owner.ts";
import type { KubernetesObject, V1Job, V1Pod } from "../wire.ts";
import { isNamedRight, objectsOf, type WorkflowObjects } from "./group.ts";

/** How many jobs of a workflow the cluster shows in each phase. */
export interface JobCounts {
  readonly running: number;
  readonly waiting: number;
  readonly completed: number;
  readonly failed: number;
}

/** What the cluster shows of a workflow, as far as it tells whether it is alive. */
export interface Facts {
  /** What does not fit together, in words: it cannot be told whose objects these are. */
  readonly mismatch: string | undefined;
  /** Who serves it, as its Lease tells. */
  readonly engine: Tenure | undefined;
  readonly jobs: JobCounts;
  /** The workflow directory that its objects name. */
  readonly directory: string | undefined;
  /** Phase of its claim, and of its volume; undefined where there is none. */
  readonly claim: string | undefined;
  readonly volume: string | undefined;
  /** Seconds since anything last showed that somebody or something is at work; undefined where nothing tells. */
  readonly quiet: number | undefined;
}

/** @param now by the API server's clock */
export function factsOf(workflow: WorkflowObjects, now: Date): Facts {
  const [lease] = workflow.leases;
  const engine = lease === undefined ? undefined : readLease(lease, now);
  const [claim] = workflow.claims;
  const [volume] = workflow.volumes;
  return {
    mismatch: mismatchOf(workflow),
    engine,
    jobs: countJobs(workflow),
    directory: directoriesOf(workflow)[0],
    claim: claim?.status?.phase,
    volume: volume?.status?.phase,
    quiet: quietFor(workflow, engine, now),
  };
}

function directoriesOf(workflow: WorkflowObjects): string[] {
  const named = objectsOf(workflow).map(({ metadata }) => metadata?.annotations?.[KEYS.directory]);
  return [...new Set(named.filter((directory) => directory !== undefined))];
}

/** Why it cannot be told whose these objects are. */
function mismatchOf(workflow: WorkflowObjects): string | undefined {
  const { namespace, claims, volumes, id } = workflow;
  if (namespace === undefined) return "the PersistentVolume is reserved for no claim";
  const wrong = objectsOf(workflow).find((object) => !isNamedRight(object, namespace));
  if (wrong !== undefined)
    return `the labels of ${wrong.metadata?.name} do not name a workflow of this namespace`;
  const directories = directoriesOf(workflow);
  if (directories.length === 0) return "none of its objects names its directory";
  if (directories.length > 1) return `its objects name different directories: ${directories.join(", ")}`;
  const named = directories.find((directory) => path.basename(directory) !== id);
  if (named !== undefined) return `its objects name the directory ${named}`;
  const names = workflowVolumeNames(namespace, id);
  const other = [
    ...claims.filter(({ metadata }) => metadata?.name !== names.claim),
    ...volumes.filter(({ metadata }) => metadata?.name !== names.persistentVolume),
  ][0];
  if (other !== undefined) return `${other.metadata?.name} does not bear the name of its volume`;
  const replaced = volumes.find((volume) => !hasRecordedSource(volume));
  if (replaced !== undefined)
    return `PersistentVolume ${replaced.metadata?.name} has another source than it was made with`;
  const deleting = volumes.find(({ spec }) => spec?.persistentVolumeReclaimPolicy !== "Retain");
  if (deleting !== undefined)
    return `the reclaim policy of PersistentVolume ${deleting.metadata?.name} is not Retain: its files might be deleted`;
  return undefined;
}

/** Counts the jobs of a workflow, and pods without a Job, by their phase. */
export function countJobs({ jobs, pods }: Pick<WorkflowObjects, "jobs" | "pods">): JobCounts {
  const byJob = podsByJob(pods);
  const names = new Set(jobs.map(({ metadata }) => metadata?.name));
  const alone = pods.filter((pod) => !names.has(jobNameOf(pod)));
  const phases = [
    ...jobs.map((job) => phaseOf(job, byJob.get(job.metadata?.name ?? ""))),
    ...alone.map((pod) => phaseOf(undefined, pod)),
  ];
  const count = (wanted: keyof JobCounts) => phases.filter((phase) => phase === wanted).length;
  return {
    running: count("running"),
    waiting: count("waiting"),
    completed: count("completed"),
    failed: count("failed"),
  };
}

function phaseOf(job: V1Job | undefined, pod: V1Pod | undefined): keyof JobCounts {
  if (!isOurs(job ?? pod ?? {})) return foreignPhaseOf(job, pod);
  const seen = observe(job, pod);
  if (seen.phase === "running" || seen.phase === "waiting") return seen.phase;
  return seen.phase === "ended" && seen.ending.reason === "Completed" ? "completed" : "failed";
}

/** Of a Job that another program has made, whose containers mean what they like. */
function foreignPhaseOf(job: V1Job | undefined, pod: V1Pod | undefined): keyof JobCounts {
  const has = (type: string) => job !== undefined && conditionOf(job, type) !== undefined;
  const phase = pod?.status?.phase;
  if (has("Complete") || phase === "Succeeded") return "completed";
  if (has("Failed") || phase === "Failed") return "failed";
  return phase === undefined || phase === "Pending" ? "waiting" : "running";
}

/** Seconds since the latest sign of life; what lies in the future is a clock that is wrong, and counts as now. */
export function quietFor(
  workflow: WorkflowObjects,
  engine: Tenure | undefined,
  now: Date,
): number | undefined {
  const signs = [
    ...(engine?.silence === undefined ? [] : [now.getTime() - engine.silence * 1000]),
    ...[...workflow.claims, ...workflow.volumes].flatMap(usesOf),
    ...objectsOf(workflow).map(({ metadata }) => Date.parse(metadata?.creationTimestamp ?? "")),
    ...workflow.jobs.map(({ status }) => Date.parse(status?.completionTime ?? "")),
    ...workflow.pods.flatMap(endsOf),
  ].filter((time) => !Number.isNaN(time));
  return signs.length === 0 ? undefined : Math.max(0, (now.getTime() - Math.max(...signs)) / 1000);
}

/**
 * When a volume was last marked as in use: by the API server's stamp of that write where there is one, since the
 * mark itself is an engine host's clock.
 */
function usesOf({ metadata }: KubernetesObject): number[] {
  const stamps = (metadata?.managedFields ?? [])
    .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes(`"f:${KEYS.lastUsed}"`))
    .map(({ time }) => Date.parse(`${time}`))
    .filter((time) => !Number.isNaN(time));
  return stamps.length > 0 ? stamps : [Date.parse(metadata?.annotations?.[KEYS.lastUsed] ?? "")];
}

function endsOf({ status }: V1Pod): number[] {
  return (status?.containerStatuses ?? []).flatMap(({ state }) => [
    Date.parse(state?.terminated?.finishedAt ?? ""),
    Date.parse(state?.running?.startedAt ?? ""),
  ]);
}
