import { type Command, Option } from "commander";
import { cursorOption, statusDirectory, type Terms, WORKFLOW_OPTION, withCommonOptions } from "./options.ts";

/** Adds `monitor`. */
export function addMonitor(program: Command, { io, runWithContext }: Terms): void {
  withCommonOptions(program.command("monitor"), ["text", "ndjson"])
    .description(
      "Monitors a workflow until its jobs have ended: retries failed jobs, handles signals and keeps the GASW database up to date.",
    )
    .option(...WORKFLOW_OPTION)
    .addOption(
      new Option(
        "--until <when>",
        "when to end: when all jobs have ended (default), or already when only held jobs are left",
      )
        .choices(["ended", "settled"])
        .conflicts("forever"),
    )
    .option("--forever", "keep running after all jobs have ended, until SIGTERM")
    .option(
      "--stop-on-eof",
      "stop when stdin is closed, so that the monitor ends with the program that started it",
    )
    .option("--metrics <address>", "serve Prometheus metrics at HOST:PORT")
    .addOption(
      new Option("--since <cursor>", "with -o ndjson: only lines after this cursor").argParser(cursorOption),
    )
    .option(
      "--changes",
      "with -o ndjson: also print a line for each change of a job's status, to show progress",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s monitor\n  gasw-k8s monitor --forever --metrics 127.0.0.1:9464\n  gasw-k8s monitor --until settled -o ndjson --since 42\n",
    )
    .action(async (given) => {
      const { monitor } = await import("../commands/monitor.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => monitor(context, given));
    });
}
