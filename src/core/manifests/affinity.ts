import type { V1PodSpec } from "../wire.ts";

type Affinity = NonNullable<V1PodSpec["affinity"]>;

/** Field by which a node is told: a label of it need not say the same. */
export const NODE_NAME = "metadata.name";

/** The configured affinity, with some nodes left out. */
export function avoiding(
  affinity: object | undefined,
  nodes: readonly string[],
): Pick<V1PodSpec, "affinity"> {
  const given = affinity as Affinity | undefined;
  if (nodes.length === 0) return given === undefined ? {} : { affinity: given };
  const avoided = nodes.map((node) => ({ key: NODE_NAME, operator: "NotIn", values: [node] }));
  const { nodeSelectorTerms: terms = [] } =
    given?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? {};
  // One term that fits is enough for the scheduler: each must leave the nodes out.
  const nodeSelectorTerms = (terms.length === 0 ? [{}] : terms).map((term) => ({
    ...term,
    matchFields: [...(term.matchFields ?? []), ...avoided],
  }));
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return { affinity: { ...given, nodeAffinity: { ...given?.nodeAffinity, ...required } } };
}

/** Of an affinity, what says which nodes will do, and not how jobs are spread over them. */
export function nodesOnly(affinity: object | undefined): Pick<V1PodSpec, "affinity"> {
  const nodeAffinity = (affinity as Affinity | undefined)?.nodeAffinity;
  return nodeAffinity === undefined ? {} : { affinity: { nodeAffinity } };
}
