import { type Command, Option } from "commander";
import {
  attemptOption,
  type CommonOptions,
  statusDirectory,
  type Terms,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

/** What the subcommands of `debug` are added with. */
interface Adder {
  readonly debug: Command;
  readonly outcome: Terms["outcome"];
  readonly run: Terms["runWithContext"];
  /** The workflow directory whose files must not count as configuration. */
  directory(given: CommonOptions): string | undefined;
}

const JOB_HELP = "\nJOB is a job id or a unique prefix of one, the path of a script, or a Kubernetes name.\n";

/** Adds `debug` and its subcommands. */
export function addDebugCommands(program: Command, { io, outcome, runWithContext }: Terms): void {
  const debug = program
    .command("debug")
    .description("Inspects pods, jobs and volumes; shows logs and opens terminals.")
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s debug why Job-1\n  gasw-k8s debug logs Job-1 -f\n  gasw-k8s debug shell Job-1\n  gasw-k8s debug pods --workflow .\n",
    );
  const adder: Adder = {
    debug,
    outcome,
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
  return withCommonOptions(command, formats).option(...WORKFLOW_OPTION);
}

function addWhy({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("why <job>"))
    .description(
      "Explains in one sentence why a job is waiting, running or has ended, and what to do about it.",
    )
    .addHelpText(
      "after",
      `${JOB_HELP}\nExamples:\n  gasw-k8s debug why Job-1\n  gasw-k8s debug why Job-1 -o json\n`,
    )
    .action(async (job: string, given) => {
      const { why } = await import("../commands/debug/why.ts");
      await run(given, directory(given), (context) => why(context, job, given));
    });
}

function addLogs({ debug, outcome, run, directory }: Adder): void {
  withJobOptions(debug.command("logs <job>"), ["text"])
    .description(
      "Shows a job's stdout and stderr, then the log of its pod. Prints a header for each on stderr.",
    )
    .option(
      "-f, --follow",
      "follow the output until the job has ended; wait for the job to start if necessary",
    )
    .addOption(new Option("--stdout-only", "show only the job's stdout").conflicts("stderrOnly"))
    .option("--stderr-only", "show only the job's stderr")
    .addOption(
      new Option("--attempt <number>", "show this attempt of the job, as numbered by `status`").argParser(
        attemptOption,
      ),
    )
    .addHelpText(
      "after",
      `${JOB_HELP}\nReads out/JOB.sh.out and err/JOB.sh.err from the workflow directory if it is on this host,\notherwise from the running container or through a temporary pod.\n\nExamples:\n  gasw-k8s debug logs Job-1\n  gasw-k8s debug logs Job-1 -f\n  gasw-k8s debug logs Job-1 --stderr-only | tail -20\n`,
    )
    .action(async (job: string, given) => {
      outcome.watches = given.follow === true;
      const { logs } = await import("../commands/debug/logs.ts");
      await run(given, directory(given), (context) => logs(context, job, given));
    });
}

function addShell({ debug, run, directory }: Adder): void {
  withJobOptions(debug.command("shell <job>"), ["text"])
    .description(
      "Opens a shell in the running job, or, if it has ended, in a new pod with its image, volumes and directory.",
    )
    .option("-T, --no-tty", "do not allocate a terminal; read commands from stdin")
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
    .description("Runs a command in the container of a running job. Exits with the command's exit code.")
    .option("-T, --no-tty", "do not allocate a terminal")
    // As `kubectl exec -it` has them: stdin is passed on anyhow, and a terminal is allocated where there is one.
    .addOption(new Option("-i, --stdin").hideHelp())
    .addOption(new Option("-t, --tty").hideHelp())
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
    description: "Lists pods with their job, status, node and reason for waiting.",
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
    description: "Lists the nodes and their allocatable resources.",
  },
  {
    name: "pv",
    alias: "volumes",
    command: "volumes",
    others: true,
    description: "Lists volumes with their claim, source, workflow, host and last use.",
  },
  {
    name: "pvc",
    alias: "claims",
    command: "claims",
    others: true,
    description: "Lists claims with their volume, workflow, host and last use.",
  },
];

function addLists({ debug, run, directory }: Adder): void {
  for (const { name, alias, command, description, others } of LISTS) {
    const list = withCommonOptions(debug.command(name))
      .alias(alias)
      .description(description)
      .option("-q, --quiet", "print names only");
    if (others) {
      list
        .option("--workflow <dir>", "show only objects of this workflow")
        .addOption(
          new Option("-A, --all-namespaces", "show objects in all namespaces").conflicts([
            "namespace",
            "workflow",
          ]),
        )
        .option("--all", "also show objects that gasw-k8s did not create");
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
