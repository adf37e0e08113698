import type { Context } from "../../context.ts";
import { readJobLogs } from "../../services/debug/logs.ts";
import { findTarget } from "../../services/debug/target.ts";
import { Sections } from "../../ui/sections.ts";

export interface LogsOptions {
  readonly workflow?: string;
  readonly follow?: boolean;
  readonly stdoutOnly?: boolean;
  readonly stderrOnly?: boolean;
  /** Number of the attempt, from 1; without it, the one that the name means. */
  readonly attempt?: number;
}

/** `debug logs JOB` */
export async function logs(context: Context, name: string, options: LogsOptions): Promise<number> {
  const { workflow, attempt } = options;
  const target = await findTarget(context, name, { workflow, cwd: context.io.cwd, attempt });
  const streams = options.stdoutOnly === true ? "stdout" : options.stderrOnly === true ? "stderr" : "both";
  await readJobLogs(context, target, { streams, follow: options.follow === true }, new Sections(context.io));
  return 0;
}
