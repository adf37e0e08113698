import type { Engine, Life } from "../core/inventory/life.ts";
import type {
  ListedClaim,
  ListedEvent,
  ListedJob,
  ListedNode,
  ListedPod,
  ListedVolume,
} from "../core/inventory/listed.ts";
import { cpuText, memoryText } from "../core/manifests/amounts.ts";
import { SILENCE_S } from "../core/owner.ts";
import { duration, printable } from "./output.ts";
import { table } from "./table.ts";
import { shortened } from "./width.ts";

const REASON_WIDTH = 80;

/** The table of `debug pods`. */
export function podTable(pods: readonly ListedPod[], now: Date): string {
  const rows = pods.map((pod) => [
    pod.name,
    `${pod.job ?? "-"}${pod.component === "debug" ? " (debug)" : ""}`,
    stateText(pod),
    pod.node ?? "-",
    age(pod.created, now),
    reasonText(pod),
  ]);
  return table(["POD", "JOB", "STATUS", "NODE", "AGE", "REASON"], rows);
}

/** The table of `debug jobs`. */
export function jobTable(jobs: readonly ListedJob[], now: Date): string {
  const rows = jobs.map((job) => [
    job.name,
    job.job ?? "-",
    job.workflow ?? "-",
    folderText(job.folder),
    stateText(job),
    engineText(job.engine),
    age(job.created, now),
    reasonText(job),
  ]);
  return table(["NAME", "JOB", "WORKFLOW", "FOLDER", "STATUS", "ENGINE", "AGE", "REASON"], rows);
}

/** The table of `debug nodes`. */
export function nodeTable(nodes: readonly ListedNode[], now: Date): string {
  const rows = nodes.map(({ name, ready, schedulable, reason, allocatable, taints, pods, created }) => [
    name,
    `${ready ? "yes" : `no (${reason})`}${schedulable ? "" : ", cordoned"}`,
    allocatable.cpu === null ? "-" : cpuText(allocatable.cpu),
    allocatable.memory === null ? "-" : memoryText(allocatable.memory),
    allocatable.gpu ?? "-",
    `${pods ?? "?"}/${allocatable.pods ?? "?"}`,
    age(created, now),
    taints.length === 0 ? "-" : taints.join(","),
  ]);
  return table(["NODE", "READY", "CPU", "MEMORY", "GPU", "PODS", "AGE", "TAINTS"], rows);
}

/** The table of `debug pv`. */
export function volumeTable(volumes: readonly ListedVolume[], now: Date): string {
  const rows = volumes.map((volume) => [
    volume.name,
    volume.phase,
    volume.claim ?? "-",
    volume.source,
    volume.directory ?? "-",
    folderText(volume.folder),
    ...lifeCells(volume, now),
  ]);
  return table(["VOLUME", "PHASE", "CLAIM", "SOURCE", "WORKFLOW", "FOLDER", ...LIFE], rows);
}

/** The table of `debug pvc`. */
export function claimTable(claims: readonly ListedClaim[], now: Date): string {
  const rows = claims.map((claim) => [
    claim.name,
    claim.phase,
    claim.volume ?? "-",
    claim.storageClass ?? "-",
    claim.directory ?? "-",
    folderText(claim.folder),
    ...lifeCells(claim, now),
  ]);
  return table(["CLAIM", "PHASE", "VOLUME", "CLASS", "WORKFLOW", "FOLDER", ...LIFE], rows);
}

const LIFE = ["ENGINE", "ACTIVE JOBS", "AGE", "LAST USED"] as const;

function lifeCells(
  { engine, host, activeJobs, created, lastUsed }: ListedVolume | ListedClaim,
  now: Date,
): string[] {
  return [
    // Without a Lease, the host that has made it is all that is known.
    engine === null && host !== null ? `- (${host})` : engineText(engine),
    activeJobs === null ? "-" : String(activeJobs),
    age(created, now),
    lastUsed === null ? "-" : `${age(lastUsed, now)} ago`,
  ];
}

/** The life of one workflow, above what is to be removed of it. */
export function lifeTable(workflow: string, { engine, activeJobs, folder }: Life): string {
  const cells = [
    workflow,
    folderText(folder),
    engineText(engine),
    activeJobs === null ? "-" : `${activeJobs}`,
  ];
  return table(["WORKFLOW", "FOLDER", "ENGINE", "ACTIVE JOBS"], [cells]);
}

/** Whether a workflow's directory is on this host, where that can be told. */
export function folderText(folder: Life["folder"]): string {
  return folder === null || folder === "unknown" ? "-" : folder;
}

/** Who serves a workflow, and whether it is alive. */
export function engineText(engine: Engine | null): string {
  if (engine === null) return "-";
  const { silentSeconds, host } = engine;
  const where = host === "" ? "" : ` (${host})`;
  if (silentSeconds === null) return `unknown${where}`;
  const time = duration(silentSeconds * 1000);
  return silentSeconds <= SILENCE_S ? `alive ${time} ago${where}` : `silent for ${time}${where}`;
}

/** The table of `debug events`. */
export function eventTable(events: readonly ListedEvent[], now: Date): string {
  const rows = events.map(({ time, type, reason, object, message, count }) => [
    time === null ? "-" : age(time, now),
    type,
    reason,
    object,
    count > 1 ? `${message} (${count} times)` : message,
  ]);
  return table(["AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"], rows);
}

function stateText({
  status,
  exitCode,
}: {
  readonly status: string;
  readonly exitCode?: number | null;
}): string {
  return exitCode === undefined || exitCode === null || exitCode === 0 ? status : `${status} (${exitCode})`;
}

function reasonText({
  status,
  reason,
  message,
}: {
  readonly status: string;
  readonly reason: string | null;
  readonly message: string | null;
}): string {
  if (status === "completed" || reason === null) return "";
  const text = (message === null || message === "" ? reason : `${reason}: ${message}`)
    .replaceAll(/\s+/g, " ")
    .trim();
  return shortened(printable(text), REASON_WIDTH);
}

/** How long ago a time was. */
function age(time: string | null, now: Date): string {
  return time === null ? "-" : duration(now.getTime() - Date.parse(time));
}
