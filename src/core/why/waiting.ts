import { timeText } from "../manifests/amounts.ts";
import { volumeNotBound } from "./claims.ts";
import {
  type Cause,
  type Explanation,
  type Facts,
  mainContainer,
  newestEvent,
  podSpec,
  quote,
} from "./facts.ts";
import { unschedulable } from "./noRoom.ts";
import { suspended } from "./queue.ts";
import { podRefused, quota } from "./refused.ts";
import { command } from "./remedies.ts";

/** Explanations of jobs that have not begun. */
export const waitingCauses: readonly Cause[] = [
  { id: "quota", match: quota },
  { id: "pod-refused", match: podRefused },
  { id: "suspended", match: suspended },
  { id: "volume-not-bound", match: volumeNotBound },
  { id: "no-room", match: unschedulable },
  { id: "initializing", match: initializing },
  { id: "pulling-image", match: pulling },
  { id: "preparing", match: preparing },
  { id: "scheduling", match: scheduling },
  { id: "no-pod-yet", match: noPodYet },
  { id: "waiting", match: otherWait },
];

function initializing({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Initializing") return undefined;
  return {
    sentence: `has not started yet: ${state.message}`,
    remedy: `wait for it; ${command(job, "debug logs")} shows the output of the init container`,
  };
}

function pulling(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  const last = newestEvent(facts, (event) => event.involvedObject.kind === "Pod");
  if (last?.reason !== "Pulling") return undefined;
  return {
    sentence:
      `is waiting on node ${facts.seen.node}, which is pulling its image ${mainContainer(facts)?.image ?? ""}`.trimEnd(),
    remedy: "wait for it; a smaller or preloaded image starts sooner",
    evidence: quote(last),
  };
}

function preparing(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  return {
    sentence: `is assigned to node ${facts.seen.node}, which is preparing its container (volumes, image)`,
    remedy: "wait for it; check again if it takes more than a minute",
  };
}

/** Scheduler of a cluster that has no other one. */
const DEFAULT_SCHEDULER = "default-scheduler";

function scheduling(facts: Facts): Explanation | undefined {
  const { seen, pod, now } = facts;
  if (seen.phase !== "waiting" || seen.reason !== "Scheduling") return undefined;
  const created = pod?.metadata?.creationTimestamp;
  const since = created === undefined ? "" : ` for ${timeText(now.getTime() - Date.parse(created))}`;
  const { schedulerName = DEFAULT_SCHEDULER } = podSpec(facts) ?? {};
  if (schedulerName !== DEFAULT_SCHEDULER)
    return {
      sentence: `has been waiting${since} for the scheduler ${schedulerName} to choose a node; there are no error events`,
      remedy: `wait for it; if this persists, check that schedulerName in the configuration names a scheduler that runs: Kubernetes does not check it`,
    };
  return {
    sentence: `has been waiting${since} for the scheduler to choose a node; there are no error events`,
    remedy: "wait for it; if this persists, tell the administrator: the scheduler may not be running",
  };
}

function noPodYet({ seen }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting" || seen.reason !== "NoPod") return undefined;
  return {
    sentence: "is waiting for the cluster to create its pod; there are no error events",
    remedy: "wait for it; if this persists, tell the administrator: the Job controller may not be running",
  };
}

function otherWait({ seen, job }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting") return undefined;
  return {
    sentence: `is waiting: ${seen.message} (${seen.reason})`,
    remedy: `see all its details: ${command(job, "debug describe")}`,
  };
}
