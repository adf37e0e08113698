import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { removeFolder } from "../folders.ts";

/** How long a server may take to answer, in milliseconds: the machine may be busy with other tests. */
const DEADLINE_MS = 60_000;

/** A user that a server can run as. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account of that name, or nobody's; where this is not root's process, its own. */
export function accountOf(user: string): Account {
  const id = (flag: string, name: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const name = readFileSync("/etc/passwd", "utf8").includes(`\n${user}:`) ? user : "nobody";
  return { uid: id("-u", name), gid: id("-g", name) };
}

/** A folder for a server, its own. */
export function serverFolder(name: string, account: Account): string {
  const folder = mkdtempSync(path.join(tmpdir(), `gasw-k8s-${name}-`));
  chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
  return folder;
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Makes a certificate for 127.0.0.1 alone, and one that signs it, in files of its folder. */
export function makeCertificate(folder: string, account: Account): { authority: string; certificate: string; key: string } {
  const file = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => runAs(account, "openssl", args, folder);
  const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
  openssl(...make, "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem");
  const name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
  openssl(...make, ...name, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem");
  return { authority: file("ca.pem"), certificate: file("server.pem"), key: file("server.key") };
}

/** A server as a process: started in its folder, stopped at the end; one whose test was killed is ended by the kernel. */
export class ServerProcess {
  readonly folder: string;
  readonly #command: readonly string[];
  readonly #account: Account;
  readonly #isReady: () => Promise<void>;
  readonly #signal: NodeJS.Signals;
  #child: ChildProcess | undefined;
  #exit: Promise<void> = Promise.resolve();

  /**
   * @param isReady throws while the server does not answer
   * @param signal on which the server ends at once, clients or not
   */
  constructor(folder: string, command: readonly string[], account: Account, isReady: () => Promise<void>, signal: NodeJS.Signals) {
    this.folder = folder;
    this.#command = command;
    this.#account = account;
    this.#isReady = isReady;
    this.#signal = signal;
  }

  async start(): Promise<void> {
    const log = openSync(path.join(this.folder, "log"), "a");
    const { uid, gid } = this.#account;
    const ids = process.getuid?.() === 0 ? ["--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"] : [];
    const child = spawn("setpriv", [...ids, "--pdeathsig", "QUIT", "--", ...this.#command], {
      cwd: this.folder,
      stdio: ["ignore", log, log],
    });
    this.#child = child;
    this.#exit = new Promise((resolve) => void child.once("exit", () => resolve()));
    await this.#untilReady(child);
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      try {
        return await this.#isReady();
      } catch (cause) {
        if (child.exitCode !== null || performance.now() > deadline) {
          throw new Error(`the server does not start:\n${readFileSync(path.join(this.folder, "log"), "utf8").slice(-2000)}`, { cause });
        }
      }
      await pause(50);
    }
  }

  /** Ends the server without a word to its clients. */
  async kill(): Promise<void> {
    this.#child?.kill(this.#signal);
    await this.#exit;
  }

  async stop(): Promise<void> {
    await this.kill();
    removeFolder(this.folder);
  }
}

/** Runs a program as that account to its end, quietly. */
export function runAs({ uid, gid }: Account, program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: ["ignore", "ignore", "pipe"], ...(process.getuid?.() === 0 ? { uid, gid } : {}) });
}
