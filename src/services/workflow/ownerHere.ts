import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { shortHash } from "../../core/names.ts";
import type { Owner } from "../../core/owner.ts";
import type { Deps } from "../deps.ts";

/** This host's state file as the owner of workflows. */
export function ownerHere({ store, host }: Pick<Deps, "store" | "host">): Owner {
  return { id: store.identity(), host, user: userName(), place: placeOf(store.path) };
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
