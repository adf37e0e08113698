import { Command, CommanderError } from "commander";
import { loadConfig } from "../config/load/load.ts";
import { Context } from "../context.ts";
import { asGaswError, GaswError, systemCode } from "../errors.ts";
import type { Io } from "../ui/io.ts";
import { type ErrorStyle, errorReport } from "../ui/output.ts";
import { addActions } from "./actions.ts";
import { addAdopt } from "./adopt.ts";
import { addCleanup } from "./cleanup.ts";
import { type CommandLine, readCommandLine, SHORT_FORMS } from "./commandLine.ts";
import { addConfig } from "./config.ts";
import { addDebugCommands } from "./debug.ts";
import { addEngine } from "./engine.ts";
import { addMonitor } from "./monitor.ts";
import type { Outcome, Terms } from "./options.ts";
import { addStatus } from "./status.ts";
import { addSubmit } from "./submit.ts";
import { addWait } from "./wait.ts";

const EXIT_USAGE = 2;
const EXIT_OWN_FAILURE = 125;
const EXIT_INTERRUPTED = 130;

/** What adds each command, in the order of the help. */
const COMMANDS: Readonly<Record<string, (program: Command, terms: Terms) => void>> = {
  submit: addSubmit,
  status: addStatus,
  monitor: addMonitor,
  wait: addWait,
  cancel: (program, terms) => addActions(program, terms, "cancel"),
  retry: (program, terms) => addActions(program, terms, "retry"),
  release: (program, terms) => addActions(program, terms, "release"),
  adopt: addAdopt,
  cleanup: addCleanup,
  debug: addDebugCommands,
  config: addConfig,
  engine: addEngine,
};

/**
 * Runs one command line.
 * @param given the arguments after the program's name
 * @returns the exit code
 */
export async function run(given: readonly string[], io: Io, version: string): Promise<number> {
  const outcome: Outcome = { exitCode: 0, options: undefined, waits: false, watches: false };
  const line = readCommandLine(given);
  const program = buildProgram(line.path[0], io, version, outcome);
  try {
    await program.parseAsync(line.argv, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    return await report(error, line, io, outcome);
  }
}

/** The one place where errors reach the user. */
async function report(error: unknown, line: CommandLine, io: Io, outcome: Outcome): Promise<number> {
  // The help that was asked for, or that stands in for a missing command, is written already.
  if (error instanceof CommanderError && /^commander\.(help|version)/.test(error.code))
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (systemCode(error) === "EPIPE") return 0;
  const { options, waits, watches } = outcome;
  const isInterrupted = io.signal.aborted && isOfInterrupt(error);
  if (isInterrupted && watches) {
    if (waits && options?.output === "text")
      io.stderr.write("stopped waiting: the jobs continue in the cluster\n");
    return EXIT_INTERRUPTED;
  }
  const known = await worded(isInterrupted ? interrupted(error) : error, line);
  io.stderr.write(errorReport(known, options ?? guessedStyle(line.argv)));
  const isOwn = waits && known.code !== "TIMEOUT" && known.code !== "INTERRUPTED";
  return isOwn ? EXIT_OWN_FAILURE : known.exitCode;
}

async function worded(error: unknown, line: CommandLine): Promise<GaswError> {
  return error instanceof CommanderError ? await wrongUsage(error.message, line) : asGaswError(error);
}

/** The parser's words, whose second line may be a suggestion: of names that look alike, whatever they do. */
async function wrongUsage(text: string, { path, argv }: CommandLine): Promise<GaswError> {
  const [first = "", suggestion = ""] = text.replace(/^error: /, "").split("\n");
  const [, kind, unknown = ""] = /^unknown (command|option) '(.+)'$/.exec(first) ?? [];
  const { insteadOf, insteadOfOption, isTypo } = await import("./otherTools.ts");
  const words = argv.slice(path.length);
  const instead =
    kind === "command"
      ? insteadOf(path.length > 1 ? path[0] : undefined, unknown, words)
      : kind === "option" && insteadOfOption(path, unknown, words);
  const alike = /^\(Did you mean (.+)\?\)$/.exec(suggestion)?.[1];
  const meant = alike !== undefined && isTypo(unknown, alike) ? `did you mean ${alike}? ` : "";
  const jobs = first === "missing required argument 'job'" ? "`gasw-k8s status` lists the jobs; " : "";
  const help = `${jobs}see gasw-k8s --help, or gasw-k8s COMMAND --help`;
  return new GaswError("USAGE", first, { hint: instead ? `${instead}; ${help}` : `${meant}${help}` });
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
    .addHelpText("after", shortForms())
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s submit sh/Job-1.sh\n  gasw-k8s status --watch\n  gasw-k8s debug why Job-1\n  gasw-k8s cleanup --yes\n",
    );
  for (const name of asked(command)) COMMANDS[name]?.(program, termsOf(io, outcome));
  return program;
}

function shortForms(): string {
  const width = Math.max(...Object.keys(SHORT_FORMS).map((form) => form.length));
  const lines = Object.entries(SHORT_FORMS).map(
    ([form, path]) => `  ${form.padEnd(width)}  ${path.join(" ")}`,
  );
  return `\nShort forms:\n${lines.join("\n")}`;
}

/** An engine starts `submit` once per job: what another command's options would cost is not paid then. */
function asked(command = ""): readonly string[] {
  return Object.hasOwn(COMMANDS, command) ? [command] : Object.keys(COMMANDS);
}

function termsOf(io: Io, outcome: Outcome): Terms {
  const load: Terms["load"] = (options, workflowDir) =>
    loadConfig({
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
  return {
    io,
    outcome,
    load,
    runWithContext: async (options, workflowDir, body) => {
      outcome.options = options;
      const loaded = await load(options, workflowDir);
      const context = new Context(io, loaded, workflowDir);
      for (const warning of loaded.warnings) context.warn(warning);
      try {
        outcome.exitCode = await body(context);
      } finally {
        context.close();
      }
    },
  };
}
