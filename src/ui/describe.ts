import type { Block } from "../core/inventory/describe.ts";
import { printable } from "./output.ts";
import { padded, widthOf } from "./width.ts";

/** Headings with their fields below, one a line, their values in one column. */
export function blocksText(blocks: readonly Block[]): string {
  return blocks.map(blockText).join("");
}

function blockText({ title, fields }: Block): string {
  const given = fields.filter(
    (field): field is readonly [string, string] => typeof field[1] === "string" && field[1] !== "",
  );
  const named = given.map(([name, value]) => [`${printable(name)}:`, printable(value)] as const);
  const width = Math.max(0, ...named.map(([name]) => widthOf(name)));
  const lines = named.map(([name, value]) => `  ${padded(name, width)} ${value}\n`);
  return `${printable(title)}\n${lines.join("")}`;
}
