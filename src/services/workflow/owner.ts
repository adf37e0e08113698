import type { Workflow } from "../../core/job.ts";
import { KEYS, leaseName } from "../../core/names.ts";
import {
  type Lease,
  newLease,
  RENEWAL_MS,
  readLease,
  renewal,
  standingOf,
  type Tenure,
  takeover,
  withKills,
} from "../../core/owner.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import { type ApiError, isApiError } from "../../kubernetes/errors.ts";
import { changeLease, createLease, findLease, removeLease } from "../../kubernetes/leases.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import { type Deps, serverNow } from "../deps.ts";
import { followOwner, isCleanedUp } from "./followOwner.ts";
import { LeaseMemory } from "./leaseMemory.ts";
import { keepsChanging, leaseGone, notOwner, takeoverWords } from "./notOwner.ts";
import { ownerHere } from "./ownerHere.ts";
import { TAKING, type Taking } from "./taking.ts";

/**
 * Milliseconds for which an account that has no right to Leases is not told so again, and they are not asked
 * for.
 */
const DENIAL_MS = 10 * 60_000;
/** Tries while others change the Lease between a look and a write. */
const TRIES = 5;

/**
 * `owned`: by this state file alone. `followed`: so, too, and what an owner before it has done was written down: decide anew.
 * `unguarded`: it can't be told, since there is no right to Leases, or no namespace for one yet.
 */
export type Ownership = "owned" | "followed" | "unguarded";

/**
 * A command's claim to be the only one, with those of its own state file, that changes something of a
 * workflow.
 */
export class Tenancy {
  readonly #deps: Deps;
  readonly #workflow: Workflow | StoredWorkflow;
  readonly #name: string;
  readonly #memory: LeaseMemory;
  /**
   * A renewal that changes nothing but the very Lease that this state file wrote last, in whatever cluster it
   * arrives.
   */
  #renewal: Promise<Lease | "changed" | "gone"> | undefined;

  /** Whether what was cleaned up is begun anew. */
  readonly #begins: boolean;
  #taking = TAKING;
  #hasForced = false;
  #hasTaken = false;
  #holding: Promise<void> | undefined;

  /**
   * Begins to renew what this state file owns, where that is due.
   * @param workflow known to the state or not
   * @param begins whether jobs are about to be submitted, also where a clean-up has not come to its end
   */
  constructor(deps: Deps, workflow: Workflow | StoredWorkflow, begins = false) {
    this.#deps = deps;
    this.#begins = begins;
    this.#workflow = workflow;
    this.#name = leaseName(workflow.namespace, workflow.id);
    this.#memory = new LeaseMemory(deps, this.#stored);
    this.#renewal = this.#renew();
    // It is looked at in `taken`, which may never come.
    this.#renewal?.catch(() => undefined);
  }

