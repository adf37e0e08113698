import { GPU_RESOURCE, wayToState } from "../manifests/resourceNames.ts";
import type { V1Node } from "../wire.ts";
import { type Explanation, type Facts, mainContainer, podSpec } from "./facts.ts";
import { PLACEHOLDERS, rerun } from "./remedies.ts";
import { type Amounts, amountText, isTooBig, largest, repelling, shortage, taintText } from "./room.ts";

const NAMES: Readonly<Record<string, string>> = { cpu: "CPU", [GPU_RESOURCE]: "GPUs" };

/** No node takes the pod: what it asks for, against what the nodes offer, and the scheduler's own words. */
export function unschedulable(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "Unschedulable") return undefined;
  const message = withoutPreemption(facts.seen.message);
  const requests = mainContainer(facts)?.resources?.requests ?? {};
  const short = shortResources(message);
  const tooBig = Object.keys(requests).filter((resource) =>
    isTooBig(resource, requests[resource], facts.nodes ?? []),
  );
  const parts = [...lacks(requests, short, tooBig, facts.nodes), ...placement(message, facts)];
  return {
    sentence: `is waiting because no node can run it: ${parts.length > 0 ? parts.join("; ") : message}`,
    remedy: remedyFor(facts, short, tooBig, message),
    evidence: [facts.seen.message],
  };
}

/** A job that was given up since no node would take it: what the scheduler said last is kept. */
export function givenUpUnschedulable(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.status !== "ERROR" || state.reason !== "Unschedulable") return undefined;
  const message = withoutPreemption(state.message ?? "");
  return {
    sentence: `was given up because no node could run it in time: ${message}`,
    remedy: `${remedyFor(facts, shortResources(message), [], message)}; \`pending.Unschedulable\` sets how long a job may wait`,
    ...(state.message === undefined ? {} : { evidence: [state.message] }),
  };
}

/** The scheduler adds a second sentence on preemption, which says nothing about the job. */
function withoutPreemption(message: string): string {
  return message.replace(/\.? *preemption:.*$/s, "").trim();
}

function shortResources(message: string): string[] {
  return [
    ...new Set(
      [...message.matchAll(/Insufficient ([\w./-]+)/g)].map((match) => (match[1] ?? "").replace(/[.,]$/, "")),
    ),
  ];
}

function lacks(
  requests: Amounts,
  short: readonly string[],
  tooBig: readonly string[],
  nodes: readonly V1Node[] = [],
): string[] {
  return [...new Set([...tooBig, ...short])].map((resource) => {
    const asked = requests[resource];
    if (asked === undefined) return `not enough free ${NAMES[resource] ?? resource}`;
    if (nodes.length === 0)
      return `it requests ${amountText(resource, asked)}, and no node has that much free`;
    const text = shortage(resource, asked, nodes);
    return tooBig.includes(resource) ? text : `${text}, but not enough of it is free`;
  });
}

/** Taints and selectors that keep the pod off nodes. */
function placement(message: string, facts: Facts): string[] {
  const taints = [
    ...message.matchAll(/(\d+) node\(s\) had untolerated taint(?:\(s\))?(?: (\{[^}]*\}))?/g),
  ].map(
    ([, count, taint]) =>
      `${count} ${count === "1" ? "node has" : "nodes have"} an untolerated taint${taint ? ` ${taint}` : ""}`,
  );
  const computed = taints.some((text) => text.includes("{")) ? [] : untolerated(message, facts);
  const selected = /didn't match Pod's node affinity\/selector/.test(message);
  const selector = Object.entries(podSpec(facts)?.nodeSelector ?? {}).map(
    ([key, value]) => `${key}=${value}`,
  );
  const selection = selected
    ? [`no suitable node has the labels ${selector.length > 0 ? selector.join(", ") : "it selects"}`]
    : [];
  const cordoned = /(\d+) node\(s\) were unschedulable/.exec(message);
  return [
    ...(computed.length > 0 ? computed : taints),
    ...selection,
    ...(cordoned === null ? [] : [`${cordoned[1]} node(s) are cordoned`]),
  ];
}

/** Since Kubernetes 1.34.2 the scheduler does not name the taints: the nodes do. */
function untolerated(message: string, facts: Facts): string[] {
  if (!message.includes("untolerated taint")) return [];
  const tolerations = podSpec(facts)?.tolerations ?? [];
  const repelled = (facts.nodes ?? []).map((node) => repelling(node, tolerations));
  const count = repelled.filter((taints) => taints.length > 0).length;
  const names = new Set(repelled.flat().map(taintText));
  return count === 0
    ? []
    : [`${count} ${count === 1 ? "node has" : "nodes have"} an untolerated taint (${[...names].join(", ")})`];
}

function remedyFor(
  facts: Facts,
  short: readonly string[],
  tooBig: readonly string[],
  message: string,
): string {
  if (tooBig.length > 0)
    return `request less: ${requestLess(facts, tooBig)}, or add a larger node: no node is large enough`;
  if (message.includes("untolerated taint"))
    return "add a matching entry to `tolerations`, or remove the taint from a node; `gasw-k8s debug nodes` lists the taints";
  if (message.includes("node affinity/selector"))
    return "fix `nodeSelector` or `affinity.nodeAffinity` in the configuration, or label a node: `kubectl label node NODE KEY=VALUE`";
  if (/pod (?:anti-)?affinity/.test(message))
    return "wait for other pods to end or to start, or relax `affinity.podAffinity` or `affinity.podAntiAffinity` in the configuration";
  if (message.includes("topology spread constraints"))
    return "wait for other jobs to end, or relax `topologySpreadConstraints` in the configuration (`whenUnsatisfiable: ScheduleAnyway`)";
  if (short.length > 0)
    return `wait for other jobs to end, or request less to start sooner: ${requestLess(facts, short)}`;
  return "see `gasw-k8s debug nodes`";
}

/** The command that requests less: as much as the largest node has, where that is known. */
function requestLess(facts: Facts, resources: readonly string[]): string {
  const options = resources.flatMap((resource) => {
    const option = wayToState(resource)?.option;
    if (option === undefined) return [];
    const { nodes = [] } = facts;
    const amount = nodes.length === 0 ? PLACEHOLDERS.amount : amountFor(resource, largest(resource, nodes));
    return option === "--resource" ? [option, `${resource}=${amount}`] : [option, amount];
  });
  return rerun(facts, ...options);
}

/** An amount that a node has, in round figures: some of it is the node's own. */
function amountFor(resource: string, most: number): string {
  if (resource === "cpu") return most > 1 ? String(Math.ceil(most) - 1) : `${Math.floor(most * 500)}m`;
  const isMemory = resource === "memory" || resource === "ephemeral-storage";
  return isMemory ? `${Math.max(1, Math.floor((most * 0.8) / 2 ** 20))}Mi` : String(most);
}
