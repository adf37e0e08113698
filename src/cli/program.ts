import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type LoadedConfig, loadConfig } from "../config/load/load.ts";
import { Context } from "../context.ts";
import { GASW_STATUSES } from "../core/job.ts";
import { asGaswError, GaswError, systemCode } from "../errors.ts";
import type { Io } from "../ui/io.ts";
import { type ErrorStyle, errorReport } from "../ui/output.ts";
import { addActions, addMonitor } from "./actions.ts";
import { addCleanup } from "./cleanup.ts";
import { addDebugCommands } from "./debug.ts";
import {
  type CommonOptions,
  cursorOption,
  durationOption,
  type RunWithContext,
  statusDirectory,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

const EXIT_USAGE = 2;
const EXIT_OWN_FAILURE = 125;

/** What became of a run; commander's actions return nothing themselves. */
interface Outcome {
  exitCode: number;
  options: CommonOptions | undefined;
  /** Whether exit codes 1 to 124 belong to the jobs, so that a failure of this tool must be told apart. */
  waits: boolean;
}

/**
 * Runs one command line.
 * @param argv the arguments after the program's name
 * @returns the exit code
 */
export async function run(argv: readonly string[], io: Io, version: string): Promise<number> {
  const outcome: Outcome = { exitCode: 0, options: undefined, waits: false };
  const program = buildProgram(argv[0], io, version, outcome);
  try {
    await program.parseAsync(explicitDryRun(argv), { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    return report(error, argv, io, outcome);
  }
}

/** The one place where errors reach the user. */
function report(error: unknown, argv: readonly string[], io: Io, { options, waits }: Outcome): number {
  // The help that was asked for, or that stands in for a missing command, is written already.
  if (error instanceof CommanderError && /^commander\.(help|version)/.test(error.code))
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (systemCode(error) === "EPIPE") return 0;
  const known = worded(io.signal.aborted && isOfInterrupt(error) ? interrupted(error) : error);
  io.stderr.write(errorReport(known, options ?? guessedStyle(argv)));
  const isOwn = waits && known.code !== "TIMEOUT" && known.code !== "INTERRUPTED";
  return isOwn ? EXIT_OWN_FAILURE : known.exitCode;
}

/** A bare `--dry-run` would take the script after it for its kind. */
function explicitDryRun(argv: readonly string[]): string[] {
  const isKind = (word: string | undefined) => word === "client" || word === "server";
  return argv.map((word, index) =>
    word === "--dry-run" && !isKind(argv[index + 1]) ? "--dry-run=client" : word,
  );
}

function worded(error: unknown): GaswError {
  return error instanceof CommanderError ? wrongUsage(error.message) : asGaswError(error);
}

/** The parser's words, whose second line may be a suggestion. */
function wrongUsage(text: string): GaswError {
  const [first = "", suggestion = ""] = text.replace(/^error: /, "").split("\n");
  const meant = /^\(Did you mean (.+)\?\)$/.exec(suggestion)?.[1];
  return new GaswError("USAGE", first, {
    hint: `${meant === undefined ? "" : `did you mean ${meant}? `}see gasw-k8s --help, or gasw-k8s COMMAND --help`,
  });
}

/** How errors are to be shown where the command line itself could not be read. */
function guessedStyle(argv: readonly string[]): ErrorStyle {
  const isForPrograms = /(?:^|\0)(?:-o\0?=?|--output[\0=])(?:nd)?json(?:\0|$)/.test(argv.join("\0"));
  return { output: isForPrograms ? "json" : "text" };
}

/** Whether a Ctrl-C is behind the error; what has words of its own and another cause went wrong by itself. */
function isOfInterrupt(error: unknown): boolean {
  if (error instanceof Error && error.name === "AbortError") return true;
  if (error instanceof CommanderError) return false;
  return error instanceof GaswError ? error.cause instanceof Error && isOfInterrupt(error.cause) : true;
}

function interrupted(cause: unknown): GaswError {
  return new GaswError("INTERRUPTED", "interrupted: jobs in the cluster continue", {
    hint: "see `gasw-k8s status`; repeating any command is safe, and each job is created only once",
    cause,
  });
}

function buildProgram(command: string | undefined, io: Io, version: string, outcome: Outcome): Command {
  const program = new Command("gasw-k8s")
    .description("Runs GASW jobs on Kubernetes.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Reported with all other errors.
      outputError: () => undefined,
    })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s submit sh/Job-1.sh\n  gasw-k8s status --watch\n  gasw-k8s debug why Job-1\n  gasw-k8s cleanup --yes\n",
    );
  const runWithContext: RunWithContext = async (options, workflowDir, body) => {
    outcome.options = options;
    const loaded = await load(io, options, workflowDir);
    const context = new Context(io, loaded);
    for (const warning of loaded.warnings) context.warn(warning);
    try {
      outcome.exitCode = await body(context);
    } finally {
      context.close();
    }
  };
  const add: Readonly<Record<string, () => void>> = {
    submit: () => addSubmit(program, io, outcome, runWithContext),
    status: () => addStatus(program, io, runWithContext),
    monitor: () => addMonitor(program, io, runWithContext),
    wait: () => addWait(program, outcome, io, runWithContext),
    cancel: () => addActions(program, io, runWithContext, "cancel"),
    retry: () => addActions(program, io, runWithContext, "retry"),
    release: () => addActions(program, io, runWithContext, "release"),
    cleanup: () => addCleanup(program, io, runWithContext),
    debug: () => addDebugCommands(program, io, runWithContext),
    config: () => addConfig(program, io, outcome, runWithContext),
  };
  // An engine starts `submit` once per job: what another command's options would cost is not paid then.
  const asked = Object.hasOwn(add, command ?? "") ? [command as string] : Object.keys(add);
  for (const name of asked) add[name]?.();
  return program;
}

function load(io: Io, options: CommonOptions, workflowDir: string | undefined): Promise<LoadedConfig> {
  return loadConfig({
    cwd: io.cwd,
    env: io.env,
    file: options.config,
    workflowDir,
    overrides: {
      k8sNamespace: options.namespace,
      k8sKubeConfig: options.kubeconfig,
      k8sContext: options.context,
    },
  });
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

function addSubmit(program: Command, io: Io, outcome: Outcome, runWithContext: RunWithContext): void {
  withCommonOptions(program.command("submit [script...]"), ["text", "json", "ndjson"])
    .description(
      "Prepares the workflow's volumes and runs each script as a Kubernetes Job. Prints one job id per line.",
    )
    .option(...WORKFLOW_OPTION)
    .option("--from <file>", "read requests as NDJSON from a file, or from stdin (-)")
    .option("--wait", "wait until the jobs have ended; exit with their highest exit code")
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
    .option("--memory <quantity>", "memory request and limit, such as 4Gi")
    .option("--gpu <number>", "number of GPUs")
    .option("--timeout <duration>", "maximum run time of the job's pod")
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
      '\nExamples:\n  gasw-k8s submit sh/Job-1.sh --memory 2Gi\n  gasw-k8s submit sh/*.sh --wait\n  echo \'{"script":"sh/Job-1.sh","cpu":"2"}\' | gasw-k8s submit --from -\n',
    )
    .action(async (scripts: string[], given) => {
      outcome.waits = given.wait === true;
      outcome.options = given;
      const { submit, submitDirectory } = await import("../commands/submit.ts");
      const { image, cpu, memory, gpu, timeout, queue, invocationId, command, parameters } = given;
      const request = Object.fromEntries(
        Object.entries({ image, cpu, memory, gpu, timeout, queue, invocationId, command, parameters }).filter(
          ([, value]) => value !== undefined,
        ),
      );
      await runWithContext(given, submitDirectory(scripts, given, io.cwd), (context) =>
        submit(context, scripts, { ...given, request }),
      );
    });
}

function addStatus(program: Command, io: Io, runWithContext: RunWithContext): void {
  withCommonOptions(program.command("status [job...]"), ["text", "json", "ndjson"])
    .description(
      "Queries the cluster once and shows the jobs of the workflow, or all active jobs of this host outside a workflow.",
    )
    .option(...WORKFLOW_OPTION)
    .option("-q, --quiet", "print job ids only")
    .option("--watch", "keep showing the jobs until all have ended")
    .option("--cached", "show the last known state without querying the cluster")
    .option("--sync", "also handle signals from the GASW database, retry failed jobs and update the database")
    .option("--history", "show all attempts of each job, and when and why their status changed")
    .option(
      "--max-age <duration>",
      "query the cluster only if the last query is older than this",
      durationOption,
    )
    .addOption(
      new Option("--since <cursor>", "with --sync -o ndjson: only results after this cursor").argParser(
        cursorOption,
      ),
    )
    .addOption(
      new Option("--status <list>", "only jobs in these statuses (comma-separated)").argParser(statusList),
    )
    .option("--older-than <duration>", "only jobs submitted at least this long ago", durationOption)
    .option("--newer-than <duration>", "only jobs submitted at most this long ago", durationOption)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s status\n  gasw-k8s status Job-1 -o json\n  gasw-k8s status --status ERROR,STALLED -q\n  gasw-k8s status --sync\n  gasw-k8s status --sync -o ndjson --since 42\n",
    )
    .action(async (jobs: string[], given) => {
      const { status } = await import("../commands/status.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => status(context, jobs, given));
    });
}

function statusList(text: string): string[] {
  const list = text.split(",").map((status) => status.trim().toUpperCase());
  const unknown = list.find((status) => !GASW_STATUSES.some((known) => known === status));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`${unknown} is not a status; use ${GASW_STATUSES.join(", ")}.`);
  return list;
}

