import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import { type LoadedConfig, type LoadInput, loadConfig } from "../../../src/config/load/load.ts";
import { GaswError } from "../../../src/errors.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder with these files (text, or a value to be written as JSON), removed after the test. */
export function folderWith(files: Record<string, unknown> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "gasw-config-")));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  }
  return folder;
}

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
