import { type LoadedConfig, type LoadInput, loadConfig } from "../../../src/config/load/load.ts";
import { GaswError } from "../../../src/errors.ts";
import { folderWith } from "../folders.ts";

/** Loads without anything of this machine: no environment, no plugin file unless given. */
export function load(input: Partial<LoadInput> & { cwd: string }): Promise<LoadedConfig> {
  return loadConfig({ env: {}, pluginFile: "no-such-plugin.conf", ...input });
}

/** Loads one file of this tool with this content. */
export function loadFile(content: unknown, input: Partial<LoadInput> = {}): Promise<LoadedConfig> {
  return load({ cwd: folderWith({ ".gasw-k8src.json": content }), ...input });
}

/** The error that a promise ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<GaswError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GaswError) return error;
  throw new Error(`expected a GaswError, found ${String(error)}`);
}
