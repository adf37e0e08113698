import { isOurs } from "../core/manifests/volumes.ts";
import { KEYS, selector } from "../core/names.ts";
import type { V1Job } from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { isApiError } from "./errors.ts";
import { jobsPath } from "./paths.ts";

/** A Job that is in the cluster, and whether it was made now. */
export interface MadeJob {
  readonly created: boolean;
  readonly uid?: string | undefined;
}

/**
 * Makes the Job; the very same one that is there already is as good.
 * @throws GaswError CONFLICT when another Job has its name
 */
export async function createJob(
  client: KubernetesClient,
  job: V1Job,
  query: { dryRun?: "All" } = {},
): Promise<MadeJob> {
  const namespace = job.metadata?.namespace ?? "";
  const name = job.metadata?.name ?? "";
  try {
    const made = await client.create(jobsPath(namespace), job, query);
    return { created: true, uid: made.metadata?.uid };
  } catch (error) {
    if (!isApiError(error, 409)) throw error;
    const found = await getJob(client, namespace, name);
    if (found === undefined || found.metadata?.deletionTimestamp !== undefined) {
      throw new GaswError("CONFLICT", `Job ${namespace}/${name} is still being deleted`, {
        hint: "wait until it is deleted, then submit again",
        cause: error,
      });
    }
    if (
      isOurs(found) &&
      found.metadata?.annotations?.[KEYS.content] === job.metadata?.annotations?.[KEYS.content]
    )
      return { created: false, uid: found.metadata?.uid };
    throw new GaswError("CONFLICT", `Job ${namespace}/${name} already exists with different content`, {
      hint: `check \`gasw-k8s debug describe ${name}\`, or clean up: it was created from another script or with other options, perhaps on another host`,
      cause: error,
    });
  }
}

/** The Job of this name, where there is one. */
export async function getJob(
  client: KubernetesClient,
  namespace: string,
  name: string,
): Promise<V1Job | undefined> {
  try {
    return await client.get<V1Job>(jobsPath(namespace, name));
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

/** This tool's Jobs in a namespace, or those of one workflow, in one query. */
export function listJobs(
  client: KubernetesClient,
  namespace: string,
  workflowHash?: string,
): Promise<V1Job[]> {
  return client.list<V1Job>(jobsPath(namespace), {
    labelSelector: selector({ component: "job", ...(workflowHash === undefined ? {} : { workflowHash }) }),
  });
}
