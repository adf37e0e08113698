import type { JobRequest } from "../job.ts";

/** A claim to be mounted in the pod. */
export interface Mount {
  /** Name of the volume within the pod. */
  readonly name: string;
  readonly claim: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly: boolean;
}

/** What the configuration says about pods; the fields are those of the configuration reference. */
export interface PodSettings {
  readonly image: string;
  readonly imagePullPolicy?: string | undefined;
  readonly imagePullSecrets: readonly string[];
  readonly resources: {
    readonly cpu?: string | undefined;
    readonly cpuLimit?: string | undefined;
    readonly memory?: string | undefined;
    readonly ephemeralStorage?: string | undefined;
    readonly gpu?: number | undefined;
    /** By the names of the resources. */
    readonly extended?: Readonly<Record<string, string>>;
  };
  readonly env: Readonly<Record<string, string>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly priorityClassName?: string | undefined;
  readonly serviceAccountName?: string | undefined;
  readonly schedulerName?: string | undefined;
  readonly runtimeClassName?: string | undefined;
  readonly affinity?: object | undefined;
  readonly topologySpreadConstraints?: readonly object[];
  /** Seconds. */
  readonly timeout?: number | undefined;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly terminationGracePeriodSeconds?: number | undefined;
  readonly initContainers: readonly object[];
  readonly sidecars: readonly object[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly queue?: string | undefined;
  /** Seconds after which the cluster removes a finished Job. */
  readonly ttl: number;
}

/** The request's own options laid over the configured ones. */
export function withOptions(settings: PodSettings, options: JobRequest["options"]): PodSettings {
  return {
    ...settings,
    image: options.image ?? settings.image,
    resources: {
      cpu: options.cpu ?? settings.resources.cpu,
      cpuLimit: options.cpuLimit ?? settings.resources.cpuLimit,
      memory: options.memory ?? settings.resources.memory,
      ephemeralStorage: options.ephemeralStorage ?? settings.resources.ephemeralStorage,
      gpu: options.gpu ?? settings.resources.gpu,
      extended: { ...settings.resources.extended, ...options.resource },
    },
    env: { ...settings.env, ...options.env },
    timeout: options.timeout ?? settings.timeout,
    terminationGracePeriodSeconds: options.gracePeriod ?? settings.terminationGracePeriodSeconds,
    queue: options.queue ?? settings.queue,
  };
}
