import { rmSync } from "node:fs";

/** Tries, and the time between them in ms: longer than a pod that is being deleted goes on. */
const TRIES = 100;
const PAUSE_MS = 100;

/**
 * Removes a folder that something else may still write into: a pod whose deletion was only asked for, or processes that were
 * killed a moment ago. `rmSync`'s own `maxRetries` does not do it: it does not look again at what a folder has.
 */
export function removeFolder(folder: string): void {
  for (let tries = TRIES; ; tries--) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY" || tries === 1) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
