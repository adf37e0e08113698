import { hasEnded } from "../job.ts";
import type { Decision, KnownJob, OwnWords, Rules } from "./decision.ts";
import { GONE, judge, POD_GONE, unseen } from "./judge.ts";
import { OUTPUT, withLastLook } from "./lastLook.ts";
import type { Observation } from "./observe.ts";
import { leftOf } from "./stage.ts";
import { placeOf, stuck, waitedSince, waiting } from "./waiting.ts";

/**
 * Decides every change of a job's status. Pure: the same known job, observation, words and time always give
 * the same answer.
 */
export function decide(known: KnownJob, seen: Observation, own: OwnWords, now: Date, rules: Rules): Decision {
  const decision = decideStatus(known, seen, own, now, rules);
  const isKept = leftOf(known.stage).lingers
    ? seen.phase !== "missing"
    : seen.phase === "ended" && seen.keptBy !== undefined;
  return isKept && hasEnded(decision.status) && !decision.removeJob
    ? { ...decision, lingers: true }
    : decision;
}

function decideStatus(known: KnownJob, seen: Observation, own: OwnWords, now: Date, rules: Rules): Decision {
  const { status } = known.stage;
  const still: Decision = { status, pendingFamily: null, pendingSince: null, removeJob: false };
  if (hasEnded(status))
    return { ...still, pendingFamily: known.pendingFamily, pendingSince: known.pendingSince };
  const removed = decidedEnd(known, still, seen, own);
  if (removed !== undefined) return removed;
  switch (seen.phase) {
    case "missing":
      // Only `submit` starts it; an output file may be an earlier life's.
      return status === "NOT_SUBMITTED"
        ? still
        : ended(known, seen, own, now, rules, unseen(still, withLastLook(GONE, known), own));
    case "lost": {
      const message = `its pod was deleted or evicted before its end was observed (${seen.message})`;
      return ended(
        known,
        seen,
        own,
        now,
        rules,
        unseen(still, withLastLook({ ...POD_GONE, message }, known), own),
      );
    }
    case "waiting":
      return waiting(known, seen, now, rules.pending);
    case "running":
      return {
        ...still,
        ...placeOf(seen),
        status: "RUNNING",
        reason: seen.reason ?? null,
        message: stuck(seen, now) ?? seen.message ?? null,
      };
    case "ended":
      return ended(known, seen, own, now, rules, { ...still, ...placeOf(seen), ...judge(seen.ending, own) });
  }
}

/**
 * Whether an output that has not arrived is still waited for: a file server may show a file, or its last
 * lines, a minute late.
 */
export function isOutputAwaited(
  known: KnownJob,
  { late }: OwnWords,
  now: Date,
  { outputGrace }: Rules,
): boolean {
  return late !== undefined && now.getTime() - waitedSince(known, OUTPUT, now).getTime() < outputGrace * 1000;
}

/** An end of which the output is not whole is told when it is, or when the time for that is over. */
function ended(
  known: KnownJob,
  seen: Observation,
  own: OwnWords,
  now: Date,
  rules: Rules,
  end: Decision,
): Decision {
  if (own.late === undefined) return end;
  if (isOutputAwaited(known, own, now, rules)) return awaiting(known, seen, own.late, now, rules, end);
  const when = rules.outputGrace === 0 ? "" : `, ${rules.outputGrace} s after the job had ended`;
  const message = `its output ${own.late}${when}${end.message ? `; ${end.message}` : ""}`;
  const reason = end.reason === "Completed" || end.reason === "Error" ? "OutputIncomplete" : end.reason;
  return { ...end, ...(reason === undefined ? {} : { reason }), message, outputLate: true };
}

/** What is known of the end is shown meanwhile. */
function awaiting(
  known: KnownJob,
  seen: Observation,
  late: string,
  now: Date,
  { outputGrace }: Rules,
  end: Decision,
): Decision {
  const since = waitedSince(known, OUTPUT, now);
  const until = new Date(since.getTime() + outputGrace * 1000).toISOString();
  const { status: _, warning: __, ...facts } = end;
  return {
    ...facts,
    // What runs no more is not said to wait for its start again.
    status: seen.phase === "ended" ? "RUNNING" : known.stage.status,
    reason: "OutputLate",
    message: `${endWords(seen)}; its output ${late}: waiting for it until ${until} (outputGrace)`,
    pendingFamily: OUTPUT,
    pendingSince: since.toISOString(),
    removeJob: false,
  };
}

function endWords(seen: Observation): string {
  if (seen.phase !== "ended")
    return seen.phase === "missing" ? "its Job no longer exists" : "its pod no longer exists";
  const { exitCode, reason } = seen.ending;
  return `its pod has ended (${exitCode === undefined ? reason : `${reason}, exit code ${exitCode}`})`;
}

/**
 * The end that was decided before, unless the job has got the better of it: it completed, or one that was
 * given up began to run. Its reason stands in the record already.
 */
function decidedEnd(
  { stage }: KnownJob,
  still: Decision,
  seen: Observation,
  own: OwnWords,
): Decision | undefined {
  // A Job of the same name can be made only once the old one is gone, whatever has become of it.
  if (stage.name === "clearing") return { ...still, removeJob: seen.phase !== "missing" };
  if (stage.name !== "removing") return undefined;
  const { end } = stage;
  if (seen.phase === "missing" || seen.phase === "lost") return { ...still, status: end };
  if (seen.phase === "ended") {
    const hasCompleted = judge(seen.ending, own).status === "COMPLETED";
    return hasCompleted ? undefined : { ...still, ...placeOf(seen), status: end };
  }
  if (seen.phase === "running" && end === "ERROR") return undefined;
  return { ...still, ...placeOf(seen), status: end, removeJob: true };
}
