import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import path from "node:path";
import { parseQuantity } from "../../src/core/manifests/quantity.ts";
import { removeFolder } from "../folders.ts";
import { type Item, now } from "./objects.ts";

/** What a pod's process has come to. */
export interface Ended {
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** The process of a pod's main container, on this machine and in its folders: what is mounted is there under the same path. */
export class PodProcess {
  readonly startedAt = now();
  /** What it has printed. */
  printed = "";
  readonly #child: ChildProcess;
  readonly #home: string;
  #killer: NodeJS.Timeout | undefined;

  /** @param folder for the pod's own volumes */
  constructor(pod: Item, folder: string, onEnd: (ended: Ended) => void) {
    const { containers, securityContext, volumes } = pod.spec;
    const [container] = containers;
    this.#home = mkdtempSync(path.join(folder, "home-"));
    // An emptyDir is everybody's.
    chmodSync(this.#home, 0o777);
    const own = volumes.filter(({ emptyDir }: Item) => emptyDir !== undefined).map(({ name }: Item) => name);
    const homes = container.volumeMounts.filter(({ name }: Item) => own.includes(name)).map(({ mountPath }: Item) => mountPath);
    const [command, ...args] = container.command.map((one: string) => (homes.includes(one) ? this.#home : literal(one)));
    this.#child = spawn(command, args, {
      cwd: container.workingDir,
      env: environmentOf(pod, container),
      stdio: ["ignore", "pipe", "pipe"],
      // A container's processes end with its first one.
      detached: true,
      ...(process.getuid?.() === 0 ? { uid: securityContext.runAsUser, gid: securityContext.runAsGroup } : {}),
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on("data", (text) => (this.printed += text));
    // Its command is not there: nothing was started.
    this.#child.on("error", (error) => {
      this.printed += error.message;
      removeFolder(this.#home);
      onEnd({ exitCode: 128, startedAt: this.startedAt, finishedAt: now() });
    });
    this.#child.on("exit", (code, signal) => {
      clearTimeout(this.#killer);
      this.#signalAll("SIGKILL");
      removeFolder(this.#home);
      const exitCode = code ?? (signal === "SIGKILL" ? 137 : 143);
      onEnd({ exitCode, startedAt: this.startedAt, finishedAt: now() });
    });
  }

  /** As a kubelet stops a container: TERM to its first process, and KILL to all after some seconds. */
  stop(graceSeconds: number): void {
    this.#child.kill("SIGTERM");
    this.#killer ??= setTimeout(() => this.#signalAll("SIGKILL"), graceSeconds * 1000);
  }

  #signalAll(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function environmentOf(pod: Item, container: Item): NodeJS.ProcessEnv {
  const values = (container.env ?? []).map(({ name, value, valueFrom }: Item) => [
    name,
    valueFrom === undefined ? literal(value ?? "") : pod.metadata.uid,
  ]);
  // A process of this machine has no control group of its own: what its limit is stands here instead.
  const limit = container.resources?.limits?.memory;
  const own = limit === undefined ? {} : { CGROUP_MEMORY_MAX: String(parseQuantity(limit)) };
  return { PATH: process.env.PATH, HOSTNAME: pod.metadata.name, ...own, ...Object.fromEntries(values) };
}

/** Kubernetes has a doubled dollar sign stand for itself. */
function literal(text: string): string {
  return text.replaceAll("$$", "$");
}
