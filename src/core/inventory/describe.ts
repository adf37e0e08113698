import { memoryText } from "../manifests/amounts.ts";
import { plain } from "../manifests/container.ts";
import { scriptFolder } from "../manifests/job.ts";
import { KEYS } from "../names.ts";
import { shellWord } from "../shellWord.ts";
import type {
  V1Container,
  V1ContainerState,
  V1ContainerStatus,
  V1Job,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodSpec,
  V1TopologySpreadConstraint,
} from "../wire.ts";
import { listedClaim, listedJob, listedNode, listedPod, listedVolume } from "./listed.ts";

/** Nobody is asked whether the object's workflow is alive. */
const UNKNOWN = { engine: null, activeJobs: null, folder: null };

/** A heading and what stands below it; fields without a value are left out. */
export interface Block {
  readonly title: string;
  readonly fields: readonly (readonly [name: string, value: string | null | undefined])[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A Job, told by itself and its newest pod. */
export function describeJob(job: V1Job, pod: V1Pod | undefined): Block[] {
  const { status, reason, message, started, finished, queue } = listedJob(job, pod, UNKNOWN);
  const spec = job.spec;
  return [
    {
      title: `Job ${job.metadata?.namespace}/${job.metadata?.name}`,
      fields: [
        ["job", job.metadata?.annotations?.[KEYS.job]],
        ["workflow", job.metadata?.annotations?.[KEYS.workflow]],
        ["directory", job.metadata?.annotations?.[KEYS.directory]],
        ["status", stateText(status, reason, message)],
        ["created", job.metadata?.creationTimestamp ?? null],
        ["started", started],
        ["finished", finished],
        ["queue", queue],
        ["suspended", spec?.suspend === true ? "yes" : null],
        [
          "time to live",
          spec?.ttlSecondsAfterFinished === undefined
            ? null
            : `${spec.ttlSecondsAfterFinished} s after it ends`,
        ],
        ["conditions", conditions(job.status?.conditions)],
        ["deleted", job.metadata?.deletionTimestamp ?? null],
      ],
    },
    ...(pod === undefined && spec?.template.spec ? podBlocks("pod template", spec.template.spec) : []),
  ];
}

/**
 * A pod with its containers.
 * @param remark what its heading says beside its name
 */
export function describePod(pod: V1Pod, remark?: string): Block[] {
  const { status, reason, message, node, started, finished } = listedPod(pod);
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const head: Block = {
    title: `Pod ${pod.metadata?.namespace}/${pod.metadata?.name}${remark === undefined ? "" : `, ${remark}`}`,
    fields: [
      ["job", pod.metadata?.annotations?.[KEYS.job]],
      ["status", stateText(status, reason, message)],
      ["node", node],
      ["runs in", scriptFolder(pod)],
      ["address", pod.status?.podIP],
      ["created", pod.metadata?.creationTimestamp ?? null],
      ["started", started],
      ["finished", finished],
      ["conditions", conditions(pod.status?.conditions)],
      ["deleted", pod.metadata?.deletionTimestamp ?? null],
      ...specFields(pod.spec),
    ],
  };
  return [head, ...containerBlocks(pod.spec, statuses)];
}

function podBlocks(title: string, spec: V1PodSpec): Block[] {
  return [{ title, fields: specFields(spec) }, ...containerBlocks(spec, [])];
}

function specFields(spec: V1PodSpec | undefined): [string, string | null | undefined][] {
  const { runAsUser, runAsGroup } = spec?.securityContext ?? {};
  const tolerations = (spec?.tolerations ?? []).filter((one) => !one.key?.startsWith("node.kubernetes.io/"));
  return [
    ["user", runAsUser === undefined ? null : `${runAsUser}, group ${runAsGroup ?? "of the image"}`],
    ["time limit", spec?.activeDeadlineSeconds === undefined ? null : `${spec.activeDeadlineSeconds} s`],
    [
      "grace period",
      spec?.terminationGracePeriodSeconds === undefined ? null : `${spec.terminationGracePeriodSeconds} s`,
    ],
    ["priority", spec?.priorityClassName],
    ["scheduler", spec?.schedulerName],
    ["runtime class", spec?.runtimeClassName],
    ["node selector", pairs(spec?.nodeSelector)],
    [
      "tolerations",
      tolerations
        .map(({ key, operator, value, effect }) =>
          `${key ?? "*"} ${operator ?? "Equal"} ${value ?? ""} ${effect ?? ""}`.trim(),
        )
        .join("; "),
    ],
    ["affinity", spec?.affinity === undefined ? null : JSON.stringify(spec.affinity)],
    ["topology spread", (spec?.topologySpreadConstraints ?? []).map(spreadText).join("; ")],
    [
      "volumes",
      (spec?.volumes ?? [])
        .map(
          ({ name, persistentVolumeClaim }) =>
            `${name}${persistentVolumeClaim ? `: claim ${persistentVolumeClaim.claimName}` : ""}`,
        )
        .join(", "),
    ],
  ];
}

function spreadText({ topologyKey, maxSkew, whenUnsatisfiable }: V1TopologySpreadConstraint): string {
  return `${topologyKey}, at most ${maxSkew} apart, else ${whenUnsatisfiable}`;
}

function containerBlocks(spec: V1PodSpec | undefined, statuses: readonly V1ContainerStatus[]): Block[] {
  const init = (spec?.initContainers ?? []).map((container) =>
    containerBlock(container.restartPolicy === "Always" ? "sidecar" : "init container", container, statuses),
  );
  return [
    ...init,
    ...(spec?.containers ?? []).map((container) => containerBlock("container", container, statuses)),
  ];
}

function containerBlock(kind: string, container: V1Container, statuses: readonly V1ContainerStatus[]): Block {
  const status = statuses.find(({ name }) => name === container.name);
  return {
    title: `${kind} ${container.name}`,
    fields: [
      ["image", container.image],
      ["state", containerState(status?.state)],
      ["restarts", status === undefined || status.restartCount === 0 ? null : String(status.restartCount)],
      ["requests", pairs(container.resources?.requests)],
      ["limits", pairs(container.resources?.limits)],
      ["directory", container.workingDir],
      [
        "command",
        [...(container.command ?? []), ...(container.args ?? [])]
          .map((word) => shellWord(plain(word)))
          .join(" "),
      ],
      [
        "mounts",
        (container.volumeMounts ?? [])
          .map((mount) => `${mount.mountPath} (${mount.name}${mount.readOnly === true ? ", read-only" : ""})`)
          .join(", "),
      ],
      // Values may be secrets.
      ["environment", (container.env ?? []).map(({ name }) => `${name}=***`).join(" ")],
    ],
  };
}

function containerState(state: V1ContainerState | undefined): string | null {
  if (state?.running !== undefined) return `running since ${state.running.startedAt}`;
  if (state?.waiting !== undefined)
    return `waiting: ${[state.waiting.reason, state.waiting.message].filter((part) => part !== undefined).join(": ")}`;
  if (state?.terminated === undefined) return null;
  const { exitCode, reason, message, finishedAt } = state.terminated;
  const said = message === undefined || message === "" ? "" : `: ${message.trim()}`;
  return `ended with exit code ${exitCode} (${reason ?? "no reason"}) at ${finishedAt}${said}`;
}

/** A claim. */
export function describeClaim(claim: V1PersistentVolumeClaim): Block[] {
  const { phase, capacity, volume, storageClass, workflow, directory, host, lastUsed, created } = listedClaim(
    claim,
    UNKNOWN,
  );
  return [
    {
      title: `PersistentVolumeClaim ${claim.metadata?.namespace}/${claim.metadata?.name}`,
      fields: [
        ["phase", phase],
        ["volume", volume],
        ["storage class", storageClass],
        ["capacity", capacity],
        ["access", claim.spec?.accessModes?.join(", ")],
        ["workflow", workflow],
        ["directory", directory],
        ["created from host", host],
        ["created", created],
        ["last used", lastUsed],
        ["conditions", conditions(claim.status?.conditions)],
        [
          "held by",
          claim.metadata?.deletionTimestamp === undefined ? null : claim.metadata.finalizers?.join(", "),
        ],
      ],
    },
  ];
}

/** A PersistentVolume. */
export function describePersistentVolume(volume: V1PersistentVolume): Block[] {
  const { phase, capacity, claim, source, workflow, directory, host, lastUsed, created } = listedVolume(
    volume,
    UNKNOWN,
  );
  return [
    {
      title: `PersistentVolume ${volume.metadata?.name}`,
      fields: [
        ["phase", [phase, volume.status?.message].filter((part) => part).join(": ")],
        ["claim", claim],
        ["source", source],
        ["capacity", capacity],
        ["access", volume.spec?.accessModes?.join(", ")],
        ["mount options", volume.spec?.mountOptions?.join(", ")],
        ["reclaim policy", volume.spec?.persistentVolumeReclaimPolicy],
        ["workflow", workflow],
        ["directory", directory],
        ["created from host", host],
        ["created", created],
        ["last used", lastUsed],
        [
          "held by",
          volume.metadata?.deletionTimestamp === undefined ? null : volume.metadata.finalizers?.join(", "),
        ],
      ],
    },
  ];
}

/** A node. */
export function describeNode(node: V1Node): Block[] {
  const { ready, schedulable, reason, taints, version, created } = listedNode(node, null);
  const { allocatable, capacity, addresses, nodeInfo } = node.status ?? {};
  return [
    {
      title: `Node ${node.metadata?.name}`,
      fields: [
        ["ready", ready ? "yes" : `no (${reason})`],
        ["takes new pods", schedulable ? "yes" : "no (cordoned)"],
        ["allocatable", amounts(allocatable)],
        ["capacity", amounts(capacity)],
        ["taints", taints.join(", ")],
        ["labels", pairs(node.metadata?.labels)],
        ["addresses", addresses?.map(({ type, address }) => `${type} ${address}`).join(", ")],
        [
          "system",
          nodeInfo === undefined
            ? null
            : `${nodeInfo.osImage}, ${nodeInfo.architecture}, ${nodeInfo.containerRuntimeVersion}`,
        ],
        ["kubelet", version],
        ["created", created],
        ["conditions", conditions(node.status?.conditions)],
      ],
    },
  ];
}

function stateText(status: string, reason: string | null, message: string | null): string {
  const why = [reason, message].filter((part) => part !== null && part !== "").join(": ");
  return why === "" || why.toLowerCase() === status ? status : `${status} (${why})`;
}

/** Conditions with what they say for themselves. */
function conditions(list: readonly Condition[] | undefined): string | null {
  if (list === undefined) return null;
  return list
    .map(
      ({ type, status, reason }) =>
        `${type}=${status}${status === "True" || reason === undefined ? "" : ` (${reason})`}`,
    )
    .join(", ");
}

function pairs(record: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(record ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** Resources, with memory as people read it. */
function amounts(resources: Readonly<Record<string, string>> | undefined): string {
  const isBytes = (key: string) => key === "memory" || key.endsWith("storage");
  return pairs(
    Object.fromEntries(
      Object.entries(resources ?? {}).map(([key, value]) => [key, isBytes(key) ? memoryText(value) : value]),
    ),
  );
}
