import { closeSync, lstatSync } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import { jobFiles, PROVENANCE_FOLDER, provenanceFile } from "../../core/gasw/files.ts";
import { type OutputFacts, outputFacts } from "../../core/output/facts.ts";
import { ErrParser, type OutFacts, OutParser, type Sink } from "../../core/output/parser.ts";
import { systemCode } from "../../errors.ts";
import { type OutputFile, openOutput, piecesOf } from "./file.ts";
import { makeFolder, NewFile, openFolder } from "./folder.ts";

/** What a job's output tells, and what could not be done with it. */
export interface ParsedOutput extends OutputFacts {
  /** One sentence each. */
  readonly warnings: readonly string[];
}

interface Work {
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly warnings: string[];
}

/**
 * Reads the output of a job that is over: its facts, the application's own streams into `.app.out` and
 * `.app.err`, and its provenance file into `provenance/`. A missing stream tells nothing; what can't be read
 * or written is a warning.
 * @param fileName the script's base name without `.sh`
 * @throws the signal's reason, when it is aborted
 */
export async function parseOutput(
  directory: string,
  fileName: string,
  signal: AbortSignal,
): Promise<ParsedOutput> {
  const work: Work = { directory, signal, warnings: [] };
  const files = jobFiles(fileName);
  const out = await cut(work, files.out, files.appOut, (sink) => new OutParser(sink));
  const err = await cut(work, files.err, files.appErr, (sink) => new ErrParser(sink));
  await attempt(work, `${provenanceFile(fileName)} was not moved`, () =>
    moveProvenance(work, provenanceFile(fileName)),
  );
  work.warnings.push(...leftOutOf(files.out, out.leftOut));
  return { ...outputFacts(out, err), warnings: work.warnings };
}

/** Says of the files that the output names, and that were too many to be kept, how many they are. */
function leftOutOf(file: string, { inputs, outputs }: OutFacts["leftOut"]): string[] {
  const counts = [
    ...(inputs > 0 ? [`${inputs} inputs`] : []),
    ...(outputs > 0 ? [`${outputs} outputs`] : []),
  ];
  return counts.length === 0
    ? []
    : [`${path.normalize(file)} lists too many files: ${counts.join(" and ")} were ignored`];
}

interface Parser<Facts> {
  push(chunk: Uint8Array): void;
  end(): Facts;
}

/** Parses one stream, and copies what the application has printed. */
async function cut<Facts>(
  work: Work,
  from: string,
  to: string,
  makeParser: (sink: Sink) => Parser<Facts>,
): Promise<Facts> {
  const printed: Uint8Array[] = [];
  const parser = makeParser((bytes) => printed.push(bytes));
  const copy = new Copy(work, to);
  try {
    await copy.begin();
    for await (const piece of piecesIn(work, from)) {
      parser.push(piece);
      await copy.write(printed.splice(0));
    }
    const facts = parser.end();
    await copy.write(printed);
    await copy.finish();
    return facts;
  } finally {
    await copy.giveUp();
  }
}

/** A copy whose failure does not keep the stream from being read. */
class Copy {
  readonly #work: Work;
  readonly #name: string;
  #file: NewFile | undefined;

  constructor(work: Work, name: string) {
    this.#work = work;
    this.#name = name;
  }

  async begin(): Promise<void> {
    await this.#attempt(async () => {
      this.#file = await NewFile.begin(this.#work.directory, this.#name);
    });
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    const file = this.#file;
    const [first] = pieces;
    if (file === undefined || first === undefined) return;
    const bytes = pieces.length === 1 ? first : Buffer.concat(pieces);
    if (!(await this.#attempt(() => file.write(bytes)))) await this.giveUp();
  }

  async finish(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await this.#attempt(() => file.finish());
  }

  /** Removes a copy that was not finished. */
  async giveUp(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await this.#attempt(() => file.giveUp());
  }

  #attempt(action: () => Promise<void>): Promise<boolean> {
    return attempt(this.#work, `${path.normalize(this.#name)} was not written`, action);
  }
}

/** The pieces of a job's file, as it is now. */
async function* piecesIn(work: Work, file: string): AsyncGenerator<Buffer> {
  const opened = open(work, file);
  if (opened === undefined) return;
  try {
    yield* piecesOf(opened, work.signal, (error) =>
      warn(work, `${path.normalize(file)} was not read completely`, error),
    );
  } finally {
    closeSync(opened.fd);
  }
}

/** Opens a job's file; one that is there and can't be read is warned of. */
function open(work: Work, file: string): OutputFile | undefined {
  const name = path.normalize(file);
  try {
    const opened = openOutput(work.directory, file);
    if (
      opened === undefined &&
      lstatSync(path.join(work.directory, file), { throwIfNoEntry: false }) !== undefined
    )
      work.warnings.push(`${name} was not read: it is not a regular file of the workflow, or not readable`);
    return opened;
  } catch (error) {
    warn(work, `${name} was not read`, error);
    return undefined;
  }
}

/** Moves a job's provenance file to where GASW looks for it, if there is one. */
async function moveProvenance({ directory, warnings }: Work, name: string): Promise<void> {
  const source = path.join(directory, name);
  const found = lstatSync(source, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isFile()) {
    warnings.push(`${name} was not moved: it is not a regular file`);
    return;
  }
  await makeFolder(directory, PROVENANCE_FOLDER);
  const folder = await openFolder(directory, PROVENANCE_FOLDER);
  await rename(source, path.join(folder.path, name)).finally(() => folder.close());
}

/** Tries what may fail; says whether it did not. */
async function attempt(work: Work, failure: string, action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    warn(work, failure, error);
    return false;
  }
}

/** Tells of a system error; anything else is a bug. */
function warn({ warnings }: Work, failure: string, error: unknown): void {
  const code = systemCode(error);
  if (code === undefined) throw error;
  warnings.push(`${failure} (${code})`);
}
