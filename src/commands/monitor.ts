import { setMaxListeners } from "node:events";
import path from "node:path";
import type { Context } from "../context.ts";
import { isHeld } from "../core/job.ts";
import { type ErrorCode, GaswError } from "../errors.ts";
import { hasSettled, type Round, monitor as runMonitor } from "../services/sync/monitor.ts";
import { unknownWorkflow } from "../services/workflow/known.ts";
import { resolve } from "../services/workflow/resolve.ts";
import type { StoredJob, StoredWorkflow } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import { outcomeCounts, summary } from "../ui/jobs.ts";
import { printable } from "../ui/output.ts";
import { jobRecord } from "./jobRecord.ts";
import { printTold } from "./results.ts";

/** Milliseconds that a round under way gets to end after a SIGTERM. */
const LAST_ROUND_MS = 30_000;

export interface MonitorCommandOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly forever?: boolean;
  /** When it ends by itself, unless it goes on for ever. */
  readonly until?: "ended" | "settled";
  /** `HOST:PORT` that serves the figures. */
  readonly metrics?: string;
  readonly since?: number;
  /** Whether changes of status are told beside the results. */
  readonly changes?: boolean;
  /** Ends as after a SIGTERM when stdin is closed. */
  readonly stopOnEof?: boolean;
}

/** `monitor`: until the workflow's jobs have ended, or are settled, or it is told to stop. */
export async function monitor(context: Context, options: MonitorCommandOptions): Promise<number> {
  const { io } = context;
  checkUsage(options);
  const workflow = workflowOf(context, options);
  // What is under way at a SIGTERM is finished: only after a while is it cut off.
  const work = new AbortController();
  setMaxListeners(0, work.signal);
  const input = options.stopOnEof === true ? io.stdin : undefined;
  const stop = input === undefined ? io.signal : AbortSignal.any([io.signal, endOf(input)]);
  let cutOff: NodeJS.Timeout | undefined;
  stop.addEventListener("abort", () => {
    cutOff = setTimeout(() => work.abort(), LAST_ROUND_MS);
  });
  const working = context.withSignal(work.signal);
  const metrics =
    options.metrics === undefined ? undefined : await startMetrics(context, workflow, options.metrics);
  const report = new Report(context, workflow, options);
  try {
    const onRound = (round: Round) => {
      report.tell(round);
      metrics?.record(round);
    };
    const until = options.forever === true ? "stopped" : (options.until ?? "ended");
    await runMonitor(working, workflow, { until, stop, onRound });
  } finally {
    clearTimeout(cutOff);
    // Left open, it would keep the process alive.
    input?.destroy();
    await metrics?.close();
    working.close();
  }
  if (io.stoppedBy() === "SIGINT") io.signal.throwIfAborted();
  return 0;
}

/** @throws GaswError USAGE */
function checkUsage({ output, since, changes }: MonitorCommandOptions): void {
  if (output === "ndjson") return;
  if (since !== undefined) {
    throw new GaswError("USAGE", "--since requires -o ndjson", {
      hint: "use `monitor -o ndjson`, whose results --since resumes",
    });
  }
  if (changes === true) {
    throw new GaswError("USAGE", "--changes requires -o ndjson", {
      hint: "leave it out: as text, the monitor prints every change",
    });
  }
}

/** Aborts when a stream has ended: also when the program at its other end was killed. */
function endOf(input: NodeJS.ReadStream): AbortSignal {
  const ended = new AbortController();
  for (const event of ["end", "close", "error"]) input.once(event, () => ended.abort());
  input.resume();
  return ended.signal;
}

function workflowOf(context: Context, { workflow: named, forever }: MonitorCommandOptions): StoredWorkflow {
  const { directory, workflow } = resolve(context, { cwd: context.io.cwd, workflow: named });
  if (directory === undefined) {
    throw new GaswError("USAGE", "no workflow given, and the current directory is not a workflow directory", {
      hint: "add --workflow DIR",
    });
  }
  if (workflow !== undefined) return workflow;
  if (forever !== true) throw unknownWorkflow(context, directory);
  return context.store.workflows.register({
    id: path.basename(directory),
    directory,
    namespace: context.config.k8sNamespace,
  });
}

