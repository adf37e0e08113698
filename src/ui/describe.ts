import type { Block } from "../core/inventory/describe.ts";
import { printable } from "./output.ts";

/** Headings with their fields below, one a line, their values in one column. */
export function blocksText(blocks: readonly Block[]): string {
  return blocks.map(blockText).join("");
}

function blockText({ title, fields }: Block): string {
  const given = fields.filter(
    (field): field is readonly [string, string] => typeof field[1] === "string" && field[1] !== "",
  );
  const width = Math.max(0, ...given.map(([name]) => name.length));
  const lines = given.map(([name, value]) => `  ${`${name}:`.padEnd(width + 1)} ${printable(value)}\n`);
  return `${printable(title)}\n${lines.join("")}`;
}
