import { closeSync, constants, openSync } from "node:fs";
import path from "node:path";
import { systemCode } from "../../errors.ts";

/** Jobs can write in a workflow directory: a link in the place of a folder is never followed. */
export const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** What says that there is nothing for us. */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENXIO", "ESTALE"]);

/** A folder that is held open: its path names the folder itself, whatever stands at its place by then. */
export interface Held {
  readonly fd: number;
  readonly path: string;
}

/**
 * Does something in a folder of a workflow directory, none of whose parents within is a link.
 * @param folder relative to the workflow directory; empty: that itself
 * @returns undefined where there is no such folder, or a link stands in its place
 */
export function within<T>(directory: string, folder: string, action: (held: Held) => T): T | undefined {
  let held = hold(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const name of folder === "" ? [] : folder.split("/")) {
      const next = held === undefined ? undefined : hold(path.join(held.path, name));
      if (held !== undefined) closeSync(held.fd);
      held = next;
    }
    return held === undefined ? undefined : action(held);
  } finally {
    if (held !== undefined) closeSync(held.fd);
  }
}

function hold(folder: string, flags = FOLDER): Held | undefined {
  const fd = unlessAbsent(() => openSync(folder, flags));
  return fd === undefined ? undefined : heldAs(fd, folder);
}

/** @param folder the path by which it was opened */
export function heldAs(fd: number, folder: string): Held {
  return { fd, path: process.platform === "linux" ? `/proc/self/fd/${fd}` : folder };
}

/** What an action returns; undefined where there is nothing for it, or a link stands in its place. */
export function unlessAbsent<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (ABSENT.has(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}
