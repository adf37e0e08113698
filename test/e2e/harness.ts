import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { inject } from "vitest";
import { generatedFiles } from "../../src/core/jobFiles.ts";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);

/** The program under test: the built one, or the one installed elsewhere. */
export const PROGRAM = process.env.GASW_K8S_TEST_PROGRAM ?? path.join(root, "bin/gasw-k8s.js");
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

/** Runs a program to its end, whatever its exit code. */
export function run(...call: Parameters<typeof start>): Promise<Result> {
  return start(...call).ended;
}

/** kubectl as the cluster's administrator. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  const { kubectl: program, adminKubeconfig } = inject("cluster");
  const { stdout } = await execute(program, ["--kubeconfig", adminKubeconfig, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** An object or a list from the cluster. */
// biome-ignore lint/suspicious/noExplicitAny: tests read many kinds of objects
export async function get(...args: readonly string[]): Promise<any> {
  return JSON.parse(await kubectl("get", ...args, "-o", "json"));
}

/** Applies a manifest as the cluster's administrator. */
export async function apply(...objects: readonly object[]): Promise<void> {
  const { kubectl: program, adminKubeconfig } = inject("cluster");
  const list = { apiVersion: "v1", kind: "List", items: objects };
  const result = await run(program, ["--kubeconfig", adminKubeconfig, "apply", "-f", "-"], {
    env: process.env,
    input: JSON.stringify(list),
  });
  if (result.code !== 0) throw new Error(result.stderr);
}

/** Waits until a condition holds; fails with what was seen last. */
export async function eventually<T>(look: () => Promise<T>, holds: (value: T) => boolean, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s; last seen: ${JSON.stringify(value)}`);
    await sleep(200);
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

  constructor(options: WorkflowOptions = {}) {
    const { workflows } = inject("cluster");
    const unique = randomBytes(4).toString("hex");
    this.folder = path.join(workflows, `t-${unique}`);
    this.id = options.name ?? `workflow-${unique}`;
    this.namespace = options.namespace ?? `e2e-${unique}`;
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

  /** Runs the program in the workflow's directory. */
  cli(...args: readonly string[]): Promise<Result> {
    return this.cliWith({}, ...args);
  }

  cliWith(options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string }, ...args: readonly string[]): Promise<Result> {
    return run(process.execPath, [PROGRAM, ...args], {
      cwd: options.cwd ?? this.directory,
      env: { ...this.env, ...options.env },
      ...(options.input === undefined ? {} : { input: options.input }),
    });
  }

  /** Starts the program in the workflow's directory. */
  start(...args: readonly string[]): Running {
    return this.startWith({}, ...args);
  }

  startWith(options: { env?: NodeJS.ProcessEnv }, ...args: readonly string[]): Running {
    return start(process.execPath, [PROGRAM, ...args], { cwd: this.directory, env: { ...this.env, ...options.env } });
  }

  /** Submits a script and waits until its job has ended. */
  async runJob(jobId: string, body: string, ...args: readonly string[]): Promise<Result> {
    return await this.cli("submit", this.script(jobId, body), "--wait", "--wait-timeout", "90s", ...args);
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

  /** Removes everything that a test may have left, as the cluster's administrator. */
  async cleanup(): Promise<void> {
    await kubectl("delete", "namespace", this.namespace, "--ignore-not-found", "--wait=false");
    const volumes = (await get("pv")).items.filter(
      (volume: { spec: { claimRef?: { namespace?: string }; nfs?: { path: string } } }) =>
        volume.spec.claimRef?.namespace === this.namespace || volume.spec.nfs?.path.startsWith(this.folder),
    );
    for (const volume of volumes) await kubectl("delete", "pv", volume.metadata.name, "--ignore-not-found", "--wait=false");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function giveTo(file: string, owner: number): void {
  const isDirectory = lstatSync(file).isDirectory();
  if (isDirectory) for (const entry of readdirSync(file)) giveTo(path.join(file, entry), owner);
  if (process.getuid?.() === 0 && !lstatSync(file).isSymbolicLink()) chownSync(file, owner, owner);
}
