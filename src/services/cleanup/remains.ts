import { KEYS, leaseName, selector, workflowHash } from "../../core/names.ts";
import type { KubernetesObject } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { ifAllowed } from "../../kubernetes/errors.ts";
import { findLease } from "../../kubernetes/leases.ts";
import { claimsPath, jobsPath, persistentVolumesPath, podsPath } from "../../kubernetes/paths.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { confirmCluster, firstSight, OtherCluster } from "../workflow/cluster.ts";

/** What the cluster still has of workflows; each of its lists is asked for once. */
export class Remains {
  readonly #deps: Deps;
  readonly #sight = firstSight();
  /** How many objects there are of each workflow, by its hash: in a namespace, or outside of all. */
  readonly #counts = new Map<string, Promise<ReadonlyMap<string, number>>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Why something of a workflow is in a cluster, or may be; undefined where the cluster that it was in has
   * nothing of it.
   */
  async reasonToKeep(workflow: StoredWorkflow): Promise<string | undefined> {
    try {
      const count = await this.#countOf(workflow);
      await confirmCluster(this.#deps, workflow, this.#sight);
      if (count === 0) return undefined;
      return `the cluster still has ${count} ${count === 1 ? "object" : "objects"} of it (gasw-k8s cleanup)`;
    } catch (error) {
      if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
      return error instanceof OtherCluster
        ? error.message
        : `the cluster could not be asked: ${error.message}`;
    }
  }

  async #countOf({ namespace, id }: StoredWorkflow): Promise<number> {
    const hash = workflowHash(namespace, id);
    const volumes = await this.#counted("", [persistentVolumesPath()]);
    const within = await this.#counted(namespace, [
      jobsPath(namespace),
      podsPath(namespace),
      claimsPath(namespace),
    ]);
    return (volumes.get(hash) ?? 0) + (within.get(hash) ?? 0) + (await this.#leases(namespace, id));
  }

  #counted(place: string, lists: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const known = this.#counts.get(place);
    if (known !== undefined) return known;
    const counted = this.#count(lists);
    this.#counts.set(place, counted);
    return counted;
  }

  async #count(lists: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { client } = this.#deps;
    const query = { labelSelector: selector() };
    const found = await Promise.all(lists.map((list) => client.list<KubernetesObject>(list, query)));
    const counts = new Map<string, number>();
    for (const { metadata } of found.flat()) {
      const hash = metadata?.labels?.[KEYS.workflowHash];
      if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    return counts;
  }

  /** Without the right to Leases, no host of this account makes one. */
  async #leases(namespace: string, id: string): Promise<number> {
    const lease = await ifAllowed(findLease(this.#deps.client, namespace, leaseName(namespace, id)));
    return lease === undefined ? 0 : 1;
  }
}
