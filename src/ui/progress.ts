import type { Io, OutputFormat } from "./io.ts";
import { printable } from "./output.ts";

/** What is waited for. */
export interface Wait {
  readonly text: string;
  /** What the wait is for, where the text says more: off a terminal, only another reason is another line. */
  readonly reason?: string;
}

/** What is waited for, on stderr. */
export interface Progress {
  update(wait: Wait): void;
  /** Takes the line off the screen. */
  stop(): void;
}

/** Who reads: programs get nothing beside their answer and its errors, and neither does who asks for quiet. */
export interface Audience {
  readonly output?: OutputFormat;
  readonly quiet?: boolean;
}

/**
 * Milliseconds before a wait is reported when stderr is not a terminal. An engine runs one process per job:
 * a process that is answered at once should print nothing extra.
 */
const TELL_AFTER_MS = 2000;

const SILENT: Progress = { update: () => undefined, stop: () => undefined };

/** Whether a person watches stderr. */
export function isWatched(io: Io): boolean {
  return io.stderr.isTTY === true && io.env.TERM !== "dumb" && !io.env.CI && !io.env.NO_COLOR;
}

/**
 * Begins a progress line: a spinner where a person watches, which is loaded only there, and otherwise a line
 * when the wait has lasted a while, and one whenever its reason changes.
 */
export async function progress(io: Io, wait: Wait, audience: Audience = {}): Promise<Progress> {
  if (audience.quiet === true) return SILENT;
  if (!isWatched(io)) return waitingLines(io, wait, audience);
  const { default: ora } = await import("ora");
  const spinner = ora({ text: wait.text, stream: io.stderr, discardStdin: false }).start();
  return {
    update({ text }) {
      spinner.text = text;
    },
    stop() {
      spinner.stop();
    },
  };
}

/** What `progress` is off a terminal; also where answers are printed meanwhile, which a spinner would garble. */
export function waitingLines(io: Io, wait: Wait, { output, quiet }: Audience): Progress {
  if (quiet === true || (output ?? "text") !== "text") return SILENT;
  const reasonOf = ({ text, reason = text }: Wait) => reason;
  let current = wait;
  let told: string | undefined;
  const tell = () => {
    told = reasonOf(current);
    io.stderr.write(`${printable(current.text)}\n`);
  };
  const timer = setTimeout(tell, TELL_AFTER_MS);
  timer.unref();
  return {
    update(next) {
      current = next;
      if (told !== undefined && told !== reasonOf(next)) tell();
    },
    stop: () => clearTimeout(timer),
  };
}
