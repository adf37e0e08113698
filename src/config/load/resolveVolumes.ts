/** What the volume keys come to once server and paths are filled in. Pure. */
import { posix } from "node:path";
import { GaswError } from "../../errors.ts";
import type { Config, VolumeConfig, WorkflowVolumeConfig } from "../schema/schema.ts";

type Of<Union, Type> = Extract<Union, { type: Type }>;

/** Where the workflow directories are, ready to be made into a PersistentVolume. */
export type WorkflowVolume =
  | { readonly type: "nfs"; readonly server: string; readonly path: string; readonly capacity: string }
  | Of<WorkflowVolumeConfig, "hostPath">
  | Of<WorkflowVolumeConfig, "claim">;

/** An entry of `volumes`, ready to be made into a PersistentVolume or a claim. */
export type ResolvedVolume =
  | (Omit<Of<VolumeConfig, "nfs">, "nfsFolder"> & { readonly server: string; readonly path: string })
  | Exclude<VolumeConfig, { type: "nfs" }>;

/**
 * The volume of the workflow directories; loading does without it, submitting does not.
 * For `nfs` the path is that of the folder that holds them all.
 */
export function requireWorkflowVolume(config: Config): WorkflowVolume {
  const volume = config.workflowVolume;
  if (!volume) {
    throw new GaswError("CONFIG", "no volume is configured for the workflow directory", {
      hint: "set nfsAddress and nfsPath, or workflowVolume; `gasw-k8s config init` writes a starter file",
    });
  }
  if (volume.type !== "nfs") return volume;
  return { type: "nfs", ...requireNfs(config, "workflowVolume"), capacity: volume.capacity };
}

/** The further volumes, each with its server and whole path. */
export function resolveVolumes(config: Config): ResolvedVolume[] {
  return config.volumes.map((volume) => {
    if (volume.type !== "nfs") return volume;
    const { nfsFolder, ...rest } = volume;
    const { server, path } = requireNfs(config, `volume ${volume.name}`);
    return { ...rest, server, path: joinNfsPath(path, nfsFolder) };
  });
}

/** A folder below the exported one, without repeated or closing slashes. */
export function joinNfsPath(nfsPath: string, folder: string): string {
  return posix.join(nfsPath, folder).replace(/(?<=.)\/+$/, "");
}

function requireNfs(config: Config, user: string): { server: string; path: string } {
  const { nfsAddress, nfsPath } = config;
  if (nfsAddress && nfsPath) return { server: nfsAddress, path: nfsPath };
  const missing = [nfsAddress ? [] : ["nfsAddress"], nfsPath ? [] : ["nfsPath"]].flat();
  const names = missing.join(" and ");
  throw new GaswError(
    "CONFIG",
    `${user} is on NFS, but ${names} ${missing.length > 1 ? "are" : "is"} not configured`,
    {
      hint: `set ${names}, or choose another type of volume`,
    },
  );
}
