import { createHash } from "node:crypto";

/** Longest legal DNS label (RFC 1123), and so the longest name that fits a label value too. */
const MAX_NAME_LENGTH = 63;
const HASH_LENGTH = 10;

const PREFIX = "gasw-k8s.io";

/** Label and annotation keys on everything that is made in the cluster. */
export const KEYS = {
  managedBy: "app.kubernetes.io/managed-by",
  component: "app.kubernetes.io/component",
  /** Label: hash of namespace and workflow id; what a workflow's objects are listed by. */
  workflowHash: `${PREFIX}/workflow-hash`,
  /** Label (where legal) and annotation: the true workflow id. */
  workflow: `${PREFIX}/workflow`,
  /** Label (where legal) and annotation: the true job id. */
  job: `${PREFIX}/job`,
  /** Annotation of a resubmission's Job: base name of its script. */
  fileName: `${PREFIX}/file-name`,
  /** Annotation: absolute path of the workflow's directory. */
  directory: `${PREFIX}/directory`,
  /** Annotation: name of the host whose state knows the workflow. */
  host: `${PREFIX}/host`,
  /** Annotation: RFC 3339 time at which a volume was last known to be in use. */
  lastUsed: `${PREFIX}/last-used`,
  /** Annotation of a Job: version of the wrapper that runs its script; Jobs of 0.1.0 have none. */
  wrapper: `${PREFIX}/wrapper`,
  /** Annotation: hash of the submission's content. */
  content: `${PREFIX}/content`,
  /** Annotation of a claim: changed to make the volume controller look at it again. */
  touched: `${PREFIX}/touched`,
  /** Annotation: the volume's name in the configuration. */
  volume: `${PREFIX}/volume`,
  /** Annotation of a workflow's Lease: name of the user whose state file owns the workflow. */
  user: `${PREFIX}/user`,
  /**
   * Annotation of a workflow's Lease: where the owner's state file lies, as a hash that no other place has.
   */
  place: `${PREFIX}/place`,
  /** Annotation of a workflow's Lease: hashes of the ids of the jobs that were killed. */
  killed: `${PREFIX}/killed`,
  /** Annotation of a workflow's Lease: ids of the state files from which somebody has adopted the workflow. */
  former: `${PREFIX}/former`,
  /** Annotation of a workflow's Lease: RFC 3339 time at which a clean-up of the workflow began. */
  cleaned: `${PREFIX}/cleaned`,
} as const;

/** Label by which Kueue knows a Job's queue. */
export const QUEUE_LABEL = "kueue.x-k8s.io/queue-name";

/** Value of the `managed-by` label; nothing without it is ever changed or deleted. */
export const MANAGED_BY = "gasw-k8s";

/** Values of the `component` label. */
export type Component = "job" | "workflow-volume" | "shared-volume" | "debug" | "owner";

/** A short, stable digest of several strings; two different lists never read as the same one. */
export function shortHash(...parts: readonly string[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return BigInt(`0x${digest.subarray(0, 8).toString("hex")}`)
    .toString(36)
    .padStart(HASH_LENGTH, "0")
    .slice(-HASH_LENGTH);
}

/** Lower-case letters, digits and single hyphens of a text: the readable part of a name; may be empty. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/** A legal name: as much of the readable part as fits, and a hash of the exact identity. */
function nameOf(readable: string, hash: string, maxLength = MAX_NAME_LENGTH): string {
  const room = maxLength - hash.length - 1;
  const head = slug(readable).slice(0, room).replace(/-+$/, "");
  const start = /^[a-z]/.test(head) ? head : `j${head === "" ? "" : `-${head}`}`.slice(0, room);
  return `${start}-${hash}`;
}

/**
 * Name of the Kubernetes Job of one attempt: legal, readable, and distinct for distinct (namespace, workflow,
 * job).
 */
export function jobName(namespace: string, workflowId: string, jobId: string): string {
  return nameOf(`${workflowId}-${jobId}`, shortHash(namespace, workflowId, jobId));
}

/** Name of a workflow's PersistentVolume (cluster-wide) and, with `-claim`, of its claim. */
export function workflowVolumeNames(namespace: string, workflowId: string): VolumeNames {
  return volumeNames(
    nameOf(workflowId, shortHash(namespace, workflowId), MAX_NAME_LENGTH - CLAIM_SUFFIX.length),
  );
}

/** Name of the Lease that says who owns a workflow. */
export function leaseName(namespace: string, workflowId: string): string {
  return nameOf(workflowId, shortHash(namespace, workflowId));
}

const CLAIM_SUFFIX = "-claim";

/** Names of a volume's two Kubernetes objects. */
export interface VolumeNames {
  readonly persistentVolume: string;
  readonly claim: string;
}

function volumeNames(persistentVolume: string): VolumeNames {
  return { persistentVolume, claim: `${persistentVolume}${CLAIM_SUFFIX}` };
}

/**
 * Names of a configured volume's objects. The claim is called as the Java plugin calls it (lower-cased name
 * and `-claim`) where that is legal, so that a claim made by an administrator is found; the
 * PersistentVolume's name, which is cluster-wide, tells the namespaces apart.
 */
export function sharedVolumeNames(namespace: string, name: string): VolumeNames {
  const lower = name.toLowerCase();
  const legal =
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(lower) && lower.length <= MAX_NAME_LENGTH - CLAIM_SUFFIX.length;
  const claim = legal
    ? `${lower}${CLAIM_SUFFIX}`
    : volumeNames(nameOf(name, shortHash(name), MAX_NAME_LENGTH - CLAIM_SUFFIX.length)).claim;
  return { persistentVolume: nameOf(name, shortHash(namespace, "shared", name)), claim };
}

/** Value of the label by which all objects of a workflow are listed. */
export function workflowHash(namespace: string, workflowId: string): string {
  return shortHash(namespace, workflowId);
}

/** Whether a text may stand in a label as it is (Kubernetes label value syntax). */
export function isLabelValue(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text);
}

/** Identity of an object that belongs to a workflow, as labels and annotations. */
export function identityMetadata(
  component: Component,
  workflow: { readonly id: string; readonly namespace: string },
  jobId?: string,
): { labels: Record<string, string>; annotations: Record<string, string> } {
  const labels: Record<string, string> = {
    [KEYS.managedBy]: MANAGED_BY,
    [KEYS.component]: component,
    [KEYS.workflowHash]: workflowHash(workflow.namespace, workflow.id),
  };
  const annotations: Record<string, string> = { [KEYS.workflow]: workflow.id };
  if (isLabelValue(workflow.id)) labels[KEYS.workflow] = workflow.id;
  if (jobId !== undefined) {
    annotations[KEYS.job] = jobId;
    if (isLabelValue(jobId)) labels[KEYS.job] = jobId;
  }
  return { labels, annotations };
}

/** Label selector of everything of this tool, or of one workflow, or of one kind of its objects. */
export function selector(
  filter: { readonly component?: Component; readonly workflowHash?: string } = {},
): string {
  const parts = [`${KEYS.managedBy}=${MANAGED_BY}`];
  if (filter.component !== undefined) parts.push(`${KEYS.component}=${filter.component}`);
  if (filter.workflowHash !== undefined) parts.push(`${KEYS.workflowHash}=${filter.workflowHash}`);
  return parts.join(",");
}
