/** The one way to the configuration: every source read, laid over each other, checked, frozen. */

import { dirname, resolve } from "node:path";
import { safeParse } from "zod/mini";
import { isRecord, modernise } from "../schema/generations.ts";
import { type KeyNode, rootNode } from "../schema/keys.ts";
import { type Config, configSchema } from "../schema/schema.ts";
import type { Origin } from "../text/origin.ts";
import { ConfigError, refusalOf } from "../text/problems.ts";
import { assign, type EnvironmentValues, readEnvironment } from "./environment.ts";
import { type ConfigText, findFile, parseFile, readIfThere, readNamed } from "./files.ts";
import type { SourceFile, UnknownKey } from "./found.ts";
import { type Layer, mergeLayers } from "./merge.ts";

export { ConfigError } from "../text/problems.ts";

/** Where the Java plugin has its file. */
export const PLUGIN_FILE = "/var/www/cgi-bin/m2Server-gasw3/conf/kubernetes_plugin.conf";
/** Where its newest generation looks, from the working directory. */
const NEWEST_PLUGIN_FILE = "conf/conf_kubernetes.json";

/** What decides the configuration of one process. */
export interface LoadInput {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** `--config`: the one file to read. */
  readonly file?: string | undefined;
  /** Files at or below it are passed over unless named. */
  readonly workflowDir?: string | undefined;
  /** Dotted canonical key → value, from the options; undefined: not given. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /** Where the plugin's own file is looked for, instead of `PLUGIN_FILE`. */
  readonly pluginFile?: string | undefined;
}

/** The effective configuration and how it came about. */
export interface LoadedConfig {
  readonly config: Config;
  /** Dotted key of every value (a list counts as one) → its source. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly warnings: readonly string[];
  /** The files read, lowest precedence first. */
  readonly files: readonly string[];
  /** The origins with the lines in the files; costs a second reading of them. */
  locate?(): Promise<ReadonlyMap<string, Origin>>;
}

/**
 * Reads, merges, checks and freezes the configuration; throws `ConfigError` (or another `CONFIG` error) where
 * it is invalid.
 */
export async function loadConfig(input: LoadInput): Promise<LoadedConfig> {
  const warnings: string[] = [];
  const texts = await findTexts(input, warnings);
  const files = await Promise.all(
    texts.map(async (text): Promise<SourceFile> => ({ ...text, ...modernise(await parseFile(text)) })),
  );
  const environment = readEnvironment(input.env);
  const merged = mergeLayers([
    ...files.map((file) => fileLayer(file, input)),
    environmentLayer(environment, input),
    optionLayer(input),
  ]);
  const parsed = safeParse(configSchema, merged.values);
  const refusals = parsed.success ? [] : parsed.error.issues.map(refusalOf);
  const hasConflicts = files.some((file) => file.conflicts.length > 0);
  if (!parsed.success || hasConflicts || environment.problems.length > 0) {
    const { conflictProblems, refusalProblems } = await import("./diagnostics.ts");
    const worded = [
      ...conflictProblems(files),
      ...environment.problems,
      ...refusalProblems(refusals, files, merged),
    ];
    throw new ConfigError(worded);
  }
  const unknown = files.flatMap((file) =>
    unknownKeys(file.values, rootNode, []).map((key) => ({ file, ...key })),
  );
  if (unknown.length > 0 || environment.unknown.length > 0) {
    const { unknownKeyWarnings, unknownVariableWarnings } = await import("./diagnostics.ts");
    warnings.push(...unknownKeyWarnings(unknown), ...unknownVariableWarnings(environment.unknown));
  }
  const config = withImpliedVolume(parsed.data);
  const origins = completeOrigins(merged.origins, config);
  return {
    config: deepFreeze(config),
    origins,
    warnings,
    files: files.map((file) => file.path),
    locate: async () => (await import("./diagnostics.ts")).locateOrigins(origins, files),
  };
}

/** The configuration with a value that was found elsewhere. */
export function withFound<K extends keyof Config>(
  loaded: LoadedConfig,
  key: K,
  value: Config[K],
  where: string,
): LoadedConfig {
  const moved = (origins: ReadonlyMap<string, Origin>) => new Map(origins).set(key, { kind: "found", where });
  const { locate } = loaded;
  return {
    ...loaded,
    config: deepFreeze({ ...loaded.config, [key]: value }),
    origins: moved(loaded.origins),
    ...(locate === undefined ? {} : { locate: async () => moved(await locate()) }),
  };
}

