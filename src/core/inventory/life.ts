import { conditionOf } from "../lifecycle/observe.ts";
import { KEYS } from "../names.ts";
import { type Lease, readLease, type Tenure } from "../owner.ts";
import type { KubernetesObject, V1Job, V1PersistentVolume } from "../wire.ts";

/** Who serves a workflow. */
export interface Engine {
  readonly host: string;
  readonly user: string;
  /** Seconds since its Lease was last renewed; null where that does not tell. */
  readonly silentSeconds: number | null;
}

/** Whether anybody or anything is at work for a workflow. */
export interface Life {
  /** Null where there is no Lease, or Leases cannot be listed. */
  readonly engine: Engine | null;
  /** Jobs that have not ended; null where they cannot be listed. */
  readonly activeJobs: number | null;
  /** Whether the workflow directory is on this host; null where the object names none. */
  readonly folder: "there" | "gone" | "unknown" | null;
}

/** What a Lease tells of who serves a workflow. */
export function engineOf({ owner, silence }: Tenure): Engine {
  return {
    host: owner.host,
    user: owner.user,
    silentSeconds: silence === undefined ? null : Math.round(silence),
  };
}

/**
 * Tells of any object of a workflow whether that is alive.
 * @param leases undefined where they cannot be listed; so are Jobs
 * @param now by the API server's clock
 * @param presence whether a directory is on this host
 */
export function lifeByObject(
  leases: readonly Lease[] | undefined,
  jobs: readonly V1Job[] | undefined,
  now: Date,
  presence: (directory: string) => "there" | "gone" | "unknown",
): (object: KubernetesObject) => Life {
  const engines = new Map(leases?.map((lease) => [workflowOf(lease), engineOf(readLease(lease, now))]));
  const active = new Map<string, number>();
  for (const job of jobs?.filter(isActive) ?? []) {
    const workflow = workflowOf(job);
    active.set(workflow, (active.get(workflow) ?? 0) + 1);
  }
  return (object) => {
    const workflow = workflowOf(object);
    const directory = object.metadata?.annotations?.[KEYS.directory];
    return {
      engine: engines.get(workflow) ?? null,
      activeJobs: jobs === undefined ? null : (active.get(workflow) ?? 0),
      folder: directory === undefined ? null : presence(directory),
    };
  };
}

function isActive(job: V1Job): boolean {
  return conditionOf(job, "Complete") === undefined && conditionOf(job, "Failed") === undefined;
}

/** Namespace and hash of the workflow that an object belongs to. */
function workflowOf(object: KubernetesObject): string {
  const { namespace = (object as V1PersistentVolume).spec?.claimRef?.namespace, labels } =
    object.metadata ?? {};
  return `${namespace}/${labels?.[KEYS.workflowHash]}`;
}
