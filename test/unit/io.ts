import { setMaxListeners } from "node:events";
import { PassThrough } from "node:stream";
import type { Io } from "../../src/ui/io.ts";

/** Streams, environment and clock of a command line that is run within the test: `Io` is the seam made for it. */
export function ioDouble(
  options: { cwd?: string; env?: NodeJS.ProcessEnv; tty?: boolean; columns?: number; rows?: number; now?: Date; input?: string } = {},
): {
  io: Io;
  stdout: () => string;
  stderr: () => string;
} {
  const stream = () =>
    Object.assign(new PassThrough(), {
      isTTY: options.tty === true,
      columns: options.columns,
      rows: options.rows,
    }) as unknown as NodeJS.WriteStream & PassThrough;
  const [stdout, stderr] = [stream(), stream()];
  const stdin = new PassThrough();
  stdin.end(options.input ?? "");
  const { signal } = new AbortController();
  // As the program's own: each request listens to it.
  setMaxListeners(0, signal);
  const io: Io = {
    stdout,
    stderr,
    stdin: stdin as unknown as NodeJS.ReadStream,
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    signal,
    stoppedBy: () => undefined,
    now: () => options.now ?? new Date("2026-01-02T03:04:05Z"),
  };
  const read = (from: PassThrough) => {
    let text = "";
    return () => {
      text += (from.read() as Buffer | null)?.toString() ?? "";
      return text;
    };
  };
  return { io, stdout: read(stdout), stderr: read(stderr) };
}
