import { readFileSync, statSync } from "node:fs";
import { Agent } from "node:https";
import path from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { GaswError, messageOf, systemCode } from "../errors.ts";

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
  readonly kubeConfig: KubeConfig;
  /** Node.js request options: agent, headers and credentials; asked anew for every request since tokens expire. */
  requestOptions(): Promise<{ agent: Agent; headers: Record<string, string>; auth?: string }>;
}

const IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * Finds the cluster: address and token, else the named kubeconfig, else the usual rules (KUBECONFIG, ~/.kube/config), else the in-cluster account.
 * @throws GaswError CONFIG when none is found or one is incomplete
 */
export function clusterAccess(settings: AccessSettings, env: NodeJS.ProcessEnv): ClusterAccess {
  const kubeConfig = settings.k8sAddress === undefined ? fromKubeConfig(settings, env) : fromAddress(settings.k8sAddress, settings);
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw contextError(kubeConfig, settings);
  if (settings.insecureSkipTlsVerify) Object.assign(cluster, { skipTLSVerify: true });
  const server = parseServer(cluster.server);
  let kept: { from: Agent; agent: Agent } | undefined;
  return {
    server,
    kubeConfig,
    async requestOptions() {
      const options: { agent?: unknown; headers?: Record<string, string>; auth?: string } = {};
      await kubeConfig.applyToHTTPSOptions(options).catch((cause: unknown) => {
        throw new GaswError("CONFIG", `the credentials for ${server.origin} can't be obtained: ${messageOf(cause)}`, {
          hint: "check the user of the kubeconfig's current context (its certificate files, token or login command)",
          cause,
        });
      });
      const fresh = options.agent as Agent;
      kept = keepAlive(kept, fresh);
      return { agent: kept.agent, headers: options.headers ?? {}, ...(options.auth === undefined ? {} : { auth: options.auth }) };
    },
  };
}

/** One connection pool for all requests as long as the credentials stay the same; a proxy's own agent is used as it comes. */
function keepAlive(kept: { from: Agent; agent: Agent } | undefined, fresh: Agent): { from: Agent; agent: Agent } {
  if (Object.getPrototypeOf(fresh) !== Agent.prototype) return kept ?? { from: fresh, agent: fresh };
  if (kept !== undefined && sameCredentials(kept.from, fresh)) return kept;
  kept?.agent.destroy();
  return { from: fresh, agent: new Agent({ ...fresh.options, keepAlive: true, maxSockets: 32 }) };
}

function sameCredentials(a: Agent, b: Agent): boolean {
  return String(a.options.cert) === String(b.options.cert) && String(a.options.key) === String(b.options.key);
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

function fromAddress(address: string, settings: AccessSettings): KubeConfig {
  parseServer(address);
  if (settings.k8sToken === undefined && settings.k8sTokenFile === undefined) {
    throw new GaswError("CONFIG", "k8sAddress is set, but neither k8sToken nor k8sTokenFile is", {
      hint: "set k8sTokenFile to a file that holds the bearer token, or use k8sKubeConfig",
    });
  }
  if (settings.k8sTokenFile !== undefined) checkReadable(settings.k8sTokenFile, "k8sTokenFile");
  if (settings.k8sCaFile !== undefined) checkReadable(settings.k8sCaFile, "k8sCaFile");
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    {
      name: "configured",
      server: address,
      skipTLSVerify: settings.insecureSkipTlsVerify,
      ...(settings.k8sCaFile === undefined ? {} : { caFile: settings.k8sCaFile }),
    },
    // The provider "tokenFile" reads the file again when it changes, as bound tokens do.
    {
      name: "configured",
      ...(settings.k8sTokenFile === undefined
        ? { token: settings.k8sToken as string }
        : { authProvider: { name: "tokenFile", config: { tokenFile: settings.k8sTokenFile } } }),
    },
  );
  return kubeConfig;
}

function fromKubeConfig(settings: AccessSettings, env: NodeJS.ProcessEnv): KubeConfig {
  const kubeConfig = new KubeConfig();
  const named = settings.k8sKubeConfig;
  const files = named === undefined ? defaultFiles(env) : [named];
  if (files.length === 0) {
    if (env.KUBERNETES_SERVICE_HOST === undefined || !exists(IN_CLUSTER_TOKEN)) throw noCluster();
    kubeConfig.loadFromCluster();
    return kubeConfig;
  }
  for (const [index, file] of files.entries()) {
    const part = index === 0 ? kubeConfig : new KubeConfig();
    loadFile(part, file, named === undefined ? "KUBECONFIG" : "k8sKubeConfig");
    if (part !== kubeConfig) kubeConfig.mergeConfig(part, true);
  }
  if (settings.k8sContext !== undefined) kubeConfig.setCurrentContext(settings.k8sContext);
  return kubeConfig;
}

function defaultFiles(env: NodeJS.ProcessEnv): string[] {
  const listed = (env.KUBECONFIG ?? "").split(path.delimiter).filter((file) => file !== "");
  if (listed.length > 0) return listed;
  const usual = path.join(env.HOME ?? "/", ".kube", "config");
  return exists(usual) ? [usual] : [];
}

function loadFile(kubeConfig: KubeConfig, file: string, key: string): void {
  checkReadable(file, key);
  try {
    kubeConfig.loadFromFile(file);
  } catch (cause) {
    throw new GaswError("CONFIG", `${file} is not a kubeconfig: ${messageOf(cause).split("\n")[0]}`, {
      hint: `check the file that ${key} names with: kubectl config view --kubeconfig ${file}`,
      cause,
    });
  }
}

function checkReadable(file: string, key: string): void {
  try {
    readFileSync(file);
  } catch (cause) {
    const why = systemCode(cause) === "ENOENT" ? "does not exist" : `can't be read (${systemCode(cause)})`;
    throw new GaswError("CONFIG", `${file} ${why}`, { hint: `${key} must name a readable file`, cause });
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
  const names = (kubeConfig.getContexts() ?? []).map((context) => context.name).join(", ");
  const where = settings.k8sKubeConfig ?? "the kubeconfig";
  const what = current ? `${where} has no usable context "${current}"` : `${where} has no current context`;
  return new GaswError("CONFIG", what, {
    hint: names === "" ? "the file lists no context" : `set k8sContext (or --context) to one of: ${names}`,
  });
}
