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
import { affinity, topologySpread } from "./placement.ts";
import { resources } from "./resources.ts";
import { volume, workflowVolume } from "./volumes.ts";

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
    "Bearer token. Prefer `k8sTokenFile`: a file can be replaced while jobs run, and the token is not copied.",
  ),
  k8sTokenFile: key(optional(fields.localPath()), "File with the bearer token, reread when it changes."),
  k8sCaFile: key(
    optional(fields.localPath()),
    "Certificate authority (PEM) that signed the API server's certificate.",
  ),
  k8sKubeConfig: key(
    optional(fields.localPath()),
    "Kubeconfig file. Without it and `k8sAddress`, the kubeconfig is found as by kubectl; the in-cluster service account comes last.",
  ),
  k8sContext: key(optional(fields.name()), "Context of the kubeconfig; default: the current context."),
  insecureSkipTlsVerify: key(
    prefault(fields.flag(), false),
    "Skips verification of the API server's certificate, which may expose the token; every command that connects prints a warning.",
  ),
  k8sNamespace: key(
    prefault(fields.dnsLabel(), "default"),
    "Namespace of all created objects. If it is not set, a workflow stays in the namespace of its earlier jobs; a new one uses the namespace of the kubeconfig's context, else that of the in-cluster service account, else `default`.",
  ),
  nfsAddress: key(optional(fields.hostName()), "NFS server of the workflow directories."),
  nfsPath: key(optional(fields.absolutePath()), "Exported directory that contains the workflow directories."),
  workflowsLocation: key(
    optional(fields.localPath()),
    "Directory on this machine that contains the workflow directories.",
  ),
  workflowVolume: key(
    optional(workflowVolume),
    'How pods access the workflow directory: `{"type":"nfs"}` (the default when `nfsAddress` is set), `{"type":"hostPath"}` or `{"type":"claim"}`.',
  ),
  volumes: key(prefault(array(volume), []), "Additional volumes, mounted in every job."),
  image: key(optional(fields.imageName()), "Image of jobs that do not set one."),
  imagePullPolicy: key(
    optional(fields.oneOf(["Always", "IfNotPresent", "Never"])),
    "When to pull the image; default: the Kubernetes default.",
  ),
  imagePullSecrets: key(
    prefault(array(fields.objectName()), []),
    "Names of the secrets used to pull images.",
  ),
  resources: key(prefault(resources, {}), "Resources of jobs that do not set them."),
  env: key(
    prefault(record(fields.environmentName(), fields.scalar()), {}),
    "Environment variables of every job. Values are never shown or stored in the state.",
  ),
  nodeSelector: key(prefault(textRecord(), {}), "Labels that nodes must have."),
  tolerations: key(prefault(array(toleration), []), "Kubernetes tolerations."),
  labels: key(prefault(textRecord(), {}), "Additional labels for all created objects."),
  annotations: key(prefault(textRecord(), {}), "Additional annotations for all created objects."),
  priorityClassName: key(optional(fields.objectName()), "Priority class of the pods."),
  serviceAccountName: key(optional(fields.objectName()), "Service account of the pods."),
  schedulerName: key(optional(fields.objectName()), "Scheduler of the pods; default: that of the cluster."),
  runtimeClassName: key(
    optional(fields.objectName()),
    "Runtime class of the pods, such as that of GPUs or of a sandbox.",
  ),
  affinity: key(
    optional(affinity()),
    "Kubernetes affinity of the pods: which nodes may run them, and beside which pods. A misspelt field is an error; the API server would ignore it. Debug pods take `nodeAffinity` only.",
  ),
  topologySpreadConstraints: key(
    prefault(topologySpread(), []),
    "How Kubernetes spreads the pods of jobs over nodes or zones. Without a `labelSelector`, a constraint counts no pods; every pod of a job has the label `app.kubernetes.io/component: job`.",
  ),
  timeout: key(
    optional(fields.duration({ whole: true, minimum: 1 })),
    "Maximum run time of a job after its pod has started (`activeDeadlineSeconds` of the pod); default: no limit.",
  ),
  terminationGracePeriodSeconds: key(
    optional(fields.wholeNumber(1, fields.MAX_GRACE_S)),
    "Seconds that a stopped job (SIGTERM) has to clean up before it is killed; default: 30, as in Kubernetes. 0 is rejected: the cluster would lose track of a pod that may still be running.",
  ),
  initContainers: key(prefault(array(container()), []), "Kubernetes containers that run before the job."),
  sidecars: key(
    prefault(array(container()), []),
    "Kubernetes containers that run alongside the job, whose status is that of its main container.",
  ),
  securityContext: key(
    prefault(record(string(), unknown()), {}),
    "Fields of the Kubernetes pod and container security contexts that override the restricted defaults.",
  ),
  queue: key(optional(fields.labelText()), "Kueue local queue (label `kueue.x-k8s.io/queue-name`)."),
  options: key(prefault(options, {}), "Timeouts and retries."),
  pending: key(
    pipe(
      prefault(record(string(), fields.grace()), DEFAULT_PENDING),
      transform((given): Record<string, number | null> => ({ ...defaultPending(), ...given })),
    ),
    'How long a job may wait for a given reason before it fails; with `"never"` it never fails. Entries override the defaults one by one. A pull that keeps failing alternates between `ErrImagePull` (or `RegistryUnavailable`, `SignatureValidationFailed`) and `ImagePullBackOff`: the longest of these times applies. The same holds for `Unschedulable`, `SchedulingGated`, `SchedulerError` and `Scheduling`. `FailedCreate` means that a policy, a LimitRange, Pod Security or a quota that requires an amount rejects the pod for good; a pod that waits for room in a quota has `QuotaExceeded`.',
  ),
  outputGrace: key(
    prefault(fields.duration({ minimum: 0 }), 90),
    "How long to wait for missing or incomplete output of a job that has ended: over NFS it may arrive up to a minute late.",
  ),
  retryCount: key(
    prefault(fields.wholeNumber(), 5),
    "How often a failed job is resubmitted (GASW's `default.retry.count`); with 5, the job is held after the sixth failure.",
  ),
  retryMemoryGrowth: key(
    prefault(fields.positiveNumber(), 1),
    "Factor by which the memory of a resubmission grows if the previous attempt ran out of memory; 1: no growth.",
  ),
  retryUnknownEnd: key(
    prefault(fields.flag(), false),
    "Whether a job that started and ended in an unknown way is resubmitted like a failed one; otherwise it is held, because it may have succeeded.",
  ),
  retryAvoidNode: key(
    prefault(fields.flag(), false),
    "Whether a resubmission avoids the nodes on which previous attempts failed.",
  ),
  onHeld: key(
    prefault(fields.oneOf(["hold", "announce"]), "hold"),
    "What becomes of a job after its last retry: with `hold` it is held until somebody releases or cancels it, as in GASW; with `announce` it is over, and its failure is a result like any other, with the job's own exit code. `gasw-k8s retry` then runs it again.",
  ),
  dao: key(
    prefault(
      object({
        url: key(
          optional(fields.databaseUrl()),
          "The GASW database: `sqlite:PATH`, `postgres://…`, `mysql://…` or `jdbc:h2:…`; `{workflowDir}` and `{workflowId}` are filled in. Without it, an SQLite file per workflow beside the state.",
        ),
        user: key(optional(fields.name()), "Database user."),
        password: key(optional(fields.secret()), "Database password. Prefer `passwordFile`."),
        passwordFile: key(optional(fields.localPath()), "File whose first line is the password."),
        driverJar: key(
          optional(fields.localPath()),
          "JDBC: the driver's jar, matching the server's version; a GASW installation ships it. Requires Java 17 or later.",
        ),
        timeZone: key(
          optional(fields.timeZone()),
          "Time zone of the times in the database; default: that of this machine.",
        ),
        minorStatus: key(
          prefault(fields.flag(), false),
          "Whether to write the stages of a job too. Do not use it with a running engine, which assigns their ids from memory: they would clash.",
        ),
        repairStatusColumn: key(
          prefault(fields.flag(), false),
          "Whether to change an ENUM status column to VARCHAR(255), once, with H2 before 1.4.197: UNHOLD_ERROR and UNHOLD_STALLED destroy such a database.",
        ),
        timeout: key(
          prefault(fields.duration({ minimum: 0.001 }), 30),
          "Timeout for connecting and for each statement.",
        ),
      }),
      {},
    ),
    "The GASW database, which the user's client reads; `status --sync` and `monitor` keep it up to date.",
  ),
  state: key(
    prefault(
      object({
        path: key(
          optional(fields.localPath()),
          "State file, on a local disk; default: `$XDG_STATE_HOME/gasw-k8s/state.db`.",
        ),
      }),
      {},
    ),
    "Where the state is stored.",
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
