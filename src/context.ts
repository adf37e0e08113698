import { existsSync } from "node:fs";
import { homedir, hostname } from "node:os";
import path from "node:path";
import { type LoadedConfig, withFound } from "./config/load/load.ts";
import type { Config } from "./config/schema/schema.ts";
import type { Workflow } from "./core/job.ts";
import { maskText } from "./core/secrets.ts";
import type { Dao } from "./dao/dao.ts";
import { GaswError, systemCode } from "./errors.ts";
import { type ClusterAccess, clusterAccess } from "./kubernetes/access/access.ts";
import { KubernetesClient } from "./kubernetes/client.ts";
import type { SyncDeps } from "./services/sync/sync.ts";
import { namespacesOf } from "./services/workflow/known.ts";
import { Store } from "./store/store.ts";
import { readTextFile } from "./textFile.ts";
import type { Io } from "./ui/io.ts";
import { printable } from "./ui/output.ts";

/** Everything a command works with: each part is made on first use, and all are closed at the end. */
export class Context implements SyncDeps {
  readonly io: Io;
  readonly host = hostname();
  /** The context that this one is under another signal of. */
  readonly #origin: Context | undefined;
  #store: Store | undefined;
  #client: KubernetesClient | undefined;
  #access: ClusterAccess | undefined;
  #settled: LoadedConfig | undefined;
  readonly #given: LoadedConfig;
  /** The directory of the workflow that the command is about, where it is about one. */
  readonly #directory: string | undefined;
  #isWarnedOfDatabase = false;

  /** Tells the user about something that is not an error. */
  readonly warn: (message: string) => void;

  constructor(io: Io, loaded: LoadedConfig, directory?: string, origin?: Context, warn?: Context["warn"]) {
    this.io = io;
    this.warn = warn ?? origin?.warn ?? toStderr(io);
    this.#given = loaded;
    this.#directory = directory;
    this.#origin = origin;
  }

  withSignal(signal: AbortSignal): Context {
    return new Context({ ...this.io, signal }, this.#given, this.#directory, this);
  }

  /** The same, with its warnings elsewhere. */
  withWarn(warn: Context["warn"]): Context {
    return new Context(this.io, this.#given, this.#directory, this, (message) => warn(maskText(message)));
  }

  /** The configuration, with the namespace that counts where it names none. */
  get loaded(): LoadedConfig {
    this.#settled ??= this.#origin?.loaded ?? this.#withNamespace();
    return this.#settled;
  }

  get config(): Config {
    return this.loaded.config;
  }

  get signal(): AbortSignal {
    return this.io.signal;
  }

  readonly now = (): Date => this.io.now();

  /** Whether there is a state yet: a command that makes nothing looks into none that is not there. */
  get hasState(): boolean {
    return existsSync(this.#statePath);
  }

  /** @throws GaswError CONFIG when the state file can't be used */
  get store(): Store {
    if (this.#origin !== undefined) return this.#origin.store;
    return this.#openStore(this.config);
  }

  #openStore(config: Config): Store {
    this.#store ??= new Store({ path: this.#pathOf(config), warn: this.warn, now: this.now });
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
    // The copy may know the workflow's namespace, which the state could not be asked for.
    this.#settled = undefined;
  }

  get #statePath(): string {
    return this.#pathOf(this.config);
  }

  #pathOf({ state }: Config): string {
    return state.path ?? defaultStatePath(this.io.env);
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

  /** Where the cluster is; nothing is asked of it. @throws GaswError CONFIG when none is configured */
  get access(): ClusterAccess {
    return this.#clusterAccess();
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

  /**
   * Without a namespace of the configuration's own, a workflow stays where its jobs are; else the context's
   * counts, as for kubectl, or the pod's that this is.
   */
  #withNamespace(): LoadedConfig {
    const loaded = this.#given;
    if (loaded.origins.get("k8sNamespace")?.kind !== "default") return loaded;
    const found = this.#attempt(() => this.#clusterAccess().namespace);
    const name = found?.name ?? loaded.config.k8sNamespace;
    const known = this.#attempt(() => this.#knownNamespaces()) ?? [];
    const kept = [name, loaded.config.k8sNamespace].find((one) => known.includes(one)) ?? known[0] ?? name;
    if (kept !== name) return withFound(loaded, "k8sNamespace", kept, "the workflow's earlier jobs");
    return found === undefined ? loaded : withFound(loaded, "k8sNamespace", name, found.origin);
  }

  #knownNamespaces(): string[] {
    return this.#directory === undefined || !existsSync(this.#pathOf(this.#given.config))
      ? []
      : namespacesOf({ store: this.#openStore(this.#given.config) }, this.#directory);
  }

  /** What cannot be found out is told by whatever needs it. */
  #attempt<T>(find: () => T): T | undefined {
    try {
      return find();
    } catch (error) {
      if (error instanceof GaswError) return undefined;
      throw error;
    }
  }

  #clusterAccess(): ClusterAccess {
    this.#access ??= clusterAccess(this.#given.config, this.io.env);
    return this.#access;
  }

  #connect(): KubernetesClient {
    const { options } = this.config;
    const settings = {
      readRetries: options.statusRetry,
      writeRetries: options.maxRetryToPush,
      maxRetryWait: options.statusRetryWait,
      requestsPerSecond: options.requestsPerSecond,
    };
    const access = this.#clusterAccess();
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

function toStderr({ stderr }: Io): Context["warn"] {
  return (message) => void stderr.write(`warning: ${printable(maskText(message))}\n`);
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
