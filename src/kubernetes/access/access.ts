import type { Agent } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { GaswError } from "../../errors.ts";
import { keepAlive, verifyThroughProxy } from "./agents.ts";
import { credentialsError, type LoginOptions, refuseHalfLogin } from "./credentials.ts";
import { findCluster, parseServer } from "./find.ts";
import { impersonationHeaders, type KubeUser, tokenFileOf } from "./identity.ts";
import { contextError } from "./kubeconfig.ts";
import { untilUnwanted, watchLoginCommands } from "./loginCommands.ts";
import { readToken } from "./namedFile.ts";
import type { AccessSettings } from "./settings.ts";

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

/**
 * Finds the cluster: the named kubeconfig, else address and token, else the usual rules (KUBECONFIG,
 * ~/.kube/config), else the in-cluster account. Where a file names both of the first, the kubeconfig counts,
 * as it does for the plugin.
 * @throws GaswError CONFIG when none is found or one is incomplete
 */
export function clusterAccess(settings: AccessSettings, env: NodeJS.ProcessEnv): ClusterAccess {
  const found = findCluster(settings, env);
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

function unencrypted({ origin }: URL): GaswError {
  return new GaswError(
    "CONFIG",
    `the cluster's address ${origin} is not encrypted: the token could be intercepted`,
    {
      hint: "use its https:// address; http:// is allowed only with insecureSkipTlsVerify",
    },
  );
}
