import { existsSync } from "node:fs";
import { homedir, hostname } from "node:os";
import path from "node:path";
import type { LoadedConfig } from "./config/load/load.ts";
import type { Config } from "./config/schema/schema.ts";
import type { Workflow } from "./core/job.ts";
import { maskText } from "./core/secrets.ts";
import type { Dao } from "./dao/dao.ts";
import { GaswError, systemCode } from "./errors.ts";
import { clusterAccess } from "./kubernetes/access/access.ts";
import { KubernetesClient } from "./kubernetes/client.ts";
import type { SyncDeps } from "./services/sync/sync.ts";
import { Store } from "./store/store.ts";
import { readTextFile } from "./textFile.ts";
import type { Io } from "./ui/io.ts";
import { printable } from "./ui/output.ts";

/** Everything a command works with: each part is made on first use, and all are closed at the end. */
export class Context implements SyncDeps {
  readonly io: Io;
  readonly loaded: LoadedConfig;
  readonly host = hostname();
  /** The context that this one is under another signal of. */
  readonly #origin: Context | undefined;
  #store: Store | undefined;
  #client: KubernetesClient | undefined;
  #isWarnedOfDatabase = false;

  constructor(io: Io, loaded: LoadedConfig, origin?: Context) {
    this.io = io;
    this.loaded = loaded;
    this.#origin = origin;
  }

  withSignal(signal: AbortSignal): Context {
    return new Context({ ...this.io, signal }, this.loaded, this);
  }

  get config(): Config {
    return this.loaded.config;
  }

  get signal(): AbortSignal {
    return this.io.signal;
  }

  readonly now = (): Date => this.io.now();

  readonly warn = (message: string): void => {
    this.io.stderr.write(`warning: ${printable(maskText(message))}\n`);
  };

  /** Whether there is a state yet: a command that makes nothing looks into none that is not there. */
  get hasState(): boolean {
    return existsSync(this.#statePath);
  }

  /** @throws GaswError CONFIG when the state file can't be used */
  get store(): Store {
    if (this.#origin !== undefined) return this.#origin.store;
    this.#store ??= new Store({ path: this.#statePath, warn: this.warn, now: this.now });
    return this.#store;
  }

  /**
   * Has the rest of the command work with a copy of the state in memory, where the state's disk is full.
   * @throws GaswError CONFIG when there is no state yet, or it can't be read either
   */
  useCopyOfState(): void {
    const copy = new Store({ path: this.#statePath, warn: this.warn, now: this.now }, true);
    this.#store?.close();
    this.#store = copy;
  }

  get #statePath(): string {
    return this.config.state.path ?? defaultStatePath(this.io.env);
  }

  /**
   * Opens a workflow's GASW database, which its caller closes.
   * @throws GaswError CONFIG, DATABASE
   */
  async openDao(workflow: Workflow, signal: AbortSignal): Promise<Dao> {
    const { dao } = this.config;
    // A time zone is asked for rather than assumed: the database's times have none.
    const timeZone = dao.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const [{ openDao }, { skipsVerification }] = await Promise.all([
      import("./dao/open.ts"),
      import("./dao/address.ts"),
    ]);
    if (skipsVerification(dao.url ?? "")) this.#warnOfDatabase();
    return await openDao({
      simulationId: workflow.id,
      url: await this.#databaseUrl(workflow),
      user: dao.user,
      password: dao.passwordFile === undefined ? dao.password : readPassword(dao.passwordFile),
      driverJar: dao.driverJar,
      timeZone,
      repairStatusColumn: dao.repairStatusColumn ? this.warn : undefined,
      timeout: dao.timeout * 1000,
      env: this.io.env,
      signal,
    });
  }

  /** Once: a monitor opens the database again and again. */
  #warnOfDatabase(): void {
    if (this.#isWarnedOfDatabase) return;
    this.#isWarnedOfDatabase = true;
    this.warn(
      "dao.url has sslmode=no-verify: the database server's identity is not verified, so the password may be exposed",
    );
  }

  async hasDatabase(workflow: Workflow): Promise<boolean> {
    const { sqliteFile } = await import("./dao/address.ts");
    const file = sqliteFile(await this.#databaseUrl(workflow));
    return file === undefined || existsSync(file);
  }

  async #databaseUrl(workflow: Workflow): Promise<string> {
    const { url } = this.config.dao;
    if (url === undefined) {
      const { defaultDatabase } = await import("./dao/defaultDatabase.ts");
      return `sqlite:${await defaultDatabase(path.dirname(this.#statePath), workflow, this.signal)}`;
    }
    const { filledIn } = await import("./dao/address.ts");
    return filledIn(url, workflow);
  }

  /** @throws GaswError CONFIG when no cluster is configured */
  get client(): KubernetesClient {
    this.#client ??= this.#origin?.client.withSignal(this.signal) ?? this.#connect();
    return this.#client;
  }

  /** Closes what was made for this very context. */
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
      const key = this.config.insecureSkipTlsVerify
        ? "insecureSkipTlsVerify"
        : "the kubeconfig's insecure-skip-tls-verify";
      this.warn(
        `${key} is set: the identity of ${access.server.origin} is not verified, so the token may be exposed`,
      );
    }
    return new KubernetesClient(access, settings, this.signal);
  }
}

/** The first line of a password file. */
function readPassword(file: string): string {
  try {
    return readTextFile(file).split(/\r?\n/)[0] ?? "";
  } catch (cause) {
    throw new GaswError("CONFIG", `dao.passwordFile: ${file} cannot be read (${systemCode(cause)})`, {
      hint: "set it to a file that this user can read, with the password in its first line",
      cause,
    });
  }
}

/** `$XDG_STATE_HOME/gasw-k8s/state.db` (XDG Base Directory Specification). */
function defaultStatePath(env: NodeJS.ProcessEnv): string {
  const given = env.XDG_STATE_HOME ?? "";
  // The specification has empty and relative values ignored.
  const base = path.isAbsolute(given) ? given : path.join(env.HOME || homedir(), ".local", "state");
  return path.join(base, "gasw-k8s", "state.db");
}
