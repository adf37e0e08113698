import { type Marker, markerIn, RETURN_TEXT, type Section } from "./outputLines.ts";

/** A longer line (bytes) tells nothing but the marker at its end. */
export const LINE_LIMIT = 64 * 1024;
/** A marker and the blanks after it stand within so many bytes at the end of a line. */
const MARKER_BYTES = 256;
const NEWLINE = 10;
const MARKER_END = ">".charCodeAt(0);
const SPACE = " ".charCodeAt(0);

/** Sections that were seen on a stream; one is open that did not end. */
export type Sections = Readonly<Partial<Record<Section, "open" | "closed">>>;

/** What is told of a stream. Bytes are valid until the next ones are pushed. */
export interface Listener {
  /** What stands in a section, without its marker lines, in pieces of any size; undefined: outside of all. */
  bytes(section: Section | undefined, bytes: Buffer): void;
  /**
   * A whole line that says something and is no marker, without the blanks at its end. In the application's section only those that may
   * state a return code.
   */
  line(section: Section | undefined, line: string): void;
  /** A section begins or ends. */
  marker?(section: Section): void;
}

/**
 * Cuts a stream of GASW's scripts into sections and lines, in constant memory whatever its size and that of its lines. It takes any bytes.
 * What the application prints is its own: in its section, the marker at its end alone counts.
 */
export class SectionReader {
  readonly #listener: Listener;
  /** The beginning of a line whose end is yet to come; the end of its beginning where it is longer than the limit. */
  #rest: Buffer = Buffer.alloc(0);
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

  /** Takes the stream's next bytes; they are not kept. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let start = this.#skim(data, 0);
    for (let end = data.indexOf(NEWLINE, start); end >= 0; end = data.indexOf(NEWLINE, start)) {
      const section = this.#section;
      this.#line(data.subarray(start, end + 1));
      start = end + 1;
      if (this.#section !== section) start = this.#skim(data, start);
    }
    this.#keep(data.subarray(start));
  }

  /** The stream is over: what is left is its last line. */
  end(): void {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    if (rest.length > 0) this.#line(rest);
  }

  /** Passes at once over the whole lines of the application in which nothing can matter; returns where the others begin. */
  #skim(data: Buffer, start: number): number {
    if (this.#section !== "application_execution") return start;
    const whole = data.subarray(start, data.lastIndexOf(NEWLINE) + 1);
    if (whole.length === 0 || whole.includes(`</${this.#section}>`) || whole.includes(RETURN_TEXT)) return start;
    this.#listener.bytes(this.#section, whole);
    this.#isCut = false;
    return start + whole.length;
  }

  #keep(rest: Buffer): void {
    let kept = rest;
    if (rest.length > LINE_LIMIT) {
      kept = rest.subarray(-MARKER_BYTES);
      this.#listener.bytes(this.#section, rest.subarray(0, -MARKER_BYTES));
      this.#isCut = true;
    }
    this.#rest = Buffer.from(kept);
  }

  #line(line: Buffer): void {
    const isWhole = !this.#isCut && line.length <= LINE_LIMIT;
    this.#isCut = false;
    const length = lengthOf(line);
    const marker = line[length - 1] === MARKER_END ? this.#markerOf(line) : undefined;
    if (marker !== undefined) {
      this.#mark(marker, line);
      return;
    }
    if (length > 0 && isWhole && (this.#section !== "application_execution" || line.includes(RETURN_TEXT)))
      this.#listener.line(this.#section, textOf(line.subarray(0, length)));
    this.#listener.bytes(this.#section, line);
  }

  #markerOf(line: Buffer): Marker | undefined {
    const start = Math.max(0, line.length - MARKER_BYTES);
    const marker = markerIn(line.toString("latin1", start));
    const counts = this.#section !== "application_execution" || (marker?.section === this.#section && !marker.opens);
    return marker !== undefined && counts ? { ...marker, at: start + marker.at } : undefined;
  }

  #mark({ section, opens, at }: Marker, line: Buffer): void {
    if (at > 0) this.#listener.bytes(this.#section, line.subarray(0, at));
    if (opens) this.#section = section;
    else if (this.#section === section) this.#section = undefined;
    this.#sections = { ...this.#sections, [section]: opens ? "open" : "closed" };
    this.#listener.marker?.(section);
  }
}

/** Length of a line without the blanks and control characters at its end. */
function lengthOf(line: Buffer): number {
  let length = line.length;
  while (length > 0 && (line[length - 1] ?? 0) <= SPACE) length--;
  return length;
}

/** Bytes as text that every database takes: valid Unicode without NUL. */
export function textOf(bytes: Buffer): string {
  return bytes.toString("utf8").replaceAll("\0", "\uFFFD");
}
