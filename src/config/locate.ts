/** Where a key stands in a file. Loaded only when an error or a warning is to be worded, or lines are to be shown. */
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";

/** Finds the line (from 1) of a key path; that of the nearest enclosing key where the path itself is not in the file. */
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
  if (isMap(node)) return node.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === String(segment));
  if (isSeq(node)) return node.items[Number(segment)] as Node | undefined;
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}

/** The values of a YAML text, or what is wrong with it and where. */
export function parseYaml(text: string): { data: unknown } | { problem: string; line: number; column: number } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, logLevel: "silent", prettyErrors: false });
  const [error] = document.errors;
  if (!error) return { data: document.toJS() as unknown };
  const { line, col } = lineCounter.linePos(error.pos[0]);
  return { problem: error.message, line, column: col };
}
