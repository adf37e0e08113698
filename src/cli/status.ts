import { type Command, InvalidArgumentError, Option } from "commander";
import { GASW_STATUSES, LOCAL_STATUSES } from "../core/job.ts";
import {
  cursorOption,
  durationOption,
  QUIET_OPTION,
  statusDirectory,
  type Terms,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

const COLUMNS = `
Columns:
  AGE     time from the submission (of this attempt) to its end, or until now
  WAITED  time from the submission until the job's container began to run
  RAN     how long the container ran, or has run so far (the cluster's times are
          whole seconds)
A terminal that is too narrow shows the first words of a REASON, then no WAITED,
RAN, NODE and AGE. -o json has the times themselves.`;

/** Adds `status`. */
export function addStatus(program: Command, { io, outcome, runWithContext }: Terms): void {
  withCommonOptions(program.command("status [job...]"), ["text", "json", "ndjson"])
    .description(
      "Queries the cluster once and shows the jobs of the workflow, or all active jobs of this host outside a workflow.",
    )
    .option(...WORKFLOW_OPTION)
    .option(...QUIET_OPTION)
    .option("-w, --watch", "keep showing the jobs until all have ended")
    .option("--cached", "show the last known state without querying the cluster")
    .option("--sync", "also handle signals from the GASW database, retry failed jobs and update the database")
    .option("--history", "show all attempts of each job, and when and why their status changed")
    .option(
      "--max-age <duration>",
      "query the cluster only if the last query is older than this",
      durationOption,
    )
    .addOption(
      new Option("--since <cursor>", "with --sync -o ndjson: only lines after this cursor").argParser(
        cursorOption,
      ),
    )
    .addOption(
      new Option("--status <list>", "only jobs in these statuses (comma-separated)").argParser(statusList),
    )
    .option("--older-than <duration>", "only jobs submitted at least this long ago", durationOption)
    .option("--newer-than <duration>", "only jobs submitted at most this long ago", durationOption)
    .addHelpText("after", COLUMNS)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s status\n  gasw-k8s status Job-1 -o json\n  gasw-k8s status --status ERROR,STALLED -q\n  gasw-k8s status --sync\n  gasw-k8s status --sync -o ndjson --since 42\n",
    )
    .action(async (jobs: string[], given) => {
      outcome.watches = given.watch === true;
      const { status } = await import("../commands/status.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => status(context, jobs, given));
    });
}

function statusList(text: string): string[] {
  const list = text.split(",").map((status) => status.trim().toUpperCase());
  const unknown = list.find((status) => !GASW_STATUSES.some((known) => known === status));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`${unknown} is not a status; use ${LOCAL_STATUSES.join(", ")}.`);
  return list;
}
