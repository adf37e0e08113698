import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { vi } from "vitest";
import { eventually, TestWorkflow } from "../e2e/harness.ts";
import { H2Database } from "../e2e/serverDatabases.ts";
import { isAlive, parentOf } from "../integration/dao/javaProcesses.ts";
import type { H2Server } from "../servers/h2.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** The jar that is shipped. */
export const PLUGIN = path.join(root, "engine/gasw-plugin/gasw-k8s-plugin.jar");
/** What GASW's own script prints of a good end. */
export const END = "echo '<application_execution>'\necho '</application_execution>'\necho 'Exiting with return value 0'\n";
const PROGRAM = path.join(root, "bin/gasw-k8s.js");

const javaFiles = (folder: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".java"))
    .map((file) => path.join(root, folder, file));

/**
 * Compiles the engine of the harness.
 * @param version with GASW's names as they are since 4.3, or as they were before
 * @returns the folder of its classes
 */
export function compileEngine(version: "gasw" | "gasw3"): string {
  const older = version === "gasw3" ? javaFiles("test/engine/gasw3") : [];
  const names = javaFiles("test/engine/gasw").filter((file) => !older.includes(file.replace("/test/engine/gasw/", "/test/engine/gasw3/")));
  return compile(...older, ...names, ...javaFiles("test/engine/harness"));
}

/** Compiles what checks parts of the plugin; returns the folder of its classes. */
export function compileChecks(): string {
  return compile("-cp", PLUGIN, ...javaFiles("test/engine/checks"));
}

function compile(...args: readonly string[]): string {
  execFileSync("bash", [path.join(root, "scripts/jdk.sh")], { stdio: ["ignore", "ignore", "inherit"] });
  const classes = mkdtempSync(path.join(tmpdir(), "gasw-k8s-engine-"));
  chmodSync(classes, 0o755);
  execFileSync("javac", ["--release", "17", "-d", classes, ...args]);
  return classes;
}

/** A workflow that an engine with the plugin runs, in a database that GASW's Hibernate has made. */
export class EngineWorkflow extends TestWorkflow {
  readonly database: H2Database;
  readonly #server: H2Server;
  readonly #classes: string;
  readonly #scripts = path.join(this.folder, "scripts");
  readonly #journal = path.join(this.folder, "journal");
  readonly #engines: Engine[] = [];

  constructor(server: H2Server, classes: string, config: Record<string, unknown> = {}) {
    super();
    this.#server = server;
    this.#classes = classes;
    this.database = new H2Database(server, this);
    // What the portal writes would destroy a column of H2 1's kind.
    this.configure({ retryCount: 1, ...config, dao: { ...this.database.config, repairStatusColumn: true } });
    mkdirSync(this.#scripts);
  }

  /** A job that the engine is to submit. */
  plan(id: string, script: string): void {
    writeFileSync(path.join(this.#scripts, `${id}.sh`), script);
  }

  /** Takes a job out of what the engine is to submit. */
  unplan(id: string): void {
    rmSync(path.join(this.#scripts, `${id}.sh`));
  }

  /** Starts the engine. @param settings lines of conf/settings.conf */
  engine(...settings: readonly string[]): Engine {
    return this.engineOf(this.#classes, ...settings);
  }

  /** Starts an engine of another GASW. */
  engineOf(classes: string, ...settings: readonly string[]): Engine {
    const schema = path.join(root, `test/fixtures/schema/h2-${this.#server.version}.sql`);
    const url = String(this.database.config.url).replace("{workflowDir}", this.directory);
    const lines = ["default.executor=kubernetes", `gasw-k8s.command=${PROGRAM}`, ...settings].join("\n");
    const options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", `${classes}:${this.#server.jar}`];
    const args = [...options, "harness.Engine", PLUGIN, this.#scripts, this.#journal, url, schema, lines];
    const engine = new Engine(args, this.directory, this.env, path.join(this.folder, "engine.log"));
    this.#engines.push(engine);
    return engine;
  }

  /** What the engine has noted, all its lives together, without what its listeners heard. */
  get journal(): string[] {
    return this.#lines.filter((line) => !line.startsWith("listener: "));
  }

  get heard(): string[] {
    return this.#lines.filter((line) => line.startsWith("listener: ")).map((line) => line.slice("listener: ".length));
  }

  /** The plugin's log. */
  get log(): string {
    const file = path.join(this.directory, "gasw-k8s.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** The invocations that the engine was told of, sorted, each as often as it was told. */
  get told(): string[] {
    return this.journal
      .filter((line) => line.startsWith("told "))
      .map((line) => line.split(" ")[1] ?? "")
      .sort();
  }

  get #lines(): string[] {
    return existsSync(this.#journal) ? readFileSync(this.#journal, "utf8").trimEnd().split("\n") : [];
  }

  /** Waits until the engine has noted something. */
  async noted(pattern: RegExp): Promise<void> {
    await within(() => this.journal.some((line) => pattern.test(line)));
  }

  /** Waits until a listener of the engine has heard something. */
  async hears(what: string): Promise<void> {
    await within(() => this.heard.includes(what));
  }

  /** Waits until the plugin has logged something. */
  async logs(pattern: RegExp): Promise<void> {
    await within(() => pattern.test(this.log));
  }

  async finish(): Promise<void> {
    for (const engine of this.#engines) await engine.kill("SIGKILL");
    await this.cleanup();
  }
}

/** Waits for what a file says: nothing in the cluster changes with it. */
const within = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 300_000, interval: 100 });

/** A running engine: a process of Java. */
export class Engine {
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #pid: number;

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, log: string) {
    const stderr = openSync(log, "a");
    // The kernel ends an engine whose test was killed.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", "java", ...args], { cwd, env, stdio: ["ignore", "ignore", stderr] });
    closeSync(stderr);
    this.#pid = child.pid ?? 0;
    this.ended = once(child, "exit").then(([code, signal]) => {
      if (code === 1) process.stderr.write(readFileSync(log));
      return code ?? signal;
    });
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (isAlive(this.#pid)) process.kill(this.#pid, signal);
    await this.ended;
  }

  /** The processes of gasw-k8s that it has started, once there are any. */
  async children(): Promise<number[]> {
    const find = async () =>
      readdirSync("/proc")
        .map(Number)
        .filter((pid) => parentOf(pid) === this.#pid);
    return await eventually(find, (pids) => pids.length > 0);
  }
}
