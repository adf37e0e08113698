import { cleanupAt } from "./lines.ts";
import { textOf } from "./sections.ts";

/** Length of a message, in UTF-16 units. */
const MESSAGE_LENGTH = 2000;
/** A character takes four bytes at most. */
const MESSAGE_BYTES = 4 * MESSAGE_LENGTH;

/** The end of what stands in a section, as a message; of a section of any size. */
export class MessageTail {
  readonly #buffer = Buffer.alloc(2 * MESSAGE_BYTES);
  #length = 0;
  /** The message as it was when the script last began to clean up. */
  #beforeCleanup: string | undefined;

  /** Takes the section's next whole lines, or a piece of one that is long. */
  push(bytes: Buffer): void {
    const at = cleanupAt(bytes);
    if (at !== undefined) {
      this.#append(bytes.subarray(0, at));
      this.#beforeCleanup = this.#text();
    }
    this.#append(bytes.subarray(at));
  }

  /**
   * Valid Unicode without NUL; empty where nothing is said.
   * @param isOpen whether the section did not end: then what its script printed as it cleaned up is none of it
   */
  text(isOpen: boolean): string {
    return (isOpen ? this.#beforeCleanup : undefined) ?? this.#text();
  }

  #append(bytes: Buffer): void {
    const added = bytes.subarray(-MESSAGE_BYTES);
    if (this.#length + added.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#length - MESSAGE_BYTES, this.#length);
      this.#length = MESSAGE_BYTES;
    }
    this.#length += added.copy(this.#buffer, this.#length);
  }

  #text(): string {
    const text = textOf(this.#buffer, Math.max(0, this.#length - MESSAGE_BYTES), this.#length);
    // The second half of a character that was cut is left out.
    return text
      .trim()
      .slice(-MESSAGE_LENGTH)
      .replace(/^[\uDC00-\uDFFF]/, "");
  }
}
