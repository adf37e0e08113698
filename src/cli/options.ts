import { type Command, InvalidArgumentError, Option } from "commander";
import type { LoadedConfig } from "../config/load/load.ts";
import { parseDuration } from "../config/schema/duration.ts";
import type { Context } from "../context.ts";
import { targetDirectory } from "../services/workflow/known.ts";
import type { Io, OutputFormat } from "../ui/io.ts";

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly output: OutputFormat;
  readonly verbose?: boolean;
  readonly workflow?: string;
}

/** What became of a run; commander's actions return nothing themselves. */
export interface Outcome {
  exitCode: number;
  options: CommonOptions | undefined;
  /** Whether exit codes 1 to 124 belong to the jobs, so that a failure of this tool must be told apart. */
  waits: boolean;
  /** Whether the command only watches, so that Ctrl-C is not an error. */
  watches: boolean;
}

/** What a command is built with. */
export interface Terms {
  readonly io: Io;
  readonly outcome: Outcome;
  /** The configuration, with what the command line says in its place. */
  readonly load: (options: CommonOptions, workflowDir: string | undefined) => Promise<LoadedConfig>;
  readonly runWithContext: RunWithContext;
}

/**
 * Runs a command's body with a context made from the common options, and sees to it that everything is
 * closed.
 */
type RunWithContext = (
  options: CommonOptions,
  workflowDir: string | undefined,
  body: (context: Context) => Promise<number>,
) => Promise<void>;

export const WORKFLOW_OPTION = [
  "--workflow <dir>",
  "workflow directory (default: the current directory, or the one around it)",
] as const;

/** The options that mean the same for every command: a group of their own in its help. */
const SHARED_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ["--config <file>", "configuration file to use instead of all others"],
  ["-n, --namespace <name>", "Kubernetes namespace"],
  ["--kubeconfig <file>", "kubeconfig file"],
  ["--context <name>", "kubeconfig context"],
  ["-v, --verbose", "show the causes of an error"],
];

/** Adds the options that every command takes. */
export function withCommonOptions(
  command: Command,
  formats: readonly OutputFormat[] = ["text", "json"],
): Command {
  command.addOption(new Option("-o, --output <format>", "output format").choices(formats).default("text"));
  for (const [flags, description] of SHARED_OPTIONS)
    command.addOption(new Option(flags, description).helpGroup("Common options:"));
  return command;
}

/** Lets a command that prints ids, or a table that begins with them, print nothing else. */
export const QUIET_OPTION = ["-q, --quiet", "print ids only"] as const;

/** Lets a command that only waits do so in silence. */
export const QUIET_WAIT_OPTION = ["-q, --quiet", "do not say on stderr what is being waited for"] as const;

/** Seconds from a duration given as an option. */
export function durationOption(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('expected a duration such as 90, "90s", "15m" or "2h".');
  return seconds;
}

/** A reader's place in the results. */
export function cursorOption(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new InvalidArgumentError("expected the cursor of a result (a whole number).");
  return Number(text);
}

/** The number of an attempt, as people see it. */
export function attemptOption(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError("expected the number of an attempt: 1 for the first.");
  return Number(text);
}

/** The workflow directory whose files must not count as configuration. */
export function statusDirectory(given: CommonOptions, io: Io): string | undefined {
  return targetDirectory(given.workflow, io.cwd);
}
