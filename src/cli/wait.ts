import type { Command } from "commander";
import {
  durationOption,
  QUIET_WAIT_OPTION,
  statusDirectory,
  type Terms,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

/** Adds `wait`. */
export function addWait(program: Command, { io, outcome, runWithContext }: Terms): void {
  withCommonOptions(program.command("wait <job...>"), ["text", "json", "ndjson"])
    .description(
      "Waits until the jobs have ended; exits with their highest exit code (125: failure of gasw-k8s itself). " +
        "Prints results only with -o json (at the end) or -o ndjson (each job as it ends).",
    )
    .option(...WORKFLOW_OPTION)
    .option(...QUIET_WAIT_OPTION)
    .option("--wait-timeout <duration>", "stop waiting after this time (exit code 124)", durationOption)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s wait Job-1 --wait-timeout 2h\n  gasw-k8s wait Job-1 Job-2 -o ndjson\n",
    )
    .action(async (jobs: string[], given) => {
      outcome.waits = true;
      outcome.watches = true;
      outcome.options = given;
      const { wait } = await import("../commands/wait.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => wait(context, jobs, given));
    });
}
