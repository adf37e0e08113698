import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { JdbcBridge } from "../../src/dao/jdbcBridge.ts";
import { removeFolder } from "../folders.ts";

export type H2Version = "1.4.196" | "2.3.232" | "2.4.240";

const root = path.resolve(import.meta.dirname, "../..");

/** The drivers' jars are fetched when they are missing. */
export function fetchDrivers(): void {
  execFileSync("bash", [path.join(root, "scripts/h2.sh")], { stdio: ["ignore", "ignore", "inherit"] });
}

/** A JDBC driver's jar; H2's holds its server too. */
export function jarOf(name: "h2" | "postgresql" | "mariadb-java-client", version: string): string {
  return path.join(root, ".cache/h2", `${name}-${version}.jar`);
}

/** Starts a server. */
async function launch(version: H2Version, port: number): Promise<{ server: ChildProcess; port: number }> {
  // H2 2 makes a database for a client only where it is told so.
  const create = version.startsWith("1.") ? [] : ["-ifNotExists"];
  const options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", jarOf("h2", version)];
  const command = ["java", ...options, "org.h2.tools.Server", "-tcp", "-tcpPort", String(port), ...create];
  // The kernel ends a server whose test was killed.
  const server = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    const given = /running at tcp:\/\/[^ ]*:(\d+)/.exec(line)?.[1];
    if (given !== undefined) return { server, port: Number(given) };
  }
  throw new Error(`the H2 server ${version} did not start`);
}

/** Who GASW is in its databases of H2, unless it is told otherwise. */
export const H2_LOGIN = { user: "gasw", password: "gasw" } as const;

/**
 * Another program's connection to a database of H2. It waits for a lock as long as a test may: H2's own second or two is over before a
 * transaction of the program under test is, where the machine is busy.
 */
export async function connectToH2(version: H2Version, url: string): Promise<JdbcBridge> {
  const bridge = new JdbcBridge("java", jarOf("h2", version), process.env);
  try {
    await bridge.open(url, 30, H2_LOGIN);
    await bridge.run("set lock_timeout 60000", []);
    return bridge;
  } catch (error) {
    await bridge.close();
    throw error;
  }
}

/**
 * Has the Java processes that this one starts map the driver's classes, checked and laid out already, from a file (JEP 350): without it they
 * spend a fifth of their time on them.
 */
export function shareClasses(server: H2Server): void {
  const archive = path.join(server.folder, "classes.jsa");
  const shell = [
    "org.h2.tools.Shell",
    "-url",
    server.url("shared"),
    "-user",
    H2_LOGIN.user,
    "-password",
    H2_LOGIN.password,
    "-sql",
    "select 1",
  ];
  execFileSync("java", [`-XX:ArchiveClassesAtExit=${archive}`, "-XX:+UseSerialGC", "-cp", server.jar, ...shell], { stdio: "ignore" });
  process.env.JAVA_TOOL_OPTIONS = `-XX:SharedArchiveFile=${archive}`;
}

/** A server of H2, as a GASW installation runs it, with its databases in a folder of its own. */
export class H2Server {
  readonly jar: string;
  readonly version: H2Version;
  readonly port: number;
  /** Where its databases are. */
  readonly folder: string;
  #process: ChildProcess;

  private constructor(version: H2Version, port: number, folder: string, process: ChildProcess) {
    this.version = version;
    this.jar = jarOf("h2", version);
    this.port = port;
    this.folder = folder;
    this.#process = process;
  }

  /** @param port one that a server had before, to be had again */
  static async start(version: H2Version, { folder = mkdtempSync(path.join(tmpdir(), "gasw-h2-")), port = 0 } = {}): Promise<H2Server> {
    fetchDrivers();
    const launched = await launch(version, port);
    return new H2Server(version, launched.port, folder, launched.server);
  }

  /** The address of one of its databases, which the first client makes. */
  url(database: string): string {
    return `jdbc:h2:tcp://127.0.0.1:${this.port}/${this.file(database)}`;
  }

  /** The path of a database, as H2 writes it: without the file's ending. */
  file(database: string): string {
    return path.join(this.folder, database);
  }

  /** Makes it a server that has hung: connections are taken, by the kernel, and nothing is answered. */
  pause(): void {
    this.#process.kill("SIGSTOP");
  }

  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** Ends it as a power cut would. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Shuts it down as a system does, which has it close its databases, and starts it again at its address. */
  async restart(): Promise<void> {
    await this.#end("SIGTERM");
    this.#process = (await launch(this.version, this.port)).server;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill(signal);
    await ended;
  }

  /** Ends the server and removes its databases. */
  async stop(): Promise<void> {
    await this.kill();
    removeFolder(this.folder);
  }
}
