import { homedir, hostname } from "node:os";
import path from "node:path";
import type { Config } from "./config/schema.ts";
import type { LoadedConfig } from "./config/sources.ts";
import { clusterAccess } from "./kubernetes/access.ts";
import { KubernetesClient } from "./kubernetes/client.ts";
import type { Deps } from "./services/deps.ts";
import { Store } from "./store/store.ts";
import type { Io } from "./ui/io.ts";
import { printable } from "./ui/output.ts";

/** Everything a command works with: each part is made on first use, and all are closed at the end. */
export class Context implements Deps {
  readonly io: Io;
  readonly loaded: LoadedConfig;
  readonly host = hostname();
  #store: Store | undefined;
  #client: KubernetesClient | undefined;

  constructor(io: Io, loaded: LoadedConfig) {
    this.io = io;
    this.loaded = loaded;
  }

  get config(): Config {
    return this.loaded.config;
  }

  get signal(): AbortSignal {
    return this.io.signal;
  }

  readonly now = (): Date => this.io.now();

  readonly warn = (message: string): void => {
    this.io.stderr.write(`warning: ${printable(message)}\n`);
  };

  /** @throws GaswError CONFIG when the state file can't be used */
  get store(): Store {
    this.#store ??= new Store({ path: this.config.state.path ?? defaultStatePath(this.io.env), warn: this.warn, now: this.now });
    return this.#store;
  }

  /** @throws GaswError CONFIG when no cluster is configured */
  get client(): KubernetesClient {
    this.#client ??= this.#connect();
    return this.#client;
  }

  close(): void {
    this.#store?.close();
    this.#client?.close();
  }

  #connect(): KubernetesClient {
    const { options } = this.config;
    const settings = {
      readRetries: options.statusRetry,
      writeRetries: options.maxRetryToPush,
      maxRetryWait: options.statusRetryWait,
      requestsPerSecond: options.requestsPerSecond,
    };
    const access = clusterAccess(this.config, this.io.env);
    if (access.insecure) {
      const key = this.config.insecureSkipTlsVerify ? "insecureSkipTlsVerify" : "the kubeconfig's insecure-skip-tls-verify";
      this.warn(`${key} is set: whoever answers at ${access.server.origin} is trusted and gets the token`);
    }
    return new KubernetesClient(access, settings, this.signal);
  }
}

/** `$XDG_STATE_HOME/gasw-k8s/state.db` (XDG Base Directory Specification). */
function defaultStatePath(env: NodeJS.ProcessEnv): string {
  const given = env.XDG_STATE_HOME ?? "";
  // The specification has empty and relative values ignored.
  const base = path.isAbsolute(given) ? given : path.join(env.HOME || homedir(), ".local", "state");
  return path.join(base, "gasw-k8s", "state.db");
}
