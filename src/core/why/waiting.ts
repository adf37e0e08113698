import { timeText } from "../manifests/amounts.ts";
import { complaint, volumeMount, volumeNotBound } from "./claims.ts";
import { type Cause, type Explanation, type Facts, mainContainer, newestEvent, quote } from "./facts.ts";
import { unschedulable } from "./noRoom.ts";
import { suspended } from "./queue.ts";
import { podRefused, quota } from "./refused.ts";

/** Explanations of jobs that have not begun. */
export const waitingCauses: readonly Cause[] = [
  { id: "quota", match: quota },
  { id: "pod-refused", match: podRefused },
  { id: "suspended", match: suspended },
  { id: "volume-not-bound", match: volumeNotBound },
  { id: "no-room", match: unschedulable },
  { id: "volume-mount", match: volumeMount },
  { id: "sandbox", match: sandbox },
  { id: "initializing", match: initializing },
  { id: "pulling-image", match: pulling },
  { id: "preparing", match: preparing },
  { id: "scheduling", match: scheduling },
  { id: "no-pod-yet", match: noPodYet },
  { id: "waiting", match: otherWait },
];

function sandbox(facts: Facts): Explanation | undefined {
  const event = complaint(facts, "FailedCreatePodSandBox");
  if (event === undefined) return undefined;
  return {
    sentence: `waits on node ${facts.pod?.spec?.nodeName}, which cannot set up its pod: ${event.message}`,
    remedy: "this is the node's trouble (network plugin or container runtime): tell the administrator",
    evidence: quote(event),
  };
}

function initializing({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Initializing") return undefined;
  return {
    sentence: `has not begun yet: ${state.message}`,
    remedy: `wait for it; \`gasw-k8s debug logs ${job.id}\` shows what the init container writes`,
  };
}

function pulling(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  const last = newestEvent(facts, (event) => event.involvedObject.kind === "Pod");
  if (last?.reason !== "Pulling") return undefined;
  return {
    sentence:
      `waits on node ${facts.seen.node}, which pulls its image ${mainContainer(facts)?.image ?? ""}`.trimEnd(),
    remedy: "wait for it; a smaller image, or one that is on the nodes already, begins sooner",
    evidence: quote(last),
  };
}

function preparing(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  return {
    sentence: `has been given to node ${facts.seen.node}, which prepares its container (volumes, image)`,
    remedy: "wait for it; ask again if it stays so for more than a minute",
  };
}

function scheduling({ seen, pod, now }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting" || seen.reason !== "Scheduling") return undefined;
  const created = pod?.metadata?.creationTimestamp;
  const since = created === undefined ? "" : ` for ${timeText(now.getTime() - Date.parse(created))}`;
  return {
    sentence: `waits${since} for the scheduler to choose a node; nobody has complained`,
    remedy: "wait for it; if it stays so, the cluster's scheduler is not working: tell the administrator",
  };
}

function noPodYet({ seen }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting" || seen.reason !== "NoPod") return undefined;
  return {
    sentence: "is in the cluster, which has not made its pod yet; nobody has complained",
    remedy:
      "wait for it; if it stays so, the cluster's Job controller is not working: tell the administrator",
  };
}

function otherWait({ seen, job }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting") return undefined;
  return {
    sentence: `waits: ${seen.message} (${seen.reason})`,
    remedy: `look at everything the cluster knows of it: gasw-k8s debug describe ${job.id}`,
  };
}
