import { closeSync } from "node:fs";
import { type ErrFacts, ErrParser, type OutFacts, OutParser } from "../../core/output/parser.ts";
import { systemCode } from "../../errors.ts";
import { openOutput, piecesOf, readEnd } from "./file.ts";

/** GASW's scripts state their return code in their last lines. */
const TAIL_BYTES = 256 * 1024;

/** A stream's parser, and whether what it found in the last lines is what it would find in all of them. */
interface Reader<Facts> {
  parser(): { push(bytes: Uint8Array): void; end(): Facts };
  isDecided(facts: Facts): boolean;
}

const ignore = () => undefined;

const ERR: Reader<ErrFacts> = {
  parser: () => new ErrParser(ignore),
  // The last code counts, wherever it stands.
  isDecided: ({ exitCode }) => exitCode !== undefined,
};

const OUT: Reader<OutFacts> = {
  parser: () => new OutParser(ignore),
  // What stands before a marker of the application's section does not count, and after it is certain what is
  // in the section.
  isDecided: ({ sections }) => sections.application_execution !== undefined,
};

/**
 * The return code that a job's output states, as its parser finds it (GaswOutputParser): the one on stderr
 * overrides the one on stdout. A stream is read from its end only, unless that leaves the code open.
 * @param outFile relative to the workflow directory, as is errFile
 * @throws the signal's reason, when it is aborted
 */
export async function readReturnCode(
  directory: string,
  outFile: string,
  errFile: string,
  signal: AbortSignal,
  tailBytes = TAIL_BYTES,
): Promise<number | undefined> {
  return (
    (await codeIn(ERR, directory, errFile, signal, tailBytes)) ??
    (await codeIn(OUT, directory, outFile, signal, tailBytes))
  );
}

async function codeIn<Facts extends { readonly exitCode?: number }>(
  reader: Reader<Facts>,
  directory: string,
  file: string,
  signal: AbortSignal,
  tailBytes: number,
): Promise<number | undefined> {
  const end = readEnd(directory, file, tailBytes);
  if (end === undefined) return undefined;
  const parser = reader.parser();
  parser.push(end.lines);
  const facts = parser.end();
  return end.isWhole || reader.isDecided(facts)
    ? facts.exitCode
    : await codeInAll(reader, directory, file, signal);
}

async function codeInAll<Facts extends { readonly exitCode?: number }>(
  reader: Reader<Facts>,
  directory: string,
  file: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const opened = openOutput(directory, file);
  if (opened === undefined) return undefined;
  const parser = reader.parser();
  try {
    for await (const piece of piecesOf(opened, signal, onlySystemError)) parser.push(piece);
    return parser.end().exitCode;
  } finally {
    closeSync(opened.fd);
  }
}

/** A file that can't be read to its end tells what it has told up to then. */
function onlySystemError(error: unknown): void {
  if (systemCode(error) === undefined) throw error;
}
