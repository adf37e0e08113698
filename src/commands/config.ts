/** `config show|check|init|schema`. */
import { writeFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { ConfigError, type LoadedConfig } from "../config/load/load.ts";
import { maskSecrets } from "../config/text/maskConfig.ts";
import { originText } from "../config/text/origin.ts";
import { skipsVerification } from "../dao/address.ts";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import type { Io } from "../ui/io.ts";
import { printable } from "../ui/output.ts";
import { padded, widthOf } from "../ui/width.ts";

interface Input {
  readonly output: "text" | "json";
}

/** Prints every effective value and where it comes from, without secrets. */
export async function configShow(io: Pick<Io, "stdout">, loaded: LoadedConfig, input: Input): Promise<void> {
  const origins = (await loaded.locate?.()) ?? loaded.origins;
  const masked = maskSecrets(loaded.config);
  if (input.output === "json") {
    const sources = Object.fromEntries(origins);
    io.stdout.write(`${JSON.stringify({ config: masked, sources, files: loaded.files }, null, 2)}\n`);
    return;
  }
  const rows = [...origins].map(
    ([key, origin]) =>
      [printable(key), printable(valueText(valueAt(masked, key))), printable(originText(origin))] as const,
  );
  const keyWidth = Math.max(...rows.map(([key]) => widthOf(key)));
  const valueWidth = Math.min(VALUE_WIDTH, Math.max(...rows.map(([, value]) => widthOf(value))));
  for (const [key, value, source] of rows)
    io.stdout.write(`${padded(key, keyWidth)}  ${padded(value, valueWidth)}  ${source}\n`);
}

const VALUE_WIDTH = 44;

function valueText(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

/** The value at a dotted key, where names in records have dots of their own. */
function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Object.hasOwn(value, key)) return (value as Record<string, unknown>)[key];
  const name = Object.keys(value).find((candidate) => key.startsWith(`${candidate}.`));
  return name === undefined
    ? undefined
    : valueAt((value as Record<string, unknown>)[name], key.slice(name.length + 1));
}

/** Says that the configuration is valid and which files it comes from, or lists everything that is wrong. */
export async function configCheck(
  io: Pick<Io, "stdout" | "stderr">,
  load: () => Promise<LoadedConfig>,
  input: Input,
): Promise<void> {
  const loaded = await load().catch((error: unknown) => {
    if (error instanceof ConfigError) reportProblems(io, error, input);
    throw error;
  });
  const warnings = [...loaded.warnings, ...safetyWarnings(loaded)];
  if (input.output === "json") {
    io.stdout.write(
      `${JSON.stringify({ ok: true, files: loaded.files, warnings, problems: [] }, null, 2)}\n`,
    );
    return;
  }
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  io.stdout.write(
    loaded.files.length > 0
      ? `OK: ${printable(loaded.files.join(", "))}\n`
      : "OK: no configuration file; defaults, environment and options only\n",
  );
}

/** One problem is the error itself; several are listed on stdout, and the error counts them. */
function reportProblems(io: Pick<Io, "stdout">, error: ConfigError, input: Input): void {
  if (input.output === "json") {
    io.stdout.write(
      `${JSON.stringify({ ok: false, files: [], warnings: [], problems: error.problems }, null, 2)}\n`,
    );
  } else if (error.problems.length > 1) {
    for (const problem of error.problems) io.stdout.write(`${printable(problem.message)}\n`);
  }
  if (error.problems.length > 1) {
    throw new GaswError("CONFIG", `the configuration has ${error.problems.length} problems`, {
      hint: "fix the problems listed above; docs/configuration.md describes every key",
    });
  }
}

function safetyWarnings({ config, origins }: LoadedConfig): string[] {
  const warnings: string[] = [];
  const source = origins.get("insecureSkipTlsVerify");
  if (config.insecureSkipTlsVerify) {
    const from = source ? ` (${originText(source)})` : "";
    warnings.push(
      `insecureSkipTlsVerify is on${from}: the API server's identity is not verified, so the token may be exposed; set k8sCaFile instead`,
    );
  }
  if (skipsVerification(config.dao.url ?? "")) {
    warnings.push(
      "dao.url has sslmode=no-verify: the database server's identity is not verified, so the password may be exposed; set sslrootcert instead",
    );
  }
  if (config.k8sAddress?.startsWith("http://") && (config.k8sToken || config.k8sTokenFile)) {
    warnings.push("k8sAddress uses http: the token is sent unencrypted");
  }
  return warnings;
}

/** Writes a file to start from: YAML with every key explained, or JSON where the name says so. */
export async function configInit(
  io: Pick<Io, "stdout" | "cwd">,
  input: { readonly path: string },
): Promise<void> {
  const { starterJson, starterYaml } = await import("../config/schema/reference.ts");
  const isJson = [".json", ".conf"].includes(extname(input.path));
  const text = isJson ? starterJson() : starterYaml((await import("yaml")).stringify);
  try {
    // A token may be put in it later: readable by its owner alone.
    await writeFile(resolve(io.cwd, input.path), text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new GaswError("CONFLICT", `${input.path} already exists`, {
        hint: "choose another file, or move this one first",
        cause: error,
      });
    }
    throw new GaswError("FAILURE", `cannot write ${input.path}: ${messageOf(error)}`, {
      hint: "check that the folder exists and is writable",
      cause: error,
    });
  }
  io.stdout.write(`${printable(input.path)}\n`);
}

/** Prints the JSON Schema of the configuration. */
export async function configSchema(io: Pick<Io, "stdout">): Promise<void> {
  const { jsonSchema } = await import("../config/schema/reference.ts");
  io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
}
