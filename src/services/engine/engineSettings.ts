/** What an engine's settings are to say so that its jobs are run by this installation. */
import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { type LoadedConfig, PLUGIN_FILE } from "../../config/load/load.ts";
import { settingsEdits, unifiedDiff } from "../../core/gasw/settingsChange.ts";
import { shellWord } from "../../core/shellWord.ts";
import { isBelow, realPath } from "../../directory.ts";
import { GaswError, systemCode } from "../../errors.ts";
import { shippedFile } from "../../shipped.ts";
import type { Finding } from "../submit/finding.ts";
import { type EngineFolder, pathIn } from "./engineFolder.ts";
import type { ExecutorPlugin } from "./plugins.ts";

export const COMMAND_KEY = "gasw-k8s.command";
export const CONFIG_KEY = "gasw-k8s.config";

/** A finding, and what the settings are to say because of it; undefined: what they say. */
export interface Wanted {
  readonly finding: Finding;
  readonly value: string | undefined;
}

/** The program in this package. */
const PROGRAM = shippedFile("bin/gasw-k8s.js");

/** Whether the engine finds the program; its PATH is taken to be this process's. */
export function wantedCommand({ settings }: EngineFolder, { PATH = "" }: NodeJS.ProcessEnv): Wanted {
  const said = settings.get(COMMAND_KEY)?.trim() || "gasw-k8s";
  const places = said.includes("/")
    ? [said]
    : PATH.split(path.delimiter).flatMap((folder) => (folder === "" ? [] : [path.join(folder, said)]));
  const found = places.find(isProgram);
  if (found !== undefined) return { finding: { check: "command", subject: found }, value: undefined };
  if (PROGRAM !== undefined) return { finding: { check: "command", subject: PROGRAM }, value: PROGRAM };
  const hint = "install gasw-k8s from its tarball again";
  const problem = new GaswError("FAILURE", "this installation of gasw-k8s has no bin/gasw-k8s.js", { hint });
  return { finding: { check: "command", subject: said, problem }, value: undefined };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}

/**
 * Whether the engine, in a workflow directory, finds the configuration that this command has found.
 * @param named the file that this command was told to use
 */
export function wantedConfig({ config, files }: LoadedConfig, named: string | undefined): Wanted {
  if (files.length === 0) return { finding: noConfig(), value: undefined };
  const finding: Finding = { check: "config", subject: files.join(", ") };
  if (named !== undefined) return { finding, value: named };
  const own = files.filter((file) => !isFoundByEngine(file, config.workflowsLocation));
  if (own.length === 0) return { finding, value: undefined };
  if (files.length === 1) return { finding, value: own[0] };
  const notFound = own.join(" and ");
  const problem = new GaswError("CONFIG", `the engine would not find ${notFound}`, {
    hint: "have one file say it all (`gasw-k8s config init --gasw DIR FILE` writes one), and name it with --config",
  });
  return { finding: { ...finding, problem }, value: undefined };
}

/** The environment may say it all, if the engine's is this one. */
function noConfig(): Finding {
  const problem = new GaswError("CONFIG", "no configuration file was found", {
    hint: "write one with `gasw-k8s config init --gasw DIR FILE`, and name it with --config",
  });
  return { check: "config", subject: "defaults and environment only", problem, isMinor: true };
}

/** Files are looked for from the workflow directory upward, and where the Java plugin has its own. */
function isFoundByEngine(file: string, workflowsLocation: string | undefined): boolean {
  if (file === PLUGIN_FILE) return true;
  const folder = path.dirname(file);
  const above = path.basename(folder) === ".config" ? path.dirname(folder) : folder;
  return workflowsLocation !== undefined && isBelow(realPath(workflowsLocation), realPath(above));
}

/** The lines that are to be changed, as `patch` takes them; nothing where there are none. */
export function settingsDiff(
  { file, text, settings }: EngineFolder,
  jar: string,
  plugins: readonly ExecutorPlugin[],
  values: Readonly<Record<string, string | undefined>>,
): Buffer {
  const isAtPlace = (plugin: ExecutorPlugin) => plugin.file === jar;
  const replaced = plugins.filter((plugin) => plugin.kind !== "other" && !isAtPlace(plugin));
  const entries = new Set(replaced.map(({ entry }) => entry));
  const isReplaced = (entry: string) => entries.has(entry);
  const entry = plugins.find(isAtPlace)?.entry ?? jar;
  const edits = settingsEdits(settings, { jar: entry, isReplaced, values });
  const name = Buffer.from(file).toString("latin1");
  return Buffer.from(unifiedDiff(name, text, edits), "latin1");
}

/** What the settings say elsewhere is not known: it may name a plugin, too. */
export function includedFinding({ file, settings }: EngineFolder): Finding[] {
  const included = settings.list("include").filter((one) => one !== "");
  if (included.length === 0) return [];
  const problem = new GaswError(
    "CONFIG",
    `the settings include ${included.join(", ")}, which is not read here`,
    {
      hint: "if it sets plugin.executor or default.executor, change these lines there, not in the settings",
    },
  );
  return [{ check: "settings", subject: file, problem, isMinor: true }];
}

/** Whether anything is to be changed, and how that is done and undone. */
export function settingsFinding({ file }: EngineFolder, diff: Buffer): Finding {
  if (diff.length === 0) return { check: "settings", subject: `${file} (nothing is to be changed)` };
  // It changes no link.
  const target = shellWord(realPath(file));
  const problem = new GaswError("CONFIG", "the lines at the end of this output are to be changed", {
    hint: `save the output in a file, and apply it: \`patch -b ${target} OUTPUT\`; \`patch -R ${target} OUTPUT\` goes back`,
  });
  return { check: "settings", subject: file, problem, isMinor: true };
}

/** The configuration that the settings name. */
export function namedConfig(engine: EngineFolder): string | undefined {
  const said = engine.settings.get(CONFIG_KEY)?.trim();
  return said ? pathIn(engine, said) : undefined;
}
