import { readShortage, requestLess } from "../lifecycle/quota.ts";
import { readRefusal } from "../lifecycle/refusal.ts";
import type { CoreV1Event } from "../wire.ts";
import { type Explanation, type Facts, newestEvent, quote } from "./facts.ts";
import { rerun } from "./remedies.ts";

/** The newest event in which the Job controller could not make the pod. */
function failedCreate(facts: Facts): CoreV1Event | undefined {
  return facts.pod === undefined && facts.seen.phase !== "ended"
    ? newestEvent(facts, (event) => event.reason === "FailedCreate")
    : undefined;
}

/** A quota that has no room for the pod. */
export function quota(facts: Facts): Explanation | undefined {
  const event = failedCreate(facts);
  const text =
    event?.message ?? (facts.state.reason === "QuotaExceeded" ? facts.state.message : undefined) ?? "";
  if (!text.includes("exceeded quota")) return undefined;
  const short = readShortage(text);
  // What is used does not matter where the whole of it would not be enough.
  if (short?.isHopeless === true) {
    return {
      sentence: `can never start: quota ${short.quota} of namespace ${facts.job.namespace} allows ${short.limited} in total, and the job requests ${short.requested}`,
      remedy: `${requestLess(short.requested)}or ask the administrator to raise the quota`,
      evidence: [text],
    };
  }
  const detail =
    short === undefined
      ? text
      : `quota ${short.quota} allows ${short.limited}, ${short.used} is used, and the job requests ${short.requested}`;
  return {
    sentence: `is waiting because the quota of namespace ${facts.job.namespace} is exhausted: ${detail}`,
    remedy: readRefusal(text).remedy,
    evidence: [text],
  };
}

/** A pod that the cluster refuses to have made. */
export function podRefused(facts: Facts): Explanation | undefined {
  const event = failedCreate(facts);
  if (event === undefined) return undefined;
  const explanation = refused(event.message ?? "", "cannot start", quote(event));
  return readRefusal(event.message ?? "").kind === "standing"
    ? {
        ...explanation,
        remedy: `${explanation.remedy}; once the configuration is changed, ${rerun(facts)} applies it`,
      }
    : explanation;
}

/** A job that was given up since nobody would have its pod made. */
export function givenUpRefused({ state }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" || state.reason !== "FailedCreate") return undefined;
  return refused(state.message ?? "", "never started", []);
}

function refused(text: string, how: string, evidence: readonly string[]): Explanation {
  const { kind, by, remedy } = readRefusal(text);
  const sentence =
    kind === "passing"
      ? `is waiting because its pod could not be created: ${text}`
      : `${how}: ${by ?? "the cluster"} rejects its pod: ${text}`;
  return { sentence, remedy, evidence };
}
