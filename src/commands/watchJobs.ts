import type { Context } from "../context.ts";
import { hasEnded } from "../core/job.ts";
import { follow, isLeftUnsubmitted, tellUnsubmitted } from "../services/sync/follow.ts";
import type { OutputFormat } from "../ui/io.ts";
import { type JobRecord, summary } from "../ui/jobs.ts";
import { liveFrame } from "../ui/liveFrame.ts";
import { printable } from "../ui/output.ts";
import { isWatched, progress } from "../ui/progress.ts";
import { Screen } from "../ui/screen.ts";
import type { Scope } from "./scope.ts";

export interface WatchOptions {
  readonly output: OutputFormat;
  readonly quiet?: boolean;
}

/** Where the jobs are shown while they are watched. */
interface Display {
  /** What is followed warns where it can be read. */
  readonly context: Context;
  show(records: readonly JobRecord[]): void;
  close(): void;
}

/**
 * Shows jobs until all have ended: a live table on a terminal; elsewhere one line (or one NDJSON record) for
 * every change.
 */
export async function watchJobs(
  context: Context,
  scope: Scope,
  records: () => readonly JobRecord[],
  options: WatchOptions,
): Promise<void> {
  const { io } = context;
  const isLive =
    isWatched(io) && io.stdout.isTTY === true && options.output === "text" && options.quiet !== true;
  const display = isLive ? await liveDisplay(context) : changes(context, options);
  try {
    for await (const _ of follow(display.context, scope.workflows)) {
      display.show(records());
      // Where nobody reads any more (`| head`) there is nothing to watch for.
      const left = scope.select().filter((job) => !hasEnded(job.status));
      if (!io.stdout.writable) break;
      if (!left.every((job) => isLeftUnsubmitted(job, context.now()))) continue;
      tellUnsubmitted(display.context, left);
      break;
    }
  } finally {
    display.close();
  }
}

/** A table that is redrawn in place; after a Ctrl-C its last state stays below the prompt. */
async function liveDisplay(context: Context): Promise<Display> {
  const { io } = context;
  const line = await progress(io, { text: "querying the cluster" });
  const warnings: string[] = [];
  let fresh: string[] = [];
  let shown: readonly JobRecord[] = [];
  let screen: Screen | undefined;
  const warn = (message: string) => {
    warnings.push(message);
    fresh.push(message);
    screen?.draw();
  };
  const watching = context.withWarn(warn);
  return {
    context: watching,
    show(records) {
      line.stop();
      shown = records;
      screen ??= new Screen(io, (size) => liveFrame(io, shown, fresh, size));
      screen.draw();
      // The next round has troubles of its own.
      fresh = [];
    },
    close() {
      line.stop();
      screen?.close();
      if (io.signal.aborted && screen !== undefined) {
        const { columns, rows } = io.stdout;
        io.stdout.write(`${liveFrame(io, shown, [], { columns, rows }).join("\n")}\n`);
      }
      watching.close();
      for (const warning of warnings) context.warn(warning);
    },
  };
}

/** A line, or a record, for every job whose status or reason is another one than before. */
function changes(context: Context, { output, quiet }: WatchOptions): Display {
  const { io } = context;
  const known = new Map<string, string>();
  return {
    context,
    show(records) {
      let changed = false;
      for (const record of records) {
        const state = `${record.status} ${record.reason ?? ""}`.trim();
        const key = `${record.namespace}/${record.workflow}/${record.id}`;
        if (known.get(key) === state) continue;
        known.set(key, state);
        changed = true;
        if (output === "ndjson") io.stdout.write(`${JSON.stringify(record)}\n`);
        else if (quiet !== true) io.stderr.write(`${printable(`${record.id}: ${state}`)}\n`);
      }
      if (changed && output !== "ndjson" && quiet !== true) io.stderr.write(`${summary(records)}\n`);
    },
    close: () => undefined,
  };
}
