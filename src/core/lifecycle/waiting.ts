import type { LocalStatus } from "../job.ts";
import type { Decision, Grace, KnownJob } from "./decision.ts";
import type { Observation } from "./observe.ts";

/** Reasons that alternate while one and the same thing keeps failing: their time is counted together. */
const FAMILIES: Readonly<Record<string, string>> = {
  ErrImagePull: "image",
  ImagePullBackOff: "image",
  ErrImageNeverPull: "image",
  InvalidImageName: "image",
  ImageInspectError: "image",
  RegistryUnavailable: "image",
  SignatureValidationFailed: "image",
  CreateContainerConfigError: "container",
  CreateContainerError: "container",
  RunContainerError: "container",
  CrashLoopBackOff: "container",
  Scheduling: "scheduling",
  SchedulingGated: "scheduling",
  SchedulerError: "scheduling",
  Unschedulable: "scheduling",
  ContainerCreating: "preparing",
  PodInitializing: "preparing",
  NetworkNotReady: "preparing",
  FailedMount: "preparing",
  FailedAttachVolume: "preparing",
  FailedMapVolume: "preparing",
  FailedCreatePodSandBox: "preparing",
  FailedCreatePodContainer: "preparing",
};

/** Reasons that say nothing of what is waited for: the wait that they come in the midst of goes on. */
const UNTOLD: Readonly<Record<string, readonly string[]>> = {
  NoPod: ["FailedCreate", "QuotaExceeded"],
  ContainerCreating: ["image", "container"],
};

/**
 * Reasons that show one and the same wait. A kubelet shows the failure of a pull for a moment and the wait
 * for the next try between; a scheduler its complaint, or nothing while it thinks anew.
 */
const ALIKE: readonly (readonly string[])[] = [
  ["ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed", "ImagePullBackOff"],
  ["Unschedulable", "SchedulingGated", "SchedulerError", "Scheduling"],
];

/** What a wait comes to: it goes on, or its time is over. */
export function waiting(
  known: KnownJob,
  seen: Extract<Observation, { phase: "waiting" }>,
  now: Date,
  grace: Grace,
): Decision {
  const family = familyOf(seen.reason, known.pendingFamily);
  const since = waitedSince(known, family, now);
  const over = (now.getTime() - since.getTime()) / 1000 >= graceOf(seen.reason, grace);
  // A container that ran is never said to wait again, since its pod's report may lag behind; another pod, or
  // none by a queue's will, is.
  const isLate =
    known.stage.status === "RUNNING" &&
    seen.reason !== "Suspended" &&
    (known.pod ?? seen.pod ?? null) === (seen.pod ?? known.pod ?? null);
  const status: LocalStatus = over ? "ERROR" : isLate ? "RUNNING" : "QUEUED";
  return {
    ...placeOf(seen),
    status,
    reason: seen.reason,
    message: stuck(seen, now) ?? takenBack(known, seen) ?? seen.message,
    pendingFamily: family,
    pendingSince: since.toISOString(),
    removeJob: over,
  };
}

/** The family of a reason, among those whose time is counted together. */
function familyOf(reason: string, current: string | null): string {
  if (current !== null && UNTOLD[reason]?.includes(current)) return current;
  return FAMILIES[reason] ?? reason;
}

/** Seconds for which a pod may be overdue without a word. */
const OVERDUE_S = 60;

/**
 * Words for a pod that is being deleted and does not go, with the way out: a node that died leaves its pods
 * Terminating.
 */
export function stuck(
  seen: Extract<Observation, { phase: "waiting" | "running" }>,
  now: Date,
): string | undefined {
  const { goneBy, wayOut, reason, message, pod, node } = seen;
  if (goneBy === undefined) return undefined;
  if (reason === "NodeUnreachable") return `${message}; its pod ${pod} stays Terminating; ${wayOut}`;
  if (now.getTime() - Date.parse(goneBy) < OVERDUE_S * 1000) return undefined;
  const where = node === undefined ? "" : ` on node ${node}`;
  return `pod ${pod}${where} should have been deleted by ${goneBy} and is still Terminating: its node may be down; ${wayOut}`;
}

/** Words for a job that had a pod and lost it to whoever suspended its Job. */
function takenBack(
  known: KnownJob,
  { reason, queue, suspendedAt }: Extract<Observation, { phase: "waiting" }>,
): string | undefined {
  if (reason !== "Suspended" || (known.stage.status !== "RUNNING" && (known.pod ?? null) === null))
    return undefined;
  const since = suspendedAt === undefined ? "" : ` at ${suspendedAt}`;
  return queue === undefined
    ? `its Job was suspended${since} after it had started: it is waiting to be resumed`
    : `queue ${queue} has stopped it${since}: it starts over when it is admitted again`;
}

/**
 * How long a job may wait for a reason, in seconds. Of reasons that show one wait the longest grace given
 * counts, so that it does not matter which of them a look happens to meet.
 */
function graceOf(reason: string, grace: Grace): number {
  const reasons = ALIKE.find((alike) => alike.includes(reason)) ?? [reason];
  const given = reasons.map((each) => grace[each]).filter((seconds) => seconds !== undefined);
  return given.length === 0
    ? Number.POSITIVE_INFINITY
    : Math.max(...given.map((seconds) => seconds ?? Number.POSITIVE_INFINITY));
}

/**
 * Since when a job waits for reasons of one family. A time to come was written by a clock that was set back
 * since: it would keep the grace from passing.
 */
export function waitedSince({ pendingFamily, pendingSince }: KnownJob, family: string, now: Date): Date {
  const hasBegun =
    pendingFamily === family && pendingSince !== null && Date.parse(pendingSince) <= now.getTime();
  return hasBegun ? new Date(pendingSince) : now;
}

/** Where a job runs, and since when, as far as that is shown. */
export function placeOf(
  seen: Exclude<Observation, { phase: "missing" | "lost" }>,
): Pick<Decision, "pod" | "node" | "startedAt" | "finishedAt"> {
  const { pod, node, startedAt, finishedAt } = seen;
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}
