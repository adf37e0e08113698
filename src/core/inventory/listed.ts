import { jobIdOf, observe } from "../lifecycle/observe.ts";
import { mainOf } from "../manifests/mainContainer.ts";
import { GPU_RESOURCE } from "../manifests/resourceNames.ts";
import { describeVolume, isOurs } from "../manifests/volumes.ts";
import { KEYS, QUEUE_LABEL } from "../names.ts";
import {
  type CoreV1Event,
  eventTime,
  type V1Job,
  type V1Node,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1Pod,
} from "../wire.ts";
import type { Life } from "./life.ts";

/** What all listed objects have; times are RFC 3339, null where there is nothing to tell. */
interface ListedObject {
  readonly name: string;
  readonly namespace: string | null;
  readonly created: string | null;
  /** Whether this tool made it. */
  readonly ours: boolean;
  readonly workflow: string | null;
}

export interface ListedPod extends ListedObject {
  readonly job: string | null;
  readonly component: string | null;
  /** In words: waiting, running, completed, failed. */
  readonly status: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly node: string | null;
  readonly started: string | null;
  readonly finished: string | null;
  readonly image: string | null;
}

export interface ListedJob extends ListedObject, Pick<Life, "engine" | "folder"> {
  readonly job: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly queue: string | null;
  readonly image: string | null;
  readonly started: string | null;
  readonly finished: string | null;
}

export interface ListedNode {
  readonly name: string;
  readonly created: string | null;
  readonly ready: boolean;
  /** Whether it takes new pods. */
  readonly schedulable: boolean;
  readonly reason: string | null;
  /** Kubernetes quantities. */
  readonly allocatable: {
    readonly cpu: string | null;
    readonly memory: string | null;
    readonly gpu: string | null;
    readonly pods: string | null;
  };
  readonly taints: readonly string[];
  /** Pods on it that have not ended; null where they may not be seen. */
  readonly pods: number | null;
  readonly version: string | null;
}

export interface ListedVolume extends ListedObject, Life {
  readonly phase: string;
  readonly capacity: string | null;
  readonly claim: string | null;
  readonly source: string;
  /** The workflow directory that it was made for. */
  readonly directory: string | null;
  readonly host: string | null;
  readonly lastUsed: string | null;
}

export interface ListedClaim extends ListedObject, Life {
  readonly phase: string;
  readonly capacity: string | null;
  readonly volume: string | null;
  readonly storageClass: string | null;
  readonly directory: string | null;
  readonly host: string | null;
  readonly lastUsed: string | null;
}

export interface ListedEvent {
  readonly time: string | null;
  readonly type: string;
  readonly reason: string;
  /** `Pod/name`. */
  readonly object: string;
  readonly message: string;
  readonly count: number;
}

interface AnyObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly deletionTimestamp?: string;
  };
}

function listed(object: AnyObject): ListedObject {
  const { name = "", namespace, creationTimestamp, annotations } = object.metadata ?? {};
  return {
    name,
    namespace: namespace ?? null,
    created: creationTimestamp ?? null,
    ours: isOurs(object),
    workflow: annotations?.[KEYS.workflow] ?? null,
  };
}

/** A pod as `debug pods` lists it. */
export function listedPod(pod: V1Pod): ListedPod {
  return {
    ...listed(pod),
    job: jobIdOf(pod) ?? null,
    component: pod.metadata?.labels?.[KEYS.component] ?? null,
    ...(isOurs(pod) ? observedState(undefined, pod) : foreignState(pod)),
    node: pod.spec?.nodeName ?? null,
    image: mainOf(pod.spec)?.image ?? null,
  };
}

type State = Pick<ListedPod, "status" | "reason" | "message" | "exitCode" | "started" | "finished">;

function observedState(job: V1Job | undefined, pod: V1Pod | undefined): State {
  const seen = observe(job, pod);
  const times =
    "startedAt" in seen || "finishedAt" in seen
      ? { started: seen.startedAt ?? null, finished: seen.finishedAt ?? null }
      : { started: null, finished: null };
  switch (seen.phase) {
    case "waiting":
      return { status: "waiting", reason: seen.reason, message: seen.message, exitCode: null, ...times };
    case "ended": {
      const { exitCode, reason, message } = seen.ending;
      return {
        status: reason === "Completed" ? "completed" : "failed",
        reason,
        message: message || null,
        exitCode: exitCode ?? null,
        ...times,
      };
    }
    case "lost":
      return { status: "failed", reason: seen.reason, message: seen.message, exitCode: null, ...times };
    default:
      return { status: seen.phase, reason: null, message: null, exitCode: null, ...times };
  }
}

