import { workflowVolumeNames } from "../../core/names.ts";
import type { MountedClaim } from "../../core/why/facts.ts";
import {
  type CoreV1Event,
  eventTime,
  type KubernetesObject,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1PodSpec,
} from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { ifAllowed } from "../../kubernetes/errors.ts";
import { byTime, find, listEvents } from "../../kubernetes/objects.ts";
import { claimsPath, persistentVolumesPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";
import { volumePlan } from "../submit/volumePlan.ts";
import { type JobTarget, type JobView, viewJob } from "./target.ts";

/** All that the cluster holds about one job. */
export interface JobObjects extends JobView {
  readonly claims: readonly MountedClaim[];
  readonly volumes: readonly V1PersistentVolume[];
  /** About the Job, its pods and its claims, oldest first. */
  readonly events: readonly CoreV1Event[];
  /** What could not be read, and why, in words. */
  readonly unseen: readonly string[];
}

/** Reads a job's Job, pods, claims, volumes and events. */
export async function readJobObjects(deps: Deps, target: JobTarget): Promise<JobObjects> {
  const view = await viewJob(deps, target);
  const names = claimNames(deps, view, target);
  const [found, listed] = await Promise.all([
    ifAllowed(Promise.all(names.map((name) => readClaim(deps, target.namespace, name)))),
    ifAllowed(eventsAbout(deps, target, view, names)),
  ]);
  const claims = found ?? [];
  const bound = claims.map(({ found }) => found?.spec?.volumeName).filter((name) => name !== undefined);
  const volumes = await ifAllowed(
    Promise.all(bound.map((name) => find<V1PersistentVolume>(deps.client, persistentVolumesPath(name)))),
  );
  const forbidden = Object.entries({ claims: found, volumes, events: listed })
    .filter(([, read]) => read === undefined)
    .map(([kind]) => kind);
  return {
    ...view,
    claims,
    volumes: (volumes ?? []).filter((volume) => volume !== undefined),
    events: ofTheseLives(
      listed ?? [],
      [view.job, ...view.pods, ...claims.map((claim) => claim.found)],
      target,
    ),
    unseen: forbidden.length === 0 ? [] : [`${forbidden.join(", ")} (this account may not read them)`],
  };
}

/**
 * The events about these very objects: there may have been others of their names before. Of what is gone, those since
 * the job was submitted.
 */
function ofTheseLives(
  events: readonly CoreV1Event[],
  objects: readonly (KubernetesObject | undefined)[],
  { stored }: JobTarget,
): CoreV1Event[] {
  const uids = new Map(objects.map((object) => [object?.metadata?.name, object?.metadata?.uid]));
  const submitted = Date.parse(stored?.submitted ?? stored?.created ?? "");
  return events.filter((event) => {
    const { name, uid } = event.involvedObject;
    const known = uids.get(name);
    if (known !== undefined && uid !== undefined) return uid === known;
    const time = Date.parse(eventTime(event) ?? "");
    return !(time + CLOCK_SLACK_MS < submitted);
  });
}

/** The cluster's times are whole seconds, by its own clock. */
const CLOCK_SLACK_MS = 60_000;

/** The claims that the job's pod mounts, or would mount. */
function claimNames(deps: Deps, { job, pod }: JobView, target: JobTarget): string[] {
  const spec: V1PodSpec | undefined = pod?.spec ?? job?.spec?.template.spec ?? undefined;
  if (spec === undefined) return plannedClaims(deps, target);
  return (spec.volumes ?? [])
    .map((volume) => volume.persistentVolumeClaim?.claimName)
    .filter((name) => name !== undefined);
}

/**
 * Of a job that is not in the cluster: what the configuration says; without its volumes the workflow's own
 * claim is certain.
 */
function plannedClaims({ config, host, now }: Deps, { namespace, workflow, directory }: JobTarget): string[] {
  try {
    return volumePlan(config, { id: workflow, namespace, directory }, { host, now: now() }).map(
      (volume) => volume.claimName,
    );
  } catch (error) {
    if (error instanceof GaswError && error.code === "CONFIG")
      return [workflowVolumeNames(namespace, workflow).claim];
    throw error;
  }
}

async function readClaim({ client }: Deps, namespace: string, name: string): Promise<MountedClaim> {
  return { name, found: await find<V1PersistentVolumeClaim>(client, claimsPath(namespace, name)) };
}

async function eventsAbout(
  { client }: Deps,
  { namespace, kubeName, stored }: JobTarget,
  { pods }: JobView,
  claims: readonly string[],
): Promise<CoreV1Event[]> {
  const podNames = [stored?.pod, ...pods.map((pod) => pod.metadata?.name)].filter(
    (name) => typeof name === "string",
  );
  const names = [...new Set([kubeName, ...podNames, ...claims])];
  const events = await Promise.all(names.map((name) => listEvents(client, namespace, { name })));
  return events.flat().sort(byTime);
}
