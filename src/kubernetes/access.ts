import { readFileSync, statSync } from "node:fs";
import { Agent } from "node:https";
import path from "node:path";
import { checkServerIdentity } from "node:tls";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import {
  type Cluster,
  type Context as KubeContext,
  newClusters,
  newContexts,
  newUsers,
} from "@kubernetes/client-node/dist/config_types.js";
import { load } from "js-yaml";
import { withoutSecrets } from "../core/secrets.ts";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import { impersonationHeaders, type KubeUser, tokenFileOf } from "./identity.ts";
import { untilUnwanted, watchLoginCommands } from "./loginCommands.ts";

/** The configuration's keys about how the cluster is reached. */
export interface AccessSettings {
  readonly k8sAddress?: string | undefined;
  readonly k8sToken?: string | undefined;
  readonly k8sTokenFile?: string | undefined;
  readonly k8sCaFile?: string | undefined;
  readonly k8sKubeConfig?: string | undefined;
  readonly k8sContext?: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
}

/** Where the API server is and how requests to it are authenticated. */
export interface ClusterAccess {
  readonly server: URL;
  /** Name of the kubeconfig's context; undefined where the cluster was found without one. */
  readonly context?: string | undefined;
  readonly kubeConfig: KubeConfig;
  /** Whether the server's certificate is not verified. */
  readonly insecure: boolean;
  /**
   * Node.js request options: agent, headers and credentials; asked anew for every request since tokens
   * expire.
   * @throws the signal's reason, also while a login command is waited for, which is ended
   */
  requestOptions(
    signal?: AbortSignal,
  ): Promise<{ agent: Agent; headers: Record<string, string | string[]>; auth?: string }>;
}

const IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** A kubeconfig, and the file that its user's token is read from where it is not in it. */
interface Found {
  readonly kubeConfig: KubeConfig;
  readonly context?: string;
  readonly tokenFile?: string;
}

/**
 * Finds the cluster: the named kubeconfig, else address and token, else the usual rules (KUBECONFIG,
 * ~/.kube/config), else the in-cluster account. Where a file names both of the first, the kubeconfig counts,
 * as it does for the plugin.
 * @throws GaswError CONFIG when none is found or one is incomplete
 */
export function clusterAccess(settings: AccessSettings, env: NodeJS.ProcessEnv): ClusterAccess {
  const found = find(settings, env);
  const { kubeConfig, context } = found;
  const cluster = kubeConfig.getCurrentCluster();
  const user: KubeUser | null = kubeConfig.getCurrentUser();
  if (cluster === null || user === null) throw contextError(kubeConfig, settings);
  if (settings.insecureSkipTlsVerify) Object.assign(cluster, { skipTLSVerify: true });
  const insecure = cluster.skipTLSVerify === true;
  const server = parseServer(cluster.server);
  if (server.protocol === "http:" && !insecure) throw unencrypted(server);
  const impersonation = impersonationHeaders(user);
  const tokenFile = found.tokenFile ?? tokenFileOf(user);
  watchLoginCommands(kubeConfig);
  let kept: { from: Agent; agent: Agent } | undefined;
  return {
    server,
    context,
    kubeConfig,
    insecure,
    async requestOptions(signal) {
      // Said outright, since NODE_TLS_REJECT_UNAUTHORIZED in somebody's environment would decide it else.
      const options: LoginOptions = { rejectUnauthorized: !insecure };
      // Read every time, since bound tokens are replaced while the program runs.
      if (tokenFile !== undefined) Object.assign(user, { token: readToken(tokenFile) });
      await untilUnwanted(signal, () =>
        kubeConfig.applyToHTTPSOptions(options).catch((error: unknown) => {
          throw credentialsError(error, user, server);
        }),
      );
      refuseHalfLogin(options, user, server);
      const fresh = options.agent as Agent;
      verifyThroughProxy(fresh, cluster.tlsServerName ?? server.hostname.replace(/^\[(.*)\]$/, "$1"));
      kept = keepAlive(kept, fresh);
      const headers = { ...options.headers, ...impersonation };
      return { agent: kept.agent, headers, ...(options.auth === undefined ? {} : { auth: options.auth }) };
    },
  };
}

