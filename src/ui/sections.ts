import { once } from "node:events";
import type { Io } from "./io.ts";
import { printable } from "./output.ts";

/**
 * Writes the contents of several sources to stdout, with a header on stderr whenever another source goes on
 * (as `tail` does).
 */
export class Sections {
  readonly #io: Io;
  #current = "";

  constructor(io: Io) {
    this.#io = io;
  }

  /** Waits while the reader is slow, so that a log of any size needs little memory. */
  async write(source: string, chunk: Buffer): Promise<void> {
    const { stdout, stderr } = this.#io;
    if (source !== this.#current) {
      stderr.write(`${this.#current === "" ? "" : "\n"}==> ${printable(source)} <==\n`);
      this.#current = source;
    }
    if (chunk.length === 0 || !stdout.writable || stdout.write(chunk)) return;
    // A reader that goes away drains nothing any more.
    const gone = new AbortController();
    await Promise.race(
      ["drain", "close", "error"].map((event) =>
        once(stdout, event, { signal: gone.signal }).catch(() => undefined),
      ),
    );
    gone.abort();
  }

  note(text: string): void {
    this.#io.stderr.write(`${printable(text)}\n`);
  }

  isOpen(): boolean {
    return this.#io.stdout.writable;
  }
}
