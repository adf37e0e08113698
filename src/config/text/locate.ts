/**
 * Where a key stands in a file. Loaded only when an error or a warning is to be worded, or lines are to be
 * shown.
 */
import {
  type Alias,
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";

/**
 * Finds the line (from 1) of a key path; that of the nearest enclosing key where the path itself is not in
 * the file.
 */
export function lineFinder(text: string): (path: readonly PropertyKey[]) => number | undefined {
  const lineCounter = new LineCounter();
  // JSON is read as the YAML it also is, which keeps the position of every key.
  const document = parseDocument(text, { lineCounter, logLevel: "silent", uniqueKeys: false });
  return (path) => {
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const segment of path) {
      const child = childAt(node, segment);
      if (child === undefined) break;
      offset = offsetOf(isPair(child) ? child.key : child) ?? offset;
      node = isPair(child) ? child.value : child;
    }
    return offset === undefined ? undefined : lineCounter.linePos(offset).line;
  };
}

function childAt(node: unknown, segment: PropertyKey): Pair | Node | undefined {
  if (isMap(node))
    return node.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === String(segment));
  if (isSeq(node)) return node.items[Number(segment)] as Node | undefined;
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}

/**
 * The values of a YAML text, or what is wrong with it and where, without a quotation: a token may stand
 * there.
 */
export function parseYaml(
  text: string,
): { data: unknown } | { problem: string; line: number; column: number } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, logLevel: "silent", prettyErrors: false });
  const [error] = document.errors;
  const broken = error === undefined ? danglingAlias(document) : undefined;
  if (error === undefined && broken === undefined) return { data: document.toJS() as unknown };
  const { line, col } = lineCounter.linePos(error?.pos[0] ?? broken?.range?.[0] ?? 0);
  return {
    problem:
      error === undefined
        ? 'an alias without its anchor (quote text that starts with "*")'
        : problemOf(error),
    line,
    column: col,
  };
}

function danglingAlias(document: Document): Alias | undefined {
  let found: Alias | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

/** Errors whose own words quote the text. */
const QUOTING: Readonly<Partial<Record<YAMLError["code"], string>>> = {
  BAD_DQ_ESCAPE: "Invalid escape sequence",
  TAG_RESOLVE_FAILED: 'Unknown tag (quote text that starts with "!")',
  UNEXPECTED_TOKEN: "Unexpected text",
};

function problemOf({ code, message }: YAMLError): string {
  return QUOTING[code] ?? message.replace(/(?<=\w): .*/s, "");
}
