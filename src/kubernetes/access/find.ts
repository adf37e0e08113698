import { statSync } from "node:fs";
import path from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { GaswError } from "../../errors.ts";
import { fromFiles } from "./kubeconfig.ts";
import { readNamed, readToken } from "./namedFile.ts";
import type { AccessSettings, Found } from "./settings.ts";

const IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * Finds the cluster that is meant, and as whom.
 * @throws GaswError CONFIG when none is configured, or one is incomplete
 */
export function findCluster(settings: AccessSettings, env: NodeJS.ProcessEnv): Found {
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
    throw new GaswError("CONFIG", "k8sAddress requires k8sToken or k8sTokenFile", {
      hint: "set k8sTokenFile to a file with the bearer token, or use k8sKubeConfig",
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

/** The files of KUBECONFIG, of which some may be missing, else the usual one. */
function defaultFiles(env: NodeJS.ProcessEnv): string[] {
  const listed = (env.KUBECONFIG ?? "").split(path.delimiter).filter((file) => file !== "");
  const present = listed.filter(exists);
  if (listed.length > 0) return present.length > 0 ? present : listed;
  const usual = path.join(env.HOME ?? "/", ".kube", "config");
  return exists(usual) ? [usual] : [];
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function noCluster(): GaswError {
  return new GaswError("CONFIG", "no cluster is configured", {
    hint: "set k8sKubeConfig (or KUBECONFIG), or k8sAddress with k8sTokenFile; `gasw-k8s config init` writes a starter file",
  });
}

/**
 * The address of an API server.
 * @throws GaswError CONFIG
 */
export function parseServer(server: string): URL {
  try {
    return new URL(server);
  } catch (cause) {
    throw new GaswError("CONFIG", `the cluster's address ${JSON.stringify(server)} is not a URL`, {
      hint: 'write it as "https://host:6443"',
      cause,
    });
  }
}
