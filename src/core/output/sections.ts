import { type Marker, markerIn, RETURN_TEXT, type Section } from "./lines.ts";

/** A longer line (bytes) tells nothing but the marker at its end. */
const LINE_LIMIT = 64 * 1024;
/** A marker and the blanks after it stand within so many bytes at the end of a line. */
const MARKER_BYTES = 256;
const NEWLINE = 10;
const MARKER_END = ">".charCodeAt(0);
const SPACE = " ".charCodeAt(0);
const APPLICATION = "application_execution" satisfies Section;
const APPLICATION_END = `</${APPLICATION}>`;

/** Sections that were seen on a stream; one is open that did not end. */
export type Sections = Readonly<Partial<Record<Section, "open" | "closed">>>;

/** What is told of a stream. Bytes are valid until the next ones are pushed. */
export interface Listener {
  /** What stands in a section, without its marker lines, in pieces of any size. */
  bytes(section: Section, data: Buffer, start: number, end: number): void;
  /**
   * A whole line, neither blank nor a marker, in a section or outside of all (undefined), without trailing
   * blanks. In the application's section only lines that may state a return code.
   */
  line(section: Section | undefined, line: string): void;
  /** A section begins or ends. */
  marker?(section: Section): void;
}

/**
 * Cuts a stream of GASW's scripts into sections and lines, in constant memory whatever its size and that of
 * its lines. It takes any bytes. What the application prints is its own: in its section, the marker at its
 * end alone counts.
 */
export class SectionReader {
  readonly #listener: Listener;
  /**
   * The last bytes that were pushed, behind what was kept of those before; used again and again, so that a
   * stream makes no garbage.
   */
  #buffer: Buffer = Buffer.alloc(0);
  /**
   * What is kept: a line whose end is yet to come, or the last bytes of it where it is longer than the limit.
   */
  #rest: Buffer = this.#buffer;
  /** Whether a part of the line was passed on already. */
  #isCut = false;
  #section: Section | undefined;
  #sections: Sections = {};

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** The sections that were seen so far. */
  get sections(): Sections {
    return this.#sections;
  }

  /** Whether the bytes that are told of go on with a line that has begun before. */
  get isWithinLine(): boolean {
    return this.#isCut;
  }

  /** Takes the stream's next bytes; they are copied. */
  push(chunk: Uint8Array): void {
    const data = this.#append(chunk);
    let start = this.#skim(data, 0);
    for (let end = data.indexOf(NEWLINE, start) + 1; end > 0; end = data.indexOf(NEWLINE, start) + 1) {
      const section = this.#section;
      this.#line(data, start, end);
      start = this.#section === section ? end : this.#skim(data, end);
    }
    if (data.length - start > LINE_LIMIT) {
      this.#pass(data, start, data.length - MARKER_BYTES);
      this.#isCut = true;
      start = data.length - MARKER_BYTES;
    }
    this.#rest = data.subarray(start);
  }

  /** The stream is over: what is left is its last line. */
  end(): void {
    const rest = this.#rest;
    this.#rest = rest.subarray(rest.length);
    if (rest.length > 0) this.#line(rest, 0, rest.length);
  }

  /** What was kept and the next bytes, in one piece. */
  #append(chunk: Uint8Array): Buffer {
    const rest = this.#rest;
    const length = rest.length + chunk.length;
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(length);
    // The rest may lie in the same memory, further on.
    this.#buffer.set(rest);
    this.#buffer.set(chunk, rest.length);
    return this.#buffer.subarray(0, length);
  }

  /**
   * Passes at once over the whole lines of the application in which nothing can matter; returns where the
   * others begin.
   */
  #skim(data: Buffer, start: number): number {
    if (this.#section !== APPLICATION) return start;
    const end = data.lastIndexOf(NEWLINE) + 1;
    const whole = data.subarray(start, end);
    if (whole.length === 0 || whole.includes(APPLICATION_END) || whole.includes(RETURN_TEXT)) return start;
    this.#pass(data, start, end);
    this.#isCut = false;
    return end;
  }

  #pass(data: Buffer, start: number, end: number): void {
    if (this.#section !== undefined && end > start) this.#listener.bytes(this.#section, data, start, end);
  }

  #line(data: Buffer, start: number, end: number): void {
    const isWhole = !this.#isCut && end - start <= LINE_LIMIT;
    const textEnd = textEndOf(data, start, end);
    const marker =
      data[textEnd - 1] === MARKER_END
        ? this.#markerIn(data, Math.max(start, end - MARKER_BYTES), end)
        : undefined;
    if (marker === undefined && isWhole && textEnd > start && this.#mayTell(data, start, textEnd))
      this.#listener.line(this.#section, textOf(data, start, textEnd));
    this.#pass(data, start, marker?.at ?? end);
    this.#isCut = false;
    if (marker !== undefined) this.#mark(marker);
  }

  #mayTell(data: Buffer, start: number, end: number): boolean {
    return this.#section !== APPLICATION || data.subarray(start, end).includes(RETURN_TEXT);
  }

  /** The marker at the end of a line, and where it begins in the data. */
  #markerIn(data: Buffer, start: number, end: number): Marker | undefined {
    const marker = markerIn(data.toString("latin1", start, end));
    const counts = this.#section !== APPLICATION || (marker?.section === APPLICATION && !marker.opens);
    return marker !== undefined && counts ? { ...marker, at: start + marker.at } : undefined;
  }

  #mark({ section, opens }: Marker): void {
    if (opens) this.#section = section;
    else if (this.#section === section) this.#section = undefined;
    this.#sections = { ...this.#sections, [section]: opens ? "open" : "closed" };
    this.#listener.marker?.(section);
  }
}

/** Where a line's text ends and the blanks and control characters at its end begin. */
function textEndOf(data: Buffer, start: number, end: number): number {
  let textEnd = end;
  while (textEnd > start && (data[textEnd - 1] ?? 0) <= SPACE) textEnd--;
  return textEnd;
}

/** Bytes as text that every database takes: valid Unicode without NUL. */
export function textOf(data: Buffer, start = 0, end = data.length): string {
  return data.toString("utf8", start, end).replaceAll("\0", "\uFFFD");
}
