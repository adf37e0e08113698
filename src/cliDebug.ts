import type { Command } from "commander";
import type { RunWithContext } from "./cli.ts";
import type { Io } from "./ui/io.ts";

/** Adds `debug` and its subcommands. */
export function addDebugCommands(program: Command, _io: Io, _runWithContext: RunWithContext): void {
  program.command("debug").description("Shows and explains pods, jobs and volumes.");
}
