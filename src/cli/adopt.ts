import path from "node:path";
import type { Command } from "commander";
import { QUIET_OPTION, type Terms, withCommonOptions } from "./options.ts";

/** Adds `adopt`. */
export function addAdopt(program: Command, { io, runWithContext }: Terms): void {
  withCommonOptions(program.command("adopt <dir>"))
    .description(
      "Takes over a workflow whose host or state file is lost, with all its jobs: from the cluster, the GASW database and the workflow directory. Running jobs continue. Fails while the owner is alive; an owner that comes back later changes nothing.",
    )
    .option(...QUIET_OPTION)
    .addHelpText("after", "\nExamples:\n  gasw-k8s adopt /workflows/workflow-gENTZc\n")
    .action(async (dir: string, given) => {
      const { adopt } = await import("../commands/adopt.ts");
      await runWithContext(given, path.resolve(io.cwd, dir), (context) => adopt(context, dir, given));
    });
}
