import { type Command, Option } from "commander";
import type { Io } from "../ui/io.ts";
import {
  attemptOption,
  type CommonOptions,
  type RunWithContext,
  statusDirectory,
  withCommonOptions,
} from "./options.ts";

/** What the subcommands of `debug` are added with. */
interface Adder {
  readonly debug: Command;
  readonly run: RunWithContext;
  /** The workflow directory whose files must not count as configuration. */
  directory(given: CommonOptions): string | undefined;
}

const JOB_HELP =
  "\nJOB is a job's id or the beginning of one, its script's path, or its name in Kubernetes.\n";

/** Adds `debug` and its subcommands. */
export function addDebugCommands(program: Command, io: Io, runWithContext: RunWithContext): void {
  const debug = program
    .command("debug")
    .description("Shows and explains pods, jobs and volumes; opens logs and terminals.")
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s debug why Job-1\n  gasw-k8s debug logs Job-1 -f\n  gasw-k8s debug shell Job-1\n  gasw-k8s debug pods --workflow .\n",
    );
  const adder: Adder = {
    debug,
    run: runWithContext,
    directory: (given) => statusDirectory(given, io),
  };
  addWhy(adder);
  addLogs(adder);
  addShell(adder);
  addExec(adder);
  addDescribe(adder);
  addEvents(adder);
  addLists(adder);
}

/** The options of the commands about one job. */
function withJobOptions(command: Command, formats?: readonly ("text" | "json")[]): Command {
  return withCommonOptions(command, formats).option(
    "--workflow <dir>",
    "the workflow's directory (default: the current one, if it is one)",
  );
}

function addWhy({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("why <job>"))
    .description("Says in one sentence why a job waits, runs or ended as it did, and what to do about it.")
    .addHelpText(
      "after",
      `${JOB_HELP}\nExamples:\n  gasw-k8s debug why Job-1\n  gasw-k8s debug why Job-1 -o json\n`,
    )
    .action(async (job: string, given) => {
      const { why } = await import("../commands/debug/why.ts");
      await run(given, directory(given), (context) => why(context, job, given));
    });
}

function addLogs({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("logs <job>"), ["text"])
    .description(
      "Shows what a job wrote: its stdout and stderr, then its pod's own log; a header on stderr names each.",
    )
    .option("-f, --follow", "go on until the job has ended; waits for one that has not begun")
    .addOption(new Option("--stdout-only", "only the job's stdout").conflicts("stderrOnly"))
    .option("--stderr-only", "only the job's stderr")
    .addOption(
      new Option("--attempt <number>", "the job's attempt with this number, as `status` shows it").argParser(
        attemptOption,
      ),
    )
    .addHelpText(
      "after",
      `${JOB_HELP}\nThe files out/JOB.sh.out and err/JOB.sh.err are read here when the workflow directory is at hand,\nelse in the running container, else in a short-lived pod.\n\nExamples:\n  gasw-k8s debug logs Job-1\n  gasw-k8s debug logs Job-1 -f\n  gasw-k8s debug logs Job-1 --stderr-only | tail -20\n`,
    )
    .action(async (job: string, given) => {
      const { logs } = await import("../commands/debug/logs.ts");
      await run(given, directory(given), (context) => logs(context, job, given));
    });
}

function addShell({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("shell <job>"), ["text"])
    .description(
      "Opens a shell in the running job, or in a fresh pod with its image, volumes and directory when it is over.",
    )
    .option("-T, --no-tty", "no terminal: commands are read from stdin")
    .addHelpText(
      "after",
      `${JOB_HELP}\nExamples:\n  gasw-k8s debug shell Job-1\n  echo 'ls -l out' | gasw-k8s debug shell Job-1\n`,
    )
    .action(async (job: string, given) => {
      const { shell } = await import("../commands/debug/terminal.ts");
      await run(given, directory(given), (context) => shell(context, job, given));
    });
}

function addExec({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("exec <job> [command...]"), ["text"])
    .description("Runs a command in the running job's container; exits with the command's exit code.")
    .option("-T, --no-tty", "no terminal, even where there is one")
    .usage("[options] <job> -- <command> [argument...]")
    .addHelpText(
      "after",
      `${JOB_HELP}\nExamples:\n  gasw-k8s debug exec Job-1 -- ps aux\n  gasw-k8s debug exec Job-1 -- tar c results | tar t\n  gasw-k8s debug exec Job-1 -- sh -c 'cat > patch' < patch\n`,
    )
    .action(async (job: string, command: string[], given) => {
      const { exec } = await import("../commands/debug/terminal.ts");
      await run(given, directory(given), (context) => exec(context, job, command, given));
    });
}

function addDescribe({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("describe <kind|job> [name]"))
    .description("Shows a job with its pods, volumes and events, or one object: pod, job, pvc, pv or node.")
    .addHelpText(
      "after",
      `${JOB_HELP}\nValues of environment variables are never shown.\n\nExamples:\n  gasw-k8s debug describe Job-1\n  gasw-k8s debug describe node worker-3\n  gasw-k8s debug describe pvc shareddata-claim\n`,
    )
    .action(async (first: string, name: string | undefined, given) => {
      const { describe } = await import("../commands/debug/describe.ts");
      await run(given, directory(given), (context) => describe(context, first, name, given));
    });
}

function addEvents({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("events <job>"))
    .description("Lists the events of a job, its pods and its claims, oldest first.")
    .addHelpText("after", `${JOB_HELP}\nExamples:\n  gasw-k8s debug events Job-1\n`)
    .action(async (job: string, given) => {
      const { events } = await import("../commands/debug/describe.ts");
      await run(given, directory(given), (context) => events(context, job, given));
    });
}

type Lists = typeof import("../commands/debug/lists.ts");

const LISTS: readonly {
  name: string;
  alias: string;
  command: keyof Lists;
  description: string;
  others: boolean;
}[] = [
  {
    name: "pods",
    alias: "pod",
    command: "pods",
    others: true,
    description: "Lists pods: their job, status, node and what they wait for.",
  },
  {
    name: "jobs",
    alias: "job",
    command: "jobs",
    others: true,
    description: "Lists the Jobs in the cluster.",
  },
  {
    name: "nodes",
    alias: "node",
    command: "nodes",
    others: false,
    description: "Lists the nodes and what they offer.",
  },
  {
    name: "pv",
    alias: "volumes",
    command: "volumes",
    others: true,
    description: "Lists volumes: their claim, source, workflow, host and last use.",
  },
  {
    name: "pvc",
    alias: "claims",
    command: "claims",
    others: true,
    description: "Lists claims: their volume, workflow, host and last use.",
  },
];

function addLists({ debug, run, directory }: Adder): void {
  for (const { name, alias, command, description, others } of LISTS) {
    const list = withCommonOptions(debug.command(name)).alias(alias).description(description);
    if (others) {
      list
        .option("--workflow <dir>", "only those of this workflow")
        .option("--all", "others' too, not only those that gasw-k8s made");
    }
    list
      .addHelpText(
        "after",
        `\nExamples:\n  gasw-k8s debug ${name}\n  gasw-k8s debug ${name}${others ? " --all" : ""} -o json\n`,
      )
      .action(async (given) => {
        const lists = await import("../commands/debug/lists.ts");
        await run(given, directory(given), (context) => lists[command](context, given));
      });
  }
}
