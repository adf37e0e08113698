import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Readable, Writable } from "node:stream";
import { parseArgs, promisify } from "node:util";
import { inject } from "vitest";
import { run as runCommandLine } from "../../src/cli/program.ts";
import { generatedFiles } from "../../src/core/gasw/files.ts";
import { spelledDirectory } from "../../src/directory.ts";
import { removeFolder } from "../folders.ts";
import { changeAfter, changeCount, follow } from "./changes.ts";
import { ApiError, ask, pathOf } from "./kube.ts";
import { applyHere, kubectlHere } from "./kubectl.ts";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };

/** The program as it is built, for what only a process of its own can show: signals, pipes, terminals, users, the start. */
export const PROGRAM = path.join(root, "bin/gasw-k8s.js");
/** Owner of the workflow directories, who is also the user that the jobs run as. */
const OWNER = 12345;

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A program that was started. */
export interface Running {
  /** What it has printed so far. */
  readonly printed: { readonly stdout: string; readonly stderr: string };
  readonly ended: Promise<Result>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program. */
export function start(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Running {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (text: string) => (printed[name] += text));
  // A program that ends without reading its input breaks the pipe, which is its right.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const ended = new Promise<Result>((resolve, reject) => {
    const codeOf = (signal: NodeJS.Signals | null) => 128 + (signal === "SIGKILL" ? 9 : 15);
    child.on("error", reject).on("close", (status, signal) => resolve({ ...printed, code: status ?? codeOf(signal) }));
  });
  return { printed, ended, kill: (signal) => void child.kill(signal) };
}

/** Waits until a program has printed something. */
export function printed(running: Running, pattern: RegExp): Promise<string> {
  return eventually(
    async () => running.printed.stdout + running.printed.stderr,
    (text) => pattern.test(text),
  );
}

/** Runs a program to its end, whatever its exit code. */
export function run(...call: Parameters<typeof start>): Promise<Result> {
  return start(...call).ended;
}

/** Runs a command line within this process, which starts no Node.js for it; only streams, environment and folder are its own. */
async function runHere(
  args: readonly string[],
  given: { cwd: string; env: NodeJS.ProcessEnv; input: string; ahead: number },
): Promise<Result> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const io = {
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    stdin: Readable.from(given.input === "" ? [] : [Buffer.from(given.input)]) as unknown as NodeJS.ReadStream,
    env: given.env,
    cwd: spelledDirectory(realpathSync(given.cwd), given.env.PWD),
    signal,
    stoppedBy: () => undefined,
    now: () => new Date(Date.now() + given.ahead * 1000),
  };
  const code = await runCommandLine(args, io, version);
  return { stdout: stdout.text, stderr: stderr.text.replace(WAITS, ""), code };
}

/** What a command says while it waits: that depends on how busy the machine is, and has tests of its own. */
const WAITS = /^waiting for .*\n/gm;

