import type { Command } from "commander";
import { statusDirectory, type Terms, withCommonOptions } from "./options.ts";

/** Adds `config`. */
export function addConfig(program: Command, { io, load, outcome, runWithContext }: Terms): void {
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
    .description(
      "Checks the configuration: lists all problems, with exit code 3 if there are any, and what a submission would lack.",
    )
    .option(
      "--connect",
      "also try what a submission needs of the cluster, without creating anything: address, identity, permissions, namespace and volumes",
    )
    .addHelpText("after", "\nExamples:\n  gasw-k8s config check\n  gasw-k8s config check --connect -o json\n")
    .action(async (given) => {
      outcome.options = given;
      const { configCheck } = await import("../commands/configCheck.ts");
      const directory = statusDirectory(given, io);
      await configCheck(io, () => load(given, directory), { ...given, directory });
    });
  config
    .command("init [file]")
    .description("Writes a starter configuration file. Never overwrites an existing file.")
    .option(
      "--gasw <dir>",
      "take over what an engine is configured with: the Java plugin's file, the retries and the database, from the engine's directory",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  gasw-k8s config init\n  gasw-k8s config init --gasw /opt/engine /etc/gasw-k8s/gasw-k8s.config.yaml\n",
    )
    .action(async (file: string | undefined, given: { readonly gasw?: string }) => {
      const { configInit } = await import("../commands/configInit.ts");
      await configInit(io, { path: file ?? "gasw-k8s.config.yaml", ...given });
    });
  config
    .command("schema")
    .description("Prints the configuration's JSON Schema.")
    .action(async () => {
      const { configSchema } = await import("../commands/config.ts");
      await configSchema(io);
    });
}
