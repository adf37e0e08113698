/**
 * Every configuration key, once: the type `Config`, the published JSON Schema, the reference page, the
 * environment's names and the list of known keys all come from here.
 */
import {
  array,
  looseObject,
  object,
  optional,
  type output,
  pipe,
  prefault,
  record,
  string,
  transform,
  unknown,
} from "zod/mini";
import * as fields from "./fields.ts";
import { key } from "./fields.ts";
import { options } from "./options.ts";
import { DEFAULT_PENDING, defaultPending } from "./pending.ts";
import { volume, workflowVolume } from "./volumes.ts";

/** The longest grace period of a pod that is taken: a week. */
const MAX_GRACE_S = 7 * 24 * 3600;

const container = () =>
  looseObject({ name: fields.required(fields.dnsLabel()), image: fields.required(fields.imageName()) });

const toleration = looseObject({
  key: optional(fields.text()),
  operator: optional(fields.oneOf(["Exists", "Equal", "Lt", "Gt"])),
  value: optional(fields.scalar()),
  effect: optional(fields.oneOf(["NoSchedule", "PreferNoSchedule", "NoExecute"])),
  tolerationSeconds: optional(fields.wholeNumber()),
});

const textRecord = () => record(string(), fields.scalar());

/** The schema of a configuration; what it yields is normalised (durations in seconds, quantities as text). */
export const configSchema = object({
  k8sAddress: key(optional(fields.apiServerUrl()), "API server; with `k8sToken` or `k8sTokenFile`."),
  k8sToken: key(
    optional(fields.secret()),
    "Bearer token. Prefer `k8sTokenFile`: a file can be replaced while jobs run, and need not be copied.",
  ),
  k8sTokenFile: key(optional(fields.localPath()), "File with the bearer token, read again when it changes."),
  k8sCaFile: key(
    optional(fields.localPath()),
    "Certificate authority (PEM) that signed the API server's certificate.",
  ),
  k8sKubeConfig: key(
    optional(fields.localPath()),
    "Kubeconfig file. Without it and without `k8sAddress`: the usual rules of kubectl, then the in-cluster account.",
  ),
  k8sContext: key(optional(fields.name()), "Context of the kubeconfig; without it, its current one."),
  insecureSkipTlsVerify: key(
    prefault(fields.flag(), false),
    "Does not verify the API server's certificate. Whoever answers gets the token; every command that connects warns of it.",
  ),
  k8sNamespace: key(prefault(fields.dnsLabel(), "default"), "Namespace of everything that is made."),
  nfsAddress: key(optional(fields.hostName()), "NFS server of the workflow directories."),
  nfsPath: key(optional(fields.absolutePath()), "Exported folder that holds the workflow directories."),
  workflowsLocation: key(
    optional(fields.localPath()),
    "Folder on this machine that holds the workflow directories.",
  ),
  workflowVolume: key(
    optional(workflowVolume),
    'How the pods reach the workflow directory: `{"type":"nfs"}` (when `nfsAddress` is set, the default), `{"type":"hostPath"}` or `{"type":"claim"}`.',
  ),
  volumes: key(prefault(array(volume), []), "Further volumes, mounted in every job."),
  image: key(optional(fields.imageName()), "Image of the jobs that name none."),
  imagePullPolicy: key(
    optional(fields.oneOf(["Always", "IfNotPresent", "Never"])),
    "When the image is pulled; without it, Kubernetes' own rule.",
  ),
  imagePullSecrets: key(
    prefault(array(fields.objectName()), []),
    "Names of the secrets to pull images with.",
  ),
  resources: key(
    prefault(
      object({
        cpu: key(optional(fields.cpuQuantity()), "CPU requested for a job."),
        memory: key(optional(fields.memoryQuantity()), "Memory of a job, request and limit."),
        gpu: key(optional(fields.wholeNumber()), "GPUs of a job."),
      }),
      {},
    ),
    "Resources of the jobs that name none.",
  ),
  env: key(
    prefault(record(fields.environmentName(), fields.scalar()), {}),
    "Environment of every job. Never shown, never written to the state.",
  ),
  nodeSelector: key(prefault(textRecord(), {}), "Labels that a node must have."),
  tolerations: key(prefault(array(toleration), []), "Kubernetes tolerations."),
  labels: key(prefault(textRecord(), {}), "Further labels of everything that is made."),
  annotations: key(prefault(textRecord(), {}), "Further annotations of everything that is made."),
  priorityClassName: key(optional(fields.objectName()), "Priority class of the pods."),
  serviceAccountName: key(optional(fields.objectName()), "Service account of the pods."),
  timeout: key(
    optional(fields.duration({ whole: true, minimum: 1 })),
    "Time a job may run once its pod has started (`activeDeadlineSeconds` of the pod); without it, no limit.",
  ),
  terminationGracePeriodSeconds: key(
    optional(fields.wholeNumber(1, MAX_GRACE_S)),
    "Seconds that a job has to clean up when it is stopped (SIGTERM), before it is killed; without it, Kubernetes' 30. 0 is refused: the cluster would forget a pod that may still run.",
  ),
  initContainers: key(prefault(array(container()), []), "Kubernetes containers that run before the job."),
  sidecars: key(
    prefault(array(container()), []),
    "Kubernetes containers that run beside the job; its status is its main container's.",
  ),
  securityContext: key(
    prefault(record(string(), unknown()), {}),
    "Fields of Kubernetes' pod and container security contexts that override the restricted default.",
  ),
  queue: key(optional(fields.labelText()), "Kueue local queue (label `kueue.x-k8s.io/queue-name`)."),
  options: key(prefault(options, {}), "Times and retries."),
  pending: key(
    pipe(
      prefault(record(string(), fields.grace()), DEFAULT_PENDING),
      transform((given): Record<string, number | null> => ({ ...defaultPending(), ...given })),
    ),
    'How long a job may wait for a reason before it fails; `"never"`: it waits on. What is given is added to the default, reason by reason. A pull that keeps failing shows `ErrImagePull` (or `RegistryUnavailable`, `SignatureValidationFailed`) and `ImagePullBackOff` in turn: the longest time of these counts, whichever shows; so it is with `Unschedulable`, `SchedulingGated`, `SchedulerError` and `Scheduling`. `FailedCreate` is a pod that a policy, a LimitRange, Pod Security or a quota that wants an amount stated will never have made; one that waits for room in a quota shows `QuotaExceeded`.',
  ),
  outputGrace: key(
    prefault(fields.duration({ minimum: 0 }), 90),
    "How long the output of a job that has ended is waited for where it has not arrived, or not as a whole: over NFS it may be a minute late.",
  ),
  retryCount: key(
    prefault(fields.wholeNumber(), 5),
    "How often a failed job is submitted again (GASW's `default.retry.count`); with 5, the sixth failure is held.",
  ),
  retryMemoryGrowth: key(
    prefault(fields.positiveNumber(), 1),
    "Factor by which the memory of a resubmission grows where the attempt before had too little; 1: not at all.",
  ),
  retryUnknownEnd: key(
    prefault(fields.flag(), false),
    "Whether a job that ran, and of whose end nothing is known, is submitted again as a failure is; otherwise it is held, since it may have done its work.",
  ),
  retryAvoidNode: key(
    prefault(fields.flag(), false),
    "Whether a resubmission keeps off the nodes on which the attempts before failed.",
  ),
  dao: key(
    prefault(
      object({
        url: key(
          optional(fields.databaseUrl()),
          "The GASW database: `sqlite:PATH`, `postgres://…`, `mysql://…` or `jdbc:h2:…`; `{workflowDir}` and `{workflowId}` are filled in. Without it, an SQLite file beside the state.",
        ),
        user: key(optional(fields.name()), "User of the database."),
        password: key(optional(fields.secret()), "Password of that user. Prefer `passwordFile`."),
        passwordFile: key(optional(fields.localPath()), "File whose first line is the password."),
        driverJar: key(
          optional(fields.localPath()),
          "JDBC: the driver's jar, of the server's own version; a GASW installation has it. Needs a Java runtime, 17 or newer.",
        ),
        timeZone: key(
          optional(fields.timeZone()),
          "Time zone that the database's times are meant in; without it, this machine's.",
        ),
        minorStatus: key(
          prefault(fields.flag(), false),
          "Whether the stages of a job are written too. A live engine counts their ids up in memory, and would clash.",
        ),
        repairStatusColumn: key(
          prefault(fields.flag(), false),
          "Whether an ENUM column of statuses is made VARCHAR(255), once, where H2 is older than 1.4.197: UNHOLD_ERROR and UNHOLD_STALLED destroy the database there.",
        ),
        timeout: key(
          prefault(fields.duration({ minimum: 0.001 }), 30),
          "How long connecting, and each statement, may take.",
        ),
      }),
      {},
    ),
    "The GASW database, which the user's client sees: `status --sync` and `monitor` keep it up to date.",
  ),
  state: key(
    prefault(
      object({
        path: key(
          optional(fields.localPath()),
          "State file, on a local disk; without it, `$XDG_STATE_HOME/gasw-k8s/state.db`.",
        ),
      }),
      {},
    ),
    "Where the tool keeps what it knows.",
  ),
});

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** The effective configuration: checked, normalised, frozen. */
export type Config = DeepReadonly<output<typeof configSchema>>;

/** How the workflow directory is reached, as configured. */
export type WorkflowVolumeConfig = NonNullable<Config["workflowVolume"]>;

/** One entry of `volumes`, as configured. */
export type VolumeConfig = Config["volumes"][number];
