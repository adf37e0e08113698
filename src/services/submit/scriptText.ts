import { CURES } from "../../core/scriptCures.ts";
import { markedEncoding } from "../../textFile.ts";

/** What makes bash read a script otherwise than it looks in an editor, and the command that mends it. */
const FLAWS: readonly {
  readonly isIn: (bytes: Buffer) => boolean;
  readonly what: string;
  readonly cure: (file: string) => string;
}[] = [
  {
    isIn: (bytes) => /^utf-16/.test(markedEncoding(bytes) ?? ""),
    what: "is UTF-16 text, which bash cannot run",
    cure: CURES.fromUtf16,
  },
  {
    isIn: (bytes) => markedEncoding(bytes) === "utf-8",
    what: "begins with a byte order mark, which bash takes for part of the first line",
    cure: CURES.withoutMark,
  },
  {
    isIn: (bytes) => bytes.includes("\r\n"),
    what: "has Windows line endings (CRLF), which bash takes for part of the commands",
    cure: CURES.withoutReturns,
  },
  {
    isIn: (bytes) => bytes.includes("\r") && !bytes.includes("\n"),
    what: "has only carriage returns for line endings, so that bash takes it for one line",
    cure: CURES.withLines,
  },
];

/** What a person should know of a script before it runs: a sentence for each flaw of its text. */
export function scriptWarnings(file: string, bytes: Buffer): string[] {
  return FLAWS.filter(({ isIn }) => isIn(bytes)).map(
    ({ what, cure }) => `script ${file} ${what}: convert it with ${cure(file)}`,
  );
}
