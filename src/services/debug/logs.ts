import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onJobs } from "../../core/commandWords.ts";
import { jobFiles } from "../../core/gasw/files.ts";
import { MAIN_CONTAINER } from "../../core/manifests/mainContainer.ts";
import type { V1Pod } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { containerLog } from "../../kubernetes/logs.ts";
import type { Deps } from "../deps.ts";
import { areAtHand, containerFiles, localFiles, type StreamFiles } from "./files.ts";
import { withDebugPod } from "./pod.ts";
import { type JobTarget, type JobView, neverBegan, viewJob } from "./target.ts";

/** Seconds after which the cluster ends a reader pod that was not deleted. */
const READER_LIFETIME = 3600;
/** Milliseconds between two looks at the files: on this host, and through the cluster. */
const LOCAL_PAUSE_MS = 1000;
const REMOTE_PAUSE_MS = 2000;

/** Receives what a job wrote. */
export interface LogSink {
  /** Bytes of a source, which is a file or a container; no bytes say that it is there. */
  write(source: string, chunk: Buffer): Promise<void>;
  /** Sentences on what is being waited for. */
  note(text: string): void;
  /** Whether somebody still reads. */
  isOpen(): boolean;
}

export interface LogOptions {
  readonly streams: "both" | "stdout" | "stderr";
  /** Goes on until the job has ended. */
  readonly follow: boolean;
}

/**
 * Hands over what a job has written: its two files, then what its pod's containers wrote themselves.
 * @throws GaswError NOT_FOUND when it has written nothing, CLUSTER
 */
export async function readJobLogs(
  deps: Deps,
  target: JobTarget,
  options: LogOptions,
  sink: LogSink,
): Promise<void> {
  const { out, err } = jobFiles(target.fileName, target.superseded);
  const files = { both: [out, err], stdout: [out], stderr: [err] }[options.streams];
  const copier = new Copier(files, sink);
  if (areAtHand(target.directory, files)) await readHere(deps, target, options, copier);
  else await readThroughCluster(deps, target, options, copier);
}

/** The files are on this host: the cluster is asked only for what is not in them. */
async function readHere(deps: Deps, target: JobTarget, options: LogOptions, copier: Copier): Promise<void> {
  const local = localFiles(target.directory);
  for (const kept of earlierStreams(target.directory, copier.files))
    copier.sink.note(`${kept} was written by an earlier pod`);
  if (!options.follow) await copier.copy(local);
  try {
    let view = await viewJob(deps, target);
    while (options.follow) {
      // Looked at first: what it wrote before its end is in the files then.
      await copier.copy(local);
      if (isOver(view) || !copier.sink.isOpen()) break;
      copier.wait(view);
      await sleep(LOCAL_PAUSE_MS, undefined, { signal: deps.signal });
      view = await viewJob(deps, target);
    }
    await finish(deps, target, view, copier);
  } catch (error) {
    if (options.follow || !copier.found || !(error instanceof GaswError && error.code === "CLUSTER"))
      throw error;
    deps.warn(`the pod's own log could not be read: ${error.message}`);
  }
}

/** The files are elsewhere: a container shows them, the job's own while it runs. */
async function readThroughCluster(
  deps: Deps,
  target: JobTarget,
  options: LogOptions,
  copier: Copier,
): Promise<void> {
  let view = await viewJob(deps, target);
  for (;;) {
    if (isOver(view)) await readByPod(deps, target, view, copier);
    else if (view.seen.phase === "running") view = await readByJob(deps, target, view, copier);
    if (!copier.sink.isOpen() || (isOver(view) && copier.isFinal) || (!options.follow && !isOver(view)))
      break;
    if (isOver(view)) continue;
    copier.wait(view);
    await sleep(REMOTE_PAUSE_MS, undefined, { signal: deps.signal });
    view = await viewJob(deps, target);
  }
  await finish(deps, target, view, copier);
}

/** Reads in the job's own container; one that ended meanwhile is no failure. */
async function readByJob(deps: Deps, target: JobTarget, view: JobView, copier: Copier): Promise<JobView> {
  try {
    await copier.copy(containerFiles(deps, target.namespace, view.pod?.metadata?.name ?? "", MAIN_CONTAINER));
    return view;
  } catch (error) {
    const now = await viewJob(deps, target);
    if (now.seen.phase === "running") throw error;
    return now;
  }
}

