import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import path from "node:path";
import { GaswError } from "../../errors.ts";
import { fromFiles } from "./kubeconfig.ts";
import type { KubeCluster, KubeUser } from "./kubeconfigText.ts";
import { exists, readNamed, readToken } from "./namedFile.ts";
import type { AccessSettings, Target, TargetCluster, TargetUser } from "./settings.ts";

const IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A cluster's entry of which nothing is said. */
const NO_CLUSTER: KubeCluster = {
  server: "",
  tlsServerName: "",
  insecure: false,
  caFile: "",
  caData: undefined,
  proxyUrl: "",
  execConfig: undefined,
};

/** A user's entry of which nothing is said. */
const NO_USER: KubeUser = {
  token: "",
  tokenFile: "",
  username: "",
  password: "",
  certFile: "",
  certData: undefined,
  keyFile: "",
  keyData: undefined,
  as: "",
  asUid: "",
  asGroups: [],
  asUserExtra: {},
  exec: undefined,
  authProvider: undefined,
};

/**
 * Finds the cluster that is meant, and as whom.
 * @throws GaswError CONFIG when none is configured, or one is incomplete
 */
export function findTarget(settings: AccessSettings, env: NodeJS.ProcessEnv): Target {
  if (settings.k8sKubeConfig !== undefined)
    return fromFiles([settings.k8sKubeConfig], "k8sKubeConfig", settings);
  if (settings.k8sAddress !== undefined) return fromAddress(settings.k8sAddress, settings);
  const listed = listedFiles(env);
  if (listed.length > 0) return fromFiles(listed, "KUBECONFIG", settings);
  const usual = path.join(env.HOME ?? "/", ".kube", "config");
  if (exists(usual)) return fromFiles([usual], "KUBECONFIG", settings);
  return fromPod(env);
}

function fromAddress(address: string, settings: AccessSettings): Target {
  const { k8sToken, k8sTokenFile, k8sCaFile } = settings;
  if (k8sToken === undefined && k8sTokenFile === undefined) {
    throw new GaswError("CONFIG", "k8sAddress requires k8sToken or k8sTokenFile", {
      hint: "set k8sTokenFile to a file with the bearer token, or use k8sKubeConfig",
    });
  }
  if (k8sTokenFile !== undefined) readToken(k8sTokenFile);
  if (k8sCaFile !== undefined) readNamed(k8sCaFile, "k8sCaFile");
  return {
    origin: "k8sAddress",
    files: [],
    cluster: named({ ...NO_CLUSTER, server: address, caFile: k8sCaFile ?? "" }),
    // A file that cannot be read is an error, whatever is beside it.
    user: named({
      ...NO_USER,
      token: k8sTokenFile === undefined ? (k8sToken ?? "") : "",
      tokenFile: k8sTokenFile ?? "",
    }),
  };
}

/** The service account of the pod that this process runs in. */
function fromPod(env: NodeJS.ProcessEnv): Target {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = env;
  const tokenFile = path.join(IN_CLUSTER, "token");
  if (host === "" || port === "" || !exists(tokenFile)) {
    throw new GaswError("CONFIG", "no cluster is configured", {
      hint: "set k8sKubeConfig (or KUBECONFIG), or k8sAddress with k8sTokenFile; `gasw-k8s config init` writes a starter file",
    });
  }
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    origin: "the pod's service account",
    files: [],
    namespace: env.POD_NAMESPACE || podNamespace(),
    cluster: named({ ...NO_CLUSTER, server, caFile: path.join(IN_CLUSTER, "ca.crt") }),
    user: named({ ...NO_USER, tokenFile }),
  };
}

function podNamespace(): string | undefined {
  const file = path.join(IN_CLUSTER, "namespace");
  return exists(file) ? readFileSync(file, "utf8").trim() || undefined : undefined;
}

function named<T extends KubeCluster | KubeUser>(
  entry: T,
): T & Pick<TargetCluster & TargetUser, "name" | "file"> {
  return { ...entry, name: "configured", file: undefined };
}

/** The files of KUBECONFIG, of which some may be missing: each counts once. */
function listedFiles(env: NodeJS.ProcessEnv): string[] {
  const listed = new Set((env.KUBECONFIG ?? "").split(path.delimiter).filter((file) => file !== ""));
  return [...listed];
}
