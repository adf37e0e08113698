import type { WorkflowObjects } from "../../core/orphans/group.ts";
import { legacyFacts, legacyVolumes, legacyWorkflow, type Namespaced } from "../../core/orphans/legacy.ts";
import { judge } from "../../core/orphans/verdict.ts";
import type { KubernetesObject, V1PersistentVolume } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { claimsPath, jobsPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import { type CleanupResult, type PlannedRemoval, runCleanup } from "../cleanup/cleanup.ts";
import { changed } from "../cleanup/removeWorkflow.ts";
import { type Deps, serverNow } from "../deps.ts";
import { fingerprint, type Judged, removalsOf } from "./judged.ts";
import { namespacesOf, type SurveyScope } from "./survey.ts";

/** A workflow of the Java plugin, and the lists that could not be had of its namespace. */
interface Found {
  readonly workflow: WorkflowObjects;
  readonly unseen: readonly string[];
}

/**
 * Judges what GASW's Java plugin has left, which bears no labels: by the NFS server that is configured, and by the names
 * that the plugin gives.
 * @param olderThan seconds without a sign of life before anything counts as left behind
 * @throws GaswError CONFIG where no NFS server is configured; CLUSTER
 */
export async function judgeLegacy(
  deps: Deps,
  { namespace }: SurveyScope,
  olderThan: number,
): Promise<Judged[]> {
  const volumes = (await volumesOfPlugin(deps)).filter(
    ({ spec }) => namespace === undefined || spec?.claimRef?.namespace === namespace,
  );
  const found = await workflowsOf(deps, volumes);
  const namespaces = await namespacesOf(
    deps,
    found.map(({ workflow }) => workflow),
  );
  const now = serverNow(deps);
  return found.map(({ workflow, unseen }) => {
    const facts = legacyFacts(workflow, now);
    const state = namespaces.get(workflow.namespace ?? "") ?? "unknown";
    const evidence = {
      ...{ unseen, namespace: state, here: undefined, database: undefined },
      directory: "unknown",
    } as const;
    const { verdict, reason } = judge(facts, evidence, olderThan);
    return {
      workflow,
      facts,
      folder: evidence.directory,
      removal: removalsOf(workflow),
      isLegacy: true,
      verdict,
      reason: `made by the Java plugin; ${reason}`,
    };
  });
}

async function volumesOfPlugin({ client, config }: Deps): Promise<V1PersistentVolume[]> {
  if (config.nfsAddress === undefined) {
    throw new GaswError(
      "CONFIG",
      "--legacy needs nfsAddress: the Java plugin's volumes are found by their NFS server",
      {
        hint: "set nfsAddress in the configuration, or use --config with the plugin's own kubernetes_plugin.conf",
      },
    );
  }
  const shared = config.volumes.map(({ name }) => name);
  const volumes = await client.list<V1PersistentVolume>(persistentVolumesPath());
  return legacyVolumes(volumes, { server: config.nfsAddress, shared });
}

async function workflowsOf(deps: Deps, volumes: readonly V1PersistentVolume[]): Promise<Found[]> {
  const found: Found[] = [];
  const namespaceOf = ({ spec }: V1PersistentVolume) => spec?.claimRef?.namespace ?? "";
  for (const namespace of new Set(volumes.map(namespaceOf))) {
    const { objects, unseen } = await listNamespace(deps, namespace);
    const own = volumes.filter((volume) => namespaceOf(volume) === namespace);
    for (const volume of own) found.push({ workflow: legacyWorkflow(volume, objects), unseen });
  }
  return found;
}

/** Claims, Jobs and pods of a namespace, whoever has made them. */
async function listNamespace(
  { client }: Deps,
  namespace: string,
): Promise<{ objects: Namespaced; unseen: readonly string[] }> {
  const unseen: string[] = [];
  const list = async <T extends KubernetesObject>(noun: string, path: string): Promise<T[]> => {
    try {
      return await client.list<T>(path);
    } catch (error) {
      if (!isApiError(error, 403)) throw error;
      unseen.push(noun);
      return [];
    }
  };
  const [claims, jobs, pods] = await Promise.all([
    list("PersistentVolumeClaims", claimsPath(namespace)),
    list("Jobs", jobsPath(namespace)),
    list("Pods", podsPath(namespace)),
  ]);
  return { objects: { claims, jobs, pods }, unseen } as { objects: Namespaced; unseen: string[] };
}

/**
 * Removes what the Java plugin has left of a workflow, if it is as it was when it was judged. No Lease keeps a Java
 * engine from going on: claim and volume are deleted only in the version that was seen.
 * @param timeout seconds to wait for each kind of object
 */
export async function removeLegacy(
  deps: Deps,
  { workflow }: Judged,
  timeout: number,
  onStep: (gone: PlannedRemoval) => void,
): Promise<CleanupResult> {
  const { id, namespace = "" } = workflow;
  const again = (await workflowsOf(deps, await volumesOfPlugin(deps))).find(
    (found) => found.workflow.id === id && found.workflow.namespace === namespace,
  );
  if (again === undefined) return { removed: [], failures: [] };
  if (again.unseen.length > 0 || fingerprint(again.workflow) !== fingerprint(workflow))
    return { removed: [], failures: [changed(id)] };
  const remove = removalsOf(workflow).map((object) => ({ ...object, purpose: id }));
  const plan = { target: { namespace, id, isForeign: true as const }, remove };
  return await runCleanup(deps, plan, timeout, onStep);
}
