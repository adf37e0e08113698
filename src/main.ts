import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { run } from "./cli/program.ts";
import { spelledDirectory } from "./directory.ts";
import { GaswError, systemCode } from "./errors.ts";
import { errorReport } from "./ui/output.ts";

/**
 * The process around one command line: signals, streams, exit code. A function, since chunks that are loaded
 * later wait for this module.
 */
export async function main(): Promise<void> {
  // Nothing here heeds it, and Node.js would warn that it does.
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  const interrupt = new AbortController();
  // Every request in flight listens to it.
  setMaxListeners(0, interrupt.signal);
  let stoppedBy: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const stop = () => {
      stoppedBy ??= signal;
      interrupt.abort();
      // The next one ends the program at once; not sooner, since the spinner's own listener would do that
      // where it finds itself alone.
      setImmediate(() => process.off(signal, stop));
    };
    process.on(signal, stop);
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // A closed pipe (`| head`) is not a failure: the work goes on, and the rest of the output is dropped.
      if (error.code === "EPIPE") return;
      if (stream === process.stdout) process.stderr.write(errorReport(unwritten(error), { output: "text" }));
      process.exitCode = 1;
    });
  }
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const { stdout, stderr, stdin, env } = process;
  const io = {
    stdout,
    stderr,
    stdin,
    env,
    cwd: currentDirectory(),
    signal: interrupt.signal,
    stoppedBy: () => stoppedBy,
    now: () => new Date(),
  };
  const exitCode = await run(process.argv.slice(2), io, version);
  // A failure to write the answer may have been noted on the way.
  process.exitCode ||= exitCode;
}

function unwritten(cause: NodeJS.ErrnoException): GaswError {
  return new GaswError("FAILURE", `cannot write to stdout (${cause.code})`, {
    hint: "free some disk space; the command took effect: `gasw-k8s status` shows the result",
    cause,
  });
}

/**
 * The current directory, also where it was removed meanwhile: a workflow may be cleaned up from what was its
 * directory.
 */
function currentDirectory(): string {
  try {
    return spelledDirectory(process.cwd(), process.env.PWD);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return process.env.PWD ?? "/";
  }
}
