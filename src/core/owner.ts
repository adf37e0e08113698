import type { Workflow } from "./job.ts";
import { isOurs } from "./manifests/volumes.ts";
import { identityMetadata, KEYS, leaseName, shortHash } from "./names.ts";
import type { KubernetesObject } from "./wire.ts";

/**
 * Seconds of silence after which the owner of a workflow counts as gone. Whatever serves a workflow speaks
 * every 20 s, and a request may be tried again for 30 s; an engine that polls every 20 s, as GASW's does,
 * misses two turns before it is taken for dead.
 */
export const SILENCE_S = 60;

/** Milliseconds after which the owner speaks again. */
export const RENEWAL_MS = 20_000;

/**
 * Killed jobs that a Lease remembers, the latest of them: an object of the API server may hold 256 KiB of
 * annotations.
 */
const MOST_KILLS = 20_000;

/** A Lease as the API server has it (`coordination.k8s.io/v1`); times are text. */
export interface Lease extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A state file among those that may serve a workflow. */
export interface Owner {
  /** Random, and kept in the state file. */
  readonly id: string;
  readonly host: string;
  readonly user: string;
  /** Where the state file lies: only its successor lies at the same place. */
  readonly place: string | undefined;
}

/** What a Lease tells. */
export interface Tenure {
  readonly owner: Owner;
  /** Directory of the workflow, as the owner sees it. */
  readonly directory: string | undefined;
  /** RFC 3339; since when it is the owner, by its own clock. */
  readonly since: string | undefined;
  /** Seconds since it last spoke, by the API server's clock; undefined where the Lease does not tell. */
  readonly silence: number | undefined;
  /** Hashes of the ids of the jobs that were killed. */
  readonly killed: ReadonlySet<string>;
  /** Whether a clean-up of the workflow has begun. */
  readonly isCleaned: boolean;
  /** Ids of the state files from which somebody has adopted the workflow. */
  readonly former: ReadonlySet<string>;
  readonly transitions: number;
}

/** How a Lease stands to a state file that wants to change something. */
export type Standing =
  | "own"
  /** Nobody can be told from it. */
  | "unowned"
  /** Its owner was a state file at the very place of this one, and so is no more. */
  | "succeeded"
  /** Its owner has been silent for too long. */
  | "silent"
  | "live"
  /** Somebody has adopted the workflow from this state file. */
  | "adopted"
  /** It was not made by this tool. */
  | "foreign";

/** Reads a Lease, whatever is in it. @param now by the API server's clock */
export function readLease(lease: Lease, now: Date): Tenure {
  const { annotations = {} } = lease.metadata ?? {};
  const { holderIdentity = "", acquireTime, leaseTransitions } = lease.spec ?? {};
  const spoke = lastWord(lease);
  return {
    owner: {
      id: holderIdentity,
      host: annotations[KEYS.host] ?? "an unknown host",
      user: annotations[KEYS.user] ?? "an unknown user",
      place: annotations[KEYS.place],
    },
    directory: annotations[KEYS.directory],
    since: acquireTime,
    silence: spoke === undefined ? undefined : Math.max(0, (now.getTime() - spoke) / 1000),
    killed: new Set(
      (annotations[KEYS.killed] ?? "").split(" ").filter((part) => /^[0-9a-z]{10}$/.test(part)),
    ),
    isCleaned: annotations[KEYS.cleaned] !== undefined,
    former: new Set((annotations[KEYS.former] ?? "").split(" ").filter((id) => id !== "")),
    transitions: Number.isSafeInteger(leaseTransitions) ? Number(leaseTransitions) : 0,
  };
}

/**
 * When the owner last spoke. The API server stamps every write itself (`managedFields`): that time and the
 * Date of its answers are one clock's, whatever the owner's clock and this host's show. The owner's own
 * `renewTime` counts only where something on the way has taken the stamps off.
 */
