import { lastFacts } from "../inventory/lastFacts.ts";
import { hasEnded, type LocalStatus } from "../job.ts";
import { mainOf } from "../manifests/mainContainer.ts";
import { KEYS } from "../names.ts";
import { endTime, type V1Job, type V1Pod } from "../wire.ts";
import { includes } from "./effects.ts";
import type { Words } from "./giveUp.ts";
import type { AttemptRecord, JobChange } from "./record.ts";
import { endIn, isSameStage, leftOf } from "./stage.ts";
import type { Step } from "./step.ts";

/** What the cluster has of an attempt. */
export interface Objects {
  readonly kubeJob?: V1Job | undefined;
  readonly pod?: V1Pod | undefined;
}

/**
 * What a step changes in a job's row.
 * @param kill why a job is killed, where it is
 */
export function changeOf(
  job: AttemptRecord,
  next: Step,
  objects: Objects,
  { now, kill }: { readonly now: Date; readonly kill: Words },
): JobChange {
  const { stage, signal, effects } = next;
  const isRerun = stage.status === "NOT_SUBMITTED" && job.stage.status !== "NOT_SUBMITTED";
  const isReplicated = signal === "REPLICATE" && includes(effects, "addAttempt") && !hasEnded(stage.status);
  const wanted: JobChange = {
    ...columnsOf(job, next),
    ...seenOf(job, next, objects),
    ...acceptedAs(job, next, objects, now),
    ...(isSameStage(stage, job.stage) ? {} : { stage }),
    signal,
    ...(isReplicated ? { replicating: true } : {}),
    ...(isRerun ? NEW_LIFE : {}),
    ...wordsOf(job, next, kill),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => job[key as keyof AttemptRecord] !== value),
  );
}

function columnsOf(job: AttemptRecord, { decision, stage }: Step): JobChange {
  const { reason, message, exitCode, pod, node, startedAt } = decision;
  const ended = endTime(startedAt ?? job.started ?? undefined, decision.finishedAt);
  return {
    pendingFamily: decision.pendingFamily,
    pendingSince: decision.pendingSince,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { started: startedAt }),
    ...(hasEnded(stage.status) && ended !== undefined ? { ended } : {}),
  };
}

function seenOf(job: AttemptRecord, { stage }: Step, { kubeJob, pod }: Objects): JobChange {
  const uid = kubeJob?.metadata?.uid;
  const lingers = leftOf(stage).lingers && !leftOf(job.stage).lingers;
  // Its Job may be gone when somebody asks why.
  const fails = isFailure(endIn(stage)) && !isFailure(endIn(job.stage));
  return {
    ...(uid === undefined
      ? {}
      : { kubeUid: uid, wrapper: Number(kubeJob?.metadata?.annotations?.[KEYS.wrapper] ?? 0) }),
    ...(pod !== undefined && (lingers || fails) ? { lastPod: JSON.stringify(lastFacts(pod)) } : {}),
  };
}

function isFailure(status: LocalStatus): boolean {
  return hasEnded(status) && status !== "COMPLETED";
}

/** A submission that was cut off after its Job was made: what was accepted stands in the Job. */
function acceptedAs(
  job: AttemptRecord,
  { decision, stage }: Step,
  { kubeJob }: Objects,
  now: Date,
): JobChange {
  const isSeen = (kubeJob ?? decision.pod) !== undefined;
  if (job.stage.status !== "NOT_SUBMITTED" || stage.status === "NOT_SUBMITTED" || !isSeen) return {};
  const contentHash = kubeJob?.metadata?.annotations?.[KEYS.content];
  const image = mainOf(kubeJob?.spec?.template.spec ?? undefined)?.image;
  return {
    submitted: job.submitted ?? now.toISOString(),
    ...(contentHash === undefined ? {} : { contentHash }),
    // Of another submission's script no more than the hash is known.
    ...(contentHash === undefined || contentHash === job.contentHash ? {} : { script: null }),
    ...(image === undefined ? {} : { image }),
  };
}

/**
 * What an attempt that runs again forgets of its earlier run; not that there was one: `submitted` tells whose
 * streams are there.
 */
const NEW_LIFE: JobChange = {
  prepared: false,
  reason: "Rescheduled",
  message: "will run again",
  exitCode: null,
  pod: null,
  node: null,
  started: null,
  output: null,
  lastPod: null,
};

/** The words for an end that a signal, or another attempt, brings about, when that is decided. */
function wordsOf(job: AttemptRecord, { stage, signal }: Step, kill: Words): JobChange {
  const end = endIn(stage);
  // What was decided before has its words already.
  if (end === job.stage.status || end === endIn(job.stage)) return {};
  if (end === "DELETED") return kill;
  if (end !== "DELETED_REPLICA") return {};
  const message =
    signal === "KILL_REPLICA" ? "killed as a replica" : "another attempt of its invocation has completed";
  return { reason: "Replica", message };
}
