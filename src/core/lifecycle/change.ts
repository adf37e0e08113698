import { lastFacts } from "../inventory/lastFacts.ts";
import { hasEnded } from "../job.ts";
import { mainOf } from "../manifests/mainContainer.ts";
import { KEYS } from "../names.ts";
import type { V1Job, V1Pod } from "../wire.ts";
import type { Decision } from "./decision.ts";
import { includes } from "./effects.ts";
import type { Words } from "./giveUp.ts";
import { decided } from "./make.ts";
import type { AttemptRecord, JobChange } from "./record.ts";
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
  const { decision, settled, due, removal, signal, effects } = next;
  const isRerun = decision.status === "NOT_SUBMITTED" && job.status !== "NOT_SUBMITTED";
  const isReplicated =
    signal === "REPLICATE" && includes(effects, "addAttempt") && !hasEnded(decision.status);
  const wanted: JobChange = {
    ...columnsOf(decision),
    ...seenOf(job, decision, objects),
    ...acceptedAs(job, decision, objects, now),
    settled,
    due,
    removal,
    signal,
    ...(isReplicated ? { replicating: true } : {}),
    ...(isRerun ? NEW_LIFE : {}),
    ...wordsOf(job, next, kill),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => job[key as keyof AttemptRecord] !== value),
  );
}

function columnsOf(decision: Decision): JobChange {
  const { status, reason, message, exitCode, pod, node, startedAt, finishedAt } = decision;
  return {
    status: decided(status),
    pendingFamily: decision.pendingFamily,
    pendingSince: decision.pendingSince,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(decision.outputLate === true ? { outputLate: true } : {}),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(startedAt === undefined ? {} : { started: startedAt }),
    ...(hasEnded(status) && finishedAt !== undefined ? { ended: finishedAt } : {}),
  };
}

function seenOf(job: AttemptRecord, { lingers = false }: Decision, { kubeJob, pod }: Objects): JobChange {
  const uid = kubeJob?.metadata?.uid;
  const begins = lingers && !job.lingers && pod !== undefined;
  return {
    lingers,
    ...(uid === undefined
      ? {}
      : { kubeUid: uid, wrapper: Number(kubeJob?.metadata?.annotations?.[KEYS.wrapper] ?? 0) }),
    ...(begins ? { lastPod: JSON.stringify(lastFacts(pod)) } : {}),
  };
}

/** A submission that was cut off after its Job was made: what was accepted stands in the Job. */
function acceptedAs(job: AttemptRecord, decision: Decision, { kubeJob }: Objects, now: Date): JobChange {
  const isSeen = (kubeJob ?? decision.pod) !== undefined;
  if (job.status !== "NOT_SUBMITTED" || decision.status === "NOT_SUBMITTED" || !isSeen) return {};
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
  outputLate: false,
  lingers: false,
  lastPod: null,
};

/** The words for an end that a signal, or another attempt, brings about, when that is decided. */
function wordsOf(job: AttemptRecord, { decision, removal, signal }: Step, kill: Words): JobChange {
  const end = removal ?? decision.status;
  // What was decided before has its words already.
  if (end === job.status || end === job.removal) return {};
  if (end === "DELETED") return kill;
  if (end !== "DELETED_REPLICA") return {};
  const message =
    signal === "KILL_REPLICA" ? "killed as a replica" : "another attempt of its invocation has completed";
  return { reason: "Replica", message };
}
