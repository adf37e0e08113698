/**
 * Java properties as commons-configuration 1.9 reads them, and so GASW its `conf/settings.conf`: not as
 * `java.util.Properties` does. Comments may stand in a continued value, a comma separates items, a backslash
 * before one counts twice, and a key that stands twice has the items of both. Pure.
 */

/** One definition in the text. */
export interface Definition {
  readonly key: string;
  /** What stands before the value: `plugin.executor = `. */
  readonly head: string;
  readonly items: readonly Item[];
  /** Its lines, counted from 0: from the first to the one after the last. */
  readonly lines: readonly [first: number, end: number];
}

/** One of the values that commas separate. */
interface Item {
  readonly value: string;
  /** As it is written, with the blanks around it. */
  readonly raw: string;
}

/** The definitions of a text, in their order. */
export function definitionsOf(text: string): Definition[] {
  const definitions: Definition[] = [];
  let joined = "";
  let first: number | undefined;
  for (const [at, physical] of text.split("\n").entries()) {
    const line = trimmed(physical);
    if (/^(?:[#!]|$)/.test(line)) continue;
    first ??= at;
    // A value that is continued after the last line is lost, as it is to GASW.
    if (isContinued(line)) joined += line.slice(0, -1);
    else {
      definitions.push(...definitionIn(joined + line, [first, at + 1]));
      joined = "";
      first = undefined;
    }
  }
  return definitions;
}

/** Java's `String.trim`. */
function trimmed(text: string): string {
  return text.replace(/^[\0- ]+|[\0- ]+$/g, "");
}

function isContinued(line: string): boolean {
  return (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1;
}

/** None where nothing separates the key from a value. */
function definitionIn(line: string, lines: Definition["lines"]): Definition[] {
  const [, name = "", separator = "", rest = ""] =
    /^((?:\\.|[^\\ \t\f=:])*)([ \t\f]*[=:]?[ \t\f]*)(.*)$/s.exec(line) ?? [];
  if (separator === "") return [];
  return [{ key: textOf(unescaped(name)), head: name + separator, items: itemsOf(rest), lines }];
}

/** A character of a value without its escapes, and where it is written. */
interface Mark {
  readonly char: string;
  readonly at: number;
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", b: "\b" };

/** The escapes are taken off first; those of commas stay for the split. */
function unescaped(raw: string): Mark[] {
  return [...raw.matchAll(/\\u([0-9a-fA-F]{4})|\\(.)|./gs)].flatMap(
    ({ 0: whole, 1: code, 2: escaped, index: at }) => {
      if (code !== undefined) return [{ char: String.fromCharCode(Number.parseInt(code, 16)), at }];
      if (escaped === ",") return [...whole].map((char) => ({ char, at }));
      return [{ char: escaped === undefined ? whole : (ESCAPED[escaped] ?? escaped), at }];
    },
  );
}

function textOf(marks: readonly Mark[]): string {
  return marks.map(({ char }) => char).join("");
}

function itemsOf(raw: string): Item[] {
  const marks = unescaped(raw);
  // A value that begins with a comma is one item.
  if (marks.findIndex(({ char }) => char === ",") <= 0) return [{ value: textOf(marks), raw }];
  const items: Item[] = [];
  let [value, start, hasSlash] = ["", 0, false];
  for (const { char, at } of [...marks, { char: ",", at: raw.length }]) {
    const isEnd = at === raw.length;
    if (hasSlash && !isEnd) {
      value += char === "," || char === "\\" ? char : `\\${char}`;
      hasSlash = false;
    } else if (char === ",") {
      items.push({ value: trimmed(hasSlash ? `${value}\\` : value), raw: raw.slice(start, at) });
      [value, start] = ["", at + 1];
    } else if (char === "\\") hasSlash = true;
    else value += char;
  }
  return items;
}

/**
 * A value as it is to be written, so that it is read as it is.
 * @param isAlone whether it is to be the key's only one
 */
export function writtenItem(value: string, isAlone: boolean): string {
  const slash = isAlone && !value.includes(",") ? "\\\\" : "\\\\\\\\";
  return value
    .replaceAll("\\", slash)
    .replaceAll(",", "\\,")
    .replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The values in a text. */
export class Properties {
  /** In their order. */
  readonly definitions: readonly Definition[];
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** @param env what `${env:NAME}` stands for */
  constructor(text: string, env: Readonly<Record<string, string | undefined>>) {
    this.definitions = definitionsOf(text);
    this.#env = env;
  }

  /** The first item of a key; undefined where it does not stand there. */
  get(key: string): string | undefined {
    return this.list(key)[0];
  }

  /** All items of a key. */
  list(key: string): string[] {
    return this.of(key).flatMap(({ items }) => items.map(({ value }) => value));
  }

  /** The definitions of a key, with what `${name}` stands for in their values. */
  of(key: string): Definition[] {
    return this.#raw(key).map((one) => ({
      ...one,
      items: one.items.map(({ value, raw }) => ({ value: this.#filledIn(value, []), raw })),
    }));
  }

  #raw(key: string): Definition[] {
    return this.definitions.filter((one) => one.key === key);
  }

  /** With what `${name}` stands for; one that is not known here stays as it is written. */
  #filledIn(text: string, seen: readonly string[]): string {
    return text.replace(/\$(\$?)\{([^{}]*)\}/g, (whole, isEscaped: string, name: string) => {
      if (isEscaped !== "") return whole.slice(1);
      if (seen.includes(name)) return whole;
      const value = this.#named(name);
      return value === undefined ? whole : this.#filledIn(value, [...seen, name]);
    });
  }

  #named(name: string): string | undefined {
    if (name.startsWith("env:")) return this.#env[name.slice("env:".length)];
    if (name === "sys:user.home") return this.#env.HOME;
    return this.#raw(name)[0]?.items[0]?.value;
  }
}
