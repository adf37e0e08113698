import path from "node:path";
import { isOurs, normalFolder } from "../manifests/volumes.ts";
import type { V1Job, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from "../wire.ts";
import { countJobs, type Facts, quietFor } from "./facts.ts";
import type { WorkflowObjects } from "./group.ts";

/** Where the Java plugin's workflow directories are exported, and what it calls volumes that are no workflow's. */
export interface LegacySettings {
  readonly server: string;
  /** Names of the configured volumes. */
  readonly shared: readonly string[];
}

/**
 * The PersistentVolumes that GASW's Java plugin has made for workflows: it labels nothing, and calls a volume as the
 * workflow, in lower case, whose folder on the NFS server it shows.
 */
export function legacyVolumes(
  volumes: readonly V1PersistentVolume[],
  { server, shared }: LegacySettings,
): V1PersistentVolume[] {
  const others = new Set(shared.map((name) => name.toLowerCase()));
  return volumes.filter((volume) => {
    const { name = "" } = volume.metadata ?? {};
    const { nfs, claimRef } = volume.spec ?? {};
    return (
      !isOurs(volume) &&
      nfs?.server === server &&
      legacyId(volume).toLowerCase() === name &&
      claimRef?.name === `${name}-claim` &&
      !others.has(name)
    );
  });
}

/** The workflow's id: the last component of its folder. */
function legacyId({ spec }: V1PersistentVolume): string {
  return path.posix.basename(normalFolder(spec?.nfs?.path ?? ""));
}

/** What a namespace has. */
export interface Namespaced {
  readonly claims: readonly V1PersistentVolumeClaim[];
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
}

/**
 * What belongs to such a volume: the claim that it is bound to, and the Jobs that mount that claim and are called as the
 * plugin calls them, `<volume>-<digits>`, with their pods.
 */
export function legacyWorkflow(
  volume: V1PersistentVolume,
  { claims, jobs, pods }: Namespaced,
): WorkflowObjects {
  const { name = "" } = volume.metadata ?? {};
  const { claimRef } = volume.spec ?? {};
  const claim = claims.filter(
    (one) => !isOurs(one) && one.metadata?.name === claimRef?.name && one.spec?.volumeName === name,
  );
  const isItsJob = (job: V1Job) =>
    !isOurs(job) &&
    /^\d+$/.test((job.metadata?.name ?? "").slice(name.length + 1)) &&
    job.metadata?.name?.startsWith(`${name}-`) === true &&
    job.spec?.template.spec?.volumes?.some(
      ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claimRef?.name,
    ) === true;
  const own = jobs.filter(isItsJob);
  const uids = new Set(own.map(({ metadata }) => metadata?.uid));
  return {
    namespace: claimRef?.namespace,
    id: legacyId(volume),
    leases: [],
    claims: claim,
    volumes: [volume],
    jobs: own,
    pods: pods.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uids.has(uid)) === true),
  };
}

/** @param now by the API server's clock */
export function legacyFacts(workflow: WorkflowObjects, now: Date): Facts {
  const [claim] = workflow.claims;
  const [volume] = workflow.volumes;
  const isKept = volume?.spec?.persistentVolumeReclaimPolicy === "Retain";
  return {
    mismatch: isKept
      ? undefined
      : "the reclaim policy of its PersistentVolume is not Retain: its files might be deleted",
    engine: undefined,
    jobs: countJobs(workflow),
    directory: undefined,
    claim: claim?.status?.phase,
    volume: volume?.status?.phase,
    quiet: quietFor(workflow, undefined, now),
  };
}
