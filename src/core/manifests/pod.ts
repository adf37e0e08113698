import { jobFiles, runFolder } from "../gasw/files.ts";
import type { JobRequest, RunAs, Workflow } from "../job.ts";
import { identityMetadata, jobName, KEYS } from "../names.ts";
import type {
  V1Container,
  V1Job,
  V1LocalObjectReference,
  V1Pod,
  V1PodSpec,
  V1SecurityContext,
  V1Toleration,
  V1VolumeMount,
} from "../wire.ts";
import wrapper from "./wrapper.sh";

/** Name of the container that runs the script; the job's status is this container's. */
export const MAIN_CONTAINER = "job";

/** Extended resource under which device plugins offer GPUs. */
export const GPU_RESOURCE = "nvidia.com/gpu";

/** Environment variable by which the wrapper learns its pod's uid; the script does not see it. */
const POD_UID_VARIABLE = "GASW_K8S_POD_UID";

/**
 * The container of a pod, or of a Job's template, that runs the script: others may have been put in before
 * it.
 */
export function mainOf(spec: V1PodSpec | undefined): V1Container | undefined {
  return spec?.containers.find(({ name }) => name === MAIN_CONTAINER) ?? spec?.containers[0];
}

/** A small volume of the pod's own, for HOME where the image has none that the job's user can write. */
const HOME_VOLUME = "gasw-k8s-home";
const HOME_SIZE = "1Gi";

/**
 * Version of the wrapper, from 1; 0 stands for that of 0.1.0, whose scripts all ran in the workflow
 * directory.
 */
export const WRAPPER_VERSION = 1;

/** The wrapper without its comments, which every Job would carry. */
const WRAPPER = wrapper.replaceAll(/^ *#.*\n/gm, "").trim();

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
    readonly memory?: string | undefined;
    readonly gpu?: number | undefined;
  };
  readonly env: Readonly<Record<string, string>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly priorityClassName?: string | undefined;
  readonly serviceAccountName?: string | undefined;
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

/**
 * Kubernetes expands `$(NAME)` in arguments and environment values; a doubled dollar sign stands for itself.
 */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}

const CONTAINER_LEVEL_ONLY = new Set([
  "privileged",
  "capabilities",
  "allowPrivilegeEscalation",
  "readOnlyRootFilesystem",
  "procMount",
]);

/** User and group that the pod's processes get: what the configuration says, else the given owner. */
export function effectiveRunAs(overrides: Readonly<Record<string, unknown>>, owner: RunAs): RunAs {
  const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
  return { uid: number(overrides.runAsUser, owner.uid), gid: number(overrides.runAsGroup, owner.gid) };
}

/**
 * The `restricted` Pod Security Standard (Kubernetes documentation, "Pod Security Standards"), with the
 * configured overrides.
 */
function securityContexts(overrides: Readonly<Record<string, unknown>>, owner: RunAs) {
  const { uid, gid } = effectiveRunAs(overrides, owner);
  const privileged = overrides.privileged === true;
  const pod: Record<string, unknown> = {
    runAsNonRoot: uid !== 0,
    runAsUser: uid,
    runAsGroup: gid,
    seccompProfile: { type: privileged ? "Unconfined" : "RuntimeDefault" },
  };
  const container: Record<string, unknown> = privileged
    ? {}
    : { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
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
  if (settings.gpu !== undefined && settings.gpu > 0)
    requests[GPU_RESOURCE] = limits[GPU_RESOURCE] = String(settings.gpu);
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

/**
 * A configured extra container, with the job's mounts and security settings where it states none of its own.
 */
function extraContainer(
  container: object,
  mounts: readonly Mount[],
  securityContext: V1SecurityContext,
): V1Container {
  const given = container as V1Container;
  const own = given.volumeMounts ?? [];
  const taken = new Set(own.map((mount) => mount.mountPath));
  const added = volumeMounts(mounts).filter((mount) => !taken.has(mount.mountPath));
  return { securityContext, ...given, volumeMounts: [...own, ...added] };
}

function podVolumes(mounts: readonly Mount[]): NonNullable<V1PodSpec["volumes"]> {
  return mounts.map(({ name, claim, readOnly }) => ({
    name,
    persistentVolumeClaim: { claimName: claim, readOnly },
  }));
}

/**
 * Where HOME may be in a pod: at no path that is mounted otherwise. Undefined where the settings state HOME
 * themselves.
 */
export function homeFolder({ env }: Pick<PodSettings, "env">, mounts: readonly Mount[]): string | undefined {
  if (env.HOME !== undefined) return undefined;
  let folder = `/${HOME_VOLUME}`;
  while (mounts.some(({ mountPath }) => isWithin(mountPath, folder))) folder += "-";
  return folder;
}

function isWithin(folder: string, parent: string): boolean {
  return `${folder}/`.startsWith(`${parent}/`);
}

/**
 * What all pods of a workflow share, whatever they run: its volumes, its user, and the configured placement.
 */
export function basePodSpec(
  settings: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): Omit<V1PodSpec, "containers"> {
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: securityContexts(settings.securityContext, owner).pod,
    volumes: [
      ...podVolumes(mounts),
      ...(homeFolder(settings, mounts) === undefined
        ? []
        : [{ name: HOME_VOLUME, emptyDir: { sizeLimit: HOME_SIZE } }]),
    ],
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
  const home = homeFolder(settings, mounts);
  return {
    name,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    command: command.map(literal),
    workingDir: workflow.directory,
    env: Object.entries(settings.env).map(([key, value]) => ({ name: key, value: literal(value) })),
    resources: resourcesOf(settings.resources),
    volumeMounts: [
      ...volumeMounts(mounts),
      ...(home === undefined ? [] : [{ name: HOME_VOLUME, mountPath: home }]),
    ],
    securityContext: securityContexts(settings.securityContext, owner).container,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** The request's own options laid over the configured ones. */
function withOptions(settings: PodSettings, options: JobRequest["options"]): PodSettings {
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
  const term = {
    matchFields: nodes.map((node) => ({ key: "metadata.name", operator: "NotIn", values: [node] })),
  };
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } },
    },
  };
}