/** The texts of the files that count, lowest precedence first. */
async function findTexts(input: LoadInput, warnings: string[]): Promise<ConfigText[]> {
  const named = input.file ?? (input.env.GASW_K8S_CONFIG || undefined);
  if (named !== undefined) return [readNamed(resolve(input.cwd, named))];
  const pluginFiles = [
    resolve(input.cwd, input.pluginFile ?? PLUGIN_FILE),
    resolve(input.cwd, NEWEST_PLUGIN_FILE),
  ];
  return [
    ...pluginFiles.map((path) => readIfThere(path, input.workflowDir, warnings)),
    findFile(input.cwd, input.workflowDir, warnings),
  ].filter((text) => text !== undefined);
}

function fileLayer(file: SourceFile, input: LoadInput): Layer {
  // The plugin takes relative paths from its working directory; a file of this tool means its own folder.
  const isPlugins = file.path.endsWith(".conf") || file.path.endsWith(NEWEST_PLUGIN_FILE);
  return {
    values: file.values,
    origin: () => ({ kind: "file", path: file.path }),
    base: isPlugins ? input.cwd : dirname(file.path),
    home: input.env.HOME,
  };
}

function environmentLayer(environment: EnvironmentValues, input: LoadInput): Layer {
  return {
    values: environment.values,
    origin: (key) => ({ kind: "environment", name: longestPrefix(environment.names, key) ?? "environment" }),
    base: input.cwd,
    home: input.env.HOME,
  };
}

function optionLayer(input: LoadInput): Layer {
  const values: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const [key, value] of Object.entries(input.overrides ?? {})) {
    if (value === undefined) continue;
    assign(values, overridePath(key), value);
    names.set(key, key);
  }
  return {
    values,
    origin: (key) => ({ kind: "option", name: longestPrefix(names, key) ?? key }),
    base: input.cwd,
    home: input.env.HOME,
  };
}

/** The path of a dotted key; below a record (labels, env) the rest is one name, dots and all. */
function overridePath(key: string): string[] {
  const [first = "", ...rest] = key.split(".");
  const node = rootNode.keys?.get(first);
  if (!node || (rest.length > 0 && !node.merges)) throw new Error(`no such configuration key: ${key}`);
  return node.kind === "record" && rest.length > 0 ? [first, rest.join(".")] : [first, ...rest];
}

function longestPrefix(names: ReadonlyMap<string, string>, key: string): string | undefined {
  for (let prefix = key; prefix !== ""; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
    const name = names.get(prefix);
    if (name !== undefined) return name;
  }
  return undefined;
}

function unknownKeys(value: unknown, node: KeyNode, path: readonly PropertyKey[]): UnknownKey[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) => (node.item ? unknownKeys(item, node.item, [...path, index]) : []));
  const { keys } = node;
  if (!isRecord(value) || !keys) return [];
  return Object.entries(value).flatMap(([name, below]) => {
    // "$schema" names the published schema to editors.
    if (path.length === 0 && name === "$schema") return [];
    const child = keys.get(name);
    return child
      ? unknownKeys(below, child, [...path, name])
      : [{ path: [...path, name], known: [...keys.keys()] }];
  });
}

/** An NFS server alone says that the workflow directories are there. */
function withImpliedVolume(config: Config): Config {
  return config.workflowVolume || !config.nfsAddress
    ? config
    : { ...config, workflowVolume: { type: "nfs", capacity: "1Gi" } };
}

/** Adds the origin "default" of every value that no source gave. */
function completeOrigins(given: ReadonlyMap<string, Origin>, config: Config): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  const visit = (value: unknown, node: KeyNode | undefined, path: readonly string[]): void => {
    const isWhole = !isRecord(value) || (path.length > 0 && !(node?.merges ?? true));
    if (isWhole || Object.keys(value).length === 0) {
      if (path.length > 0) origins.set(path.join("."), given.get(path.join(".")) ?? { kind: "default" });
      return;
    }
    for (const [name, below] of Object.entries(value)) visit(below, node?.keys?.get(name), [...path, name]);
  };
  visit(config, rootNode, []);
  return origins;
}

/** Freezes plain data all the way down. */
function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
