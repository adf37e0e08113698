import type {
  V1Container,
  V1Job,
  V1LocalObjectReference,
  V1PodSpec,
  V1SecurityContext,
  V1Toleration,
  V1VolumeMount,
} from "@kubernetes/client-node";
import type { JobRequest, RunAs, Workflow } from "./job.ts";
import { identityMetadata, jobName, KEYS } from "./names.ts";

/** Name of the container that runs the script; the job's status is this container's. */
export const MAIN_CONTAINER = "job";

/** Extended resource under which device plugins offer GPUs. */
export const GPU_RESOURCE = "nvidia.com/gpu";

/**
 * Runs script `$3` with its streams in the files `$1` and `$2`. The first process of a container ignores signals that it does not
 * handle, so SIGTERM is passed on: without that a deleted job would run on for its whole grace period. A wait that the signal interrupts
 * ends with 143 as well: it is taken up again while the script lives, and what the shell remembers of it is asked for afterwards (127
 * or -1: nothing). Streams that can't be opened end it with 7, GASW's ERROR_WRITE_LOCAL.
 */
const WRAPPER = [
  `trap '[ "$!" ] || exit 143; kill -TERM "$!" 2>/dev/null' TERM`,
  'exec >"$1" 2>"$2" || exit 7',
  'bash "$3" &',
  'while wait "$!"; code=$?; kill -0 "$!" 2>/dev/null; do :; done',
  '[ "$code" = 143 ] || exit "$code"',
  'wait "$!" 2>/dev/null; code=$?; case $code in 127|-1) code=143;; esac; exit "$code"',
].join("\n");

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
  readonly resources: { readonly cpu?: string | undefined; readonly memory?: string | undefined; readonly gpu?: number | undefined };
  readonly env: Readonly<Record<string, string>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly priorityClassName?: string | undefined;
  readonly serviceAccountName?: string | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
  readonly initContainers: readonly object[];
  readonly sidecars: readonly object[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly queue?: string | undefined;
  /** Seconds after which the cluster removes a finished Job. */
  readonly ttl: number;
}

/** Paths of a job's files, relative to the workflow's directory. */
export interface JobFiles {
  readonly script: string;
  readonly out: string;
  readonly err: string;
  /** The application's own part of the streams. */
  readonly appOut: string;
  readonly appErr: string;
}

/**
 * Where a script's files are (GASW's layout). The newest attempt's stand where GASW looks for them.
 * @param superseded number of an attempt that was followed by another one: its streams were moved aside
 */
export function jobFiles(fileName: string, superseded?: number): JobFiles {
  const aside = superseded === undefined ? "" : `.${superseded}`;
  return {
    script: `./sh/${fileName}.sh`,
    out: `./out/${fileName}.sh.out${aside}`,
    err: `./err/${fileName}.sh.err${aside}`,
    appOut: `./out/${fileName}.sh.app.out${aside}`,
    appErr: `./err/${fileName}.sh.app.err${aside}`,
  };
}

/** Kubernetes expands `$(NAME)` in arguments and environment values; a doubled dollar sign stands for itself. */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}

const CONTAINER_LEVEL_ONLY = new Set(["privileged", "capabilities", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "procMount"]);

/** User and group that the pod's processes get: what the configuration says, else the given owner. */
export function effectiveRunAs(overrides: Readonly<Record<string, unknown>>, owner: RunAs): RunAs {
  const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
  return { uid: number(overrides.runAsUser, owner.uid), gid: number(overrides.runAsGroup, owner.gid) };
}

