/** What the job's container is given. */
import type { JobOptions } from "../job.ts";
import type { V1Container } from "../wire.ts";
import { parseQuantity } from "./quantity.ts";
import { GPU_RESOURCE, hasOwnOption } from "./resourceNames.ts";
import type { PodSettings } from "./settings.ts";

/** What the job's container requests and is limited to. */
export function containerResources({
  cpu,
  cpuLimit,
  memory,
  ephemeralStorage,
  gpu = 0,
  extended = {},
}: PodSettings["resources"]): NonNullable<V1Container["resources"]> {
  const counted = Object.entries(extended).filter(([, amount]) => amount !== "0");
  // Of all but CPU time, which can be shared, the limit is what is requested.
  const both = Object.fromEntries([
    ...(memory === undefined ? [] : [["memory", memory]]),
    ...(ephemeralStorage === undefined ? [] : [["ephemeral-storage", ephemeralStorage]]),
    ...(gpu > 0 ? [[GPU_RESOURCE, String(gpu)]] : []),
    ...counted,
  ]) as Record<string, string>;
  return {
    requests: { ...(cpu === undefined ? {} : { cpu }), ...both },
    limits: { ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }), ...both },
  };
}

/** What a look around needs; what a job needs may not be free beside it. */
const LITTLE = { cpu: "10m", cpuLimit: "500m", memory: "256Mi", ephemeralStorage: "256Mi" };

/**
 * What a pod beside a job is given: a little, and of everything that the configuration or the job states,
 * since the namespace's quotas may require it.
 */
export function modestResources(
  configured: PodSettings["resources"],
  asked: JobOptions,
): PodSettings["resources"] {
  const limit = (name: "cpuLimit" | "memory" | "ephemeralStorage") => {
    const own = asked[name];
    return configured[name] ?? (own === undefined || isBelow(own, LITTLE[name]) ? own : LITTLE[name]);
  };
  const cpuLimit = limit("cpuLimit");
  return {
    cpu: cpuLimit !== undefined && isBelow(cpuLimit, LITTLE.cpu) ? cpuLimit : LITTLE.cpu,
    cpuLimit,
    memory: limit("memory"),
    ephemeralStorage: limit("ephemeralStorage"),
  };
}

/** What a container that `containerResources` made was given, by the keys of a request. */
export function statedResources(resources: V1Container["resources"]) {
  const { requests = {}, limits = {} } = resources ?? {};
  const gpu = Number(limits[GPU_RESOURCE]);
  const extended = Object.entries(limits).filter(([name]) => !hasOwnOption(name));
  return {
    cpu: requests.cpu,
    cpuLimit: limits.cpu,
    memory: limits.memory ?? requests.memory,
    ephemeralStorage: limits["ephemeral-storage"] ?? requests["ephemeral-storage"],
    gpu: Number.isSafeInteger(gpu) && gpu > 0 ? gpu : undefined,
    resource: extended.length === 0 ? undefined : Object.fromEntries(extended),
  };
}

/** Amounts that contradict each other: no container can have them. */
export function resourceConflict({
  cpu,
  cpuLimit,
  memory,
  extended = {},
}: PodSettings["resources"]): "limit-below-request" | "pages-alone" | undefined {
  if (cpu !== undefined && isBelow(cpuLimit, cpu)) return "limit-below-request";
  const hasPages = Object.entries(extended).some(
    ([name, amount]) => name.startsWith("hugepages-") && amount !== "0",
  );
  return hasPages && (cpu ?? cpuLimit ?? memory) === undefined ? "pages-alone" : undefined;
}

/** Whether an amount is less than another one. */
export function isBelow(amount: string | undefined, other: string): boolean {
  return amount !== undefined && (parseQuantity(amount) ?? 0) < (parseQuantity(other) ?? 0);
}
