import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { systemCode } from "../../errors.ts";

/** Milliseconds that a login command gets to end by itself once nobody waits for it any more. */
const FAREWELL_MS = 500;

/** How a login command has ended: its output, or why it has none. */
export type LoginEnd =
  | { readonly output: string }
  | { readonly code: number | NodeJS.Signals }
  | { readonly error: unknown };

/** Starts a login command. */
export function startLogin(
  command: string,
  args: readonly string[],
  { env, interactive }: { readonly env: NodeJS.ProcessEnv; readonly interactive: boolean },
): { readonly child: ChildProcess; readonly ended: Promise<LoginEnd> } {
  const options: SpawnOptions = {
    env,
    detached: isDetached(),
    // What it has to say to a person is theirs to read at a terminal, and nobody's elsewhere: it may be secret.
    stdio: [interactive ? "inherit" : "ignore", "pipe", isatty(2) ? "inherit" : "ignore"],
  };
  const child = spawn(command, args, options);
  return { child, ended: endOf(child) };
}

async function endOf(child: ChildProcess): Promise<LoginEnd> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  try {
    const [code, signal] = await once(child, "close");
    return code === 0 ? { output } : { code: code ?? signal };
  } catch (error) {
    return { error };
  }
}

/**
 * Whether a login command leads a process group of its own, which can be ended as a whole. At a terminal it
 * does not: it may have something to ask there, and a Ctrl-C reaches it anyway.
 */
function isDetached(): boolean {
  return ![0, 1, 2].some((fd) => isatty(fd));
}

/** Ends a command with all that it has started, as far as that can be told. */
export async function endLogin(command: ChildProcess): Promise<void> {
  const over = new AbortController();
  const hasEnded = command.exitCode !== null || command.signalCode !== null;
  const ended = hasEnded ? undefined : once(command, "exit").finally(() => over.abort());
  kill(command, "SIGTERM");
  await Promise.race([ended, sleep(FAREWELL_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
  kill(command, "SIGKILL");
  // What it has started may have its streams still: this process would wait for them.
  for (const stream of command.stdio) stream?.destroy();
  command.unref();
}

function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(isDetached() ? -pid : pid, signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}