/** The `restricted` Pod Security Standard (Kubernetes documentation, "Pod Security Standards"), with the configured overrides. */
function securityContexts(overrides: Readonly<Record<string, unknown>>, owner: RunAs) {
  const { uid, gid } = effectiveRunAs(overrides, owner);
  const privileged = overrides.privileged === true;
  const pod: Record<string, unknown> = {
    runAsNonRoot: uid !== 0,
    runAsUser: uid,
    runAsGroup: gid,
    seccompProfile: { type: privileged ? "Unconfined" : "RuntimeDefault" },
  };
  const container: Record<string, unknown> = privileged ? {} : { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
  for (const [key, value] of Object.entries(overrides)) {
    (CONTAINER_LEVEL_ONLY.has(key) ? container : pod)[key] = value;
  }
  return { pod, container: container as V1SecurityContext };
}

function resourcesOf(settings: PodSettings["resources"]): NonNullable<V1Container["resources"]> {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  if (settings.cpu !== undefined) requests.cpu = settings.cpu;
  if (settings.memory !== undefined) requests.memory = limits.memory = settings.memory;
  if (settings.gpu !== undefined && settings.gpu > 0) requests[GPU_RESOURCE] = limits[GPU_RESOURCE] = String(settings.gpu);
  return { requests, limits };
}

function volumeMounts(mounts: readonly Mount[]): V1VolumeMount[] {
  return mounts.map(({ name, mountPath, subPath, readOnly }) => ({
    name,
    mountPath,
    readOnly,
    ...(subPath === undefined ? {} : { subPath }),
  }));
}

/** A configured extra container, with the job's mounts and security settings where it states none of its own. */
function extraContainer(container: object, mounts: readonly Mount[], securityContext: V1SecurityContext): V1Container {
  const given = container as V1Container;
  const own = given.volumeMounts ?? [];
  const taken = new Set(own.map((mount) => mount.mountPath));
  const added = volumeMounts(mounts).filter((mount) => !taken.has(mount.mountPath));
  return { securityContext, ...given, volumeMounts: [...own, ...added] };
}

function podVolumes(mounts: readonly Mount[]): NonNullable<V1PodSpec["volumes"]> {
  return mounts.map(({ name, claim, readOnly }) => ({ name, persistentVolumeClaim: { claimName: claim, readOnly } }));
}

/** What all pods of a workflow share, whatever they run: its volumes, its user, and the configured placement. */
export function basePodSpec(settings: PodSettings, mounts: readonly Mount[], owner: RunAs): Omit<V1PodSpec, "containers"> {
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: securityContexts(settings.securityContext, owner).pod,
    volumes: podVolumes(mounts),
    nodeSelector: { ...settings.nodeSelector },
    tolerations: settings.tolerations as V1Toleration[],
    imagePullSecrets: settings.imagePullSecrets.map((name): V1LocalObjectReference => ({ name })),
    ...(settings.priorityClassName === undefined ? {} : { priorityClassName: settings.priorityClassName }),
    ...(settings.serviceAccountName === undefined ? {} : { serviceAccountName: settings.serviceAccountName }),
  };
}

/** A container with the job's image, directory and mounts. */
export function workflowContainer(
  name: string,
  command: readonly string[],
  workflow: Workflow,
  settings: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): V1Container {
  return {
    name,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    command: command.map(literal),
    workingDir: workflow.directory,
    env: Object.entries(settings.env).map(([key, value]) => ({ name: key, value: literal(value) })),
    resources: resourcesOf(settings.resources),
    volumeMounts: volumeMounts(mounts),
    securityContext: securityContexts(settings.securityContext, owner).container,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** The request's own options laid over the configured ones. */
export function withOptions(settings: PodSettings, options: JobRequest["options"]): PodSettings {
  return {
    ...settings,
    image: options.image ?? settings.image,
    resources: {
      cpu: options.cpu ?? settings.resources.cpu,
      memory: options.memory ?? settings.resources.memory,
      gpu: options.gpu ?? settings.resources.gpu,
    },
    env: { ...settings.env, ...options.env },
    timeout: options.timeout ?? settings.timeout,
    queue: options.queue ?? settings.queue,
  };
}

/** Keeps a pod off some nodes. */
function avoidance(nodes: readonly string[]): Pick<V1PodSpec, "affinity"> {
  if (nodes.length === 0) return {};
  // By the node's own name: a label of it need not say the same.
  const term = { matchFields: nodes.map((node) => ({ key: "metadata.name", operator: "NotIn", values: [node] })) };
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } } };
}

/** The Kubernetes Job of one submission. */
export function buildJob(workflow: Workflow, request: JobRequest, defaults: PodSettings, mounts: readonly Mount[], owner: RunAs): V1Job {
  const settings = withOptions(defaults, request.options);
  const files = jobFiles(request.fileName ?? request.jobId);
  const identity = identityMetadata("job", workflow, request.jobId);
  const labels = { ...settings.labels, ...identity.labels };
  const annotations = { ...settings.annotations, ...identity.annotations };
  const command = ["bash", "-c", WRAPPER, "gasw-k8s", files.out, files.err, files.script];
  const { container: security } = securityContexts(settings.securityContext, owner);
  const sidecars = settings.sidecars.map((sidecar) => ({ ...extraContainer(sidecar, mounts, security), restartPolicy: "Always" }));
  const initContainers = settings.initContainers.map((container) => extraContainer(container, mounts, security));
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(workflow.namespace, workflow.id, request.jobId),
      namespace: workflow.namespace,
      labels: { ...labels, ...(settings.queue === undefined ? {} : { "kueue.x-k8s.io/queue-name": settings.queue }) },
      annotations: {
        ...annotations,
        [KEYS.content]: request.contentHash,
        [KEYS.directory]: workflow.directory,
        ...(request.fileName === undefined ? {} : { [KEYS.fileName]: request.fileName }),
      },
    },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      // A second pod beside a dying first one would run the script twice in one directory.
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: settings.ttl,
      template: {
        metadata: { labels, annotations },
        spec: {
          ...basePodSpec(settings, mounts, owner),
          ...avoidance(request.avoidNodes ?? []),
          ...(settings.timeout === undefined ? {} : { activeDeadlineSeconds: settings.timeout }),
          initContainers: [...sidecars, ...initContainers],
          containers: [workflowContainer(MAIN_CONTAINER, command, workflow, settings, mounts, owner)],
        },
      },
    },
  };
}