async function startMetrics(context: Context, workflow: StoredWorkflow, address: string) {
  const { Metrics } = await import("../services/sync/metrics.ts");
  const metrics = await Metrics.start(context.store, workflow, address);
  context.io.stderr.write(`serving metrics at http://${metrics.address}/metrics\n`);
  return metrics;
}

/**
 * What a monitor says: a line for every change, or the results as NDJSON, with the changes if they are asked for; an
 * outage is told once, and its end.
 */
class Report {
  readonly #context: Context;
  readonly #workflow: StoredWorkflow;
  readonly #isNdjson: boolean;
  readonly #tellsChanges: boolean;
  readonly #endsSettled: boolean;
  readonly #known = new Map<string, string>();
  #cursor: number;
  #troubles: ReadonlySet<ErrorCode> = new Set();
  /** What was said last of the jobs that are held, while nothing else is left. */
  #settled = "";

  constructor(context: Context, workflow: StoredWorkflow, options: MonitorCommandOptions) {
    const { output, since, until, changes } = options;
    this.#context = context;
    this.#workflow = workflow;
    this.#isNdjson = output === "ndjson";
    this.#tellsChanges = changes === true;
    this.#endsSettled = until === "settled";
    this.#cursor = since ?? 0;
  }

  tell({ looked, failures }: Round): void {
    const misconfigured = failures.find(({ code }) => code === "CONFIG");
    if (misconfigured !== undefined) throw misconfigured;
    // One outage has many words: a connection that breaks is refused later.
    const fresh = failures.filter(({ code }) => !this.#troubles.has(code));
    if (fresh.length > 0) this.#context.warn(`${fresh.map(({ message }) => message).join("; ")}: retrying`);
    const troubles = new Set(failures.map(({ code }) => code));
    // What was not asked has not answered.
    if (!looked && this.#troubles.has("CLUSTER")) troubles.add("CLUSTER");
    if (troubles.size === 0 && this.#troubles.size > 0) this.#context.warn("connections restored");
    this.#troubles = troubles;
    if (this.#tellsChanges) this.#printChangeRecords();
    if (this.#isNdjson) this.#tellResults();
    else this.#printChanges();
    this.#tellSettled();
  }

  /** Says, once nothing else is left, that held jobs are: nobody but a person ends that. */
  #tellSettled(): void {
    const { io, store } = this.#context;
    const jobs = hasSettled(this.#context, this.#workflow) ? store.jobs.newest(this.#workflow) : [];
    const held = jobs.filter(({ status }) => isHeld(status)).length;
    const what = `waiting until ${held === 1 ? "it is" : "they are"} released or cancelled`;
    const text = held === 0 ? "" : `${outcomeCounts(jobs)}${this.#endsSettled ? "" : `: ${what}`}`;
    if (text !== "" && text !== this.#settled) io.stderr.write(`${text}\n`);
    this.#settled = text;
  }

  #tellResults(): void {
    const { io, store } = this.#context;
    const told = store.results.tell(this.#workflow, this.#cursor);
    printTold(io, told);
    this.#cursor = told.at(-1)?.cursor ?? this.#cursor;
  }

  #printChanges(): void {
    const { io, store } = this.#context;
    const changed = this.#changed();
    for (const job of changed)
      io.stdout.write(`${io.now().toISOString()} ${printable(job.id)} ${stateOf(job)}\n`);
    if (changed.length > 0) {
      io.stderr.write(`${summary(store.jobs.newest(this.#workflow).map(jobRecord))}\n`);
    }
  }

  /** They have no cursor: a monitor that is started again begins with the status of each job. */
  #printChangeRecords(): void {
    for (const job of this.#changed()) {
      this.#context.io.stdout.write(`${JSON.stringify({ kind: "change", ...jobRecord(job) })}\n`);
    }
  }

  /** The jobs whose status or reason is another one than when this was asked last. */
  #changed(): StoredJob[] {
    const changed = this.#context.store.jobs
      .all(this.#workflow)
      .filter((job) => this.#known.get(job.id) !== stateOf(job));
    for (const job of changed) this.#known.set(job.id, stateOf(job));
    return changed;
  }
}

function stateOf({ status, reason }: StoredJob): string {
  return `${status} ${reason ?? ""}`.trim();
}
