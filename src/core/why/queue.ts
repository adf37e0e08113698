import { timeText } from "../manifests/amounts.ts";
import { QUEUE_LABEL } from "../names.ts";
import { type Explanation, type Facts, newestEvent, quote, said } from "./facts.ts";

/** A Job that is suspended, by its queue or by somebody. */
export function suspended(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "Suspended") return undefined;
  const queue = facts.kubeJob?.metadata?.labels?.[QUEUE_LABEL];
  if (isTakenBack(facts)) return takenBack(facts, queue);
  return queue === undefined
    ? {
        sentence: "is waiting because its Job is suspended",
        remedy: `resume it: \`kubectl patch job -n ${facts.job.namespace} ${facts.kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'\``,
      }
    : {
        sentence: `is waiting for queue ${queue} to admit it`,
        remedy: `wait for the queue to admit it; \`kubectl describe localqueue -n ${facts.job.namespace} ${queue}\` shows why it has not`,
      };
}

/** Whether a suspended job had begun before. */
function isTakenBack({ state, events, kubeJob }: Facts): boolean {
  const hasResumed = events.some(
    ({ reason, involvedObject }) => reason === "Resumed" && involvedObject.uid === kubeJob?.metadata?.uid,
  );
  return state.started !== undefined || hasResumed;
}

function takenBack(facts: Facts, queue: string | undefined): Explanation {
  const { seen, job, now, kubeJob } = facts;
  const at = seen.phase === "waiting" ? seen.suspendedAt : undefined;
  const since = at === undefined ? "" : ` ${timeText(now.getTime() - Date.parse(at))} ago (at ${at})`;
  const told = newestEvent(
    facts,
    ({ involvedObject, reason }) => involvedObject.kind === "Job" && QUEUE_EVENTS.includes(reason ?? ""),
  );
  return queue === undefined
    ? {
        sentence: `was suspended${since} after it had started, and will start over when its Job is resumed`,
        remedy: `resume it: \`kubectl patch job -n ${job.namespace} ${kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'\``,
        evidence: quote(told),
      }
    : {
        sentence: `was stopped by queue ${queue}${since} after it had started, and will start over when the queue admits it again${said(told)}`,
        remedy: `wait for the queue to admit it; \`kubectl get workloads -n ${job.namespace}\` shows why it has not; a higher priorityClassName makes preemption less likely`,
        evidence: quote(told),
      };
}

/** What Kueue tells of a Job that it stops, the telling words among its events. */
const QUEUE_EVENTS: readonly string[] = [
  "Stopped",
  "Preempted",
  "EvictedDueToPreempted",
  "EvictedDueToPodsReadyTimeout",
  "Evicted",
];
