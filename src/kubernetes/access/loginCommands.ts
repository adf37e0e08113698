import { AsyncLocalStorage } from "node:async_hooks";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { systemCode } from "../../errors.ts";

/** Milliseconds that a login command gets to end by itself once nobody waits for it any more. */
const FAREWELL_MS = 500;

/** The login commands (`exec`) that were started for the request at hand. */
const started = new AsyncLocalStorage<ChildProcess[]>();

/**
 * Has a kubeconfig's login commands be started here, where they are known: the library waits for one as long
 * as it takes.
 */
export function watchLoginCommands(kubeConfig: KubeConfig): void {
  const { authenticators } = kubeConfig as unknown as { authenticators: object[] };
  for (const one of authenticators) if ("execFn" in one) one.execFn = startCommand;
}

function startCommand(
  command: string,
  args: readonly string[] | undefined,
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, args ?? [], { ...options, detached: isDetached() });
  started.getStore()?.push(child);
  return child;
}

/**
 * Whether a login command leads a process group of its own, which can be ended as a whole. At a terminal it
 * does not: it may have something to ask there, and a Ctrl-C reaches it anyway.
 */
function isDetached(): boolean {
  return ![0, 1, 2].some((fd) => isatty(fd));
}

/**
 * Gets credentials, and ends the login command that is to give them when they are not wanted any more.
 * @throws the signal's reason, as soon as that command has ended
 */
export async function untilUnwanted<T>(signal: AbortSignal | undefined, login: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const commands: ChildProcess[] = [];
  const result = started.run(commands, login);
  if (signal === undefined) return await result;
  const settled = new AbortController();
  const unwanted = once(signal, "abort", { signal: settled.signal }).then(async () => {
    await Promise.all(commands.map(endCommand));
    throw signal.reason;
  });
  try {
    return (await Promise.race([result, unwanted])) as T;
  } finally {
    settled.abort();
    for (const left of [result, unwanted]) left.catch(() => undefined);
  }
}

/** Ends a command with all that it has started, as far as that can be told. */
async function endCommand(command: ChildProcess): Promise<void> {
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
