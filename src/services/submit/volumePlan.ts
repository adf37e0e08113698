import path from "node:path";
import {
  joinNfsPath,
  type ResolvedVolume,
  requireWorkflowVolume,
  resolveVolumes,
} from "../../config/load/resolveVolumes.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { Workflow } from "../../core/job.ts";
import {
  type DesiredVolume,
  desiredVolume,
  normalFolder,
  type VolumeMarks,
  type VolumeSource,
  type VolumeSpec,
} from "../../core/manifests/volumes.ts";
import { GaswError } from "../../errors.ts";

/**
 * All volumes that a workflow's pods need: its own directory first, then the configured ones.
 * @throws GaswError CONFIG when the workflow volume or an NFS server is missing, or two volumes are in each
 * other's way
 */
export function volumePlan(config: Config, workflow: Workflow, marks: VolumeMarks): DesiredVolume[] {
  const specs = [
    workflowSpec(config, workflow),
    ...resolveVolumes(config).map((volume) => sharedSpec(volume, config.options.storageClassName)),
  ];
  const volumes = specs.map((spec) => desiredVolume(spec, workflow, marks, config));
  refuseSame(volumes, "have the same name", ({ mount }) => mount.name);
  refuseSame(volumes, "would use the same claim", ({ claim }) => claim?.metadata?.name);
  refuseSame(volumes, "would be mounted at the same path", ({ mount }) => mount.mountPath);
  return volumes;
}

/** A key of undefined is in nobody's way. */
function refuseSame(
  volumes: readonly DesiredVolume[],
  how: string,
  keyOf: (volume: DesiredVolume) => string | undefined,
): void {
  const names = new Map<string, string>();
  for (const volume of volumes) {
    const key = keyOf(volume);
    if (key === undefined) continue;
    const other = names.get(key);
    if (other !== undefined) {
      throw new GaswError("CONFIG", `the volumes ${other} and ${volume.spec.name} ${how}: ${key}`, {
        hint: "change one of them under `volumes`",
      });
    }
    names.set(key, volume.spec.name);
  }
}

function workflowSpec(config: Config, workflow: Workflow): VolumeSpec {
  const volume = requireWorkflowVolume(config);
  const base = {
    name: "workflow",
    kind: "workflow",
    accessMode: "ReadWriteMany",
    capacity: volume.capacity,
    mountOptions: [],
    storageClassName: config.options.storageClassName,
    mountPath: workflow.directory,
  } as const;
  switch (volume.type) {
    case "nfs":
      return {
        ...base,
        source: { type: "nfs", server: volume.server, path: joinNfsPath(volume.path, workflow.id) },
      };
    case "hostPath":
      return {
        ...base,
        source: {
          type: "hostPath",
          path: normalFolder(path.join(volume.path ?? path.dirname(workflow.directory), workflow.id)),
        },
      };
    case "claim":
      return {
        ...base,
        source: { type: "claim", claim: volume.name },
        subPath: path.posix.join(volume.subPath ?? "", workflow.id),
      };
  }
}

function sharedSpec(volume: ResolvedVolume, storageClassName: string): VolumeSpec {
  return {
    name: volume.name,
    kind: "shared",
    source: sharedSource(volume),
    accessMode: volume.accessModes,
    capacity: volume.capacity,
    mountOptions: volume.mountOptions,
    storageClassName,
    mountPath: volume.mountPathContainer,
    ...(volume.subPath === undefined ? {} : { subPath: volume.subPath }),
  };
}

function sharedSource(volume: ResolvedVolume): VolumeSource {
  switch (volume.type) {
    case "nfs":
      return { type: "nfs", server: volume.server, path: volume.path };
    case "hostPath":
      return { type: "hostPath", path: normalFolder(volume.path) };
    case "claim":
      return { type: "claim", claim: volume.claimName };
    case "storageClass":
      return { type: "storageClass", storageClass: volume.storageClassName };
  }
}
