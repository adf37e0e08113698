import { attemptNumber, hasEnded } from "../job.ts";
import { decide } from "./decide.ts";
import type { Rules } from "./decision.ts";
import { active } from "./make.ts";
import type { Observation } from "./observe.ts";
import type { AttemptRecord } from "./record.ts";
import type { Siblings } from "./signal.ts";
import { awaitsTurn } from "./stage.ts";
import type { Attempt } from "./step.ts";

/** What the cluster shows of an attempt, and whether its pod may still run something. */
export interface Shown {
  readonly observation: Observation;
  readonly isAlive: boolean;
}

/** What turns are decided from: the attempts of one invocation, as they stand. */
export interface Queue {
  readonly attempts: readonly AttemptRecord[];
  /** Undefined for an attempt that was made since the cluster was looked at. */
  seen(attempt: AttemptRecord): Shown | undefined;
  readonly rules: Rules;
  readonly now: Date;
}

/** Reason of an attempt that is due and waits for an earlier run of its script to be gone. */
export const BLOCKED = "EarlierRun";

/** Reason of an attempt that is due and can't be submitted, since somebody has deleted the namespace. */
export const NAMESPACE_GONE = "NamespaceGone";

/**
 * Whether an attempt is to be submitted now. Two attempts of one script never run at once: the second would
 * find the first one's folder and empty the workflow directory.
 */
export function isReady(
  { stage }: Pick<Attempt, "stage">,
  { alive, completed }: Pick<Siblings, "alive" | "completed">,
): boolean {
  return stage.name === "due" && !alive && !completed;
}

/** Whether an attempt is in the cluster or on its way there; one that only waits for its turn is not. */
export function isAlive({ stage, prepared }: Pick<AttemptRecord, "stage" | "prepared">): boolean {
  return awaitsTurn(stage) ? prepared : !hasEnded(stage.status);
}

/** What an attempt that is due waits for, in words; undefined: nothing. */
export function blockerOf(job: AttemptRecord, queue: Queue): string | undefined {
  if (!awaitsTurn(job.stage)) return undefined;
  const others = queue.attempts.filter(({ key }) => key !== job.key);
  const isShownAlive = (other: AttemptRecord) => queue.seen(other)?.isAlive === true;
  // Its own earlier run, where it is to run again; a pod that shows something rather than an attempt that
  // only waits its turn.
  const isOwn =
    job.stage.name === "clearing" && (queue.seen(job)?.observation.phase ?? "missing") !== "missing";
  const blocker = isOwn ? job : (others.find(isShownAlive) ?? others.find(isAlive));
  return blocker === undefined ? undefined : `waits for ${nameOf(blocker, queue)}`;
}

function nameOf(blocker: AttemptRecord, { seen, rules, now }: Queue): string {
  const observation = seen(blocker)?.observation;
  const attempt = `attempt ${attemptNumber(blocker)}`;
  if (observation?.phase !== "waiting" && observation?.phase !== "running")
    return isAlive(blocker) && !awaitsTurn(blocker.stage)
      ? `${attempt}, which is ${blocker.stage.status}`
      : `${attempt} to be removed from the cluster`;
  const { pod, node } = observation;
  const place = `${pod === undefined ? "" : `, whose pod ${pod} still exists`}${node === undefined ? "" : ` on node ${node}`}`;
  // As it would be told of if it had not been given up.
  const { message } = decide({ ...blocker, stage: active("RUNNING") }, observation, {}, now, rules);
  return `${attempt}${place}${(message ?? "") === "" ? "" : `: ${message}`}`;
}
