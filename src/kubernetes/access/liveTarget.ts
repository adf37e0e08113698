import { statSync } from "node:fs";
import { GaswError } from "../../errors.ts";
import type { Target } from "./settings.ts";

/** Milliseconds for which a kubeconfig that cannot be read counts as one that is being written. */
const MOMENT_MS = 10_000;

/**
 * A kubeconfig as it is now, while the program runs: whoever rotates a token, a certificate or the user writes
 * it anew. One that is half written does not count yet.
 */
export class LiveTarget {
  #target: Target;
  #seen: string;
  #brokenSince: number | undefined;
  readonly #files: readonly string[];
  readonly #read: () => Target;

  /**
   * @param target what was found
   * @param files that it is from, or could be
   * @param read finds it again, in the same files and by the same context
   */
  constructor(target: Target, files: readonly string[], read: () => Target) {
    this.#target = target;
    this.#files = files;
    this.#read = read;
    this.#seen = this.#look();
  }

  /**
   * What counts now.
   * @throws GaswError CONFIG when the files have been unusable for a while, or lead to another cluster now
   */
  current(): Target {
    const look = this.#look();
    if (look === this.#seen) return this.#target;
    try {
      const next = this.#read();
      this.#refuseOtherCluster(next);
      this.#target = next;
      this.#seen = look;
      this.#brokenSince = undefined;
    } catch (error) {
      this.#brokenSince ??= performance.now();
      if (!(error instanceof GaswError) || performance.now() - this.#brokenSince > MOMENT_MS) throw error;
    }
    return this.#target;
  }

  /** A workflow is bound to its cluster: nothing that was begun with one goes on with another. */
  #refuseOtherCluster({ cluster }: Target): void {
    const before = this.#target.cluster.server;
    if (cluster.server === before) return;
    throw new GaswError(
      "CONFIG",
      `${cluster.file} now has ${cluster.server} as the cluster's address, not ${before} as when this command began`,
      { hint: "run the command again to use the new address" },
    );
  }

  /** What tells that a file was written: its identity, size and time. */
  #look(): string {
    return this.#files
      .map((file) => {
        const found = statSync(file, { bigint: true, throwIfNoEntry: false });
        return found === undefined ? "none" : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
      })
      .join("\n");
  }
}
