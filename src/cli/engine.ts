import type { Command } from "commander";
import { durationOption, statusDirectory, type Terms, withCommonOptions } from "./options.ts";
import { statedOptions, withPodOptions } from "./requestOptions.ts";

/** Adds `engine`. */
export function addEngine(program: Command, terms: Terms): void {
  const engine = program.command("engine").description("Prepares what a workflow engine needs.");
  addProbe(engine, terms);
}

function addProbe(engine: Command, { io, runWithContext }: Terms): void {
  const command = withCommonOptions(engine.command("probe"))
    .description(
      "Runs one job as the engine's jobs are run, which finds out whether its image and its pod have what GASW's scripts need, and removes it. No database is written.",
    )
    .option(
      "--wait-timeout <duration>",
      "stop waiting for the job after this time (default: 5m)",
      durationOption,
    );
  withPodOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s engine probe\n  gasw-k8s engine probe --image debian:12 -o json\n",
    )
    .action(async (given) => {
      const { engineProbe } = await import("../commands/engineProbe.ts");
      await runWithContext(given, statusDirectory(given, io), (context) =>
        engineProbe(context, { ...given, request: statedOptions(given) }),
      );
    });
}
