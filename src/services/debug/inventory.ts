import {
  type ListedClaim,
  type ListedJob,
  type ListedNode,
  type ListedPod,
  type ListedVolume,
  listedClaim,
  listedJob,
  listedNode,
  listedPod,
  listedVolume,
} from "../../core/inventory/listed.ts";
import { podsByJob } from "../../core/lifecycle/observe.ts";
import { KEYS, selector, workflowHash } from "../../core/names.ts";
import type {
  KubernetesObject,
  V1Job,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "../../core/wire.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { claimsPath, jobsPath, nodesPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";

/** Which objects a list is about. */
export interface ListScope {
  readonly namespace: string;
  /** Others' objects, too. */
  readonly all: boolean;
  /** Only those of this workflow. */
  readonly workflowId?: string | undefined;
}

/** Pods, as `debug pods` lists them. */
export async function listPodRecords(deps: Deps, scope: ListScope): Promise<ListedPod[]> {
  return (await list<V1Pod>(deps, podsPath(scope.namespace), scope)).map(listedPod);
}

/** Jobs, each with what its pod shows. */
export async function listJobRecords(deps: Deps, scope: ListScope): Promise<ListedJob[]> {
  const [jobs, pods] = await Promise.all([
    list<V1Job>(deps, jobsPath(scope.namespace), scope),
    list<V1Pod>(deps, podsPath(scope.namespace), scope),
  ]);
  const byJob = podsByJob(pods);
  return jobs.map((job) => listedJob(job, byJob.get(job.metadata?.name ?? "")));
}

/** All nodes; the pods on them are counted where the account may see all pods. */
export async function listNodeRecords(deps: Deps): Promise<ListedNode[]> {
  const [nodes, pods] = await Promise.all([deps.client.list<V1Node>(nodesPath()), everybodysPods(deps)]);
  const on = (name: string | undefined) => pods?.filter((pod) => pod.spec?.nodeName === name).length ?? null;
  return nodes.map((node) => listedNode(node, on(node.metadata?.name)));
}

async function everybodysPods({ client }: Deps): Promise<V1Pod[] | undefined> {
  try {
    return await client.list<V1Pod>(podsPath(undefined), {
      fieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
    });
  } catch (error) {
    if (isApiError(error, 403)) return undefined;
    throw error;
  }
}

/** PersistentVolumes; those of the namespace's own claims unless all are asked for. */
export async function listVolumeRecords(deps: Deps, scope: ListScope): Promise<ListedVolume[]> {
  const records = (await list<V1PersistentVolume>(deps, persistentVolumesPath(), scope)).map(listedVolume);
  return scope.all
    ? records
    : records.filter(({ claim }) => claim === null || claim.startsWith(`${scope.namespace}/`));
}

/** Claims of the namespace. */
export async function listClaimRecords(deps: Deps, scope: ListScope): Promise<ListedClaim[]> {
  return (await list<V1PersistentVolumeClaim>(deps, claimsPath(scope.namespace), scope)).map(listedClaim);
}

async function list<T extends KubernetesObject>(
  { client }: Deps,
  path: string,
  { namespace, all, workflowId }: ListScope,
): Promise<T[]> {
  const hash = workflowId === undefined ? undefined : workflowHash(namespace, workflowId);
  if (!all)
    return await client.list<T>(path, {
      labelSelector: selector(hash === undefined ? {} : { workflowHash: hash }),
    });
  return await client.list<T>(
    path,
    hash === undefined ? {} : { labelSelector: `${KEYS.workflowHash}=${hash}` },
  );
}
