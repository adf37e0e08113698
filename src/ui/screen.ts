import type { Io } from "./io.ts";
import { terminalSize } from "./rawTerminal.ts";

/** What a frame must fit. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Of a terminal that does not tell its own. */
const USUAL: Size = { columns: 80, rows: 24 };

/** The screen beside the one with the shell's lines (which keeps no scrollback), no cursor, and no wrapping. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_REST = "\x1b[J";
/** Shows a frame at once; terminals that do not know it ignore it. */
const [BEGIN_FRAME, END_FRAME] = ["\x1b[?2026h", "\x1b[?2026l"];

/**
 * Frames on the terminal of stdout, each in place of the one before, in whatever size the terminal has by
 * then.
 */
export class Screen {
  readonly #stdout: NodeJS.WriteStream;
  readonly #frameFor: (size: Size) => readonly string[];
  readonly #size: () => Partial<Size>;
  readonly #ignoreResize: () => void;
  #isClosed = false;

  /** @param frameFor a frame's lines, no more than there are rows */
  constructor(io: Io, frameFor: (size: Size) => readonly string[]) {
    const size = terminalSize(io);
    this.#stdout = io.stdout;
    this.#frameFor = frameFor;
    this.#size = size.current;
    this.#ignoreResize = size.onChange(() => this.draw());
    this.#stdout.write(ENTER);
  }

  draw(): void {
    // A slow terminal gets the next frame instead.
    if (this.#isClosed || this.#stdout.writableNeedDrain) return;
    const lines = this.#lines().join(`${CLEAR_LINE}\r\n`);
    this.#stdout.write(`${BEGIN_FRAME}${HOME}${lines}${CLEAR_LINE}${CLEAR_REST}${END_FRAME}`);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ignoreResize();
    this.#stdout.write(LEAVE);
  }

  #lines(): readonly string[] {
    const { columns, rows } = this.#size();
    return this.#frameFor({ columns: columns || USUAL.columns, rows: rows || USUAL.rows });
  }
}
