import { readRefusal } from "../lifecycle/refusal.ts";
import { parseQuantity } from "../manifests/quantity.ts";
import type { CoreV1Event } from "../wire.ts";
import { type Explanation, type Facts, newestEvent, quote } from "./facts.ts";

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
  const match = /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$/.exec(text);
  const detail =
    match === null
      ? text
      : `quota ${match[1]} allows ${match[4]}, ${match[3]} is used, and the job requests ${match[2]}`;
  // What is used does not matter where the whole of it would not be enough.
  if (match !== null && asksForMore(match[2] ?? "", match[4] ?? "")) {
    return {
      sentence: `can never start: quota ${match[1]} of namespace ${facts.job.namespace} allows ${match[4]} in total, and the job requests ${match[2]}`,
      remedy: "request less (--cpu, --memory, --gpu), or ask the administrator to raise the quota",
      evidence: [text],
    };
  }
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
  return refused(event.message ?? "", "cannot start", quote(event));
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

/**
 * Whether one of the amounts that are requested is more than is allowed altogether. A quota of 0 closes a
 * namespace, mostly for a time.
 */
function asksForMore(requested: string, limited: string): boolean {
  const limits = amountsIn(limited);
  return [...amountsIn(requested)].some(
    ([resource, amount]) => amount > (limits.get(resource) || Number.POSITIVE_INFINITY),
  );
}

/** The amounts of `pods=1,requests.cpu=500m`. */
function amountsIn(text: string): Map<string, number> {
  const pairs = text.split(",").map((pair) => pair.split("="));
  return new Map(pairs.map(([resource = "", amount = ""]) => [resource, parseQuantity(amount) ?? 0]));
}
