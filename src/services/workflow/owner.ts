import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { hasEnded, type Workflow } from "../../core/job.ts";
import { KEYS, leaseName, shortHash } from "../../core/names.ts";
import {
  killHash,
  type Lease,
  newLease,
  type Owner,
  RENEWAL_MS,
  readLease,
  renewal,
  SILENCE_S,
  standingOf,
  type Tenure,
  takeover,
  withKills,
} from "../../core/owner.ts";
import type { V1Namespace } from "../../core/wire.ts";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import { type ApiError, isApiError } from "../../kubernetes/errors.ts";
import { changeLease, createLease, findLease, removeLease } from "../../kubernetes/leases.ts";
import { find } from "../../kubernetes/objects.ts";
import { namespacesPath } from "../../kubernetes/paths.ts";
import type { LeaseNote, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { ownObjects } from "./cluster.ts";

/**
 * Milliseconds for which an account that has no right to Leases is not told so again, and they are not asked
 * for.
 */
const DENIAL_MS = 10 * 60_000;
/** Tries while others change the Lease between a look and a write. */
const TRIES = 5;

/** Another state file serves the workflow: nothing of it may be changed from here. */
export class NotOwner extends GaswError {}

/**
 * `owned`: by this state file alone. `followed`: so, too, and what an owner before it has done was written down: decide anew.
 * `unguarded`: it can't be told, since there is no right to Leases, or no namespace for one yet.
 */
export type Ownership = "owned" | "followed" | "unguarded";

const NOTHING: LeaseNote = { uid: null, created: null, version: null, renewed: null, denied: null };

/**
 * A command's claim to be the only one, with those of its own state file, that changes something of a
 * workflow.
 */
export class Tenancy {
  readonly #deps: Deps;
  readonly #workflow: Workflow | StoredWorkflow;
  readonly #name: string;
  /** What is known of the Lease where the state has no row of the workflow. */
  #ownNote = NOTHING;
  /**
   * A renewal that changes nothing but the very Lease that this state file wrote last, in whatever cluster it
   * arrives.
   */
  #renewal: Promise<Lease | "changed" | "gone"> | undefined;

  /** Whether what was cleaned up is begun anew. */
  readonly #begins: boolean;

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
    this.#renewal = this.#renew();
    // It is looked at in `taken`, which may never come.
    this.#renewal?.catch(() => undefined);
  }

  /**
   * Makes sure that this state file owns the workflow: an owner that has been silent for long is followed.
   * The cluster must be known to be the workflow's.
   * @param makes whether the Lease is made where there is none
   * @param trusts whether it is not asked for where it was renewed a moment ago
   * @throws NotOwner; GaswError CLUSTER
   */
  async taken({ makes = true, trusts = true } = {}): Promise<Ownership> {
    if (trusts && this.#isFresh) return "owned";
    const { denied } = this.#note;
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
    const { version } = this.#note;
    const renewal = this.#renewal ?? this.#renew();
    this.#renewal = undefined;
    if (renewal === undefined || version === null) return;
    try {
      const renewed = await renewal;
      if (typeof renewed === "object") this.#write(renewed);
      else this.#outdate(version);
    } catch (error) {
      if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
    }
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

  /**
   * Writes down where other state files see it that the workflow is cleaned up. @throws NotOwner; GaswError
   */
  async noteCleanup(): Promise<void> {
    await this.#annotate(() => ({ [KEYS.cleaned]: this.#deps.now().toISOString() }));
  }

  /** Removes the Lease: the last thing that a clean-up does. @throws GaswError CLUSTER */
  async end(): Promise<void> {
    const { uid } = this.#note;
    const { denied } = this.#note;
    const isDenied = denied !== null && this.#isWithin(denied, DENIAL_MS);
    if (uid !== null && !isDenied) await removeLease(this.#deps.client, this.#place, uid);
    this.#save(NOTHING);
  }

  /** Sees to it that whoever submits next takes the note of a clean-up off that did not come to its end. */
  leaveCleanup(): void {
    this.#save({ ...this.#note, renewed: null });
  }

  #renew(): Promise<Lease | "changed" | "gone"> | undefined {
    const { uid, version } = this.#note;
    if (uid === null || version === null || this.#isFresh) return undefined;
    return changeLease(this.#deps.client, this.#place, { uid, version }, this.#change());
  }

  /** Finds out whose the Lease is, and makes it this state file's own. */
  async #settle(makes: boolean): Promise<Ownership> {
    let lease = this.#note.uid === null && makes ? undefined : await this.#find();
    let outcome: Ownership = "owned";
    if (
      this.#note.uid !== null &&
      lease === undefined &&
      (await this.#isCleanedUp()) &&
      this.#follow(undefined)
    ) {
      outcome = "followed";
      this.#save(NOTHING);
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
    throw new GaswError(
      "FAILURE",
      `the Lease of workflow ${this.#workflow.id} keeps changing: it is not told whose it is`,
      {
        hint: `run the command again; \`kubectl get lease -n ${this.#workflow.namespace} ${this.#name} -o yaml\` shows it`,
      },
    );
  }

  async #make(): Promise<"written" | "exists" | "no namespace"> {
    const { client, now } = this.#deps;
    const lease = newLease(this.#workflow, this.#me, now());
    const made = await createLease(client, this.#workflow.namespace, lease);
    if (typeof made === "string") return made;
    // What was killed is forgotten with the Lease that remembered it.
    if (this.#stored !== undefined) this.#deps.store.forgetKills(this.#stored);
    this.#write(made);
    return "written";
  }

  /** @throws NotOwner */
  async #take(lease: Lease): Promise<Ownership | "changed"> {
    const { client, now } = this.#deps;
    const tenure = readLease(lease, client.serverTime ?? now());
    const standing = standingOf(lease, tenure, this.#me);
    const isElsewhere =
      tenure.directory !== undefined && !isSameDirectory(tenure.directory, this.#workflow.directory);
    if (standing === "foreign" || standing === "live") throw this.#refusal(standing, tenure, isElsewhere);
    if (standing !== "own" && standing !== "unowned" && isElsewhere)
      throw this.#refusal("live", tenure, true);
    const isRecent =
      tenure.silence !== undefined &&
      tenure.silence * 1000 < RENEWAL_MS &&
      !(this.#begins && tenure.isCleaned);
    if (standing === "own" && isRecent) {
      this.#write(lease, (tenure.silence ?? 0) * 1000);
      return "owned";
    }
    const change = standing === "own" ? this.#change() : takeover(this.#workflow, this.#me, tenure, now());
    const { uid = "", resourceVersion = "" } = lease.metadata ?? {};
    const written = await changeLease(client, this.#place, { uid, version: resourceVersion }, change);
    if (typeof written === "string") return "changed";
    // Before anybody trusts the note: what the former owner killed must not be run again, whatever becomes of
    // this process.
    const hasFollowed = standing !== "own" && this.#follow(tenure);
    this.#write(written);
    if (standing === "own") return "owned";
    this.#tellTakeover(standing, tenure);
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
    const { client, now } = this.#deps;
    // Where there is none, nothing is left that somebody else could run again.
    if ((await this.taken({ makes: false })) === "unguarded") return;
    for (let tried = 0; tried < TRIES; tried++) {
      const lease = await this.#find();
      const tenure = lease === undefined ? undefined : readLease(lease, client.serverTime ?? now());
      if (lease === undefined || tenure?.owner.id !== this.#me.id) {
        this.#save({ ...this.#note, version: null, renewed: null });
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
    throw new GaswError(
      "FAILURE",
      `the Lease of workflow ${this.#workflow.id} keeps changing: what is removed could not be written there`,
      {
        hint: "run the command again",
      },
    );
  }

  /**
   * Writes down what an owner before this one has done.
   * @param tenure what its Lease tells; undefined: it has cleaned the workflow up and is gone
   */
  #follow(tenure: Tenure | undefined): boolean {
    const { store } = this.#deps;
    const workflow = this.#stored;
    if (workflow === undefined) return false;
    const by = tenure === undefined ? "" : ` by ${nameOf(tenure.owner)}`;
    const jobs = store.jobs(workflow);
    if (tenure === undefined || tenure.isCleaned) {
      const active = jobs.filter(({ status }) => !hasEnded(status) && status !== "NOT_SUBMITTED");
      const words = {
        reason: "Deleted",
        message: `deleted by a clean-up of the workflow from another state file${by}`,
      };
      const isNew = store.followKills(active, words);
      store.giveUp(workflow);
      if (isNew)
        this.#deps.warn(
          `workflow ${workflow.id} was cleaned up from another state file${by}: its jobs are given up here, too`,
        );
      return (
        isNew ||
        jobs.some(({ status, settled }) => status === "NOT_SUBMITTED" || (!settled && hasEnded(status)))
      );
    }
    const killed = jobs.filter(({ id }) => tenure.killed.has(killHash(id)));
    // What is submitted here later, or would be tried again, may have been killed there, too.
    store.noteTakeover(workflow, [...tenure.killed]);
    return store.followKills(killed, { reason: "Killed", message: `killed from another state file${by}` });
  }

  /**
   * Whether the workflow was cleaned up where nothing but its Lease is known to be gone: nothing else that
   * was noted is there either, and not because somebody has deleted the namespace.
   */
  async #isCleanedUp(): Promise<boolean> {
    const { store, client } = this.#deps;
    const workflow = this.#stored;
    if (workflow === undefined || store.placement(workflow).state !== "bound") return false;
    const [objects, namespace] = await Promise.all([
      ownObjects(this.#deps, workflow),
      find<V1Namespace>(client, namespacesPath(workflow.namespace)),
    ]);
    if (namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined) return false;
    const { created } = this.#note;
    const isAnew =
      created !== null && Date.parse(namespace.metadata?.creationTimestamp ?? "") > Date.parse(created);
    const uids = objects.map(({ metadata }) => metadata?.uid).filter((uid) => uid !== undefined);
    return !isAnew && !store.knowsObject(workflow, uids);
  }

  #refusal(
    standing: "foreign" | "live",
    { owner, since, silence, directory }: Tenure,
    isElsewhere: boolean,
  ): NotOwner {
    const { id, namespace } = this.#workflow;
    if (standing === "foreign") {
      return new NotOwner(
        "CONFLICT",
        `Lease ${namespace}/${this.#name} is not gasw-k8s's: it can't be told who serves workflow ${id}`,
        {
          hint: `delete it, if nobody needs it: kubectl delete lease -n ${namespace} ${this.#name}`,
        },
      );
    }
    if (isElsewhere) {
      return new NotOwner(
        "CONFLICT",
        `workflow ${id} in namespace ${namespace} is that of ${directory}, served by ${nameOf(owner)}`,
        {
          hint: "a workflow's id is its directory's base name: use another namespace, or clean up the other workflow first",
        },
      );
    }
    const heard = Math.round(silence ?? 0);
    return new NotOwner(
      "CONFLICT",
      `workflow ${id} is served from another state file, by ${nameOf(owner)} since ${since ?? "some time"}, last heard of ${heard} s ago`,
      {
        hint: `use that one, or end what serves the workflow there: after ${SILENCE_S} s of silence (${Math.max(1, SILENCE_S - heard + 1)} s from now) a command here takes it over; \`status\` and \`debug\` work meanwhile`,
      },
    );
  }

  #tellTakeover(standing: "unowned" | "succeeded" | "silent", { owner, silence }: Tenure): void {
    const { id } = this.#workflow;
    const long = silence === undefined ? "for an unknown time" : `for ${Math.round(silence)} s`;
    const was = {
      unowned: "its Lease names no owner",
      succeeded: `it was served by an earlier state file in this place, that of ${nameOf(owner)}`,
      silent: `it was served from another state file, by ${nameOf(owner)}, who has been silent ${long}`,
    };
    this.#deps.warn(`this state file takes workflow ${id} over: ${was[standing]}`);
  }

  #deny(error: ApiError): void {
    const { namespace, id } = this.#workflow;
    this.#save({ ...this.#note, denied: this.#deps.now().toISOString() });
    const why = error.quotaExceeded
      ? (error.body.message ?? "")
      : `the rule for leases of coordination.k8s.io is missing, see deploy/rbac.yaml`;
    this.#deps.warn(
      `this account may not keep a Lease in namespace ${namespace} (${why}): another state file that serves workflow ${id} at the same time is not noticed`,
    );
  }

  /** A renewal, with more to be written on it. */
  #change(annotations: object = this.#begins ? { [KEYS.cleaned]: null } : {}) {
    const { metadata, spec } = renewal(this.#workflow, this.#me, this.#deps.now());
    return { metadata: { annotations: { ...metadata.annotations, ...annotations } }, spec };
  }

  get #me(): Owner {
    const { store, host } = this.#deps;
    return { id: store.identity(), host, user: userName(), place: placeOf(store.path) };
  }

  get #place(): { namespace: string; name: string } {
    return { namespace: this.#workflow.namespace, name: this.#name };
  }

  get #stored(): StoredWorkflow | undefined {
    return "key" in this.#workflow ? this.#workflow : undefined;
  }

  get #note(): LeaseNote {
    return this.#stored === undefined ? this.#ownNote : this.#deps.store.lease(this.#stored);
  }

  get #isFresh(): boolean {
    const { uid, renewed } = this.#note;
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
    this.#save({ uid, created, version: resourceVersion, renewed, denied: null });
  }

  #outdate(version: string): void {
    if (this.#stored === undefined) this.#ownNote = { ...this.#ownNote, version: null, renewed: null };
    else this.#deps.store.outdateLease(this.#stored, version);
  }

  #save(note: LeaseNote): void {
    if (this.#stored === undefined) this.#ownNote = note;
    else this.#deps.store.noteLease(this.#stored, note);
  }
}

function nameOf({ user, host }: Owner): string {
  return `${user} on ${host}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as containers have.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/**
 * Where a state file lies, as no other one does while the machine runs; undefined where the system does not
 * tell. Its folder may be removed and made anew; containers that call theirs alike have other file systems,
 * or other folders around it.
 */
function placeOf(stateFile: string): string | undefined {
  try {
    const folder = path.dirname(stateFile);
    const around = statSync(path.dirname(folder));
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const files = [statSync(folder).dev, around.dev, around.ino].map(String);
    return shortHash(boot, ...files, path.basename(folder), path.basename(stateFile));
  } catch {
    return undefined;
  }
}
