import type { Config } from "../config/schema/schema.ts";
import type { KubernetesClient } from "../kubernetes/client.ts";
import type { Store } from "../store/store.ts";

/** What services work with; made by the context, each part on first use. */
export interface Deps {
  readonly config: Config;
  readonly store: Store;
  readonly client: KubernetesClient;
  /** Name of this host. */
  readonly host: string;
  /** Aborted at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Receives sentences for the user that are no errors. */
  readonly warn: (message: string) => void;
  /** The same, but that requests and pauses end at another signal; whoever has asked for it closes it. */
  withSignal(signal: AbortSignal): Deps & { close(): void };
}

/** What time it is by the API server's clock; by this host's before its first answer. */
export function serverNow({ client, now }: Pick<Deps, "client" | "now">): Date {
  return client.serverTime ?? now();
}
