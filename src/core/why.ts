import { endedCauses } from "./whyEnded.ts";
import type { Cause, Explanation, Facts } from "./whyFacts.ts";
import { imageCauses } from "./whyImage.ts";
import { hopelessCauses, runningCause, waitingCauses } from "./whyWaiting.ts";

/** A job's explanation together with the row that gave it. */
export interface Answer extends Explanation {
  readonly cause: string;
}

const unknownCause: Cause = {
  id: "unknown",
  match: ({ job, state }) => ({
    sentence: `is ${state.status}, and neither the cluster nor the state says why`,
    remedy: `look at everything the cluster knows of it: gasw-k8s debug describe ${job.id}`,
  }),
};

/** All that may be the matter with a job; the first row that matches explains it. To explain more, add a row. */
export const causes: readonly Cause[] = [...imageCauses, ...hopelessCauses, ...endedCauses, runningCause, ...waitingCauses, unknownCause];

/** Says why a job is as it is. */
export function explain(facts: Facts): Answer {
  for (const cause of causes) {
    const found = cause.match(facts);
    if (found !== undefined) return { cause: cause.id, ...found };
  }
  throw new Error("the table of causes has no last row");
}
