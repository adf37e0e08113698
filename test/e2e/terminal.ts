import { type IPty, spawn } from "@lydell/node-pty";
import { eventually, PROGRAM, type TestWorkflow } from "./harness.ts";

/** The program on a terminal of its own. */
export class Terminal {
  readonly #pty: IPty;
  readonly ended: Promise<number>;
  /** Everything that it has shown. */
  shown = "";
  #seen = 0;

  constructor(workflow: TestWorkflow, ...args: readonly string[]) {
    const env = { ...workflow.env, TERM: "xterm" } as Record<string, string>;
    this.#pty = spawn(process.execPath, [PROGRAM, ...args], { cols: 90, rows: 33, cwd: workflow.directory, env });
    this.#pty.onData((data) => {
      this.shown += data;
    });
    this.ended = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  /** What it has shown since the last text that was waited for. */
  get text(): string {
    return this.shown.slice(this.#seen);
  }

  /** Waits for a text, and looks only at what comes after it from then on. */
  async sees(wanted: RegExp): Promise<void> {
    await eventually(
      async () => this.text,
      (text) => wanted.test(text),
    );
    this.#seen = this.shown.length;
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  kill(signal: string): void {
    this.#pty.kill(signal);
  }
}
