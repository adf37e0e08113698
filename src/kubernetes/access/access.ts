import type { Agent } from "node:https";
import { GaswError, messageOf } from "../../errors.ts";
import { Agents } from "./agents.ts";
import { readAuthority, readClientCertificate } from "./certificates.ts";
import { ExecPlugin } from "./execPlugin.ts";
import { findTarget } from "./find.ts";
import {
  hasBearer,
  hasCredentials,
  impersonationHeaders,
  refusal,
  refuseContradictions,
} from "./identity.ts";
import { LiveTarget } from "./liveTarget.ts";
import { readToken } from "./namedFile.ts";
import { isLoopback, proxyOf } from "./proxy.ts";
import type { AccessSettings, Target, TargetUser } from "./settings.ts";

/** Node.js request options of one request. */
export interface RequestLogin {
  readonly agent: Agent;
  readonly headers: Record<string, string | string[]>;
  readonly auth?: string;
  /** Has the next request log in anew: the server has refused this login, which was one of a while. */
  readonly renew?: () => void;
}

/** Where the API server is and how requests to it are authenticated. */
export interface ClusterAccess {
  readonly server: URL;
  /** Name of the kubeconfig's context; undefined where the cluster was found without one. */
  readonly context?: string | undefined;
  /** The namespace that the context or the pod's service account names, and what that is. */
  readonly namespace?: { readonly name: string; readonly origin: string } | undefined;
  /** Whether the server's certificate is not verified. */
  readonly insecure: boolean;
  /**
   * What a request is sent with; asked anew for every request since tokens expire, and files are rewritten.
   * @throws GaswError CONFIG; the signal's reason, also while a login command is waited for, which is ended
   */
  requestOptions(signal?: AbortSignal): Promise<RequestLogin>;
}

/** A login, before it is put into headers and connections. */
interface Login {
  readonly token?: string;
  readonly auth?: string;
  readonly certificate?: ReturnType<typeof readClientCertificate>;
  readonly renew?: () => void;
}

/**
 * Finds the cluster: the named kubeconfig, else address and token, else the usual rules (KUBECONFIG,
 * ~/.kube/config), else the in-cluster account. Where a file names both of the first, the kubeconfig counts,
 * as it does for the plugin.
 * @throws GaswError CONFIG when none is found or one is incomplete
 */
export function clusterAccess(settings: AccessSettings, env: NodeJS.ProcessEnv): ClusterAccess {
  const found = findTarget(settings, env);
  // Whoever switches the current context means the commands to come.
  const pinned = { ...settings, k8sContext: found.context ?? settings.k8sContext };
  const read = (): Target => checked(found.reread?.(pinned) ?? found, settings);
  const live = new LiveTarget(checked(found, settings), found.files, read);
  return new FoundAccess(live, env);
}

class FoundAccess implements ClusterAccess {
  readonly server: URL;
  readonly context: string | undefined;
  readonly namespace: ClusterAccess["namespace"];
  readonly insecure: boolean;
  readonly #live: LiveTarget;
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Agents();
  #plugin: { readonly of: string; readonly plugin: ExecPlugin } | undefined;

  constructor(live: LiveTarget, env: NodeJS.ProcessEnv) {
    const { cluster, context, namespace, origin } = live.current();
    this.#live = live;
    this.#env = env;
    this.server = parseServer(cluster.server);
    this.context = context;
    const where = context === undefined ? origin : `context ${context} of the kubeconfig`;
    this.namespace = namespace === undefined ? undefined : { name: namespace, origin: where };
    this.insecure = cluster.insecure;
  }