/** A pod of somebody else's: its phase, in the same words. */
function foreignState(pod: V1Pod): State {
  const words: Readonly<Record<string, string>> = {
    Pending: "waiting",
    Running: "running",
    Succeeded: "completed",
    Failed: "failed",
  };
  const waiting = pod.status?.containerStatuses?.find((status) => status.state?.waiting?.reason !== undefined)
    ?.state?.waiting;
  return {
    status: words[pod.status?.phase ?? ""] ?? "unknown",
    reason: pod.status?.reason ?? waiting?.reason ?? null,
    message: pod.status?.message ?? waiting?.message ?? null,
    exitCode: null,
    started: pod.status?.startTime ?? null,
    finished: null,
  };
}

/** A Job, and the pod that tells of it, as `debug jobs` lists them. */
export function listedJob(
  job: V1Job,
  pod: V1Pod | undefined,
  { engine, folder }: Pick<Life, "engine" | "folder">,
): ListedJob {
  const { exitCode: _, ...state } = observedState(job, pod);
  return {
    ...listed(job),
    job: jobIdOf(job) ?? null,
    ...state,
    engine,
    folder,
    queue: job.metadata?.labels?.[QUEUE_LABEL] ?? null,
    image: mainOf(job.spec?.template.spec ?? undefined)?.image ?? null,
  };
}

/** A node as `debug nodes` lists it. */
export function listedNode(node: V1Node, pods: number | null): ListedNode {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  const { cpu, memory, pods: room, [GPU_RESOURCE]: gpu } = node.status?.allocatable ?? {};
  return {
    name: node.metadata?.name ?? "",
    created: node.metadata?.creationTimestamp ?? null,
    ready: ready?.status === "True",
    schedulable: node.spec?.unschedulable !== true,
    reason: ready?.status === "True" ? null : (ready?.reason ?? "NoStatus"),
    allocatable: { cpu: cpu ?? null, memory: memory ?? null, gpu: gpu ?? null, pods: room ?? null },
    taints: (node.spec?.taints ?? []).map(
      ({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`,
    ),
    pods,
    version: node.status?.nodeInfo?.kubeletVersion ?? null,
  };
}

/** What a volume or a claim says about whom it was made for. */
function marks({ metadata }: AnyObject) {
  const {
    [KEYS.directory]: directory,
    [KEYS.host]: host,
    [KEYS.lastUsed]: lastUsed,
  } = metadata?.annotations ?? {};
  return { directory: directory ?? null, host: host ?? null, lastUsed: lastUsed ?? null };
}

/** A phase, unless the object is on its way out. */
function phaseOf(object: AnyObject, phase: string | undefined): string {
  return object.metadata?.deletionTimestamp === undefined ? (phase ?? "Pending") : "Terminating";
}

/** A PersistentVolume as `debug pv` lists it. */
export function listedVolume(volume: V1PersistentVolume, life: Life): ListedVolume {
  const claim = volume.spec?.claimRef;
  return {
    ...listed(volume),
    phase: phaseOf(volume, volume.status?.phase),
    capacity: volume.spec?.capacity?.storage ?? null,
    claim: claim === undefined ? null : `${claim.namespace}/${claim.name}`,
    source: describeVolume(volume),
    ...marks(volume),
    ...life,
  };
}

/** A claim as `debug pvc` lists it. */
export function listedClaim(claim: V1PersistentVolumeClaim, life: Life): ListedClaim {
  return {
    ...listed(claim),
    phase: phaseOf(claim, claim.status?.phase),
    capacity: claim.status?.capacity?.storage ?? claim.spec?.resources?.requests?.storage ?? null,
    volume: claim.spec?.volumeName ?? null,
    storageClass: claim.spec?.storageClassName || null,
    ...marks(claim),
    ...life,
  };
}

/** An event as `debug events` lists it. */
export function listedEvent(event: CoreV1Event): ListedEvent {
  return {
    time: eventTime(event) ?? null,
    type: event.type ?? "Normal",
    reason: event.reason ?? "",
    object: `${event.involvedObject.kind}/${event.involvedObject.name}`,
    message: (event.message ?? "").trim(),
    count: event.count ?? event.series?.count ?? 1,
  };
}