/** Reads in a short-lived pod with the job's volumes. */
async function readByPod(deps: Deps, target: JobTarget, view: JobView, copier: Copier): Promise<void> {
  copier.isFinal = true;
  if (neverBegan(target, view)) return;
  copier.sink.note(`the files of ${target.id} are not on this host: reading them through a temporary pod`);
  const options = { lifetime: READER_LIFETIME, job: view.job, onWait: () => undefined };
  await withDebugPod(deps, target, options, ({ name, container }) =>
    copier.copy(containerFiles(deps, target.namespace, name, container)),
  );
}

/** What the containers wrote themselves, for what failed before the script began. */
async function finish(deps: Deps, target: JobTarget, view: JobView, copier: Copier): Promise<void> {
  let wrote = false;
  for (const container of begunContainers(view.pod)) {
    const name = view.pod?.metadata?.name ?? "";
    for await (const chunk of containerLog(deps.client, target.namespace, name, container)) {
      wrote = true;
      await copier.sink.write(`pod ${name}, container ${container}`, chunk);
      if (!copier.sink.isOpen()) return;
    }
  }
  if (!copier.found && !wrote) throw nothingWritten(target, view);
}

/** Init containers first; sidecars are not the job's own. */
function begunContainers(pod: V1Pod | undefined): string[] {
  const init = (pod?.spec?.initContainers ?? [])
    .filter((container) => container.restartPolicy !== "Always")
    .map(({ name }) => name);
  const statuses = [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])];
  const hasBegun = (name: string) =>
    statuses.some((status) => status.name === name && status.state?.waiting === undefined);
  return [...init, MAIN_CONTAINER].filter(hasBegun);
}

function isOver({ seen }: JobView): boolean {
  return seen.phase === "ended" || seen.phase === "lost" || seen.phase === "missing";
}

function nothingWritten(target: JobTarget, view: JobView): GaswError {
  const { id, fileName, stored } = target;
  if (neverBegan(target, view)) {
    const command = onJobs("retry", [fileName]);
    return new GaswError("NOT_FOUND", `job ${id} was never submitted to the cluster, so it has no output`, {
      hint:
        (stored?.attempt ?? 0) > 0
          ? `run \`gasw-k8s status --sync\`, or \`${command}\` to submit it now`
          : `submit it: \`${command}\``,
    });
  }
  const { seen } = view;
  if (seen.phase === "waiting") {
    return new GaswError(
      "NOT_FOUND",
      `job ${id} has no output yet: it has not started (${seen.reason}: ${seen.message})`,
      {
        hint: `use \`gasw-k8s debug logs ${id} -f\` to wait for it, or \`gasw-k8s debug why ${id}\` to see why it is waiting`,
      },
    );
  }
  const state =
    seen.phase === "running"
      ? "has written nothing yet"
      : "has no output: it never started, or its files were deleted";
  return new GaswError("NOT_FOUND", `job ${id} ${state}`, {
    hint: `see \`gasw-k8s debug why ${id}\``,
  });
}

/**
 * What earlier pods of an attempt have left, which a queue had taken back and started again; relative to the
 * workflow directory.
 */
function earlierStreams(directory: string, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const { dir, base } = path.parse(file);
    const folder = path.join(directory, dir);
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).filter((name) => name.startsWith(`${base}.before.`));
    return names.map((name) => path.join(dir, name));
  });
}

/** Hands over the files' bytes, each once. */
class Copier {
  readonly sink: LogSink;
  /** Whether any of the files is there. */
  found = false;
  /** Whether the files were read after the job's end. */
  isFinal = false;
  readonly #offsets: Map<string, number>;
  readonly #shown = new Set<string>();
  #waitsFor = "";

  /** Relative to the workflow directory. */
  get files(): readonly string[] {
    return [...this.#offsets.keys()];
  }

  constructor(files: readonly string[], sink: LogSink) {
    this.sink = sink;
    this.#offsets = new Map(files.map((file) => [file, 0]));
  }

  async copy(files: StreamFiles): Promise<void> {
    for (const [file, offset] of this.#offsets) {
      const name = file.replace(/^\.\//, "");
      const isThere = await files.read(file, offset, async (position, chunk) => {
        await this.sink.write(name, chunk);
        this.#offsets.set(file, position + chunk.length);
      });
      if (isThere && !this.#shown.has(file) && this.#offsets.get(file) === 0)
        await this.sink.write(name, Buffer.alloc(0));
      if (isThere) this.#shown.add(file);
      this.found ||= isThere;
    }
  }

  /** Says what is waited for, when that has changed. */
  wait({ seen }: JobView): void {
    const text =
      seen.phase === "waiting" ? `waiting for the job to start (${seen.reason}: ${seen.message})` : "";
    if (text !== "" && text !== this.#waitsFor) this.sink.note(text);
    this.#waitsFor = text;
  }
}
