import type { KubeCluster, KubeUser } from "./kubeconfigText.ts";

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

/** Where an entry is to be corrected. */
interface Named {
  readonly name: string;
  /** The kubeconfig; undefined where it is from none. */
  readonly file: string | undefined;
}

export type TargetCluster = KubeCluster & Named;
export type TargetUser = KubeUser & Named;

/** Which cluster is meant, and as whom; paths are absolute. */
export interface Target {
  /** Name of the kubeconfig's context; undefined where the cluster was found without one. */
  readonly context?: string;
  /** The namespace that the context, or the pod that this is, has. */
  readonly namespace?: string | undefined;
  /** What named it: a key, KUBECONFIG, ~/.kube/config, or the pod's service account. */
  readonly origin: string;
  /** The files that name it, of which some may be missing. */
  readonly files: readonly string[];
  /** Reads those again. */
  readonly reread?: (settings: AccessSettings) => Target;
  readonly cluster: TargetCluster;
  readonly user: TargetUser;
}
