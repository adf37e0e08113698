import { maskText } from "../core/secrets.ts";
import type { GaswError } from "../errors.ts";
import type { OutputFormat } from "./io.ts";

/**
 * Control characters, other line ends, halves of a character, and the marks that turn the direction of
 * writing.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text on one line that a terminal shows as it is and takes no command from, whatever a name holds. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const known: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
    const code = character.charCodeAt(0).toString(16);
    return (
      known[character] ?? (code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`)
    );
  });
}

/**
 * A length of time in its two largest units: 45s, 3m10s, 2h5m, 4d3h. (The library pretty-ms puts a space
 * between them, counts years, and would be no less code.)
 */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: [string, number][] = [
    ["d", 86400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  const [name, size] = units[first] as [string, number];
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[1]);
  return `${Math.floor(seconds / size)}${name}${next !== undefined && rest > 0 ? `${rest}${next[0]}` : ""}`;
}

/** What decides how an error is shown. */
export interface ErrorStyle {
  readonly output: OutputFormat;
  readonly verbose?: boolean | undefined;
}

/**
 * An error as it goes to stderr: one line and its hint, or JSON where the answer is for programs; `verbose`
 * adds the chain of causes.
 */
export function errorReport(error: GaswError, { output, verbose }: ErrorStyle): string {
  const causes = verbose === true ? causesOf(error) : [];
  if (output !== "text") {
    const { code, message, hint } = error;
    return `${JSON.stringify({ error: { code, message, hint, ...(causes.length > 0 ? { causes } : {}) } })}\n`;
  }
  const lines = [
    `error: ${error.message}`,
    `hint: ${error.hint}`,
    ...causes.map((cause) => `cause: ${cause}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function causesOf(error: GaswError): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    causes.push(maskText(cause.message || cause.name));
  return causes;
}
