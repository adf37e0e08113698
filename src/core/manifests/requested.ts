import type { StoredRequest } from "../job.ts";
import { QUEUE_LABEL } from "../names.ts";
import type { V1Job, V1PodSpec } from "../wire.ts";
import { NODE_NAME } from "./affinity.ts";
import { plain } from "./container.ts";
import { mainOf } from "./mainContainer.ts";
import { statedResources } from "./resources.ts";

/**
 * What a Job's submission asked for, read from its manifest: the next attempt is made like it, whatever this host's
 * configuration says. Of its environment the names alone.
 * @param configured variables that the configuration states: not the request's own
 */
export function requestIn(job: V1Job, configured: Readonly<Record<string, string>>): StoredRequest {
  const pod = job.spec?.template.spec ?? undefined;
  const main = mainOf(pod);
  const envNames = (main?.env ?? [])
    .filter(
      ({ name, value, valueFrom }) => valueFrom === undefined && configured[name] !== plain(value ?? ""),
    )
    .map(({ name }) => name);
  const avoidNodes = avoidedIn(pod);
  const values = {
    image: main?.image,
    ...statedResources(main?.resources),
    timeout: pod?.activeDeadlineSeconds,
    gracePeriod: pod?.terminationGracePeriodSeconds,
    queue: job.metadata?.labels?.[QUEUE_LABEL],
    envNames: envNames.length === 0 ? undefined : envNames,
    avoidNodes: avoidNodes.length === 0 ? undefined : avoidNodes,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => (value ?? null) !== null));
}

function avoidedIn(pod: V1PodSpec | undefined): string[] {
  const terms =
    pod?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  // The job's own are in every term; what else a term says is the configuration's.
  const [{ matchFields = [] } = {}] = terms;
  return matchFields.flatMap(({ key, operator, values = [] }) =>
    key === NODE_NAME && operator === "NotIn" ? values : [],
  );
}
