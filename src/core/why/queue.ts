import { QUEUE_LABEL } from "../lifecycle/observe.ts";
import { timeText } from "../manifests/amounts.ts";
import { type Explanation, type Facts, newestEvent, quote, said } from "./facts.ts";

/** A Job that is suspended, by its queue or by somebody. */
export function suspended(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "Suspended") return undefined;
  const queue = facts.kubeJob?.metadata?.labels?.[QUEUE_LABEL];
  if (isTakenBack(facts)) return takenBack(facts, queue);
  return queue === undefined
    ? {
        sentence: "waits, since its Job is suspended: somebody set `suspend`",
        remedy: `whoever did may set it back: kubectl patch job -n ${facts.job.namespace} ${facts.kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'`,
      }
    : {
        sentence: `waits in queue ${queue}, which has not admitted it yet`,
        remedy: `it begins by itself when the queue admits it; kubectl describe localqueue -n ${facts.job.namespace} ${queue} shows what it waits for`,
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
        sentence: `had begun, and its Job was suspended${since}: it waits for that to be undone, and begins anew then`,
        remedy: `whoever suspended it may set it back: kubectl patch job -n ${job.namespace} ${kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'`,
        evidence: quote(told),
      }
    : {
        sentence: `had begun, and queue ${queue} has taken it back${since}: it waits to be admitted again, and begins anew then${said(told)}`,
        remedy: `it begins by itself when the queue admits it; kubectl get workloads -n ${job.namespace} shows what it waits for, a higher priorityClassName keeps it from being taken back`,
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