/** A stream that keeps what is written to it. */
class Collector extends Writable {
  readonly isTTY = false;
  readonly #chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/** kubectl as the cluster's administrator, within this process where that can be. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  if (await kubectlHere(args)) return "";
  const { kubectl: program, adminKubeconfig } = inject("cluster");
  const { stdout } = await execute(program, ["--kubeconfig", adminKubeconfig, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** An object or a list from the cluster, asked for as kubectl is: kinds, a name, `-n`, `-l`, `--field-selector`. */
// biome-ignore lint/suspicious/noExplicitAny: tests read many kinds of objects
export async function get(...args: readonly string[]): Promise<any> {
  const { positionals, values } = parseArgs({ args: [...args], options: SELECTION, allowPositionals: true });
  const [kinds = "", name] = positionals;
  const query = new URLSearchParams();
  if (values.l !== undefined) query.set("labelSelector", values.l);
  if (values["field-selector"] !== undefined) query.set("fieldSelector", values["field-selector"]);
  if (name !== undefined) return ask("GET", pathOf(kinds, values.n, name));
  const lists = await Promise.all(kinds.split(",").map((kind) => ask("GET", `${pathOf(kind, values.n)}?${query}`)));
  return { items: lists.flatMap(({ kind, items }) => items.map((item: object) => ({ kind: kind.replace(/List$/, ""), ...item }))) };
}

const SELECTION = { n: { type: "string", short: "n" }, l: { type: "string", short: "l" }, "field-selector": { type: "string" } } as const;

/** Applies manifests as the cluster's administrator. */
export async function apply(...objects: readonly object[]): Promise<void> {
  for (const object of objects) await applyHere(object);
}

/** Waits until a condition holds; fails with what was seen last. */
export async function eventually<T>(look: () => Promise<T>, holds: (value: T) => boolean, seconds = 300): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = changeCount();
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s; last seen: ${JSON.stringify(value)}`);
    await changeAfter(seen);
  }
}

/** What GASW's scripts do at their end, wherever they stand. */
export const GASW_REMOVAL = "rm -Rf -- *";

export interface WorkflowOptions {
  /** The workflow's id; by default a fresh one. */
  readonly name?: string;
  readonly namespace?: string;
  /** Configuration beside the defaults; a key set to undefined is left out. */
  readonly config?: Record<string, unknown>;
  readonly account?: "engine" | "admin";
  readonly owner?: number;
}

/** A workflow directory as an engine makes it, with a namespace, a configuration and a state file of its own. */
export class TestWorkflow {
  readonly id: string;
  readonly namespace: string;
  readonly directory: string;
  readonly folder: string;
  readonly configFile: string;
  readonly stateFile: string;
  readonly owner: number;
  readonly #unfollow: () => void;

  constructor(options: WorkflowOptions = {}) {
    const { workflows, run } = inject("cluster");
    const unique = randomBytes(4).toString("hex");
    this.folder = path.join(workflows, `t-${unique}`);
    this.id = options.name ?? `workflow-${unique}`;
    this.namespace = options.namespace ?? `e2e-${run}-${unique}`;
    this.#unfollow = follow(this.namespace);
    this.directory = path.join(this.folder, "workflows", this.id);
    this.owner = options.owner ?? OWNER;
    this.configFile = path.join(this.folder, "gasw-k8s.json");
    this.stateFile = path.join(this.folder, "state", "state.db");
    for (const name of ["sh", "out", "err", "config", "inv"]) mkdirSync(path.join(this.directory, name), { recursive: true });
    this.own();
    this.configure(options.config ?? {}, options.account ?? "engine");
  }

  /** Writes the configuration anew. */
  configure(config: Record<string, unknown>, account: "engine" | "admin" = "engine"): void {
    const { engineKubeconfig, userKubeconfig, image, nfsServer } = inject("cluster");
    const defaults = {
      k8sKubeConfig: account === "engine" ? engineKubeconfig : userKubeconfig,
      k8sNamespace: this.namespace,
      nfsAddress: nfsServer,
      nfsPath: path.dirname(this.directory),
      image,
      imagePullPolicy: "IfNotPresent",
      state: { path: this.stateFile },
    };
    writeFileSync(this.configFile, JSON.stringify({ ...defaults, ...config }, null, 2));
  }

  /** Writes a script, with what GASW writes beside its own where it is like them, and gives everything to the workflow's owner. */
  script(jobId: string, body: string): string {
    for (const name of body.includes(GASW_REMOVAL) ? generatedFiles(jobId) : []) writeFileSync(path.join(this.directory, name), "");
    const file = path.join(this.directory, "sh", `${jobId}.sh`);
    writeFileSync(file, body);
    this.own();
    return file;
  }

  /** Gives the workflow's directory to its owner. */
  own(): void {
    giveTo(this.directory, this.owner);
  }

  /** Has nobody own the workflow, as docs/owners.md says: the next state file takes it over without a wait. */
  async disown(): Promise<void> {
    await kubectl("delete", "leases", "-n", this.namespace, "-l", "app.kubernetes.io/managed-by=gasw-k8s");
  }

  out(jobId: string): string {
    return readFileSync(path.join(this.directory, "out", `${jobId}.sh.out`), "utf8");
  }

  err(jobId: string): string {
    return readFileSync(path.join(this.directory, "err", `${jobId}.sh.err`), "utf8");
  }

  /** The environment that the program gets: nothing of the person's who runs the tests. */
  get env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.folder, GASW_K8S_CONFIG: this.configFile };
  }

  /** Runs a command line in the workflow's directory, within this process. */
  cli(...args: readonly string[]): Promise<Result> {
    return this.cliWith({}, ...args);
  }

  /** @param options `ahead`: seconds by which the command's own clock is ahead */
  cliWith(
    { env, cwd = this.directory, input = "", ahead = 0 }: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string; ahead?: number },
    ...args: readonly string[]
  ): Promise<Result> {
    return runHere(args, { cwd, env: { ...this.env, ...env }, input, ahead });
  }

  /** Runs the program in the workflow's directory as a process of its own, for what only such a one shows. */
  process(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Result> {
    return run(process.execPath, [PROGRAM, ...args], { cwd: this.directory, env: { ...this.env, ...env } });
  }

  /** Starts the program in the workflow's directory, as a process that can be sent signals. */
  start(...args: readonly string[]): Running {
    return this.startWith({}, ...args);
  }

  startWith(options: { env?: NodeJS.ProcessEnv }, ...args: readonly string[]): Running {
    return start(process.execPath, [PROGRAM, ...args], { cwd: this.directory, env: { ...this.env, ...options.env } });
  }

  /** Submits a script and waits until its job has ended. */
  async runJob(jobId: string, body: string, ...args: readonly string[]): Promise<Result> {
    return await this.cli("submit", this.script(jobId, body), "--wait", "--wait-timeout", "300s", ...args);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read many kinds of objects
  async jobs(): Promise<any[]> {
    return (await get("jobs", "-n", this.namespace)).items;
  }

  /** A job's record as `status -o json` prints it. */
  // biome-ignore lint/suspicious/noExplicitAny: the record is what is tested
  async status(jobId: string): Promise<any> {
    const { stdout, stderr, code } = await this.cli("status", jobId, "-o", "json");
    if (code !== 0) throw new Error(`status: exit ${code}: ${stderr}`);
    return JSON.parse(stdout).jobs[0];
  }

  /**
   * Removes everything that takes up room in the cluster, as its administrator. The empty namespace stays until all tests have run: its end
   * takes the API server two requests for every kind of object that there is.
   */
  async cleanup(): Promise<void> {
    this.#unfollow();
    for (const kind of ["jobs", "pods", "pvc"]) await remove(kind, undefined, this.namespace);
    const volumes = (await get("pv")).items.filter(
      (volume: { spec: { claimRef?: { namespace?: string }; nfs?: { path: string } } }) =>
        volume.spec.claimRef?.namespace === this.namespace || volume.spec.nfs?.path.startsWith(this.folder),
    );
    for (const volume of volumes) await remove("pv", volume.metadata.name);
    removeFolder(this.folder);
  }
}

/** Has an object removed, or all of a kind in a namespace, where they are there, without waiting for their end. */
async function remove(kind: string, name: string | undefined, namespace?: string): Promise<void> {
  try {
    await ask("DELETE", pathOf(kind, namespace, name), { propagationPolicy: "Background" });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** Gives a file and all in it to an owner; what a job that runs removes meanwhile needs none. */
function giveTo(file: string, owner: number): void {
  try {
    if (lstatSync(file).isDirectory()) for (const entry of readdirSync(file)) giveTo(path.join(file, entry), owner);
    if (process.getuid?.() === 0) lchownSync(file, owner, owner);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