/**
 * The folder, relative to the workflow directory, that a pod's script runs in, where it has one of its own.
 */
export function scriptFolder(pod: V1Pod): string | undefined {
  const { uid, annotations } = pod.metadata ?? {};
  const place = pod.spec?.containers.find(({ name }) => name === MAIN_CONTAINER)?.command?.at(-1);
  if (uid === undefined || annotations?.[KEYS.wrapper] === undefined || place === undefined || place === "")
    return undefined;
  return runFolder(uid, place.replaceAll("$$", "$"));
}

/** Where a pod's HOME is, in a volume of its own. */
export function homeOf(pod: V1Pod): string | undefined {
  const main = pod.spec?.containers.find(({ name }) => name === MAIN_CONTAINER);
  return main?.volumeMounts?.find(({ name }) => name === HOME_VOLUME)?.mountPath;
}

/** The Kubernetes Job of one submission. */
export function buildJob(
  workflow: Workflow,
  request: JobRequest,
  defaults: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): V1Job {
  const settings = withOptions(defaults, request.options);
  const files = jobFiles(request.fileName ?? request.jobId);
  const identity = identityMetadata("job", workflow, request.jobId);
  const labels = { ...settings.labels, ...identity.labels };
  const annotations = {
    ...settings.annotations,
    ...identity.annotations,
    [KEYS.wrapper]: String(WRAPPER_VERSION),
  };
  const name = jobName(workflow.namespace, workflow.id, request.jobId);
  const place = request.isGenerated === true ? workflow.id : "";
  const told = [files.out, files.err, files.script, name, homeFolder(settings, mounts) ?? "", place];
  const command = ["bash", "-c", WRAPPER, "gasw-k8s", ...told];
  const { container: security } = securityContexts(settings.securityContext, owner);
  const sidecars = settings.sidecars.map((sidecar) => ({
    ...extraContainer(sidecar, mounts, security),
    restartPolicy: "Always",
  }));
  const initContainers = settings.initContainers.map((container) =>
    extraContainer(container, mounts, security),
  );
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: workflow.namespace,
      labels: {
        ...labels,
        ...(settings.queue === undefined ? {} : { "kueue.x-k8s.io/queue-name": settings.queue }),
      },
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
          ...graceOf(settings),
          initContainers: [...sidecars, ...initContainers],
          containers: [
            withPodUid(workflowContainer(MAIN_CONTAINER, command, workflow, settings, mounts, owner)),
          ],
        },
      },
    },
  };
}

function graceOf({
  terminationGracePeriodSeconds: seconds,
}: PodSettings): Pick<V1PodSpec, "terminationGracePeriodSeconds"> {
  return seconds === undefined ? {} : { terminationGracePeriodSeconds: seconds };
}

/**
 * By the downward API (Kubernetes documentation, "Expose Pod Information to Containers Through Environment
 * Variables").
 */
function withPodUid(container: V1Container): V1Container {
  const uid = { name: POD_UID_VARIABLE, valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } };
  return {
    ...container,
    env: [...(container.env ?? []).filter(({ name }) => name !== POD_UID_VARIABLE), uid],
  };
}
