import type { StoredRequest } from "../../core/job.ts";
import { scaleMemory } from "../../core/manifests/quantity.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Deps } from "../deps.ts";

/** The request of the attempt after one that failed. */
export function nextRequest(
  { request, node, reason }: Pick<StoredJob, "request" | "node" | "reason">,
  { retryMemoryGrowth, retryAvoidNode, resources }: Deps["config"],
): StoredRequest {
  // Both belong to the attempt that they describe, not to the next one.
  const { corrects: _, changes: __, ...asked } = request;
  const memory = asked.memory ?? resources.memory;
  const isTooSmall = reason === "OOMKilled" && retryMemoryGrowth !== 1 && memory !== undefined;
  const avoidNodes =
    retryAvoidNode && node !== null ? [...new Set([...(asked.avoidNodes ?? []), node])] : asked.avoidNodes;
  return {
    ...asked,
    ...(isTooSmall ? { memory: scaleMemory(memory, retryMemoryGrowth) } : {}),
    ...(avoidNodes === undefined ? {} : { avoidNodes }),
  };
}