  /**
   * Makes sure that this state file owns the workflow: an owner that has been silent for long is followed.
   * The cluster must be known to be the workflow's.
   * @throws NotOwner; GaswError CLUSTER
   */
  async taken(options: Partial<Taking> = {}): Promise<Ownership> {
    this.#taking = { ...TAKING, ...options };
    const { makes, trusts } = this.#taking;
    if (trusts && this.#isFresh) return "owned";
    const { denied } = this.#memory.note;
    if (denied !== null && this.#isWithin(denied, DENIAL_MS)) return "unguarded";
    try {
      const renewed = await this.#renewal;
      if (typeof renewed !== "object") return await this.#settle(makes);
      this.#write(renewed);
      return "owned";
    } catch (error) {
      if (!isApiError(error, 403)) throw error;
      if (!error.namespaceTerminating) this.#deny(error);
      return "unguarded";
    }
  }

  /**
   * Renews what is owned, where that is due; whoever only looks takes nothing over, and nothing is lost with
   * a renewal that fails.
   */
  async keep(): Promise<void> {
    const { version } = this.#memory.note;
    const renewal = this.#renewal ?? this.#renew();
    this.#renewal = undefined;
    if (renewal === undefined || version === null) return;
    try {
      const renewed = await renewal;
      if (typeof renewed === "object") this.#write(renewed);
      else this.#memory.outdate(version);
    } catch (error) {
      if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    }
  }

  /**
   * Makes sure, before more is removed, that nobody has followed this state file: a process that was stopped
   * for a minute may have been taken for dead. Whoever asks at the same time shares the answer.
   * @throws NotOwner; GaswError CLUSTER
   */
  async held(): Promise<void> {
    if (this.#isFresh) return;
    this.#holding ??= this.#hold();
    await this.#holding.finally(() => (this.#holding = undefined));
  }

  async #hold(): Promise<void> {
    this.#renewal = this.#renew();
    if ((await this.taken({ makes: false, follows: false })) !== "owned") throw leaseGone(this.#workflow);
  }

  /**
   * Writes down where other state files see it, before anything is removed, that jobs are killed.
   * @param revived jobs that were killed and are to run again
   * @throws NotOwner; GaswError
   */
  async noteKills(jobIds: readonly string[], revived: readonly string[]): Promise<void> {
    await this.#annotate(({ killed }) => {
      const annotation = withKills(killed, jobIds, revived);
      return annotation === undefined ? undefined : { [KEYS.killed]: annotation };
    });
  }

  /** Writes down where other state files see it that the workflow is cleaned up. @throws NotOwner; GaswError */
  async noteCleanup(): Promise<void> {
    await this.#annotate(() => ({ [KEYS.cleaned]: this.#deps.now().toISOString() }));
  }

  /** Whether an owner that was alive was followed: until it speaks next it may act as before. */
  get hasForced(): boolean {
    return this.#hasForced;
  }

  /** Whether this very command has followed another owner. */
  get hasTaken(): boolean {
    return this.#hasTaken;
  }

  /**
   * Removes the Lease, unless somebody else owns it by now: the last thing that a clean-up does.
   * @throws GaswError CLUSTER
   */
  async end(): Promise<void> {
    const { uid, denied } = this.#memory.note;
    const isDenied = denied !== null && this.#isWithin(denied, DENIAL_MS);
    const { id } = ownerHere(this.#deps);
    if (uid !== null && !isDenied) await removeLease(this.#deps.client, this.#place, uid, id);
    this.#memory.forget();
  }

  /** Sees to it that whoever submits next takes the note of a clean-up off that did not come to its end. */
  leaveCleanup(): void {
    this.#memory.save({ ...this.#memory.note, renewed: null });
  }

  #renew(): Promise<Lease | "changed" | "gone"> | undefined {
    const { uid, version } = this.#memory.note;
    if (uid === null || version === null || this.#isFresh) return undefined;
    return changeLease(this.#deps.client, this.#place, { uid, version }, this.#change());
  }

  /** Finds out whose the Lease is, and makes it this state file's own. */
  async #settle(makes: boolean): Promise<Ownership> {
    let lease = this.#memory.note.uid === null && makes ? undefined : await this.#find();
    let outcome: Ownership = "owned";
    if (
      this.#memory.note.uid !== null &&
      lease === undefined &&
      (await isCleanedUp(this.#deps, this.#stored, this.#memory.note)) &&
      followOwner(this.#deps, this.#stored, undefined)
    ) {
      outcome = "followed";
      this.#memory.forget();
      // What is over needs no Lease.
      if (!this.#begins) return outcome;
    }
    for (let tried = 0; tried < TRIES; tried++) {
      if (lease === undefined) {
        const made = makes ? await this.#make() : "no namespace";
        if (made === "no namespace") return outcome === "owned" ? "unguarded" : outcome;
        if (made === "written") return outcome;
      } else {
        const taken = await this.#take(lease);
        if (taken !== "changed") return taken;
      }
      lease = await this.#find();
    }
    throw keepsChanging(this.#workflow);
  }

  async #make(): Promise<"written" | "exists" | "no namespace"> {
    const { client, now } = this.#deps;
    const lease = newLease(this.#workflow, ownerHere(this.#deps), now());
    const made = await createLease(client, this.#workflow.namespace, lease);
    if (typeof made === "string") return made;
    // What was killed is forgotten with the Lease that remembered it.
    if (this.#stored !== undefined) this.#deps.store.kills.forget(this.#stored);
    this.#write(made);
    return "written";
  }

  /** @throws NotOwner */
  async #take(lease: Lease): Promise<Ownership | "changed"> {
    const { client, now } = this.#deps;
    const tenure = readLease(lease, serverNow(this.#deps));
    const standing = standingOf(lease, tenure, ownerHere(this.#deps), this.#taking.adopts);
    const isElsewhere =
      tenure.directory !== undefined && !isSameDirectory(tenure.directory, this.#workflow.directory);
    if (standing === "foreign" || standing === "adopted" || (standing === "live" && !this.#taking.forces))
      throw notOwner(this.#workflow, standing, tenure, isElsewhere);
    if (standing !== "own" && (!this.#taking.follows || (standing !== "unowned" && isElsewhere)))
      throw notOwner(this.#workflow, "live", tenure, isElsewhere);
    const isRecent =
      tenure.silence !== undefined &&
      tenure.silence * 1000 < RENEWAL_MS &&
      !(this.#begins && tenure.isCleaned);
    if (standing === "own" && isRecent) {
      this.#write(lease, (tenure.silence ?? 0) * 1000);
      return "owned";
    }
    const change =
      standing === "own"
        ? this.#change()
        : takeover(this.#workflow, ownerHere(this.#deps), tenure, now(), this.#taking.adopts);
    const { uid = "", resourceVersion = "" } = lease.metadata ?? {};
    const written = await changeLease(client, this.#place, { uid, version: resourceVersion }, change);
    if (typeof written === "string") return "changed";
    // Before anybody trusts the note: what the former owner killed must not be run again, whatever becomes of
    // this process.
    const hasFollowed = standing !== "own" && followOwner(this.#deps, this.#stored, tenure);
    // An owner that was stopped in the midst of a clean-up deletes the volumes only as it has seen them.
    if (standing !== "own" && this.#stored !== undefined)
      this.#deps.store.workflows.outdateMarks(this.#stored);
    this.#write(written);
    if (standing === "own") return "owned";
    this.#hasForced ||= standing === "live";
    this.#hasTaken = true;
    if (this.#taking.announces) this.#deps.warn(takeoverWords(this.#workflow, standing, tenure));
    return hasFollowed ? "followed" : "owned";
  }

  /**
   * Annotates the Lease, read anew, as this state file's own; an account without a right to it does without.
   */
  async #annotate(annotationsFor: (tenure: Tenure) => object | undefined): Promise<void> {
    try {
      await this.#annotateOwn(annotationsFor);
    } catch (error) {
      if (!isApiError(error, 403)) throw error;
      if (!error.namespaceTerminating) this.#deny(error);
    }
  }

  async #annotateOwn(annotationsFor: (tenure: Tenure) => object | undefined): Promise<void> {
    const { client } = this.#deps;
    // Where there is none, nothing is left that somebody else could run again.
    if ((await this.taken({ makes: false })) === "unguarded") return;
    for (let tried = 0; tried < TRIES; tried++) {
      const lease = await this.#find();
      const tenure = lease === undefined ? undefined : readLease(lease, serverNow(this.#deps));
      if (lease === undefined || tenure?.owner.id !== ownerHere(this.#deps).id) {
        this.#memory.save({ ...this.#memory.note, version: null, renewed: null });
        // It was taken over, or deleted, a moment ago.
        if ((await this.taken({ makes: false })) === "unguarded") return;
        continue;
      }
      const annotations = annotationsFor(tenure);
      if (annotations === undefined) return;
      const { uid = "", resourceVersion = "" } = lease.metadata ?? {};
      const written = await changeLease(
        client,
        this.#place,
        { uid, version: resourceVersion },
        this.#change(annotations),
      );
      if (typeof written === "object") return this.#write(written);
    }
    throw keepsChanging(this.#workflow);
  }

  #deny(error: ApiError): void {
    const { namespace, id } = this.#workflow;
    this.#memory.save({ ...this.#memory.note, denied: this.#deps.now().toISOString() });
    const why = error.lacksPermission
      ? `the rule for leases of coordination.k8s.io in deploy/rbac.yaml is missing`
      : (error.body.message ?? "it is forbidden");
    this.#deps.warn(
      `this account cannot use a Lease in namespace ${namespace} (${why}): concurrent use of workflow ${id} from another state file will not be detected`,
    );
  }

  /** A renewal, with more to be written on it. */
  #change(annotations: object = this.#begins ? { [KEYS.cleaned]: null } : {}) {
    const { metadata, spec } = renewal(this.#workflow, ownerHere(this.#deps), this.#deps.now());
    return { metadata: { annotations: { ...metadata.annotations, ...annotations } }, spec };
  }

  get #place(): { namespace: string; name: string } {
    return { namespace: this.#workflow.namespace, name: this.#name };
  }

  get #stored(): StoredWorkflow | undefined {
    return "key" in this.#workflow ? this.#workflow : undefined;
  }

  get #isFresh(): boolean {
    const { uid, renewed } = this.#memory.note;
    return uid !== null && renewed !== null && this.#isWithin(renewed, RENEWAL_MS);
  }

  /** Whether a time has passed, and no longer ago: one to come is a clock's that was set back since. */
  #isWithin(time: string, milliseconds: number): boolean {
    const age = this.#deps.now().getTime() - Date.parse(time);
    return age >= 0 && age < milliseconds;
  }

  #find(): Promise<Lease | undefined> {
    return findLease(this.#deps.client, this.#workflow.namespace, this.#name);
  }

  /** @param age milliseconds since it was written */
  #write({ metadata }: Lease, age = 0): void {
    const renewed = new Date(this.#deps.now().getTime() - age).toISOString();
    const { uid = null, resourceVersion = null, creationTimestamp: created = null } = metadata ?? {};
    this.#memory.save({ uid, created, version: resourceVersion, renewed, denied: null });
  }
}
