import { Agent } from "node:https";
import { isIP } from "node:net";
import { checkServerIdentity, rootCertificates } from "node:tls";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { ClientCertificate } from "./certificates.ts";

/** What a connection is made of: where any of it changes, there are new connections. */
export interface Connection {
  readonly server: URL;
  readonly proxy: string | undefined;
  readonly authority: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  /** Whom the server's certificate is to be for; empty: the host of its address. */
  readonly serverName: string;
  readonly insecure: boolean;
  readonly authProvider: { readonly name: string; readonly config: Record<string, string> } | undefined;
}

/** What the library makes of a user: options of a request. */
interface LibraryOptions {
  readonly rejectUnauthorized: boolean;
  agent?: unknown;
  headers?: Record<string, string>;
}

/** The agents of a cluster: one pool of connections as long as they are made of the same. */
export class Agents {
  #kept: { readonly made: string; readonly agent: Agent; readonly kubeConfig: KubeConfig } | undefined;

  /**
   * The agent, and the headers of the login provider where there is one, which is asked every time since its
   * tokens expire.
   */
  async of(connection: Connection): Promise<{ agent: Agent; headers: Readonly<Record<string, string>> }> {
    const made = JSON.stringify(connection);
    const { kubeConfig } = this.#kept?.made === made ? this.#kept : { kubeConfig: configOf(connection) };
    if (this.#kept?.made === made && connection.authProvider === undefined)
      return { agent: this.#kept.agent, headers: {} };
    const options = optionsOf(connection);
    await kubeConfig.applyToHTTPSOptions(options);
    const { headers = {} } = options;
    if (this.#kept?.made === made) return { agent: this.#kept.agent, headers };
    const agent = keepAlive(options.agent as Agent);
    verifyIdentity(agent, connection);
    this.#kept = { made, agent, kubeConfig };
    return { agent, headers };
  }
}

function configOf({ server, proxy, insecure, authProvider }: Connection): KubeConfig {
  const kubeConfig = new KubeConfig();
  const cluster = {
    name: "cluster",
    server: server.href,
    // Without encryption there is nothing to verify, which the library wants to be told.
    skipTLSVerify: insecure || server.protocol === "http:",
    ...(proxy === undefined ? {} : { proxyUrl: proxy }),
  };
  kubeConfig.loadFromClusterAndUser(cluster, { name: "user", ...(authProvider && { authProvider }) });
  return kubeConfig;
}

function optionsOf({ authority, certificate, serverName, insecure }: Connection): LibraryOptions {
  const options = {
    // Said outright, since NODE_TLS_REJECT_UNAUTHORIZED in somebody's environment would decide it else.
    rejectUnauthorized: !insecure,
    ...(authority === undefined ? {} : { ca: authority }),
    ...certificate,
    // An address is never asked for by name (RFC 6066, 3).
    ...(serverName === "" || isIP(serverName) !== 0 ? {} : { servername: serverName }),
  };
  return options;
}

/** Connections are kept between requests; a proxy's own agent is used as it comes. */
function keepAlive(fresh: Agent): Agent {
  return isPlain(fresh) ? new Agent({ ...fresh.options, keepAlive: true, maxSockets: 32 }) : fresh;
}

function isPlain(agent: Agent): boolean {
  return Object.getPrototypeOf(agent) === Agent.prototype;
}

/**
 * What the agents of proxies leave open. A proxy that is spoken to over TLS gets the password in its URL: its
 * certificate is verified whatever is said of the API server's. And the SOCKS agent forgets for whom a
 * certificate has to be where that is an IP address.
 */
function verifyIdentity(agent: Agent, { server, serverName, authority }: Connection): void {
  if (isPlain(agent) && isIP(serverName) === 0) return;
  if ("proxyRequestOptions" in agent)
    agent.proxyRequestOptions = {
      rejectUnauthorized: true,
      // As for kubectl, the cluster's CA may also have signed the proxy's certificate.
      ...(authority === undefined ? {} : { ca: [...rootCertificates, authority] }),
    };
  const host = serverName === "" ? server.hostname.replace(/^\[(.*)\]$/, "$1") : serverName;
  agent.options.checkServerIdentity = (_, certificate) => checkServerIdentity(host, certificate);
}
