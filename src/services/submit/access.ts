import { existsSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { END_FOLDER, RUN_FOLDER, TOOL_FOLDER } from "../../core/gasw/files.ts";
import type { RunAs } from "../../core/job.ts";
import { GaswError } from "../../errors.ts";
import { makeOwnedFolder } from "../output/ownedFolder.ts";
import type { Script } from "./scripts.ts";

/** Folders of a job's streams, within the workflow's directory. */
const STREAM_FOLDERS = ["out", "err"];

/**
 * Makes `out/` and `err/` where they are missing.
 * @throws GaswError CONFIG
 */
export function makeStreamFolders(directory: string, owner: RunAs): void {
  for (const folder of STREAM_FOLDERS) makeOwnedFolder(path.join(directory, folder), owner);
}

/**
 * Checks by mode bits that the pod's user can read the script and write its streams; folders that are yet to
 * be made are left out.
 * @throws GaswError CONFIG naming the file and the user
 */
export function checkAccess(
  directory: string,
  scripts: readonly Script[],
  runAs: RunAs,
  groups: readonly number[],
): void {
  const user: PodUser = { uid: runAs.uid, groups: [runAs.gid, ...groups] };
  // GASW's script ends with 22 where it can write nothing beside itself.
  const writesBeside = scripts.some(({ isGenerated }) => isGenerated);
  const needed: [string, number, string][] = [
    writesBeside ? [directory, 0o3, "write"] : [directory, 0o1, "enter"],
    [path.join(directory, "sh"), 0o1, "enter"],
    ...[...STREAM_FOLDERS, TOOL_FOLDER, RUN_FOLDER, END_FOLDER]
      .map((folder) => path.join(directory, folder))
      .filter((folder) => existsSync(folder))
      .map((folder): [string, number, string] => [folder, 0o3, "write"]),
    ...scripts.map((script): [string, number, string] => [script.path, 0o4, "read"]),
  ];
  for (const [file, mode, verb] of needed) {
    if (allows(statSync(file), user, mode)) continue;
    throw new GaswError(
      "CONFIG",
      `jobs run as user ${runAs.uid}, group ${runAs.gid}, which cannot ${verb} ${file}`,
      {
        hint: `change the owner (chown -R ${runAs.uid}:${runAs.gid} ${directory}), or set securityContext.runAsUser and runAsGroup to a user and group that can`,
      },
    );
  }
}

interface PodUser {
  readonly uid: number;
  readonly groups: readonly number[];
}

/** POSIX file access permissions: the owner's bits, else the group's, else the others'. */
function allows(stat: Stats, { uid, groups }: PodUser, wanted: number): boolean {
  if (uid === 0) return true;
  const shift = stat.uid === uid ? 6 : groups.includes(stat.gid) ? 3 : 0;
  return ((stat.mode >> shift) & wanted) === wanted;
}
