import { randomBytes } from "node:crypto";
import type { JobOptions, RunAs } from "../../core/job.ts";
import { type Observation, observe } from "../../core/lifecycle/observe.ts";
import { readRefusal } from "../../core/lifecycle/refusal.ts";
import { workflowContainer } from "../../core/manifests/container.ts";
import { MAIN_CONTAINER } from "../../core/manifests/mainContainer.ts";
import { basePodSpec } from "../../core/manifests/pod.ts";
import { requestIn } from "../../core/manifests/requested.ts";
import { modestResources } from "../../core/manifests/resources.ts";
import type { Mount } from "../../core/manifests/settings.ts";
import { identityMetadata, KEYS } from "../../core/names.ts";
import type { V1Job, V1PersistentVolumeClaim, V1Pod } from "../../core/wire.ts";
import { GaswError, messageOf } from "../../errors.ts";
import { ApiError, isApiError } from "../../kubernetes/errors.ts";
import { createIfMissing, find } from "../../kubernetes/objects.ts";
import { claimsPath, podsPath } from "../../kubernetes/paths.ts";
import { follow } from "../../kubernetes/watch.ts";
import type { Deps } from "../deps.ts";
import { podSettings } from "../submit/podSettings.ts";
import { volumePlan } from "../submit/volumePlan.ts";
import { isWorkflowDirectory, ownerOf } from "../workflow/directory.ts";
import type { JobTarget } from "./target.ts";

/** Milliseconds that the deletion of a debug pod may take after an abort. */
const REMOVAL_MS = 10_000;
const READY_SECONDS = 120;
/** Waits that no patience ends. */
const HOPELESS = new Set([
  "InvalidImageName",
  "ErrImageNeverPull",
  "CreateContainerConfigError",
  "CreateContainerError",
]);

/** What a debug pod is for. */
export interface DebugPodOptions {
  /** Seconds after which the cluster ends it, should this program not live to delete it. */
  readonly lifetime: number;
  /** The job's Job, where it is still there: it tells as whom the job ran. */
  readonly job: V1Job | undefined;
  /** Told what the pod waits for, in a word. */
  readonly onWait: (reason: string) => void;
}

/**
 * Runs something beside a pod with the job's image, volumes, user and directory, and deletes the pod whatever
 * comes of it.
 * @throws GaswError NOT_FOUND (volumes are gone), TIMEOUT, CLUSTER, CONFIG
 */
export async function withDebugPod<T>(
  deps: Deps,
  target: JobTarget,
  options: DebugPodOptions,
  body: (pod: { readonly name: string; readonly container: string; readonly made: V1Pod }) => Promise<T>,
): Promise<T> {
  const collection = podsPath(target.namespace);
  const pod = await debugPod(deps, target, options);
  const name = pod.metadata?.name ?? "";
  try {
    await createIfMissing(deps.client, collection, pod);
    await untilRunning(deps, collection, name, options.onWait);
    return await body({ name, container: MAIN_CONTAINER, made: pod });
  } catch (error) {
    throw error instanceof ApiError ? refusalOf(error, target.namespace) : error;
  } finally {
    await removePod(deps, podsPath(target.namespace, name));
  }
}

/** What the cluster has against a debug pod, in better words where there are any. */
function refusalOf(cause: ApiError, namespace: string): GaswError {
  const message = cause.body.message ?? "";
  if (cause.quotaExceeded)
    return new GaswError(
      "CLUSTER",
      `the quota of namespace ${namespace} leaves no room for a debug pod (${message})`,
      { hint: "wait for other jobs to end, or ask the administrator to raise the quota", cause },
    );
  const { by, remedy } = readRefusal(message);
  if (by === undefined || cause.lacksPermission) return cause;
  return new GaswError("CLUSTER", `${by} rejects the debug pod: ${message}`, { hint: remedy, cause });
}

