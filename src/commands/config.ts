/** `config show|schema`. */
import type { LoadedConfig } from "../config/load/load.ts";
import { maskSecrets } from "../config/text/maskConfig.ts";
import { originText } from "../config/text/origin.ts";
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

/** Prints the JSON Schema of the configuration. */
export async function configSchema(io: Pick<Io, "stdout">): Promise<void> {
  const { jsonSchema } = await import("../config/schema/reference.ts");
  io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
}
