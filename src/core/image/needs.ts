/**
 * The commands that every script of GASW's calls: those of coreutils, findutils, grep, sed, awk and which. What it calls
 * only to print something about its node is left out.
 */
export const COMMANDS: readonly string[] = [
  "awk",
  "basename",
  "cat",
  "chmod",
  "cp",
  "cut",
  "date",
  "dirname",
  "env",
  "find",
  "grep",
  "head",
  "ln",
  "ls",
  "mkdir",
  "mktemp",
  "mv",
  "rm",
  "sed",
  "sleep",
  "tail",
  "touch",
  "tr",
  "uname",
  "which",
  "xargs",
];

/** What only some scripts call: one of these commands, and which scripts do. */
export const HELPERS: readonly { readonly commands: readonly string[]; readonly use: string }[] = [
  { commands: ["curl"], use: "inputs and results at http:, girder: and shanoir: addresses" },
  {
    commands: ["singularity", "docker"],
    use: "applications whose descriptor names a container image",
  },
];
