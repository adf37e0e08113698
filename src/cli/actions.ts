import { type Command, Option } from "commander";
import type { Io } from "../ui/io.ts";
import {
  cursorOption,
  type RunWithContext,
  statusDirectory,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

/** What each command does, in its help. */
const ACTIONS = {
  cancel: {
    description:
      "Cancels jobs: stops running jobs, and prevents waiting and failed ones from being started or retried. Idempotent.",
    example: "gasw-k8s cancel Job-1 Job-2",
  },
  retry: {
    description: "Resubmits jobs that failed, were cancelled or never reached the cluster. Idempotent.",
    example: "gasw-k8s retry Job-1",
  },
  release: {
    description: "Releases held jobs (ERROR_HELD, STALLED_HELD): submits each one again. Idempotent.",
    example: "gasw-k8s release Job-1",
  },
} as const;

/** Adds one of `cancel`, `retry` and `release`. */
export function addActions(
  program: Command,
  io: Io,
  runWithContext: RunWithContext,
  action: keyof typeof ACTIONS,
): void {
  const { description, example } = ACTIONS[action];
  withCommonOptions(program.command(`${action} <job...>`))
    .description(`${description} Prints the ids of their latest attempts.`)
    .option(...WORKFLOW_OPTION)
    .addHelpText("after", `\nExamples:\n  ${example}\n`)
    .action(async (jobs: string[], given) => {
      const { actOn } = await import("../commands/act.ts");
      await runWithContext(given, statusDirectory(given, io), (context) =>
        actOn(context, action, jobs, given),
      );
    });
}

/** Adds `monitor`. */
export function addMonitor(program: Command, io: Io, runWithContext: RunWithContext): void {
  withCommonOptions(program.command("monitor"), ["text", "ndjson"])
    .description(
      "Monitors a workflow until its jobs have ended: retries failed jobs, handles signals and keeps the GASW database up to date.",
    )
    .option(...WORKFLOW_OPTION)
    .option("--forever", "keep running after all jobs have ended, until SIGTERM")
    .option("--metrics <address>", "serve Prometheus metrics at HOST:PORT")
    .addOption(
      new Option("--since <cursor>", "with -o ndjson: only results after this cursor").argParser(
        cursorOption,
      ),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s monitor\n  gasw-k8s monitor --forever --metrics 127.0.0.1:9464\n  gasw-k8s monitor -o ndjson --since 42\n",
    )
    .action(async (given) => {
      const { monitor } = await import("../commands/monitor.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => monitor(context, given));
    });
}
