import { readFileSync } from "node:fs";
import path from "node:path";

/** The words that hold of one side of a combination, separated by commas. */
export type Words = string;

/** One row of a table. */
interface TableRow {
  /** Section and number, such as 2.7. */
  readonly name: string;
  readonly cells: readonly string[];
}

/** One rule: cells that must fit, and cells that say what comes of it. */
export interface Rule {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly says: readonly string[];
}

/** The tables of a page in Markdown, by the number that their heading begins with, and the sets of words that it names. */
export function readTables(file: string): {
  tables: ReadonlyMap<string, readonly TableRow[]>;
  sets: ReadonlyMap<string, readonly string[]>;
} {
  const tables = new Map<string, TableRow[]>();
  const sets = new Map<string, readonly string[]>();
  let section = "";
  for (const line of readFileSync(path.join(import.meta.dirname, file), "utf8").split("\n")) {
    const heading = /^## (\d+)\./.exec(line)?.[1];
    const set = /^- (\w[\w ]*): (.+)$/.exec(line);
    if (heading !== undefined) section = heading;
    else if (set !== null && section === "") sets.set(set[1] as string, (set[2] as string).split(", "));
    else if (line.startsWith("|")) addRow(tables, section, line);
  }
  return { tables, sets };
}

function addRow(tables: Map<string, TableRow[]>, section: string, line: string): void {
  const cells = line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
  const rows = tables.get(section);
  // The header names the columns.
  if (rows === undefined) tables.set(section, []);
  else if (!cells.every((cell) => /^-{3,}$/.test(cell))) rows.push({ name: `${section}.${rows.length + 1}`, cells });
}

/** Rules by what holds in one column after the other: a text of all of them is a slow key. */
interface Known {
  readonly deeper: Map<Words, Known>;
  rule?: Rule | undefined;
}

/** Rules of one table, of which the first that fits counts. */
export class FirstMatch {
  readonly rules: readonly Rule[];
  readonly used = new Set<string>();
  readonly #known: Known = { deeper: new Map() };

  /** @param inputs number of columns that have to fit */
  constructor(rows: readonly TableRow[], inputs: number) {
    this.rules = rows.map(({ name, cells }) => ({ name, inputs: cells.slice(0, inputs), says: cells.slice(inputs) }));
  }

  /**
   * The first rule that fits.
   * @param columns what holds, per column
   * @throws Error when there is none
   */
  find(...columns: readonly Words[]): Rule {
    const known = columns.reduce((at, words) => {
      const found: Known = at.deeper.get(words) ?? { deeper: new Map() };
      at.deeper.set(words, found);
      return found;
    }, this.#known);
    if (known.rule !== undefined) return known.rule;
    const rule = this.rules.find(({ inputs }) => inputs.every((cell, at) => fits(cell, columns[at] ?? "")));
    if (rule === undefined) throw new Error(`no rule fits ${columns.join(" | ")}`);
    this.used.add(rule.name);
    known.rule = rule;
    return rule;
  }
}

function fits(cell: string, said: Words): boolean {
  const words = said.split(", ");
  const holds = (word: string) => word === "any" || (word.startsWith("not ") ? !words.includes(word.slice(4)) : words.includes(word));
  return cell.split(" or ").some((alternative) => alternative.split(", ").every(holds));
}

/** Every word of the cells that have to fit. */
export function wordsIn(rules: readonly Rule[]): string[] {
  const words = rules.flatMap(({ inputs }) => inputs.flatMap((cell) => cell.split(/ or |, /)));
  return words.map((word) => word.replace(/^not /, ""));
}