  async requestOptions(signal?: AbortSignal): Promise<RequestLogin> {
    const target = this.#live.current();
    const { user, cluster } = target;
    const login = sendsCredentials(target, this.server) ? await this.#login(target, signal) : {};
    const isEncrypted = this.server.protocol === "https:";
    const { agent, headers } = await this.#agents
      .of({
        server: this.server,
        proxy: proxyOf(cluster, this.server, this.#env),
        authority: isEncrypted && !cluster.insecure ? readAuthority(cluster) : undefined,
        certificate: login.certificate,
        serverName: cluster.tlsServerName,
        insecure: cluster.insecure,
        authProvider: hasBearer(user) || user.username !== "" ? undefined : user.authProvider,
      })
      .catch((error: unknown) => {
        throw providerError(error, user);
      });
    const { token, auth, renew } = login;
    const bearer = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const sent = { ...headers, ...bearer, ...impersonationHeaders(user) };
    if (user.authProvider !== undefined && sent.Authorization === undefined && auth === undefined)
      throw refusal(
        user,
        "cannot log in: its auth-provider returns no token",
        "log in anew, such as with kubectl",
      );
    return { agent, headers: sent, ...(auth === undefined ? {} : { auth }), ...(renew && { renew }) };
  }

  /** A login command counts where nothing else does, as for kubectl. */
  async #login(target: Target, signal: AbortSignal | undefined): Promise<Login> {
    const { user } = target;
    const certificate = readClientCertificate(user);
    if (hasBearer(user)) return { token: bearerOf(user), certificate };
    if (user.username !== "") return { auth: `${user.username}:${user.password}`, certificate };
    if (user.exec === undefined || certificate !== undefined) return { certificate };
    const plugin = this.#pluginOf(target, user.exec);
    const credentials = await plugin.credentials(signal);
    return {
      ...(credentials.token === "" ? {} : { token: credentials.token }),
      certificate: credentials.certificate,
      renew: () => plugin.forget(credentials),
    };
  }

  #pluginOf(target: Target, exec: NonNullable<TargetUser["exec"]>): ExecPlugin {
    const of = JSON.stringify([exec, target.cluster]);
    if (this.#plugin?.of !== of) this.#plugin = { of, plugin: new ExecPlugin(target, exec, this.#env) };
    return this.#plugin.plugin;
  }
}

/** What was found, with what the configuration says of it, if it can be used. @throws GaswError CONFIG */
function checked(found: Target, { insecureSkipTlsVerify }: AccessSettings): Target {
  // As kubectl's option of that name does.
  const unverified = { insecure: true, caFile: "", caData: undefined };
  const cluster = { ...found.cluster, ...(insecureSkipTlsVerify ? unverified : {}) };
  const target = { ...found, cluster };
  const server = parseServer(cluster.server);
  refuseContradictions(target);
  impersonationHeaders(target.user);
  if (server.protocol === "https:" && !hasCredentials(target.user))
    throw refusal(
      target.user,
      "has no credentials",
      "give it a token, a client certificate or a login command (exec); kubectl would ask for a password",
    );
  const isExposed = server.protocol === "http:" && !cluster.insecure && !isLocal(server);
  if (isExposed && hasCredentials(target.user)) throw unencrypted(server);
  return target;
}

/**
 * Without encryption, kubectl logs in nowhere. The configuration's own address and token are meant for each
 * other; and a kubeconfig that says that nothing is to be verified has always been taken at its word.
 */
function sendsCredentials({ origin, cluster }: Target, server: URL): boolean {
  return server.protocol === "https:" || cluster.insecure || origin === "k8sAddress";
}

function isLocal({ hostname }: URL): boolean {
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
}

/** The file counts before the token beside it, as long as it can be read. */
function bearerOf({ token, tokenFile }: TargetUser): string {
  if (tokenFile === "") return token.trim();
  try {
    return readToken(tokenFile);
  } catch (error) {
    if (token !== "" && error instanceof GaswError) return token.trim();
    throw error;
  }
}

/**
 * The address of an API server; kubectl takes HOST:PORT for http.
 * @throws GaswError CONFIG
 */
function parseServer(server: string): URL {
  const address = server.includes("://") ? server : `http://${server}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isBare = url !== undefined && url.pathname === "/";
  if (url !== undefined && /^https?:$/.test(url.protocol) && (isBare || address === server)) return url;
  throw new GaswError("CONFIG", `the cluster's address ${JSON.stringify(server)} is not a URL`, {
    hint: 'write it as "https://host:6443"',
  });
}

/** Of a login provider's failure nothing is quoted but what kind it is: it may hold a token. */
function providerError(error: unknown, user: TargetUser): unknown {
  if (error instanceof GaswError || user.authProvider === undefined) return error;
  const what = error instanceof SyntaxError ? "its answer cannot be read" : messageOf(error).split("\n")[0];
  const values = Object.values(user.authProvider.config).filter((value) => value.length > 3);
  const said = values.reduce((text, value) => text.replaceAll(value, "***"), what ?? "");
  return refusal(
    user,
    `cannot log in with its auth-provider ${user.authProvider.name}: ${said}`,
    "log in anew, such as with kubectl",
  );
}

function unencrypted({ origin }: URL): GaswError {
  return new GaswError(
    "CONFIG",
    `the cluster's address ${origin} is not encrypted: the token could be intercepted`,
    {
      hint: "use its https:// address; http:// is allowed for this very machine (kubectl proxy), else only with insecureSkipTlsVerify",
    },
  );
}
