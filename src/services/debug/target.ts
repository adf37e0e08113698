import path from "node:path";
import { attemptNumber, numberedAttemptId } from "../../core/job.ts";
import { jobIdOf, type Observation, observe, podsByJob } from "../../core/lifecycle/observe.ts";
import { mainOf } from "../../core/manifests/mainContainer.ts";
import { KEYS } from "../../core/names.ts";
import type { V1Job, V1Pod } from "../../core/wire.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import { getJob, listJobs } from "../../kubernetes/jobs.ts";
import { podsPath } from "../../kubernetes/paths.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Deps } from "../deps.ts";
import { standingAttempt } from "../submit/attemptFiles.ts";
import { confirmCluster, type Sight } from "../workflow/cluster.ts";
import { workflowDirectory } from "../workflow/directory.ts";
import { findJob } from "../workflow/findJob.ts";
import { resolve } from "../workflow/resolve.ts";

/** The job that a debug command is about. */
export interface JobTarget {
  readonly id: string;
  /** The script's base name. */
  readonly fileName: string;
  /** Number of the attempt, where its streams do not stand where GASW looks for them. */
  readonly superseded: number | undefined;
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string;
  readonly kubeName: string;
  readonly image: string | undefined;
  /** What this host's state knows of it; undefined for a job that was submitted from another host. */
  readonly stored: StoredJob | undefined;
}

/** A job's own objects in the cluster, and what they show. */
export interface JobView {
  readonly job: V1Job | undefined;
  /** Oldest first. */
  readonly pods: readonly V1Pod[];
  /** The newest one, which tells. */
  readonly pod: V1Pod | undefined;
  /** The pod as this host's state has kept it, where the cluster has none. */
  readonly lastPod: V1Pod | undefined;
  readonly seen: Observation;
}

/**
 * The job that a user means: one of this host's state, else one that the cluster's own labels tell of.
 * @param options.attempt the number of the attempt that is meant; without it, the one that the text names
 * @throws GaswError NOT_FOUND, USAGE (several), CLUSTER
 */
export async function findTarget(
  deps: Deps,
  text: string,
  options: { workflow?: string | undefined; cwd: string; attempt?: number | undefined },
): Promise<JobTarget> {
  const { cwd, attempt } = options;
  if (options.workflow !== undefined) workflowDirectory(options.workflow, [], cwd);
  const { directory, workflow } = resolve(deps, options);
  let job: StoredJob;
  try {
    job = findJob(deps.store, text, { prefix: true, workflow, cwd });
  } catch (error) {
    if (!(error instanceof GaswError && error.code === "NOT_FOUND")) throw error;
    const id = text.endsWith(".sh") ? path.basename(text, ".sh") : text;
    const foreign = await findForeign(
      deps,
      attempt === undefined ? id : numberedAttemptId(id, attempt),
      directory,
    );
    if (foreign === undefined) throw error;
    return foreign;
  }
  if (attempt === undefined) return ofStored(deps.store, job, text);
  const numbered = numberedAttempt(deps.store, job, attempt);
  return ofStored(deps.store, numbered, numbered.id);
}

/** The attempt of a job's invocation that has a number. */
function numberedAttempt(store: Store, job: StoredJob, number: number): StoredJob {
  const workflow = store.workflows.find(job.namespace, job.workflow);
  const attempts = workflow === undefined ? [job] : store.jobs.attempts(workflow, job.fileName);
  const found = attempts.find((one) => attemptNumber(one) === number);
  if (found !== undefined) return found;
  const numbers = attempts.map(attemptNumber).join(", ");
  throw new GaswError("NOT_FOUND", `job ${job.fileName} has no attempt ${number}`, {
    hint: `use one of its attempts (${numbers}): \`gasw-k8s status ${job.fileName} --history\` lists them`,
  });
}

