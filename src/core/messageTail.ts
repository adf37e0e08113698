import { textOf } from "./sectionReader.ts";

/** Length of a message, in UTF-16 units. */
const MESSAGE_LENGTH = 2000;
/** A character takes four bytes at most. */
const MESSAGE_BYTES = 4 * MESSAGE_LENGTH;

/** The end of what stands in a section, as a message; of a section of any size. */
export class MessageTail {
  readonly #buffer = Buffer.alloc(2 * MESSAGE_BYTES);
  #length = 0;
  #isCut = false;

  push(bytes: Buffer): void {
    const added = bytes.subarray(-MESSAGE_BYTES);
    this.#isCut ||= this.#length + bytes.length > MESSAGE_BYTES;
    if (this.#length + added.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#length - MESSAGE_BYTES, this.#length);
      this.#length = MESSAGE_BYTES;
    }
    this.#length += added.copy(this.#buffer, this.#length);
  }

  /** Valid Unicode without NUL; empty where nothing is said. */
  text(): string {
    const text = textOf(this.#buffer.subarray(Math.max(0, this.#length - MESSAGE_BYTES), this.#length));
    // The second half of a character that was cut is left out.
    return withoutTransfers(this.#isCut ? withoutFirstLine(text) : text)
      .trim()
      .slice(-MESSAGE_LENGTH)
      .replace(/^[\uDC00-\uDFFF]/, "");
  }
}

/** A line whose beginning was cut off is left out where others follow. */
function withoutFirstLine(text: string): string {
  const rest = text.slice(text.indexOf("\n") + 1);
  return rest.trim() === "" ? text : rest;
}

/** The lines by which GASW's scripts name each file say nothing of what went wrong, and their URIs may have tokens in them. */
function withoutTransfers(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^<\/?file_(?:download|upload|delete)\b/.test(line))
    .join("\n");
}
