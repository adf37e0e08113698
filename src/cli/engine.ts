import type { Command } from "commander";
import { durationOption, statusDirectory, type Terms, withCommonOptions } from "./options.ts";
import { statedOptions, withPodOptions } from "./requestOptions.ts";

/** Adds `engine`. */
export function addEngine(program: Command, terms: Terms): void {
  const engine = program.command("engine").description("Prepares what a workflow engine needs.");
  addInstall(engine, terms);
  addProbe(engine, terms);
}

function addInstall(engine: Command, { io, load, outcome }: Terms): void {
  withCommonOptions(engine.command("install <dir>"))
    .description(
      "Puts the GASW executor plugin in place in an engine's directory, shows what to change in its conf/settings.conf, which it never changes itself, and checks Java, GASW, the configuration, the cluster and a job. Running it again is safe.",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s engine install /opt/engine --config /opt/engine/gasw-k8s.config.yaml\n  gasw-k8s engine install /opt/engine -o json\n",
    )
    .action(async (dir: string, given) => {
      outcome.options = given;
      const { engineInstall } = await import("../commands/engineInstall.ts");
      const loadFrom = (config: string | undefined) => load({ ...given, config }, undefined);
      await engineInstall(io, loadFrom, dir, given);
    });
}

function addProbe(engine: Command, { io, runWithContext }: Terms): void {
  const command = withCommonOptions(engine.command("probe [dir]"))
    .description(
      "Runs one job as the engine's jobs are run, which finds out whether its image and its pod have what GASW's scripts need, and removes it. With the directory of an engine, bosh is looked for where its conf/settings.conf says. No database is written.",
    )
    .option(
      "--wait-timeout <duration>",
      "stop waiting for the job after this time (default: 5m)",
      durationOption,
    );
  withPodOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s engine probe\n  gasw-k8s engine probe /opt/engine --image debian:12 -o json\n",
    )
    .action(async (dir: string | undefined, given) => {
      const { engineProbe } = await import("../commands/engineProbe.ts");
      await runWithContext(given, statusDirectory(given, io), (context) =>
        engineProbe(context, { ...given, engine: dir, request: statedOptions(given) }),
      );
    });
}
