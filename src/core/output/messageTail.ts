import { textOf } from "./sections.ts";

/** Length of a message, in UTF-16 units. */
const MESSAGE_LENGTH = 2000;
/** A character takes four bytes at most. */
const MESSAGE_BYTES = 4 * MESSAGE_LENGTH;

/** The end of what stands in a section, as a message; of a section of any size. */
export class MessageTail {
  readonly #buffer = Buffer.alloc(2 * MESSAGE_BYTES);
  #length = 0;

  push(bytes: Buffer): void {
    const added = bytes.subarray(-MESSAGE_BYTES);
    if (this.#length + added.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#length - MESSAGE_BYTES, this.#length);
      this.#length = MESSAGE_BYTES;
    }
    this.#length += added.copy(this.#buffer, this.#length);
  }

  /** Valid Unicode without NUL; empty where nothing is said. */
  text(): string {
    const text = textOf(this.#buffer, Math.max(0, this.#length - MESSAGE_BYTES), this.#length);
    // The second half of a character that was cut is left out.
    return text
      .trim()
      .slice(-MESSAGE_LENGTH)
      .replace(/^[\uDC00-\uDFFF]/, "");
  }
}