function lastWord({ metadata, spec }: Lease): number | undefined {
  const stamps = (metadata?.managedFields ?? [])
    .filter(({ fieldsV1 }) => hasRenewTime(fieldsV1))
    .map(({ time }) => Date.parse(`${time}`));
  const times = [...stamps, Date.parse(spec?.renewTime ?? "")].filter((time) => !Number.isNaN(time));
  return stamps.length > 0 ? Math.max(...stamps) : times[0];
}

function hasRenewTime(fields: unknown): boolean {
  const spec = (fields as { "f:spec"?: object } | undefined)?.["f:spec"];
  return spec !== undefined && "f:renewTime" in spec;
}

/**
 * How a Lease stands to a state file.
 * @param adopts whether it takes the workflow over even where somebody has adopted that from it
 */
export function standingOf(
  lease: Lease,
  { owner, silence, former }: Tenure,
  me: Owner,
  adopts = false,
): Standing {
  if (!isOurs(lease)) return "foreign";
  if (owner.id === me.id) return "own";
  if (!adopts && former.has(me.id)) return "adopted";
  if (owner.id === "") return "unowned";
  if (owner.place !== undefined && owner.place === me.place) return "succeeded";
  return silence === undefined || silence > SILENCE_S ? "silent" : "live";
}

/** The Lease of a workflow that nobody owns yet. */
export function newLease(workflow: Workflow, me: Owner, now: Date): Lease {
  const { labels, annotations } = identityMetadata("owner", workflow);
  const { metadata, spec } = renewal(workflow, me, now);
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: leaseName(workflow.namespace, workflow.id),
      namespace: workflow.namespace,
      labels,
      annotations: { ...annotations, ...metadata.annotations },
    },
    spec: { ...spec, acquireTime: microTime(now), leaseTransitions: 0 },
  };
}

/** What the owner writes to say that it is still there. */
export function renewal({ directory }: Workflow, { id, host, user, place }: Owner, now: Date) {
  const annotations = { [KEYS.directory]: directory, [KEYS.host]: host, [KEYS.user]: user };
  return {
    metadata: { annotations: place === undefined ? annotations : { ...annotations, [KEYS.place]: place } },
    spec: { holderIdentity: id, leaseDurationSeconds: SILENCE_S, renewTime: microTime(now) },
  };
}

/**
 * What the next owner writes over the last one's Lease; the jobs that were killed stay there for a third one.
 * @param adopts whether the last one is to keep off, should it come back
 */
export function takeover(workflow: Workflow, me: Owner, tenure: Tenure, now: Date, adopts: boolean) {
  const { metadata, spec } = renewal(workflow, me, now);
  const annotations = { ...metadata.annotations, [KEYS.place]: me.place ?? null, [KEYS.cleaned]: null };
  return {
    metadata: {
      annotations: adopts ? { ...annotations, [KEYS.former]: formerWith(tenure, me) } : annotations,
    },
    spec: { ...spec, acquireTime: microTime(now), leaseTransitions: tenure.transitions + 1 },
  };
}

/** Former owners that a Lease remembers, the latest of them. */
const MOST_FORMER = 100;

function formerWith({ former, owner }: Tenure, me: Owner): string {
  const all = new Set([...former, owner.id].filter((id) => id !== "" && id !== me.id));
  return [...all].slice(-MOST_FORMER).join(" ");
}

/** How a Lease remembers a job that was killed. */
export function killHash(jobId: string): string {
  return shortHash(jobId);
}

/**
 * The annotation of killed jobs with some more; undefined where it is as it was.
 * @param revived jobs that are to run again: they are killed no more
 */
export function withKills(
  killed: ReadonlySet<string>,
  jobIds: readonly string[],
  revived: readonly string[] = [],
): string | undefined {
  const back = new Set(revived.map(killHash));
  const all = new Set([...killed, ...jobIds.map(killHash)].filter((hash) => !back.has(hash)));
  const isAsItWas = all.size === killed.size && [...all].every((hash) => killed.has(hash));
  return isAsItWas ? undefined : [...all].slice(-MOST_KILLS).join(" ");
}

/** RFC 3339 with microseconds, as `MicroTime` is written. */
function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}
