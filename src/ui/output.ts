import type { GaswError } from "../errors.ts";

/** Text on one line and without control characters, whatever a name holds. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const known: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
    return known[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** Columns aligned by spaces; the last one is not padded. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  style: (cell: string, column: number) => string = (cell) => cell,
): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row, line) =>
      row.map((cell, column) => pad(cell, column, widths, line === 0 ? (text) => text : (text) => style(text, column))).join("  "),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function pad(cell: string, column: number, widths: readonly number[], style: (cell: string) => string): string {
  const room = column === widths.length - 1 ? 0 : (widths[column] ?? 0) - cell.length;
  return style(cell) + " ".repeat(Math.max(0, room));
}

/** A length of time in its two largest units: 45s, 3m10s, 2h5m, 4d3h. */
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

/** An error as the user sees it: one line, the hint, and with `verbose` the chain of causes. */
export function errorText(error: GaswError, verbose: boolean): string {
  const lines = [`error: ${printable(error.message)}`, `hint: ${printable(error.hint)}`];
  for (let cause = error.cause; verbose && cause instanceof Error; cause = cause.cause) lines.push(`cause: ${printable(cause.message)}`);
  return `${lines.join("\n")}\n`;
}

/** The same for programs. */
export function errorJson(error: GaswError): string {
  return `${JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint } })}\n`;
}
