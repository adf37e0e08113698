import { type Command, Option } from "commander";
import { durationOption, QUIET_OPTION, type Terms, withCommonOptions } from "./options.ts";
import { statedOptions, withRequestOptions } from "./requestOptions.ts";

/** Adds `submit`. */
export function addSubmit(program: Command, { io, outcome, runWithContext }: Terms): void {
  const command = withCommonOptions(program.command("submit [script...]"), ["text", "json", "ndjson"])
    .description(
      "Prepares the workflow's volumes and runs each script as a Kubernetes Job. Prints one job id per line.",
    )
    .option(
      "--workflow <dir>",
      "workflow directory (default: the parent of the script's sh/, or else the current directory)",
    )
    .option(...QUIET_OPTION)
    .option("--from <file>", "read requests as NDJSON from a file, or from stdin (-)")
    .option(
      "--wait",
      "wait until the jobs have ended; exit with their highest exit code (with -o json or ndjson, also print how each ended)",
    )
    .option(
      "--wait-timeout <duration>",
      "with --wait: stop waiting after this time (exit code 124)",
      durationOption,
    )
    .addOption(
      new Option("--dry-run [kind]", "show what would be created, without creating it")
        .choices(["client", "server"])
        .preset("client"),
    );
  withRequestOptions(command)
    .addHelpText(
      "after",
      '\nExamples:\n  gasw-k8s submit sh/Job-1.sh --memory 2Gi\n  gasw-k8s submit sh/*.sh --wait\n  gasw-k8s submit sh/Job-2.sh --resource nvidia.com/mig-1g.5gb=1 --dry-run=server\n  echo \'{"script":"sh/Job-1.sh","cpu":"2"}\' | gasw-k8s submit --from -\n',
    )
    .action(async (scripts: string[], given) => {
      outcome.waits = given.wait === true;
      outcome.options = given;
      const { submit, submitDirectory } = await import("../commands/submit.ts");
      await runWithContext(given, submitDirectory(scripts, given, io.cwd), (context) =>
        submit(context, scripts, { ...given, request: statedOptions(given) }),
      );
    });
}
