import { type Life, lifeByObject } from "../../core/inventory/life.ts";
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
import type { Lease } from "../../core/owner.ts";
import type {
  KubernetesObject,
  V1Job,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "../../core/wire.ts";
import { presenceOf } from "../../directory.ts";
import { ifAllowed } from "../../kubernetes/errors.ts";
import {
  claimsPath,
  jobsPath,
  leasesPath,
  nodesPath,
  persistentVolumesPath,
  podsPath,
} from "../../kubernetes/paths.ts";
import { type Deps, serverNow } from "../deps.ts";

/** Which objects a list is about. */
export interface ListScope {
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
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
  const [jobs, pods, leases] = await Promise.all([
    list<V1Job>(deps, jobsPath(scope.namespace), scope),
    list<V1Pod>(deps, podsPath(scope.namespace), scope),
    ifAllowed(list<Lease>(deps, leasesPath(scope.namespace), { ...scope, all: false })),
  ]);
  const byJob = podsByJob(pods);
  const life = lifeByObject(leases, jobs, serverNow(deps), presenceOf);
  return jobs.map((job) => listedJob(job, byJob.get(job.metadata?.name ?? ""), life(job)));
}

/** All nodes; the pods on them are counted where the account may see all pods. */
export async function listNodeRecords(deps: Deps): Promise<ListedNode[]> {
  const [nodes, pods] = await Promise.all([deps.client.list<V1Node>(nodesPath()), everybodysPods(deps)]);
  const on = (name: string | undefined) => pods?.filter((pod) => pod.spec?.nodeName === name).length ?? null;
  return nodes.map((node) => listedNode(node, on(node.metadata?.name)));
}

function everybodysPods({ client }: Deps): Promise<V1Pod[] | undefined> {
  return ifAllowed(
    client.list<V1Pod>(podsPath(undefined), {
      fieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
    }),
  );
}

/** PersistentVolumes; those of the namespace's own claims unless all are asked for. */
export async function listVolumeRecords(deps: Deps, scope: ListScope): Promise<ListedVolume[]> {
  const [volumes, life] = await Promise.all([
    list<V1PersistentVolume>(deps, persistentVolumesPath(), scope),
    lifeIn(deps, scope),
  ]);
  const records = volumes.map((volume) => listedVolume(volume, life(volume)));
  return scope.all || scope.namespace === undefined
    ? records
    : records.filter(({ claim }) => claim === null || claim.startsWith(`${scope.namespace}/`));
}

/** Claims of the namespace. */
export async function listClaimRecords(deps: Deps, scope: ListScope): Promise<ListedClaim[]> {
  const [claims, life] = await Promise.all([
    list<V1PersistentVolumeClaim>(deps, claimsPath(scope.namespace), scope),
    lifeIn(deps, scope),
  ]);
  return claims.map((claim) => listedClaim(claim, life(claim)));
}

/** What tells of this tool's objects whether their workflows are alive. */
async function lifeIn(deps: Deps, scope: ListScope): Promise<(object: KubernetesObject) => Life> {
  const ours = { ...scope, all: false };
  const [leases, jobs] = await Promise.all([
    ifAllowed(list<Lease>(deps, leasesPath(scope.namespace), ours)),
    ifAllowed(list<V1Job>(deps, jobsPath(scope.namespace), ours)),
  ]);
  return lifeByObject(leases, jobs, serverNow(deps), presenceOf);
}

async function list<T extends KubernetesObject>(
  { client }: Deps,
  path: string,
  { namespace, all, workflowId }: ListScope,
): Promise<T[]> {
  const hash =
    workflowId === undefined || namespace === undefined ? undefined : workflowHash(namespace, workflowId);
  if (!all)
    return await client.list<T>(path, {
      labelSelector: selector(hash === undefined ? {} : { workflowHash: hash }),
    });
  return await client.list<T>(
    path,
    hash === undefined ? {} : { labelSelector: `${KEYS.workflowHash}=${hash}` },
  );
}
