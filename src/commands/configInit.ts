/** `config init`. */
import { writeFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { starterJson, starterYaml } from "../config/schema/reference.ts";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import type { Io } from "../ui/io.ts";
import { printable } from "../ui/output.ts";

interface Input {
  readonly path: string;
  /** Directory of the engine whose configuration is taken over. */
  readonly gasw?: string | undefined;
}

/**
 * Writes a file to start from, or with what an engine is configured with: YAML with every key explained, or JSON
 * where the name says so.
 */
export async function configInit(io: Io, { path, gasw }: Input): Promise<void> {
  const engine = gasw === undefined ? undefined : await takenOver(io, gasw);
  const isJson = [".json", ".conf"].includes(extname(path));
  const text = isJson
    ? starterJson(engine?.values)
    : starterYaml((await import("yaml")).stringify, engine?.values, engine?.sources);
  await writeNew(io, path, text);
  for (const { what, hint } of engine?.notTaken ?? [])
    io.stderr.write(`not taken: ${printable(what)}; ${printable(hint)}\n`);
  io.stdout.write(`${printable(path)}\n`);
}

async function takenOver(io: Io, gasw: string) {
  const [{ readEngine }, { configurationOf }] = await Promise.all([
    import("../services/engine/engineFolder.ts"),
    import("../services/engine/migrate.ts"),
  ]);
  return await configurationOf(readEngine(resolve(io.cwd, gasw), io.env), io.env);
}

/** A token may be in it, or be put there later: readable by its owner alone. */
async function writeNew({ cwd }: Io, path: string, text: string): Promise<void> {
  try {
    await writeFile(resolve(cwd, path), text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new GaswError("CONFLICT", `${path} already exists`, {
        hint: "choose another file, or move this one first",
        cause: error,
      });
    }
    throw new GaswError("FAILURE", `cannot write ${path}: ${messageOf(error)}`, {
      hint: "check that the folder exists and is writable",
      cause: error,
    });
  }
}
