import { endedCauses, scriptChanged } from "./ended.ts";
import type { Cause, Explanation, Facts } from "./facts.ts";
import { hopelessCauses } from "./hopeless.ts";
import { imageCauses } from "./image.ts";
import { again, command } from "./remedies.ts";
import { runningCauses } from "./running.ts";
import { waitingCauses } from "./waiting.ts";

/** A job's explanation together with the row that gave it. */
export interface Answer extends Explanation {
  readonly cause: string;
}

const unknownCause: Cause = {
  id: "unknown",
  match: ({ job, state }) => ({
    sentence: `is ${state.status}, for an unknown reason`,
    remedy: `see all its details: ${command(job, "debug describe")}`,
  }),
};

/**
 * All that may be the matter with a job; the first row that matches explains it. To explain more, add a row.
 */
export const causes: readonly Cause[] = [
  ...imageCauses,
  ...hopelessCauses,
  ...endedCauses,
  ...runningCauses,
  ...waitingCauses,
  unknownCause,
];

/** What a held job was before it was held, which its causes are told by. */
const BEFORE_HOLD = { ERROR_HELD: "ERROR", STALLED_HELD: "STALLED" } as const;

/** Says why a job is as it is. */
export function explain(facts: Facts): Answer {
  const { status } = facts.state;
  const changed = scriptChanged(facts);
  if (changed !== undefined) return { cause: "script-changed", ...changed };
  if (status !== "ERROR_HELD" && status !== "STALLED_HELD") return leadingOn(facts, firstMatch(facts));
  const before = { ...facts, state: { ...facts.state, status: BEFORE_HOLD[status] } };
  const { sentence, ...rest } = leadingOn(before, firstMatch(before));
  return { ...rest, sentence: `is held after too many failures; its last attempt ${sentence}` };
}

/** An explanation of a failure whose remedy ends with what runs the job again. */
function leadingOn(facts: Facts, answer: Answer): Answer {
  const { status } = facts.state;
  const isFailure = status === "ERROR" || status === "STALLED";
  if (!isFailure || answer.remedy.includes("gasw-k8s retry")) return answer;
  return { ...answer, remedy: `${answer.remedy}; then ${again(facts)}` };
}

/** Evidence that goes with every explanation: what was done to the job's pod, and what could not be seen. */
function withRemarks(facts: Facts, evidence: readonly string[]): Pick<Explanation, "evidence"> {
  const { unseen = [] } = facts;
  const missing = unseen.map((what) => `not seen: ${what}`);
  const all = [...evidence, ...removedEarly(facts), ...missing];
  return all.length === 0 ? {} : { evidence: all };
}

/** That its Job was removed, and why, where others would have kept it. */
function removedEarly({ keptBy = [] }: Facts): string[] {
  if (keptBy.length === 0) return [];
  const [containers, were] = keptBy.length === 1 ? ["container", "was"] : ["containers", "were"];
  const said = `its pod was deleted when the job ended: ${containers} ${keptBy.join(", ")}, which ${were} injected into it, would have kept it running`;
  return [said];
}

function firstMatch(facts: Facts): Answer {
  for (const cause of causes) {
    const found = cause.match(facts);
    if (found !== undefined)
      return { cause: cause.id, ...found, ...withRemarks(facts, found.evidence ?? []) };
  }
  throw new Error("the table of causes has no last row");
}
