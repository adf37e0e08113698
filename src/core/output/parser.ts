import {
  downloadIn,
  returnCodeIn,
  SECTIONS,
  type Section,
  type Timings,
  timingIn,
  type Upload,
  uploadIn,
} from "./lines.ts";
import { type HostFacts, HostReader } from "./machine.ts";
import { MessageTail } from "./messageTail.ts";
import { SectionReader, type Sections } from "./sections.ts";

/**
 * Takes the application's own bytes, as they stand in the stream; they are valid until the parser's next
 * call.
 */
export type Sink = (bytes: Uint8Array) => void;

/** What a job's stdout tells. */
export interface OutFacts extends HostFacts, Timings {
  readonly exitCode?: number;
  /** URIs of the files that were downloaded, each once. */
  readonly inputs: readonly string[];
  readonly outputs: readonly Upload[];
  /** How many inputs and outputs were too many to be kept. */
  readonly leftOut: { readonly inputs: number; readonly outputs: number };
  readonly sections: Sections;
}

/** What a job's stderr tells. */
export interface ErrFacts {
  readonly exitCode?: number;
  readonly sections: Sections;
  /** The end of what stands in each section, without the lines that name a transfer. */
  readonly texts: Readonly<Partial<Record<Section, string>>>;
}

/** Bounds of each list of data: how many, and how many characters in all. */
const MAX_DATA = 20_000;
const MAX_DATA_LENGTH = 4 * 2 ** 20;

/** A list that keeps what fits and counts what does not; the same again is kept once. */
class Bounded<T> {
  readonly #kept = new Map<string, T>();
  #length = 0;
  leftOut = 0;

  add(key: string, item: T): void {
    if (this.#kept.has(key)) return;
    if (this.#kept.size >= MAX_DATA || this.#length + key.length > MAX_DATA_LENGTH) {
      this.leftOut++;
      return;
    }
    this.#length += key.length;
    this.#kept.set(key, item);
  }

  items(): T[] {
    return [...this.#kept.values()];
  }
}

/** Reads a job's stdout, piece by piece, in constant memory; any bytes will do. */
export class OutParser {
  readonly #reader: SectionReader;
  readonly #host = new HostReader();
  readonly #inputs = new Bounded<string>();
  readonly #outputs = new Bounded<Upload>();
  readonly #timings: Timings = {};
  #exitCode: number | undefined;
  #lfcHost: string | undefined;

  constructor(sink: Sink) {
    this.#reader = new SectionReader({
      bytes: (section, data, start, end) => {
        if (section === "application_execution") sink(data.subarray(start, end));
      },
      line: (section, line) => {
        if (section !== "application_execution") this.#line(section, line);
      },
      marker: (section) => {
        // What was stated before the application's section or in it does not count.
        if (section === "application_execution") this.#exitCode = undefined;
      },
    });
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The stream is over. */
  end(): OutFacts {
    this.#reader.end();
    return {
      ...(this.#exitCode === undefined ? {} : { exitCode: this.#exitCode }),
      ...this.#timings,
      ...this.#host.facts(),
      inputs: this.#inputs.items(),
      outputs: this.#outputs.items(),
      leftOut: { inputs: this.#inputs.leftOut, outputs: this.#outputs.leftOut },
      sections: this.#reader.sections,
    };
  }

  #line(section: Section | undefined, line: string): void {
    this.#exitCode = returnCodeIn(line) ?? this.#exitCode;
    Object.assign(this.#timings, timingIn(line));
    this.#host.line(line);
    if (line.startsWith("LFC_HOST=")) this.#lfcHost = line.slice("LFC_HOST=".length) || undefined;
    if (section === "inputs_download") this.#input(downloadIn(line));
    if (section === "results_upload") this.#output(uploadIn(line, this.#lfcHost));
  }

  #input(uri: string | undefined): void {
    if (uri !== undefined) this.#inputs.add(uri, uri);
  }

  #output(upload: Upload | undefined): void {
    if (upload !== undefined) this.#outputs.add(`${upload.id} ${upload.uri}`, upload);
  }
}

/**
 * Whether a line names a file that is transferred: that says nothing of what went wrong, and its URI may have
 * a token in it.
 */
function isTransfer(line: Buffer): boolean {
  return /^<\/?file_(?:download|upload|delete)\b/.test(line.toString("latin1", 0, 20));
}

/** Reads a job's stderr, piece by piece, in constant memory; any bytes will do. */
export class ErrParser {
  readonly #reader: SectionReader;
  readonly #tails = new Map<Section, MessageTail>(SECTIONS.map((section) => [section, new MessageTail()]));
  #isTransfer = false;
  #exitCode: number | undefined;

  constructor(sink: Sink) {
    this.#reader = new SectionReader({
      bytes: (section, data, start, end) => {
        const bytes = data.subarray(start, end);
        if (section === "application_execution") sink(bytes);
        if (!this.#reader.isWithinLine)
          this.#isTransfer = section !== "application_execution" && isTransfer(bytes);
        if (!this.#isTransfer) this.#tails.get(section)?.push(bytes);
      },
      line: (_, line) => {
        this.#exitCode = returnCodeIn(line) ?? this.#exitCode;
      },
    });
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The stream is over. */
  end(): ErrFacts {
    this.#reader.end();
    const { sections } = this.#reader;
    return {
      ...(this.#exitCode === undefined ? {} : { exitCode: this.#exitCode }),
      sections,
      texts: Object.fromEntries(
        [...this.#tails].map(([section, tail]) => [section, tail.text(sections[section] === "open")]),
      ),
    };
  }
}
