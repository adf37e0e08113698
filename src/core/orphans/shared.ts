import { hasRecordedSource } from "../manifests/volumes.ts";
import { isShared, type WorkflowObjects } from "./group.ts";
import type { Evidence, Judgement } from "./verdict.ts";

/** What stands for a workflow's id where volumes are meant that a namespace's workflows share. */
const ID = "(shared volumes)";

/** The volumes that workflows share, of each namespace in which no workflow has anything left. */
export function sharedVolumes(
  { claims, volumes }: Pick<WorkflowObjects, "claims" | "volumes">,
  workflows: readonly WorkflowObjects[],
): WorkflowObjects[] {
  const used = new Set(workflows.map(({ namespace }) => namespace));
  const shared = { claims: claims.filter(isShared), volumes: volumes.filter(isShared) };
  const namespaces = new Set([
    ...shared.claims.map(({ metadata }) => metadata?.namespace),
    ...shared.volumes.map(({ spec }) => spec?.claimRef?.namespace),
  ]);
  return [...namespaces]
    .filter((namespace) => namespace !== undefined && !used.has(namespace))
    .map((namespace) => ({
      ...{ namespace, id: ID, jobs: [], pods: [], leases: [] },
      claims: shared.claims.filter(({ metadata }) => metadata?.namespace === namespace),
      volumes: shared.volumes.filter(({ spec }) => spec?.claimRef?.namespace === namespace),
    }));
}

/**
 * Judges the shared volumes of a namespace without workflows. No Lease tells whether somebody is about to submit there
 * again, so that only those of a namespace that is gone are ever removed.
 */
export function judgeShared(
  { volumes }: WorkflowObjects,
  { namespace, unseen }: Pick<Evidence, "namespace" | "unseen">,
): Judgement {
  if (unseen.length > 0) return uncertain(`this account could not list ${unseen.join(", ")}`);
  if (namespace !== "gone")
    return uncertain("no workflow of its namespace is left, but the next one will use them");
  const replaced = volumes.find((volume) => !hasRecordedSource(volume));
  if (replaced !== undefined)
    return uncertain(`PersistentVolume ${replaced.metadata?.name} has another source than it was made with`);
  const deleting = volumes.find(({ spec }) => spec?.persistentVolumeReclaimPolicy !== "Retain");
  if (deleting !== undefined)
    return uncertain(`the reclaim policy of PersistentVolume ${deleting.metadata?.name} is not Retain`);
  return { verdict: "lost", reason: "its namespace is gone" };
}

function uncertain(reason: string): Judgement {
  return { verdict: "uncertain", reason };
}
