import type { DesiredVolume } from "../../core/manifests/volumes.ts";
import type { V1PersistentVolumeClaim } from "../../core/wire.ts";
import { messageOf } from "../../errors.ts";
import { ensureVolume, findClaim, type OnWait, renewMarks } from "../../kubernetes/ensureVolumes.ts";
import { isOutage } from "../../kubernetes/errors.ts";
import type { Placement, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { askCluster, bindCluster, confirmCluster } from "../workflow/cluster.ts";
import { type Ownership, Tenancy } from "../workflow/owner.ts";

/** Milliseconds between two renewals of the volumes' marks of use. */
const RENEWAL_MS = 10 * 60_000;
/**
 * Milliseconds for which what was found counts before it is looked at again: `submit --from -` may run for
 * days.
 */
const KNOWN_MS = 10_000;
/** The same of an outage: whoever sends a request again asks whether it is over. */
const OUTAGE_KNOWN_MS = 200;

/** What a cluster that is the workflow's has of its volumes. */
interface Found {
  /** In the order of the volumes. */
  readonly claims: readonly (V1PersistentVolumeClaim | undefined)[];
  readonly placement: Placement;
  readonly ownership: Ownership;
}

/**
 * One preparation of the cluster for a workflow's jobs: a look, which begins at once, and the making of the
 * volumes.
 */
export class Preparation {
  /**
   * Resolves once the cluster is known to be the workflow's, and the workflow this state file's; nothing else
   * is changed in it yet. Rejects with OtherCluster, NotOwner, GaswError CLUSTER.
   */
  readonly found: Promise<Found>;
  readonly #deps: Deps;
  readonly #workflow: StoredWorkflow;
  readonly #volumes: readonly DesiredVolume[];
  readonly #waits: boolean;
  readonly #onWait: OnWait;
  #ready: Promise<void> | undefined;
  #over = Number.POSITIVE_INFINITY;
  #knownMs = KNOWN_MS;

  /**
   * @param volumes the workflow's own directory first
   * @param waits whether this is a submission that somebody waits for, which waits for volumes that are not
   * bound yet and, as the workflow's first, makes a namespace that is missing; a resubmission does neither
   * @param onWait told what is waited for, once it is
   */
  constructor(
    deps: Deps,
    workflow: StoredWorkflow,
    volumes: readonly DesiredVolume[],
    waits: boolean,
    onWait: OnWait,
  ) {
    this.#deps = deps;
    this.#workflow = workflow;
    this.#volumes = volumes;
    this.#waits = waits;
    this.#onWait = onWait;
    this.found = this.#look();
    this.#countFrom(this.found, () => this.#ready === undefined);
  }

  /** Whether it was over, well or not, so long ago that another one is due. */
  get isOutdated(): boolean {
    return performance.now() - this.#over > this.#knownMs;
  }

  /**
   * Makes the volumes where they are missing, and waits until they are bound where that is wanted.
   * @throws OtherCluster; NotOwner; NamespaceGone; GaswError CLUSTER, VOLUME_NOT_READY, CONFLICT, NOT_FOUND
   */
  ready(): Promise<void> {
    if (this.#ready === undefined) {
      this.#over = Number.POSITIVE_INFINITY;
      this.#ready = this.#makeReady();
      this.#countFrom(this.#ready, () => true);
    }
    return this.#ready;
  }

  #countFrom(part: Promise<unknown>, isLast: () => boolean): void {
    const end = () => {
      if (isLast()) this.#over = performance.now();
    };
    part.then(end, (error: unknown) => {
      if (isOutage(error)) this.#knownMs = OUTAGE_KNOWN_MS;
      end();
    });
  }

  /**
   * Reads the claims and, where it is not known yet which cluster the workflow is in, asks that at the same
   * time. A Lease that is due is renewed then, too; the first one is made once the cluster is known.
   */
  async #look(): Promise<Found> {
    const { client, store } = this.#deps;
    const since = performance.now();
    const tenancy = new Tenancy(this.#deps, this.#workflow, true);
    const [clusterUid, ...claims] = await Promise.all([
      store.placements.of(this.#workflow).state === "bound" ? undefined : askCluster(client, since),
      ...this.#volumes.map((volume) => findClaim(client, this.#workflow.namespace, volume)),
    ]);
    const [own] = claims;
    const from = await confirmCluster(this.#deps, this.#workflow, {
      since,
      objects: own === undefined ? [] : [own],
    });
    const placement = bindCluster(this.#deps, this.#workflow, from, {
      clusterUid,
      claimUid: own?.metadata?.uid,
    });
    if (placement === undefined) return await this.#look();
    const ownership = await tenancy.taken();
    // The owner before may have deleted a claim since it was read.
    return tenancy.hasTaken ? await this.#look() : { claims, placement, ownership };
  }

  async #makeReady(): Promise<void> {
    const { client, config, store } = this.#deps;
    const { claims, placement, ownership } = await this.found;
    const { namespace } = this.#workflow;
    const deadline = this.#waits
      ? AbortSignal.timeout(config.options.bindTimeout * 1000)
      : AbortSignal.abort();
    // Asked for before its claim is made: what a workflow has in a namespace, it has in one that somebody set
    // up, or that was made for it.
    const makesNamespace = this.#waits && !store.placements.wasInNamespace(this.#workflow);
    const making = { deadline, makesNamespace, onWait: this.#onWait };
    const since = performance.now();
    const [own] = await Promise.all(
      this.#volumes.map((volume, index) => ensureVolume(client, namespace, volume, claims[index], making)),
    );
    const isNoted =
      bindCluster(this.#deps, this.#workflow, placement, { claimUid: own?.metadata?.uid }) !== undefined;
    if (!isNoted)
      await confirmCluster(this.#deps, this.#workflow, { since, objects: own === undefined ? [] : [own] });
    // The namespace may not have been there before.
    if (ownership === "unguarded") await new Tenancy(this.#deps, this.#workflow, true).taken();
    await this.#renewMarks();
  }

  async #renewMarks(): Promise<void> {
    const { client, store, now, warn } = this.#deps;
    if (!store.workflows.claimRenewal(this.#workflow, RENEWAL_MS)) return;
    try {
      await Promise.all(
        this.#volumes.map((volume) => renewMarks(client, this.#workflow.namespace, volume, now())),
      );
    } catch (error) {
      // The marks serve a later search for lost volumes; no job is held up for them.
      warn(`could not update when the volumes were last used: ${messageOf(error)}`);
    }
  }
}
