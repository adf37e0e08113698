import { timeText } from "../manifests/amounts.ts";
import { type Cause, type Explanation, type Facts, newestEvent, quote } from "./facts.ts";

/** Explanations of jobs that run, or were last seen running. */
export const runningCauses: readonly Cause[] = [
  { id: "node-unreachable", match: nodeUnreachable },
  { id: "pod-terminating", match: podTerminating },
  { id: "running", match: running },
];

function nodeUnreachable(facts: Facts): Explanation | undefined {
  const { status, reason, node } = facts.state;
  if (status !== "RUNNING" || reason !== "NodeUnreachable") return undefined;
  const wayOut = wayOutOf(facts);
  return {
    sentence: `was running when its node${node === undefined ? "" : ` ${node}`} fell silent, and may still run there: it is not run a second time beside that`,
    remedy: `bring the node back; one that is off for good is deleted by its administrator (kubectl delete node), its pods with it, and the job is retried${
      wayOut === undefined ? "" : `; ${wayOut}`
    }`,
    evidence: quote(newestEvent(facts, (event) => event.reason === "NodeNotReady")),
  };
}

/** How a pod that does not go is got rid of. */
function wayOutOf({ seen }: Facts): string | undefined {
  return seen.phase === "waiting" || seen.phase === "running" ? seen.wayOut : undefined;
}

function podTerminating(facts: Facts): Explanation | undefined {
  const { state, job, seen, now } = facts;
  if (state.reason !== "Terminating" || (state.status !== "RUNNING" && state.status !== "QUEUED"))
    return undefined;
  const goneBy = seen.phase === "waiting" || seen.phase === "running" ? seen.goneBy : undefined;
  if (goneBy !== undefined && Date.parse(goneBy) < now.getTime()) {
    const node = state.node === undefined ? "its node" : `node ${state.node}`;
    return {
      sentence: `waits for its pod, which was to be gone ${timeText(now.getTime() - Date.parse(goneBy))} ago and is still Terminating: ${node} may be off, and the script may run there`,
      remedy: `see \`gasw-k8s debug nodes\`; ${wayOutOf(facts)}`,
    };
  }
  if (state.status !== "RUNNING")
    return { sentence: "waits: its pod is being deleted before it began", remedy: "wait until it is gone" };
  return {
    sentence:
      "runs still, but its pod is being deleted: by somebody, by a drain of its node, or since the node fell silent",
    remedy: `wait until it is gone; if it stays so for minutes, see \`gasw-k8s debug nodes\` and \`gasw-k8s debug events ${job.id}\``,
  };
}

function running({ state, job, now }: Facts): Explanation | undefined {
  if (state.status !== "RUNNING") return undefined;
  const since =
    state.started === undefined
      ? ""
      : ` for ${timeText(now.getTime() - Date.parse(state.started))} (since ${state.started})`;
  return {
    sentence: `runs${since}${state.node === undefined ? "" : ` on node ${state.node}`}`,
    remedy: `nothing to do; \`gasw-k8s debug logs ${job.id} -f\` follows its output`,
  };
}