async function debugPod(deps: Deps, target: JobTarget, { lifetime, job }: DebugPodOptions): Promise<V1Pod> {
  const workflow = { id: target.workflow, namespace: target.namespace, directory: target.directory };
  const volumes = volumePlan(deps.config, workflow, { host: deps.host, now: deps.now() });
  const mounts = volumes.map((volume) => volume.mount);
  await checkClaims(deps, target, mounts);
  const owner = runAs(job, target);
  const settings = podSettings(deps.config, target.image === undefined ? {} : { image: target.image });
  const modest = { ...settings, resources: modestResources(settings.resources, askedBy(target, job)) };
  const { labels, annotations } = identityMetadata("debug", workflow, target.id);
  const command = ["bash", "-c", 'trap "exit 0" TERM; sleep "$0" & wait', String(lifetime)];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${target.kubeName.slice(0, 48).replace(/-+$/, "")}-debug-${randomBytes(3).toString("hex")}`,
      namespace: target.namespace,
      labels: { ...settings.labels, ...labels },
      annotations: { ...settings.annotations, ...annotations, [KEYS.directory]: target.directory },
    },
    spec: {
      ...basePodSpec(settings, mounts, owner),
      activeDeadlineSeconds: lifetime,
      terminationGracePeriodSeconds: 1,
      containers: [workflowContainer(MAIN_CONTAINER, command, workflow, modest, mounts, owner)],
    },
  };
}

/** What the job itself asked for: its namespace may require that. */
function askedBy({ stored }: JobTarget, job: V1Job | undefined): JobOptions {
  return stored?.request ?? (job === undefined ? {} : requestIn(job, {}));
}

/** A pod whose claim is missing would wait for ever. */
async function checkClaims(
  { client }: Deps,
  { namespace, id }: JobTarget,
  mounts: readonly Mount[],
): Promise<void> {
  for (const { claim } of mounts) {
    if ((await find<V1PersistentVolumeClaim>(client, claimsPath(namespace, claim))) !== undefined) continue;
    throw new GaswError(
      "NOT_FOUND",
      `claim ${namespace}/${claim} of job ${id} no longer exists: no pod can read its files`,
      {
        hint: "read the files in the workflow directory, or recreate the volumes by submitting a job of the workflow",
      },
    );
  }
}

function runAs(job: V1Job | undefined, { id, directory }: JobTarget): RunAs {
  const { runAsUser, runAsGroup } = job?.spec?.template.spec?.securityContext ?? {};
  if (runAsUser !== undefined && runAsGroup !== undefined) return { uid: runAsUser, gid: runAsGroup };
  if (isWorkflowDirectory(directory)) return ownerOf(directory);
  throw new GaswError(
    "NOT_FOUND",
    `cannot determine the user of job ${id}: its Job no longer exists, and ${directory} is not on this host`,
    {
      hint: "run this on the host that submitted the job",
    },
  );
}

async function untilRunning(
  deps: Deps,
  collection: string,
  name: string,
  onWait: (text: string) => void,
): Promise<void> {
  const late = AbortSignal.timeout(READY_SECONDS * 1000);
  let seen: Observation = { phase: "missing" };
  for await (const pod of follow<V1Pod>(
    deps.client,
    collection,
    name,
    AbortSignal.any([late, deps.signal]),
  )) {
    seen = observe(undefined, pod);
    if (seen.phase === "running") return;
    if (seen.phase !== "waiting") break;
    onWait(seen.reason);
    if (HOPELESS.has(seen.reason)) break;
  }
  deps.signal.throwIfAborted();
  const why =
    seen.phase === "waiting"
      ? `${seen.reason}: ${seen.message}`
      : seen.phase === "ended"
        ? seen.ending.message || seen.ending.reason
        : "it is gone";
  throw new GaswError(late.aborted ? "TIMEOUT" : "CLUSTER", `the debug pod ${name} is not running: ${why}`, {
    hint: "check the nodes and volumes: `gasw-k8s debug nodes` and `gasw-k8s debug pvc`",
  });
}

/** Deletes the pod, also when the user has pressed Ctrl-C. */
async function removePod({ client, warn }: Deps, path: string): Promise<void> {
  const last = client.withSignal(AbortSignal.timeout(REMOVAL_MS));
  try {
    await last.delete(path, { gracePeriodSeconds: 1 });
  } catch (error) {
    if (isApiError(error, 404)) return;
    // What was asked for is done, or has failed for a reason of its own: that one must be heard.
    warn(
      `the debug pod ${path.split("/").at(-1)} could not be deleted and will end later on its own: ${messageOf(error)}`,
    );
  } finally {
    last.close();
  }
}