function addWait(program: Command, outcome: Outcome, io: Io, runWithContext: RunWithContext): void {
  withCommonOptions(program.command("wait <job...>"), ["text", "json", "ndjson"])
    .description(
      "Waits until the jobs have ended; exits with their highest exit code (125: failure of gasw-k8s itself). " +
        "Prints results only with -o json (at the end) or -o ndjson (each job as it ends).",
    )
    .option(...WORKFLOW_OPTION)
    .option("--wait-timeout <duration>", "stop waiting after this time (exit code 124)", durationOption)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s wait Job-1 --wait-timeout 2h\n  gasw-k8s wait Job-1 Job-2 -o ndjson\n",
    )
    .action(async (jobs: string[], given) => {
      outcome.waits = true;
      outcome.options = given;
      const { wait } = await import("../commands/wait.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => wait(context, jobs, given));
    });
}

function addConfig(program: Command, io: Io, outcome: Outcome, runWithContext: RunWithContext): void {
  const config = program.command("config").description("Shows, checks and creates the configuration.");
  withCommonOptions(config.command("show"))
    .description("Shows the effective configuration with the source of each value. Secrets are masked.")
    .action(async (given) => {
      const { configShow } = await import("../commands/config.ts");
      await runWithContext(given, statusDirectory(given, io), async ({ loaded }) => {
        await configShow(io, loaded, given);
        return 0;
      });
    });
  withCommonOptions(config.command("check"))
    .description("Checks the configuration. Lists all problems and exits with 3 if there are any.")
    .action(async (given) => {
      outcome.options = given;
      const { configCheck } = await import("../commands/config.ts");
      const directory = statusDirectory(given, io);
      await configCheck(io, () => load(io, given, directory), given);
    });
  config
    .command("init [file]")
    .description("Writes a starter configuration file. Never overwrites an existing file.")
    .action(async (file: string | undefined) => {
      const { configInit } = await import("../commands/config.ts");
      await configInit(io, { path: file ?? "gasw-k8s.config.yaml" });
    });
  config
    .command("schema")
    .description("Prints the configuration's JSON Schema.")
    .action(async () => {
      const { configSchema } = await import("../commands/config.ts");
      await configSchema(io);
    });
}
