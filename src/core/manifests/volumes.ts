import path from "node:path";
import type { Workflow } from "../job.ts";
import {
  identityMetadata,
  KEYS,
  MANAGED_BY,
  sharedVolumeNames,
  shortHash,
  workflowVolumeNames,
} from "../names.ts";
import type { V1PersistentVolume, V1PersistentVolumeClaim } from "../wire.ts";
import type { Mount } from "./settings.ts";

type AccessMode = "ReadOnlyMany" | "ReadWriteMany";

/** Where a volume's files are. */
export type VolumeSource =
  | { readonly type: "nfs"; readonly server: string; readonly path: string }
  | { readonly type: "hostPath"; readonly path: string }
  | { readonly type: "claim"; readonly claim: string }
  | { readonly type: "storageClass"; readonly storageClass: string };

/** A volume as the configuration wants it, for one workflow. */
export interface VolumeSpec {
  /** `workflow`, or the name in the configuration. */
  readonly name: string;
  readonly kind: "workflow" | "shared";
  readonly source: VolumeSource;
  readonly accessMode: AccessMode;
  readonly capacity: string;
  readonly mountOptions: readonly string[];
  readonly storageClassName: string;
  readonly mountPath: string;
  readonly subPath?: string;
}

/** A volume together with the objects it needs in the cluster. */
export interface DesiredVolume {
  readonly spec: VolumeSpec;
  readonly mount: Mount;
  readonly claimName: string;
  /** Missing where an existing claim is used. */
  readonly claim?: V1PersistentVolumeClaim;
  /** Missing where an existing claim is used or a storage class provides the volume. */
  readonly persistentVolume?: V1PersistentVolume;
}

/** Who made a volume and when it was last in use: what a later search for lost volumes goes by. */
export interface VolumeMarks {
  readonly host: string;
  readonly now: Date;
}

/** The configured labels and annotations of everything that is made. */
export interface ExtraMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Compares folders as Kubernetes writes them: without trailing or doubled slashes. */
export function normalFolder(folder: string): string {
  const normal = path.posix.normalize(folder);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

/** The objects and the mount that a volume needs. */
export function desiredVolume(
  spec: VolumeSpec,
  workflow: Workflow,
  marks: VolumeMarks,
  extra: ExtraMetadata,
): DesiredVolume {
  const names =
    spec.kind === "workflow"
      ? workflowVolumeNames(workflow.namespace, workflow.id)
      : sharedVolumeNames(workflow.namespace, spec.name);
  const claimName = spec.source.type === "claim" ? spec.source.claim : names.claim;
  const mount: Mount = {
    name: spec.kind === "workflow" ? "workflow" : `volume-${shortHash(spec.name)}`,
    claim: claimName,
    mountPath: spec.mountPath,
    readOnly: spec.accessMode === "ReadOnlyMany",
    ...(spec.subPath === undefined ? {} : { subPath: spec.subPath }),
  };
  if (spec.source.type === "claim") return { spec, mount, claimName };
  const own = volumeMetadata(spec, workflow, marks);
  const common: Common = {
    metadata: {
      labels: { ...extra.labels, ...own.labels },
      annotations: { ...extra.annotations, ...own.annotations },
    },
    accessModes: [spec.accessMode],
    storageClassName: spec.source.type === "storageClass" ? spec.source.storageClass : spec.storageClassName,
  };
  const objects = { namespace: workflow.namespace, ...names };
  const claim = claimOf(spec, objects, common);
  if (spec.source.type === "storageClass") return { spec, mount, claimName, claim };
  const persistentVolume = persistentVolumeOf({ ...spec, source: spec.source }, objects, common);
  return { spec, mount, claimName, claim, persistentVolume };
}

/** What a claim and its volume have in common. */
interface Common {
  readonly metadata: {
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  };
  readonly accessModes: string[];
  readonly storageClassName: string;
}

interface ObjectNames {
  readonly namespace: string;
  readonly claim: string;
  readonly persistentVolume: string;
}

function claimOf(
  { source, capacity }: VolumeSpec,
  names: ObjectNames,
  { metadata, ...common }: Common,
): V1PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: names.claim, namespace: names.namespace, ...metadata },
    spec: {
      ...common,
      resources: { requests: { storage: capacity } },
      ...(source.type === "storageClass" ? {} : { volumeName: names.persistentVolume }),
    },
  };
}

