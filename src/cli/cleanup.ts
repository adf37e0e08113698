import { type Command, Option } from "commander";
import { GaswError } from "../errors.ts";
import {
  type CommonOptions,
  durationOption,
  QUIET_WAIT_OPTION,
  statusDirectory,
  type Terms,
  WORKFLOW_OPTION,
  withCommonOptions,
} from "./options.ts";

const DAY_S = 86_400;

/** The options that mean something for `--orphaned` alone (one of them for `--state`, too), by their names in the code. */
const ORPHANED_ALONE = {
  allNamespaces: "--all-namespaces",
  olderThan: "--older-than",
  keepFailed: "--keep-failed",
  legacy: "--legacy",
  selector: "--selector",
  metricsFile: "--metrics-file",
} as const;

const EXAMPLES = `
Examples:
  gasw-k8s cleanup                    # shows the plan
  gasw-k8s cleanup --yes --cancel
  gasw-k8s cleanup --forget --yes     # the cluster no longer exists
  gasw-k8s cleanup --orphaned         # what all engines have left behind
  gasw-k8s cleanup --state            # what this host no longer needs to remember
`;

/** Adds `cleanup`. */
export function addCleanup(program: Command, { io, runWithContext }: Terms): void {
  withCommonOptions(program.command("cleanup"))
    .description(
      "Removes the Jobs, claims and volumes of a workflow or, with --orphaned, of every workflow that has ended or lost its engine. Shows the plan first, then asks for confirmation unless --yes is given.",
    )
    .option(...WORKFLOW_OPTION)
    .option(...QUIET_WAIT_OPTION)
    .option("-y, --yes", "do not ask for confirmation")
    .option("--cancel", "also delete active jobs")
    .option(
      "--force",
      "also clean up a workflow that is served from elsewhere: what serves it there stops and submits nothing more; and remove kubernetes.io/pvc-protection from a claim that is not deleted although no pod uses it",
    )
    .option("--shared", "also remove configured volumes that no other workflow uses")
    .addOption(
      new Option(
        "--forget",
        "give up the jobs in a cluster that no longer exists, without contacting any cluster",
      ).conflicts(["cancel", "shared", "force"]),
    )
    .addOption(
      new Option(
        "--orphaned",
        "find objects that workflows left behind, in all namespaces unless --namespace is given; workflows that are in use or uncertain are only listed",
      ).conflicts(["cancel", "shared", "forget", "force"]),
    )
    .addOption(
      new Option(
        "--state",
        "delete from this host's state the workflows that have ended and have nothing left in the cluster, and what is left of their old attempts in their directories; all workflows unless --workflow or --namespace is given",
      ).conflicts(["orphaned", "cancel", "shared", "forget", "force", "timeout"]),
    )
    .addOption(
      new Option("-A, --all-namespaces", "with --orphaned: search all namespaces (the default)").conflicts(
        "namespace",
      ),
    )
    .option(
      "--older-than <duration>",
      "with --orphaned or --state: skip workflows that showed a sign of life, or changed, within this time (default: 24h, with --state 30d)",
      durationOption,
    )
    .option(
      "--legacy",
      "with --orphaned: also find what GASW's Java plugin has left on the configured NFS server; each workflow must be confirmed separately, or named with --workflow and --yes",
    )
    .option("--keep-failed", "with --orphaned: skip workflows that have failed Jobs")
    .option("-l, --selector <labels>", "with --orphaned: only workflows with an object that has these labels")
    .option(
      "--metrics-file <file>",
      "with --orphaned: write figures about the sweep to this file, in the text format of Prometheus, also without --yes and when the sweep fails",
    )
    .option("--timeout <duration>", "time to wait for each kind of object to be deleted", durationOption, 120)
    .addHelpText("after", EXAMPLES)
    .action(async (given) => {
      if (given.orphaned === true) return await orphaned(given, runWithContext);
      refuseAlone(given);
      if (given.state === true) return await cleanState(given, io, runWithContext);
      const { cleanup } = await import("../commands/cleanup.ts");
      await runWithContext(given, statusDirectory(given, io), (context) => cleanup(context, given));
    });
}

async function orphaned(
  given: CommonOptions & { olderThan?: number; timeout: number },
  runWithContext: Terms["runWithContext"],
): Promise<void> {
  const { cleanupOrphaned } = await import("../commands/cleanupOrphaned.ts");
  await runWithContext(given, undefined, (context) =>
    cleanupOrphaned(context, { ...given, olderThan: given.olderThan ?? DAY_S }),
  );
}

async function cleanState(
  given: CommonOptions & { olderThan?: number },
  io: Terms["io"],
  runWithContext: Terms["runWithContext"],
): Promise<void> {
  const { cleanupState } = await import("../commands/cleanupState.ts");
  await runWithContext(given, statusDirectory(given, io), (context) =>
    cleanupState(context, { ...given, olderThan: given.olderThan ?? 30 * DAY_S }),
  );
}

/** @throws GaswError USAGE for an option that would be ignored */
function refuseAlone(given: { readonly state?: boolean }): void {
  const [, option] =
    Object.entries(ORPHANED_ALONE).find(
      ([name]) => name in given && !(name === "olderThan" && given.state === true),
    ) ?? [];
  if (option === undefined) return;
  const modes = option === ORPHANED_ALONE.olderThan ? "--orphaned or --state" : "--orphaned";
  throw new GaswError("USAGE", `${option} has no effect without ${modes}`, {
    hint: `add ${modes}, or remove this option`,
  });
}
