import { type Command, Option } from "commander";
import { durationOption, QUIET_OPTION, type Terms, withCommonOptions } from "./options.ts";

/** The options that state one value of a request each, by their names in it. */
const REQUEST_OPTIONS = [
  "image",
  "cpu",
  "cpuLimit",
  "memory",
  "ephemeralStorage",
  "gpu",
  "timeout",
  "gracePeriod",
  "queue",
  "invocationId",
  "command",
  "parameters",
];

/** Adds `submit`. */
export function addSubmit(program: Command, { io, outcome, runWithContext }: Terms): void {
  withCommonOptions(program.command("submit [script...]"), ["text", "json", "ndjson"])
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
    )
    .option("--image <name>", "container image")
    .option("--cpu <quantity>", "CPU request, such as 2 or 500m")
    .option("--cpu-limit <quantity>", "CPU limit, at least the CPU request (default: none)")
    .option("--memory <quantity>", "memory request and limit, such as 4Gi")
    .option(
      "--ephemeral-storage <quantity>",
      "request and limit of temporary storage on the node, such as 10Gi",
    )
    .option("--gpu <number>", "number of GPUs (nvidia.com/gpu)")
    .option(
      "--resource <name=qty>",
      "amount of another resource, such as nvidia.com/mig-1g.5gb=1, amd.com/gpu=2 or hugepages-2Mi=1Gi (may be repeated)",
      collect,
    )
    .option("--timeout <duration>", "maximum run time of the job's pod")
    .option("--grace-period <duration>", "time between SIGTERM and SIGKILL when the job is stopped")
    .option("--queue <name>", "Kueue local queue")
    .option("--env <key=value>", "environment variable (may be repeated)", collect)
    .option(
      "--invocation-id <number>",
      "invocation id to store in the GASW database (part of the job's content)",
    )
    .option("--command <text>", "command to store in the GASW database (part of the job's content)")
    .option("--parameters <text>", "parameters to store in the GASW database (part of the job's content)")
    .addHelpText(
      "after",
      '\nExamples:\n  gasw-k8s submit sh/Job-1.sh --memory 2Gi\n  gasw-k8s submit sh/*.sh --wait\n  gasw-k8s submit sh/Job-2.sh --resource nvidia.com/mig-1g.5gb=1 --dry-run=server\n  echo \'{"script":"sh/Job-1.sh","cpu":"2"}\' | gasw-k8s submit --from -\n',
    )
    .action(async (scripts: string[], given) => {
      outcome.waits = given.wait === true;
      outcome.options = given;
      const { submit, submitDirectory } = await import("../commands/submit.ts");
      const request = Object.fromEntries(
        REQUEST_OPTIONS.map((name) => [name, given[name]]).filter(([, value]) => value !== undefined),
      );
      await runWithContext(given, submitDirectory(scripts, given, io.cwd), (context) =>
        submit(context, scripts, { ...given, request }),
      );
    });
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}
