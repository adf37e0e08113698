import { printable } from "./output.ts";
import { roomBeside, widthOf } from "./width.ts";

/** Columns aligned by spaces, as wide as a terminal shows them; the last one is not padded. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  style: (cell: string, column: number) => string = (cell) => cell,
): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ""))));
  return cells
    .map((row, line) =>
      row
        .map((cell, column) =>
          pad(cell, column, widths, line === 0 ? (text) => text : (text) => style(text, column)),
        )
        .join("  "),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function pad(
  cell: string,
  column: number,
  widths: readonly number[],
  style: (cell: string) => string,
): string {
  const width = column === widths.length - 1 ? 0 : (widths[column] ?? 0);
  return style(cell) + roomBeside(cell, width);
}
