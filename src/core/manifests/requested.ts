import type { StoredRequest } from "../job.ts";
import { QUEUE_LABEL } from "../names.ts";
import type { V1Job, V1PodSpec } from "../wire.ts";
import { GPU_RESOURCE, plain } from "./container.ts";
import { mainOf } from "./mainContainer.ts";

/**
 * What a Job's submission asked for, read from its manifest: the next attempt is made like it, whatever this host's
 * configuration says. Of its environment the names alone.
 * @param configured variables that the configuration states: not the request's own
 */
export function requestIn(job: V1Job, configured: Readonly<Record<string, string>>): StoredRequest {
  const pod = job.spec?.template.spec ?? undefined;
  const main = mainOf(pod);
  const { requests = {}, limits = {} } = main?.resources ?? {};
  const gpu = Number(limits[GPU_RESOURCE]);
  const envNames = (main?.env ?? [])
    .filter(
      ({ name, value, valueFrom }) => valueFrom === undefined && configured[name] !== plain(value ?? ""),
    )
    .map(({ name }) => name);
  const avoidNodes = avoidedIn(pod);
  const values = {
    image: main?.image,
    cpu: requests.cpu,
    memory: limits.memory ?? requests.memory,
    gpu: Number.isSafeInteger(gpu) && gpu > 0 ? gpu : undefined,
    timeout: pod?.activeDeadlineSeconds,
    queue: job.metadata?.labels?.[QUEUE_LABEL],
    envNames: envNames.length === 0 ? undefined : envNames,
    avoidNodes: avoidNodes.length === 0 ? undefined : avoidNodes,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => (value ?? null) !== null));
}

function avoidedIn(pod: V1PodSpec | undefined): string[] {
  const terms =
    pod?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const [first] = terms.map(({ matchFields = [] }) => matchFields.flatMap(({ values = [] }) => values));
  return first ?? [];
}
