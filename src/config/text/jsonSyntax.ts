/**
 * Where a text stops being JSON, and what should be there: `JSON.parse` of Node.js 20 often does not say, and
 * jsonc-parser tells the place of a symbol that it does not know, but not what is expected there.
 */

const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\b\f\n\r\t\v]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;

type Expect = "value" | "value or ]" | "key" | "key or }" | ":" | ", or close" | "end";

/** The first thing that is wrong in a text that is not JSON: its offset, and what is there instead. */
export function findJsonError(text: string): { offset: number; expected: string } {
  const open: ("{" | "[")[] = [];
  let expect: Expect = "value";
  let offset = 0;
  for (;;) {
    TOKEN.lastIndex = offset;
    const match = TOKEN.exec(text);
    const start = offset + (/^[ \t\n\r]*/.exec(text.slice(offset))?.[0].length ?? 0);
    const next: Expect | undefined = match ? advance(expect, match, open) : undefined;
    if (!match || !next) return { offset: start, expected: wordsFor(expect, open) };
    expect = next;
    offset = TOKEN.lastIndex;
  }
}

/** What may follow after this token, or undefined where it should not stand here. */
function advance(
  expect: Expect,
  [, mark, string, literal]: RegExpExecArray,
  open: ("{" | "[")[],
): Expect | undefined {
  const afterValue = (): Expect => (open.length > 0 ? ", or close" : "end");
  const isValueExpected = expect === "value" || expect === "value or ]";
  if (isValueExpected && (string !== undefined || literal !== undefined)) return afterValue();
  if ((expect === "key" || expect === "key or }") && string !== undefined) return ":";
  if (expect === ":" && mark === ":") return "value";
  if (isValueExpected && (mark === "{" || mark === "[")) {
    open.push(mark);
    return mark === "{" ? "key or }" : "value or ]";
  }
  if (expect === ", or close" && mark === ",") return open.at(-1) === "{" ? "key" : "value";
  const closes =
    mark === (open.at(-1) === "{" ? "}" : "]") &&
    (expect === ", or close" || expect === "key or }" || expect === "value or ]");
  if (!closes) return undefined;
  open.pop();
  return afterValue();
}

function wordsFor(expect: Expect, open: readonly string[]): string {
  const close = open.at(-1) === "{" ? '"}"' : '"]"';
  switch (expect) {
    case "value":
      return "a value";
    case "value or ]":
      return 'a value or "]"';
    case "key":
      return "a key in double quotes";
    case "key or }":
      return 'a key in double quotes or "}"';
    case ":":
      return '":"';
    case ", or close":
      return `"," or ${close}`;
    case "end":
      return "the end of the file";
  }
}

/** Line and column, both from 1, of an offset. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
