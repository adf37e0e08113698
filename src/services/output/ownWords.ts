import { statSync } from "node:fs";
import path from "node:path";
import { jobFiles } from "../../core/gasw/files.ts";
import { hasEnded, isHeld } from "../../core/job.ts";
import { isOutputAwaited } from "../../core/lifecycle/decide.ts";
import type { KnownJob, OwnWords } from "../../core/lifecycle/decision.ts";
import type { EndRecord } from "../../core/lifecycle/endRecord.ts";
import type { Observation } from "../../core/lifecycle/observe.ts";
import type { CoreV1Event } from "../../core/wire.ts";
import { systemCode } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { listEvents } from "../../kubernetes/objects.ts";
import type { Deps } from "../deps.ts";
import { hasOutput, type WrittenJob } from "./own.ts";
import { readReturnCode } from "./returnCode.ts";
import { EndRecords } from "./toolFolder.ts";

/** Whether a job is over, so that its output may tell how it ended. */
export function isOver({ stage: { name, status } }: KnownJob, { phase }: Observation): boolean {
  if (hasEnded(status)) return !isHeld(status);
  const isSeen = phase === "ended" || phase === "lost";
  // What waits to be submitted, or to be run again, has no output of its own, unless its Job shows that it
  // was submitted after all.
  if (status === "NOT_SUBMITTED") return isSeen && (name === "written" || name === "due");
  return isSeen || phase === "missing";
}

/** The return code that a job's own output states; asked for only where the job is over. */
export async function statedCode(job: WrittenJob, signal: AbortSignal): Promise<number | undefined> {
  if (!hasOutput(job)) return undefined;
  const files = jobFiles(job.fileName, job.superseded);
  return await readReturnCode(job.directory, files.out, files.err, signal);
}

/** A job whose end may have left traces. */
interface Traceable extends WrittenJob {
  readonly kubeName: string;
  /** Uid of its Job, where that is known. */
  readonly kubeUid?: string | null | undefined;
}

/**
 * What a workflow's jobs have left of their ends; its folder is listed, and the cluster's events are asked
 * for, once, when they are needed.
 */
export class Traces {
  /** Its client is made only when it is needed: files are read without a cluster. */
  readonly #deps: Pick<Deps, "client">;
  readonly #namespace: string;
  readonly #directory: string;
  readonly #records: EndRecords;
  #events: Promise<PastEvents> | undefined;

  constructor(
    deps: Pick<Deps, "client">,
    { namespace, directory }: { readonly namespace: string; readonly directory: string },
  ) {
    this.#deps = deps;
    this.#namespace = namespace;
    this.#directory = directory;
    this.#records = new EndRecords(directory);
  }

  /**
   * All that a job has left. Its output is read only when it is whole, or is waited for no longer.
   * @param read reads the output, where there is one, and answers the code that it states
   * @throws GaswError CLUSTER
   */
  async of(
    { known, job, seen }: { readonly known: KnownJob; readonly job: Traceable; readonly seen: Observation },
    read: () => Promise<number | undefined>,
    { now, config }: Pick<Deps, "now" | "config">,
  ): Promise<OwnWords> {
    // The record of the pod that is seen; of pods that are gone, that of the one that ended last.
    const record = this.#records.of(job.kubeName, seen.phase === "ended" ? seen.podUid : undefined);
    const told = record ?? (seen.phase === "ended" ? seen.ending.record : undefined);
    const late = hasBegun(seen) ? this.lateOf(job, told) : undefined;
    const left: OwnWords = {
      ...(record === undefined ? {} : { record, doubt: this.#doubtOf(job, record) }),
      ...(late === undefined ? {} : { late }),
    };
    if (isOutputAwaited(known, left, now(), config)) return left;
    const code = hasOutput(job) ? await read() : undefined;
    if (record !== undefined || seen.phase !== "missing" || code !== undefined) return { ...left, code };
    return { ...left, hasCompleted: await this.#hasCompleted(job) };
  }

  async #hasCompleted({ kubeName, kubeUid }: Traceable): Promise<boolean> {
    this.#events ??= pastEvents(this.#deps.client, this.#namespace);
    const { completed, evicted } = await this.#events;
    const wasEvicted = evicted.some((pod) => pod.startsWith(`${kubeName}-`));
    return !wasEvicted && completed.has(kubeUid ?? "");
  }

  /**
   * What of a job's output is not there. It is whole when it is at least as long as was recorded; without a
   * record, when there is one.
   */
  lateOf(job: Traceable, record = this.#records.of(job.kubeName, undefined)): string | undefined {
    const { out, err } = jobFiles(job.fileName, job.superseded);
    if (record === undefined) return hasOutput(job) ? undefined : `has not arrived (${path.normalize(out)})`;
    for (const [file, written] of [[out, record.outBytes] as const, [err, record.errBytes] as const]) {
      const there = sizeOf(path.join(this.#directory, file));
      if (there < written)
        return `is incomplete: ${path.normalize(file)} has ${there} of the ${written} bytes written by its pod`;
    }
    return undefined;
  }

  /** What does not fit a record. */
  #doubtOf({ kubeName }: Traceable, { podUid }: EndRecord): string | undefined {
    const count = this.#records.all(kubeName).length;
    return count > 1 ? `${count} pods recorded an end: using that of pod ${podUid}` : undefined;
  }
}

/** Whether a job's script may have begun, so that there is an output of it. */
function hasBegun(seen: Observation): boolean {
  return seen.phase !== "ended" || seen.ending.began !== false;
}

/** The size of a file in bytes; 0 where it is not there, or a job has put something else in its place. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    if (systemCode(error) !== undefined) return 0;
    throw error;
  }
}

/** What the cluster's events still tell, for about an hour, of what is gone. */
interface PastEvents {
  /** Uids of Jobs. */
  readonly completed: ReadonlySet<string>;
  /** Names of pods. */
  readonly evicted: readonly string[];
}

/** None where the account may not list them: they are further evidence, no more. */
async function eventsWith(
  client: KubernetesClient,
  namespace: string,
  reason: string,
): Promise<CoreV1Event[]> {
  try {
    return await listEvents(client, namespace, { reason });
  } catch (error) {
    if (isApiError(error, 403)) return [];
    throw error;
  }
}

async function pastEvents(client: KubernetesClient, namespace: string): Promise<PastEvents> {
  const [completed, evicted] = await Promise.all(
    ["Completed", "Evicted"].map((reason) => eventsWith(client, namespace, reason)),
  );
  const jobs = (completed ?? []).filter(({ involvedObject }) => involvedObject.kind === "Job");
  return {
    completed: new Set(
      jobs.map(({ involvedObject }) => involvedObject.uid ?? "").filter((uid) => uid !== ""),
    ),
    evicted: (evicted ?? []).map(({ involvedObject }) => involvedObject.name ?? ""),
  };
}
