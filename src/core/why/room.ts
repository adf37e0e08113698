/** What pods ask for, against what nodes offer. */
import { cpuText, memoryText } from "../manifests/amounts.ts";
import { parseQuantity } from "../manifests/quantity.ts";
import { GPU_RESOURCE } from "../manifests/resourceNames.ts";
import type { V1Container, V1Node, V1PodSpec, V1Toleration } from "../wire.ts";

/** Amounts of resources by their names. */
export type Amounts = Readonly<Record<string, string>>;

/** An amount in words: `2 CPU`, `16Gi of memory`, `1 GPU`. */
export function amountText(resource: string, quantity: string): string {
  if (resource === "memory" || resource === "ephemeral-storage" || resource.startsWith("hugepages-"))
    return `${memoryText(quantity)} of ${resource}`;
  if (resource === "cpu") return `${cpuText(quantity)} CPU`;
  if (resource === GPU_RESOURCE) return quantity === "1" ? "1 GPU" : `${quantity} GPUs`;
  return `${quantity} ${resource}`;
}

/** Whether no node has so much of a resource, even when it is empty. */
export function isTooBig(resource: string, asked: string | undefined, nodes: readonly V1Node[]): boolean {
  return nodes.length > 0 && amountIn(asked) > largest(resource, nodes);
}

/** What is asked for, and what the largest node has instead. */
export function shortage(resource: string, asked: string, nodes: readonly V1Node[]): string {
  const best = largest(resource, nodes);
  const has =
    best === 0 ? "no node has any" : `the largest node offers ${amountText(resource, String(best))}`;
  return `it requests ${amountText(resource, asked)}, and ${has}`;
}

/** The most of a resource that one node offers, or 0 if no node has it. */
export function largest(resource: string, nodes: readonly V1Node[]): number {
  return Math.max(0, ...nodes.map((node) => amountIn(node.status?.allocatable?.[resource])));
}

const amountIn = (quantity: string | undefined): number => parseQuantity(quantity ?? "0") ?? 0;

/**
 * All that a pod requests, as the scheduler counts it: its containers and sidecars together, or the greatest
 * of its init containers beside the sidecars.
 */
export function podRequests({ containers, initContainers = [] }: V1PodSpec): Amounts {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const others = initContainers.filter(({ restartPolicy }) => restartPolicy !== "Always");
  const groups = [[...containers, ...sidecars], ...others.map((init) => [init, ...sidecars])];
  const sums = groups.map((group) => {
    const sum = new Map<string, number>();
    for (const [name, amount] of group.flatMap((container) => Object.entries(requestsOf(container))))
      sum.set(name, (sum.get(name) ?? 0) + amountIn(amount));
    return sum;
  });
  const names = new Set(sums.flatMap((sum) => [...sum.keys()]));
  return Object.fromEntries(
    [...names].map((name) => [name, String(Math.max(...sums.map((sum) => sum.get(name) ?? 0)))]),
  );
}

/** A limit without a request is the request, too. */
function requestsOf({ resources }: V1Container): Amounts {
  return { ...resources?.limits, ...resources?.requests };
}

/**
 * Why none of the nodes could run a pod, were they all empty; undefined where one could, as far as labels,
 * taints and amounts tell.
 */
export function noNodeFor(spec: V1PodSpec, nodes: readonly V1Node[]): string | undefined {
  if (nodes.length === 0) return undefined;
  const requests = Object.entries(podRequests(spec));
  const tooBig = requests.filter(([resource, asked]) => isTooBig(resource, asked, nodes));
  if (tooBig.length > 0)
    return tooBig.map(([resource, asked]) => shortage(resource, asked, nodes)).join("; ");
  const labels = Object.entries(spec.nodeSelector ?? {});
  const labelled = nodes.filter(({ metadata }) =>
    labels.every(([key, value]) => metadata?.labels?.[key] === value),
  );
  if (labelled.length === 0)
    return `no node has the labels ${labels.map(([key, value]) => `${key}=${value}`).join(", ")}`;
  const open = labelled.filter((node) => repelling(node, spec.tolerations ?? []).length === 0);
  if (open.length === 0) {
    const taints = labelled.flatMap((node) => repelling(node, spec.tolerations ?? []).map(taintText));
    return `every suitable node has a taint that it does not tolerate (${[...new Set(taints)].join(", ")})`;
  }
  const isEnough = (node: V1Node) =>
    requests.every(([resource, asked]) => !isTooBig(resource, asked, [node]));
  if (open.some(isEnough)) return undefined;
  const asked = requests.map(([resource, quantity]) => amountText(resource, quantity)).join(", ");
  return `no suitable node offers all that it requests (${asked})`;
}

export type V1Taint = NonNullable<NonNullable<V1Node["spec"]>["taints"]>[number];

/** The taints of a node that keep off a pod with these tolerations. */
export function repelling({ spec }: V1Node, tolerations: readonly V1Toleration[]): V1Taint[] {
  return (spec?.taints ?? []).filter(
    (taint) => taint.effect !== "PreferNoSchedule" && !tolerations.some((one) => tolerates(one, taint)),
  );
}

/** A taint as `kubectl taint` writes it. */
export function taintText({ key, value, effect }: V1Taint): string {
  return `${key}${value ? `=${value}` : ""}:${effect}`;
}

/** By the rules of `v1.Toleration.ToleratesTaint`. */
function tolerates({ key, operator, value, effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect !== undefined && effect !== "" && effect !== taint.effect) return false;
  if (key !== undefined && key !== "" && key !== taint.key) return false;
  return operator === "Exists" || (key !== undefined && key !== "" && (value ?? "") === (taint.value ?? ""));
}
