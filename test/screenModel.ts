import xterm from "@xterm/headless";

/** A terminal without a window: what a person would see of what is written to it. */
export class ScreenModel {
  readonly #terminal: xterm.Terminal;

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 100_000, allowProposedApi: true });
  }

  /** Resolves once the text is on the screen. */
  write(text: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** The lines that are seen, without blanks at their ends and without empty lines below the last one. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** How many lines have scrolled out of sight. */
  get scrolledOut(): number {
    return this.#terminal.buffer.normal.baseY + this.#terminal.buffer.alternate.baseY;
  }

  /** Whether any line that is seen goes on in the next one. */
  get wraps(): boolean {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) => active.getLine(row)?.isWrapped).includes(true);
  }

  /** Whether it is as a shell expects it: its own screen, and lines that wrap. */
  get isOrdinary(): boolean {
    return this.#terminal.buffer.active.type === "normal" && this.#terminal.modes.wraparoundMode;
  }
}
