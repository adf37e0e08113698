import type { Io } from "./io.ts";

/** A line on stderr that changes while something goes on; silent where nobody watches. */
export interface Progress {
  update(text: string): void;
  /** Takes the line off the screen. */
  stop(): void;
}

/** Whether a person watches stderr. */
export function isWatched(io: Io): boolean {
  return io.stderr.isTTY === true && !io.env.CI && !io.env.NO_COLOR;
}

/** Begins a progress line; the spinner is loaded only where it is seen. */
export async function progress(io: Io, text: string): Promise<Progress> {
  if (!isWatched(io)) return { update: () => undefined, stop: () => undefined };
  const { default: ora } = await import("ora");
  const spinner = ora({ text, stream: io.stderr, discardStdin: false }).start();
  return {
    update(next) {
      spinner.text = next;
    },
    stop() {
      spinner.stop();
    },
  };
}