function persistentVolumeOf(
  { source, capacity, mountOptions }: VolumeSpec & { readonly source: FolderSource },
  names: ObjectNames,
  { metadata, ...common }: Common,
): V1PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: names.persistentVolume, ...metadata },
    spec: {
      ...common,
      capacity: { storage: capacity },
      persistentVolumeReclaimPolicy: "Retain",
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: names.namespace,
        name: names.claim,
      },
      mountOptions: [...mountOptions],
      ...persistentVolumeSource(source),
    },
  };
}

/** A source that is a folder somewhere. */
type FolderSource = Extract<VolumeSource, { path: string }>;

function persistentVolumeSource(
  source: FolderSource,
): Pick<NonNullable<V1PersistentVolume["spec"]>, "nfs" | "hostPath"> {
  return source.type === "nfs"
    ? { nfs: { server: source.server, path: source.path } }
    : { hostPath: { path: source.path } };
}

function volumeMetadata(spec: VolumeSpec, workflow: Workflow, marks: VolumeMarks) {
  const inUse = {
    [KEYS.host]: marks.host,
    [KEYS.lastUsed]: marks.now.toISOString(),
    [KEYS.content]: sourceHash(spec.source),
    [KEYS.volume]: spec.name,
  };
  if (spec.kind === "shared") {
    return {
      labels: { [KEYS.managedBy]: MANAGED_BY, [KEYS.component]: "shared-volume" },
      annotations: inUse,
    };
  }
  const identity = identityMetadata("workflow-volume", workflow);
  return {
    labels: identity.labels,
    annotations: { ...identity.annotations, ...inUse, [KEYS.directory]: workflow.directory },
  };
}

/**
 * Digest of a source, kept on the claim, so that one read of the claim tells whether it is the wanted one.
 */
export function sourceHash(source: VolumeSource): string {
  switch (source.type) {
    case "nfs":
      return shortHash("nfs", source.server, normalFolder(source.path));
    case "hostPath":
      return shortHash("hostPath", normalFolder(source.path));
    case "claim":
      return shortHash("claim", source.claim);
    case "storageClass":
      return shortHash("storageClass", source.storageClass);
  }
}

/** Whether a PersistentVolume of this tool shows the very files that it was made for. */
export function hasRecordedSource({ metadata, spec }: V1PersistentVolume): boolean {
  const { nfs, hostPath } = spec ?? {};
  const source: VolumeSource | undefined =
    nfs !== undefined
      ? { type: "nfs", server: nfs.server, path: nfs.path }
      : hostPath && { type: "hostPath", path: hostPath.path };
  return source !== undefined && metadata?.annotations?.[KEYS.content] === sourceHash(source);
}

/** Whether a PersistentVolume shows the very files that are wanted. */
export function hasSource(volume: V1PersistentVolume, wanted: VolumeSource): boolean {
  const { nfs, hostPath } = volume.spec ?? {};
  if (wanted.type === "nfs")
    return nfs?.server === wanted.server && normalFolder(nfs.path) === normalFolder(wanted.path);
  if (wanted.type === "hostPath")
    return hostPath !== undefined && normalFolder(hostPath.path) === normalFolder(wanted.path);
  return false;
}

/** A source in words. */
export function describeSource(source: VolumeSource): string {
  switch (source.type) {
    case "nfs":
      return `NFS ${source.server}:${source.path}`;
    case "hostPath":
      return `the nodes' folder ${source.path}`;
    case "claim":
      return `claim ${source.claim}`;
    case "storageClass":
      return `storage class ${source.storageClass}`;
  }
}

/** The source of a PersistentVolume in words. */
export function describeVolume(volume: V1PersistentVolume): string {
  const { nfs, hostPath } = volume.spec ?? {};
  if (nfs !== undefined) return `NFS ${nfs.server}:${nfs.path}`;
  if (hostPath !== undefined) return `the nodes' folder ${hostPath.path}`;
  const kind = Object.keys(volume.spec ?? {}).find(
    (key) => typeof volume.spec?.[key as "csi"] === "object" && !["capacity", "claimRef"].includes(key),
  );
  return kind ?? "another source";
}

/** Whether this tool made the object. */
export function isOurs(object: {
  readonly metadata?: { readonly labels?: Record<string, string> };
}): boolean {
  return object.metadata?.labels?.[KEYS.managedBy] === MANAGED_BY;
}
