/** What an engine's `conf/settings.conf` is to say for this tool's executor plugin, as lines to change. Pure. */
import { type Definition, type Properties, writtenItem } from "./properties.ts";

/** GASW's name of the executor. */
const EXECUTOR = "Kubernetes";
const PLUGINS = "plugin.executor";

/** What the settings are to say. */
export interface WantedSettings {
  /** The plugin's jar. */
  readonly jar: string;
  /** Whether an entry of `plugin.executor` gives way to it. */
  readonly isReplaced: (entry: string) => boolean;
  /** `gasw-k8s.command` and the like, by key; left alone where undefined. */
  readonly values: Readonly<Record<string, string | undefined>>;
}

/** Lines that take the place of others. */
export interface Edit {
  /** Counted from 0: from the first to the one after the last. */
  readonly lines: readonly [first: number, end: number];
  readonly by: readonly string[];
}

/** The edits that the settings need, in their order; none where they say it all. */
export function settingsEdits(properties: Properties, wanted: WantedSettings): Edit[] {
  const plugins = properties.of(PLUGINS);
  const last = plugins.at(-1);
  const separator = /[ \t\f]*[=:]?[ \t\f]*$/.exec(last?.head ?? "=")?.[0] || "=";
  const line = (key: string, value: string) => `${key}${separator}${writtenItem(value, true)}`;
  const edits = pluginEdits(plugins, wanted);
  const added = last === undefined ? [line(PLUGINS, wanted.jar)] : [];
  for (const [key, value] of Object.entries(singleValues(properties, wanted))) {
    const [first] = properties.of(key);
    if (first === undefined) added.push(line(key, value));
    else edits.push({ lines: first.lines, by: [`${first.head}${writtenItem(value, true)}`] });
  }
  // Behind the plugins, or at the beginning where there are none: the last line may be a password without an end.
  const place = last?.lines[1] ?? 0;
  if (added.length > 0) edits.push({ lines: [place, place], by: added });
  return joined(edits.sort((a, b) => a.lines[0] - b.lines[0] || a.lines[1] - b.lines[1]));
}

/** Edits that touch each other are one. */
function joined(edits: readonly Edit[]): Edit[] {
  const done: Edit[] = [];
  for (const { lines, by } of edits) {
    const before = done.at(-1);
    if (before === undefined || before.lines[1] < lines[0]) done.push({ lines, by });
    else done.splice(-1, 1, { lines: [before.lines[0], lines[1]], by: [...before.by, ...by] });
  }
  return done;
}

/** The keys that have one value, and do not have it yet. */
function singleValues(properties: Properties, { values }: WantedSettings): Record<string, string> {
  const isSet = properties.get("default.executor")?.toLowerCase() === EXECUTOR.toLowerCase();
  const given = Object.entries(values).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== properties.get(entry[0]),
  );
  return { ...(isSet ? {} : { "default.executor": EXECUTOR }), ...Object.fromEntries(given) };
}

/** The jar takes the first place that becomes free, else the last one of all. */
function pluginEdits(plugins: readonly Definition[], { jar, isReplaced }: WantedSettings): Edit[] {
  const isWanted = (value: string) => value !== "" && !isReplaced(value);
  let isThere = plugins.some(({ items }) => items.some(({ value }) => value === jar));
  const lists = plugins.map(({ items }) => {
    const isAlone = items.length === 1;
    return items.flatMap(({ value, raw }) => {
      if (isWanted(value) || value === jar) return [raw];
      const takesPlace = !isThere && value !== "";
      isThere ||= takesPlace;
      return takesPlace ? [raw.replace(/\S(?:.*\S)?/s, () => writtenItem(jar, isAlone))] : [];
    });
  });
  if (!isThere) addTo(lists.at(-1) ?? [], jar);
  return plugins.flatMap(({ head, items, lines }, index) => {
    const raws = lists[index] ?? [];
    if (raws.length === items.length && raws.every((raw, at) => raw === items[at]?.raw)) return [];
    return [{ lines, by: raws.length === 0 ? [] : [`${head}${raws.join(",")}`.trimEnd()] }];
  });
}

/** A list that begins with a comma is one item, whatever follows: it gets a beginning. */
function addTo(raws: string[], jar: string): void {
  const written = writtenItem(jar, raws.length === 0);
  if (raws[0]?.startsWith(",")) raws.unshift(written);
  else raws.push(written);
}

/**
 * The edits as `patch` takes them, without a line of what is around: that may hold a password.
 * @param name the file's
 */
export function unifiedDiff(name: string, text: string, edits: readonly Edit[]): string {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const lineEnd = /\r\n/.test(text) ? "\r\n" : "\n";
  let shift = 0;
  const hunks = edits.map((edit) => {
    const { first, removed, added } = withLineEnds(edit, lines, lineEnd);
    const header = `@@ -${range(first, removed.length)} +${range(first + shift, added.length)} @@\n`;
    shift += added.length - removed.length;
    return (
      header +
      removed.map((line) => marked("-", line)).join("") +
      added.map((line) => marked("+", line)).join("")
    );
  });
  return hunks.length === 0 ? "" : `--- ${name}\n+++ ${name}\n${hunks.join("")}`;
}

/** The plugins may be the last line, and have no end: they get one, where something follows. */
function withLineEnds({ lines: [from, end], by }: Edit, lines: readonly string[], lineEnd: string) {
  const before = lines[from - 1] ?? "\n";
  const isBehindOpenLine = from === end && !before.endsWith("\n");
  const added = by.map((line) => `${line}${lineEnd}`);
  return isBehindOpenLine
    ? { first: from - 1, removed: [before], added: [`${before}${lineEnd}`, ...added] }
    : { first: from, removed: lines.slice(from, end), added };
}

/** Of nothing, the line before is named. */
function range(first: number, count: number): string {
  return count === 1 ? String(first + 1) : `${count === 0 ? first : first + 1},${count}`;
}

function marked(mark: string, line: string): string {
  return line.endsWith("\n") ? mark + line : `${mark}${line}\n\\ No newline at end of file\n`;
}