/**
 * One connection pool for all requests as long as the credentials stay the same; a proxy's own agent is used
 * as it comes.
 */
function keepAlive(
  kept: { from: Agent; agent: Agent } | undefined,
  fresh: Agent,
): { from: Agent; agent: Agent } {
  if (Object.getPrototypeOf(fresh) !== Agent.prototype) return kept ?? { from: fresh, agent: fresh };
  if (kept !== undefined && sameCredentials(kept.from, fresh)) return kept;
  kept?.agent.destroy();
  return { from: fresh, agent: new Agent({ ...fresh.options, keepAlive: true, maxSockets: 32 }) };
}

/**
 * What the agents of proxies leave open. A proxy that is spoken to over TLS gets the password in its URL: its
 * certificate is verified whatever is said of the API server's. And the SOCKS agent forgets for whom a
 * certificate has to be where that is an IP address.
 */
function verifyThroughProxy(agent: Agent, host: string): void {
  if (Object.getPrototypeOf(agent) === Agent.prototype) return;
  if ("proxyRequestOptions" in agent) agent.proxyRequestOptions = { rejectUnauthorized: true };
  agent.options.checkServerIdentity = (_, certificate) => checkServerIdentity(host, certificate);
}

function sameCredentials(a: Agent, b: Agent): boolean {
  return String(a.options.cert) === String(b.options.cert) && String(a.options.key) === String(b.options.key);
}

/** What the library makes of a user: options of a request. */
interface LoginOptions {
  readonly rejectUnauthorized: boolean;
  readonly agent?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth?: string;
  readonly cert?: unknown;
  readonly key?: unknown;
}

/**
 * Whoever has half a login would be somebody else: the API server takes requests without credentials for
 * those of `system:anonymous`.
 */
function refuseHalfLogin({ headers, auth, cert, key }: LoginOptions, user: KubeUser, server: URL): void {
  const isNobody = headers?.Authorization === undefined && auth === undefined && cert === undefined;
  if ((cert === undefined) !== (key === undefined))
    throw credentialsError(new Error("a client certificate needs its key"), user, server);
  if (isNobody && (user.exec ?? user.authProvider))
    throw credentialsError(new Error("its login gives none"), user, server);
}

/**
 * Login commands print what they were given, and parsers what they read: nothing of a secret is handed on.
 */
function credentialsError(error: unknown, user: KubeUser, server: URL): GaswError {
  const isParser = error instanceof SyntaxError;
  const said = isParser
    ? "what its login command printed is not JSON"
    : withoutSecrets(messageOf(error), secretsOf(user)).trim();
  return new GaswError("CONFIG", `the credentials for ${server.origin} can't be obtained: ${said}`, {
    hint: "check the user of the kubeconfig's current context (its certificate files, token or login command)",
    cause: isParser ? undefined : new Error(said),
  });
}

/**
 * All values in a user's entry that may be secret; of a login command's arguments not the plain words, which
 * are in its messages for good.
 */
