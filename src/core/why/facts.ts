import { hasEnded, type LocalStatus } from "../job.ts";
import type { Decision, KnownJob } from "../lifecycle/decision.ts";
import type { Observation } from "../lifecycle/observe.ts";
import { awaitsTurn } from "../lifecycle/stage.ts";
import { MAIN_CONTAINER } from "../manifests/mainContainer.ts";
import type { LastSection } from "../output/lastSection.ts";
import type {
  CoreV1Event,
  V1Container,
  V1Job,
  V1Node,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodSpec,
} from "../wire.ts";

/** What the state has kept of a job; times are RFC 3339. */
export interface JobRecord extends KnownJob {
  readonly status: LocalStatus;
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly node: string | null;
  readonly created: string;
  readonly submitted: string | null;
  readonly started: string | null;
  readonly ended: string | null;
}

/** How a job stands, from the state and the cluster together. */
export interface JobState {
  readonly status: LocalStatus;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly node?: string | undefined;
  readonly submitted?: string | undefined;
  readonly started?: string | undefined;
  readonly ended?: string | undefined;
  /** Whether this tool submits it by itself, when its turn comes. */
  readonly isDue?: boolean | undefined;
}

/** A claim that a job's pod mounts; `found` is missing where the cluster has none of that name. */
export interface MountedClaim {
  readonly name: string;
  readonly found: V1PersistentVolumeClaim | undefined;
}

/** Everything that an explanation may be drawn from. */
export interface Facts {
  readonly job: {
    readonly id: string;
    /** The script's base name. */
    readonly fileName: string;
    /** What a command calls it, where its file's name would not do: other workflows have one of that name. */
    readonly name?: string | undefined;
    readonly namespace: string;
    readonly directory: string;
    /** Names of the variables whose values its submission has stated. */
    readonly envNames?: readonly string[] | undefined;
  };
  readonly state: JobState;
  readonly seen: Observation;
  readonly kubeJob?: V1Job | undefined;
  readonly pod?: V1Pod | undefined;
  /** Containers of others that kept its pod alive when it had ended, so that its Job was removed. */
  readonly keptBy?: readonly string[] | undefined;
  readonly claims: readonly MountedClaim[];
  /** About the Job, its pods and its claims; oldest first. */
  readonly events: readonly CoreV1Event[];
  /** Asked for only where a job waits for a node; undefined where they could not be seen. */
  readonly nodes?: readonly V1Node[] | undefined;
  /** Last lines that the job wrote to its stderr. */
  readonly lastWords: readonly string[];
  /** Whether it has written nothing, or its files cannot be read. */
  readonly isSilent: boolean;
  /** The section of GASW's scripts that its output shows last; undefined where it shows none. */
  readonly lastSection?: LastSection | undefined;
  /** What could not be read, and why, in words. */
  readonly unseen?: readonly string[];
  readonly now: Date;
}

/** Why a job is as it is, and what to do about it. */
export interface Explanation {
  /** One sentence without its job's name in front. */
  readonly sentence: string;
  readonly remedy: string;
  /** What it is drawn from, word for word. */
  readonly evidence?: readonly string[];
}

/** One row of the table: an explanation and when it holds. */
export interface Cause {
  readonly id: string;
  match(facts: Facts): Explanation | undefined;
}

/** Lays what the cluster shows now over what was kept; the record of a job that has ended is final. */
export function currentState(record: JobRecord | undefined, decision: Decision): JobState {
  const kept = {
    reason: record?.reason ?? undefined,
    message: record?.message ?? undefined,
    exitCode: record?.exitCode ?? undefined,
    node: record?.node ?? undefined,
    submitted: record?.submitted ?? undefined,
    started: record?.started ?? undefined,
    ended: record?.ended ?? undefined,
    ...(record !== undefined && awaitsTurn(record.stage) ? { isDue: true } : {}),
  };
  if (record !== undefined && hasEnded(record.status)) return { status: record.status, ...kept };
  return {
    status: decision.status,
    reason: decision.reason === undefined ? kept.reason : (decision.reason ?? undefined),
    message: decision.message === undefined ? kept.message : (decision.message ?? undefined),
    exitCode: decision.exitCode ?? kept.exitCode,
    node: decision.node ?? kept.node,
    submitted: kept.submitted,
    started: decision.startedAt ?? kept.started,
    ended: decision.finishedAt ?? kept.ended,
    ...(kept.isDue === undefined ? {} : { isDue: kept.isDue }),
  };
}

/** The pod's specification, from the pod or else from the Job that makes it. */
export function podSpec({ pod, kubeJob }: Facts): V1PodSpec | undefined {
  return pod?.spec ?? kubeJob?.spec?.template.spec ?? undefined;
}

/** The container that runs the script. */
export function mainContainer(facts: Facts): V1Container | undefined {
  return podSpec(facts)?.containers.find((container) => container.name === MAIN_CONTAINER);
}

/** The newest event that fits. */
export function newestEvent(
  { events }: Facts,
  fits: (event: CoreV1Event) => boolean,
): CoreV1Event | undefined {
  return events.findLast(fits);
}

/** An event in one line, as evidence. */
export function quote(event: CoreV1Event | undefined): string[] {
  return event === undefined ? [] : [`${event.reason ?? "Event"}: ${(event.message ?? "").trim()}`];
}

/** What an event says, to be put behind a sentence. */
export function said(event: CoreV1Event | undefined): string {
  return event === undefined ? "" : ` (${event.reason}: ${event.message})`;
}
