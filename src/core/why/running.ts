import { timeText } from "../manifests/amounts.ts";
import { type Cause, type Explanation, type Facts, newestEvent, quote } from "./facts.ts";
import { command } from "./remedies.ts";

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
    sentence: `was running when its node${node === undefined ? "" : ` ${node}`} stopped responding, and may still be running there, so it is not started again`,
    remedy: `bring the node back, or ask the administrator to delete it with its pods (\`kubectl delete node ${node ?? "NODE"}\`) if it is gone for good: the job is then retried${
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
      sentence: `is waiting for its pod, which should have been deleted ${timeText(now.getTime() - Date.parse(goneBy))} ago and is still Terminating: ${node} may be down, and the script may still be running there`,
      remedy: `see \`gasw-k8s debug nodes\`; ${wayOutOf(facts)}`,
    };
  }
  if (state.status !== "RUNNING")
    return {
      sentence: "is waiting: its pod is being deleted before it has started",
      remedy: "wait until it is deleted",
    };
  return {
    sentence:
      "is still running, but its pod is being deleted: by a user, by a drain of its node, or because the node stopped responding",
    remedy: `wait until it is deleted; if that takes minutes, see \`gasw-k8s debug nodes\` and ${command(job, "debug events")}`,
  };
}

function running({ state, job, now }: Facts): Explanation | undefined {
  if (state.status !== "RUNNING") return undefined;
  const since =
    state.started === undefined
      ? ""
      : ` for ${timeText(now.getTime() - Date.parse(state.started))} (since ${state.started})`;
  return {
    sentence: `has been running${since}${state.node === undefined ? "" : ` on node ${state.node}`}`,
    remedy: `nothing to do; ${command(job, "debug logs", "-f")} follows its output`,
  };
}
