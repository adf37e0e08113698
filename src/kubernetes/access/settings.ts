import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";

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

/** A kubeconfig, and the file that its user's token is read from where it is not in it. */
export interface Found {
  readonly kubeConfig: KubeConfig;
  readonly context?: string;
  readonly tokenFile?: string;
}