function secretsOf({ token, password, exec, authProvider }: KubeUser): string[] {
  const isPlainWord = (text: string) => /^-{0,2}[a-z]{1,12}(-[a-z]{1,12})*$/.test(text);
  const values = (exec?.env ?? []).map(({ value }: { value: unknown }) => value);
  const given = [token, password, exec?.args, values, authProvider?.config];
  return textsIn(given).filter((text) => !isPlainWord(text));
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function unencrypted({ origin }: URL): GaswError {
  return new GaswError(
    "CONFIG",
    `the cluster's address ${origin} is not encrypted: whoever listens on the way would get the token`,
    {
      hint: "use its https:// address; only insecureSkipTlsVerify allows this one",
    },
  );
}

function parseServer(server: string): URL {
  try {
    return new URL(server);
  } catch (cause) {
    throw new GaswError("CONFIG", `the cluster's address ${JSON.stringify(server)} is not a URL`, {
      hint: 'write it as "https://host:6443"',
      cause,
    });
  }
}

function find(settings: AccessSettings, env: NodeJS.ProcessEnv): Found {
  if (settings.k8sKubeConfig !== undefined)
    return fromFiles([settings.k8sKubeConfig], "k8sKubeConfig", settings);
  if (settings.k8sAddress !== undefined) return fromAddress(settings.k8sAddress, settings);
  const files = defaultFiles(env);
  if (files.length > 0) return fromFiles(files, "KUBECONFIG", settings);
  if (env.KUBERNETES_SERVICE_HOST === undefined || !exists(IN_CLUSTER_TOKEN)) throw noCluster();
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromCluster();
  return { kubeConfig, tokenFile: IN_CLUSTER_TOKEN };
}

function fromAddress(address: string, settings: AccessSettings): Found {
  parseServer(address);
  const { k8sToken, k8sTokenFile, k8sCaFile } = settings;
  if (k8sToken === undefined && k8sTokenFile === undefined) {
    throw new GaswError("CONFIG", "k8sAddress is set, but neither k8sToken nor k8sTokenFile is", {
      hint: "set k8sTokenFile to a file that holds the bearer token, or use k8sKubeConfig",
    });
  }
  if (k8sTokenFile !== undefined) readToken(k8sTokenFile);
  if (k8sCaFile !== undefined) readNamed(k8sCaFile, "k8sCaFile");
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    {
      name: "configured",
      server: address,
      skipTLSVerify: settings.insecureSkipTlsVerify,
      ...(k8sCaFile === undefined ? {} : { caFile: k8sCaFile }),
    },
    { name: "configured", ...(k8sToken === undefined ? {} : { token: k8sToken }) },
  );
  return { kubeConfig, ...(k8sTokenFile === undefined ? {} : { tokenFile: k8sTokenFile }) };
}

/** Several files make one, in which the first to name a thing decides (as kubectl merges them). */
function fromFiles(files: readonly string[], key: string, settings: AccessSettings): Found {
  const parts = files.map((file) => loadFile(file, key));
  const first = <T extends { readonly name: string }>(lists: readonly (readonly T[])[]): T[] => [
    ...new Map(
      lists
        .flat()
        .reverse()
        .map((item) => [item.name, item]),
    ).values(),
  ];
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: first(parts.map((part) => part.getClusters())),
    users: first(parts.map((part) => part.getUsers())),
    contexts: first(parts.map((part) => part.getContexts())),
    currentContext: settings.k8sContext ?? parts.map((part) => part.getCurrentContext()).find((name) => name),
  });
  return { kubeConfig, context: kubeConfig.getCurrentContext() };
}

/** The files of KUBECONFIG, of which some may be missing, else the usual one. */
function defaultFiles(env: NodeJS.ProcessEnv): string[] {
  const listed = (env.KUBECONFIG ?? "").split(path.delimiter).filter((file) => file !== "");
  const present = listed.filter(exists);
  if (listed.length > 0) return present.length > 0 ? present : listed;
  const usual = path.join(env.HOME ?? "/", ".kube", "config");
  return exists(usual) ? [usual] : [];
}

function loadFile(file: string, key: string): KubeConfig {
  const text = readNamed(file, key);
  const kubeConfig = new KubeConfig();
  const refuse = (why: string) =>
    new GaswError("CONFIG", `${file} is not a kubeconfig: ${why}`, {
      hint: `${key} must name one: kubectl config view --kubeconfig ${file}`,
    });
  if (text.trim() === "") throw refuse("it is empty");
  try {
    kubeConfig.loadFromOptions(parse(text, path.dirname(file)));
    kubeConfig.makePathsAbsolute(path.dirname(file));
  } catch (error) {
    throw refuse(parseFailure(error));
  }
  if (kubeConfig.getClusters().length === 0 && kubeConfig.getContexts().length === 0)
    throw refuse("it lists no cluster and no context");
  return kubeConfig;
}

