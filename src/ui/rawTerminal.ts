import type { Io } from "./io.ts";

/** Whether a person sits at both ends, so that a remote command may have a terminal. */
export function hasTerminal(io: Io): boolean {
  return io.stdin.isTTY === true && io.stdout.isTTY === true;
}

/**
 * Hands every key, Ctrl-C included, to the body's reader of stdin; the terminal is as before at the end,
 * whatever happens.
 */
export async function withRawTerminal<T>({ stdin }: Io, body: () => Promise<T>): Promise<T> {
  const was = stdin.isRaw === true;
  stdin.setRawMode(true);
  try {
    return await body();
  } finally {
    stdin.setRawMode(was);
    stdin.pause();
  }
}

/** The size of the terminal on stdout, and its changes (SIGWINCH). */
export function terminalSize({ stdout }: Io) {
  return {
    current: () => ({ columns: stdout.columns, rows: stdout.rows }),
    onChange(listener: () => void): () => void {
      stdout.on("resize", listener);
      return () => stdout.off("resize", listener);
    },
  };
}