function ofStored(store: Store, stored: StoredJob, text: string): JobTarget {
  const { id, fileName, attempt, workflow, namespace, directory, kubeName, image } = stored;
  const known = store.workflows.find(namespace, workflow);
  const attempts = known === undefined ? [stored] : store.jobs.attempts(known, fileName);
  // The invocation's id means the newest output, also while the newest attempt is yet to begin.
  const isInvocation = text !== id && text !== kubeName;
  const superseded =
    (isInvocation && attempts.at(-1)?.attempt === attempt) || standingAttempt(attempts) === attempt
      ? undefined
      : attempt;
  return { id, fileName, superseded, workflow, namespace, directory, kubeName, image, stored };
}

/** A job that another host submitted, found by its id or its Kubernetes name. */
async function findForeign(
  deps: Deps,
  id: string,
  directory: string | undefined,
): Promise<JobTarget | undefined> {
  const namespace = deps.config.k8sNamespace;
  const jobs = await listJobs(deps.client, namespace);
  const found = jobs
    .filter((job) => jobIdOf(job) === id || job.metadata?.name === id)
    .map((job) => ofForeign(job, namespace))
    .filter((target) => directory === undefined || isSameDirectory(target.directory, directory));
  if (found.length > 1) {
    const some = found.slice(0, 5).map((target) => `${target.workflow}/${target.id}`);
    throw new GaswError("USAGE", `${id} matches ${found.length} jobs: ${some.join(", ")}`, {
      hint: "add --workflow, or use the job's Kubernetes name (`gasw-k8s debug jobs`)",
    });
  }
  return found[0];
}

function ofForeign(job: V1Job, namespace: string): JobTarget {
  const { name = "", annotations = {} } = job.metadata ?? {};
  return {
    id: jobIdOf(job) ?? name,
    fileName: annotations[KEYS.fileName] ?? jobIdOf(job) ?? name,
    superseded: undefined,
    workflow: annotations[KEYS.workflow] ?? "",
    namespace,
    directory: annotations[KEYS.directory] ?? "",
    kubeName: name,
    image: mainOf(job.spec?.template.spec ?? undefined)?.image,
    stored: undefined,
  };
}

/**
 * Reads the Job and its pods.
 * @throws OtherCluster where this host's state knows the job from another cluster; GaswError CLUSTER
 */
export async function viewJob(deps: Deps, target: JobTarget): Promise<JobView> {
  const { client } = deps;
  const { namespace, kubeName } = target;
  const since = performance.now();
  const [job, pods] = await Promise.all([
    getJob(client, namespace, kubeName),
    client.list<V1Pod>(podsPath(namespace), { labelSelector: `job-name=${kubeName}` }),
  ]);
  await confirmTarget(deps, target, { since, objects: job === undefined ? [] : [job] });
  const sorted = pods.sort((a, b) =>
    (a.metadata?.creationTimestamp ?? "").localeCompare(b.metadata?.creationTimestamp ?? ""),
  );
  const pod = podsByJob(sorted).get(kubeName);
  const lastPod = target.stored === undefined || pod !== undefined ? undefined : keptPod(deps, target.stored);
  return { job, pods: sorted, pod, lastPod, seen: observe(job, pod) };
}

/**
 * Makes sure that the cluster is the job's, where this host's state knows the job.
 * @throws OtherCluster; GaswError CLUSTER
 */
export async function confirmTarget(
  deps: Deps,
  { namespace, workflow, stored }: JobTarget,
  sight: Sight,
): Promise<void> {
  const known = stored === undefined ? undefined : deps.store.workflows.find(namespace, workflow);
  if (known !== undefined) await confirmCluster(deps, known, sight);
}

/** A job's pod as this host's state has kept it. */
export function keptPod({ store }: Pick<Deps, "store">, job: StoredJob): V1Pod | undefined {
  const kept = store.jobs.lastPod(job);
  return kept === undefined ? undefined : (JSON.parse(kept) as V1Pod);
}

/** Whether the job was written down and never handed to the cluster. */
export function neverBegan({ stored }: JobTarget, { seen }: JobView): boolean {
  return seen.phase === "missing" && stored?.status === "NOT_SUBMITTED";
}
