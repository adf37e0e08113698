import { readFileSync } from "node:fs";
import path from "node:path";

/** What a run of the program loads: environment that has it written down, and what was written, once the run has ended. */
export function loadedModules(folder: string): { env: NodeJS.ProcessEnv; names(): string[] } {
  const list = path.join(folder, "loaded-modules.json");
  const hook = path.join(import.meta.dirname, "loadedModules.cjs");
  return {
    env: { NODE_OPTIONS: `--require "${hook}"`, LOADED_MODULES: list },
    names: () => [...new Set((JSON.parse(readFileSync(list, "utf8")) as string[]).filter((file) => file !== hook).map(nameOf))].sort(),
  };
}

/** All that `submit` loads: one file of ours, what starts it, and the SQLite module. */
export const SUBMIT_LOADS = ["better-sqlite3", "hot.cjs", "rolldown-runtime.cjs", "start.cjs"];

/** A package's name, or that of a file of the program without the hash that its build gives it. */
function nameOf(file: string): string {
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  if (dependency !== undefined && dependency !== "gasw-k8s") return dependency;
  return path.basename(file).replace(/-[\w-]{8}\.cjs$/, ".cjs");
}
