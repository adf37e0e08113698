/** The executor plugins that an engine's settings name. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { GaswError } from "../../errors.ts";
import type { Finding } from "../submit/finding.ts";
import { type EngineFolder, pathIn } from "./engineFolder.ts";
import { readJar } from "./jar.ts";

/** What this tool's plugin is called. */
export const PLUGIN_NAME = "gasw-k8s-plugin.jar";

/** A class that only this tool's plugin has, and those of the Java plugin's generations. */
const OURS = "gaswk8s/KubernetesExecutor.class";
const JAVA_PLUGIN_CLASSES = ["KExecutor", "K8sExecutor"].map(
  (name) => `fr/insalyon/creatis/gasw/executor/kubernetes/${name}.class`,
);
/** The artifact's name of the Java plugin. */
const JAVA_PLUGIN_NAME = /^gasw-kubernetes-plugin\b.*\.jar$/i;

/** An entry of `plugin.executor`. */
export interface ExecutorPlugin {
  /** As the settings have it. */
  readonly entry: string;
  readonly file: string;
  readonly kind: "ours" | "java" | "other";
}

/** The entries, in their order. */
export function executorPlugins(engine: EngineFolder): ExecutorPlugin[] {
  const entries = engine.settings.list("plugin.executor").filter((entry) => entry !== "");
  return entries.map((entry) => {
    const file = pathIn(engine, entry);
    return { entry, file, kind: pluginKind(file) };
  });
}

/** Whose plugin a jar is, by what it contains or, where it is not there, by its name. */
export function pluginKind(file: string): ExecutorPlugin["kind"] {
  const jar = readJar(file);
  const name = path.basename(file);
  if (name === PLUGIN_NAME && !existsSync(file)) return "ours";
  if (jar?.has(OURS)) return "ours";
  return JAVA_PLUGIN_NAME.test(name) || JAVA_PLUGIN_CLASSES.some((entry) => jar?.has(entry))
    ? "java"
    : "other";
}

/**
 * Where this tool's plugin belongs: where an entry has it already, else beside the plugin that it replaces, else
 * beside another executor's.
 */
export function placeOfPlugin({ directory }: EngineFolder, plugins: readonly ExecutorPlugin[]): string {
  const ours = plugins.find(({ kind }) => kind === "ours");
  if (ours !== undefined) return ours.file;
  const present = plugins.filter(({ file }) => isFile(file));
  const beside = present.find(({ kind }) => kind === "java") ?? present[0];
  const folder = beside === undefined ? path.join(directory, "plugins") : path.dirname(beside.file);
  return path.join(folder, PLUGIN_NAME);
}

/** What is said of entries that are folders: all plugins in them are loaded, an older Kubernetes executor too. */
export function pluginFolders(plugins: readonly ExecutorPlugin[]): Finding[] {
  const folders = plugins.filter(({ file }) => existsSync(file) && !isFile(file));
  return folders.map(({ file }) => {
    const message = "plugin.executor names a folder, and every plugin in it is loaded";
    const hint = "name the jars that the engine needs, without the Java plugin's";
    return {
      check: "plugin",
      subject: file,
      problem: new GaswError("CONFIG", message, { hint }),
      isMinor: true,
    };
  });
}

function isFile(file: string): boolean {
  return existsSync(file) && statSync(file).isFile();
}