/** A kubeconfig's parts as the library has them, and of the users all that it leaves out. */
function parse(
  text: string,
  folder: string,
): { clusters: Cluster[]; users: KubeUser[]; contexts: KubeContext[]; currentContext: string } {
  const raw = load(text) as {
    clusters?: unknown;
    users?: unknown;
    contexts?: unknown;
    "current-context": string;
  };
  const givenUsers = Array.isArray(raw.users)
    ? (raw.users as { user?: Record<string, unknown> | null }[])
    : [];
  const users = newUsers(raw.users).map((user, index): KubeUser => {
    const given = givenUsers[index]?.user ?? {};
    const { tokenFile } = given;
    return {
      ...user,
      given: typeof tokenFile === "string" ? { ...given, tokenFile: path.resolve(folder, tokenFile) } : given,
    };
  });
  return {
    clusters: newClusters(raw.clusters),
    users,
    contexts: newContexts(raw.contexts),
    currentContext: raw["current-context"],
  };
}

/** What is wrong with a kubeconfig's text, without the parser's quotation of it: a token may stand there. */
function parseFailure(error: unknown): string {
  const { reason, mark } = error as { reason?: string; mark?: { line: number; column: number } };
  if (reason === undefined || mark === undefined) return messageOf(error).split("\n")[0] ?? "";
  return `line ${mark.line + 1}, column ${mark.column + 1}: ${reason.replace(/[\s!:]*["'<!:].*/s, "")}`;
}

/** The token in a file; editors end it with a line break. */
function readToken(file: string): string {
  const token = readNamed(file, "k8sTokenFile").trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new GaswError(
    "CONFIG",
    `${file} ${token === "" ? "is empty" : "holds something else than one token"}`,
    {
      hint: "write the bearer token into it, alone: kubectl create token ACCOUNT -n NAMESPACE",
    },
  );
}

function readNamed(file: string, key: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = systemCode(cause) ?? "";
    const words: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EISDIR: "is a directory",
      EACCES: "may not be read by this user",
    };
    throw new GaswError("CONFIG", `${file} ${words[code] ?? `can't be read (${code})`}`, {
      hint: `${key} must name a readable file`,
      cause,
    });
  }
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function noCluster(): GaswError {
  return new GaswError("CONFIG", "no cluster is configured", {
    hint: "set k8sKubeConfig (or KUBECONFIG), or k8sAddress with k8sTokenFile; `gasw-k8s config init` writes a file to start from",
  });
}

function contextError(kubeConfig: KubeConfig, settings: AccessSettings): GaswError {
  const current = kubeConfig.getCurrentContext();
  const known = kubeConfig.getContextObject(current);
  const names = kubeConfig.getContexts().map((context) => context.name);
  const where = settings.k8sKubeConfig ?? "the kubeconfig";
  const hint =
    names.length === 0
      ? "the file lists no context"
      : `set k8sContext (or --context) to one of: ${names.join(", ")}`;
  if (!current) return new GaswError("CONFIG", `${where} has no current context`, { hint });
  if (known === null) return new GaswError("CONFIG", `${where} has no context "${current}"`, { hint });
  const missing =
    kubeConfig.getCurrentCluster() === null ? `cluster "${known.cluster}"` : `user "${known.user}"`;
  return new GaswError(
    "CONFIG",
    `context "${current}" of ${where} names the ${missing}, which is not there`,
    {
      hint: "add it to the file, or set k8sContext (or --context) to another context",
    },
  );
}
