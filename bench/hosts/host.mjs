// A host: a state file, its configuration and kubeconfigs, its commands and its monitors, all real processes of the built program.
import { spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const PROGRAM = path.resolve(import.meta.dirname, "../../bin/gasw-k8s.js");
const PRELOAD = pathToFileURL(path.join(import.meta.dirname, "lateFiles.mjs")).href;
/** A command that takes longer hangs: it waits a minute for another one, and tries requests again for half a minute. */
const LONGEST_COMMAND_MS = 240_000;
const MONITOR_PAUSE_MS = 6000;

/**
 * @typedef {object} Command what became of a command
 * @property {string} host
 * @property {readonly string[]} args
 * @property {string} directory
 * @property {number} begun milliseconds since 1970
 * @property {number} ended
 * @property {number | null} code null where it was killed
 * @property {string} stdout
 * @property {string} stderr
 */

export class Host {
  isDead = false;
  context = "own";
  hasToken = true;
  /** What was wrong with its way to the cluster, and when. @type {{ kind: string, begun: number, ended: number }[]} */
  faults = [];
  /** @type {Command[]} */
  commands = [];
  /** What its monitors have printed of each workflow: results by directory. */
  results = new Map();
  /** @type {Map<string, import("node:child_process").ChildProcess>} monitors by directory */
  monitors = new Map();
  #children = new Set();
  #world;
  #monitoring = [];
  #isOver = false;

  constructor(name, world) {
    this.name = name;
    this.#world = world;
    this.folder = path.join(world.folder, `host-${name}`);
    this.stateFile = path.join(this.folder, "state.db");
    mkdirSync(this.folder);
    this.connect({});
    for (const user of ["commands", "monitors"]) writeFileSync(this.#configOf(user), JSON.stringify(this.#config(user), null, 2));
  }

  #configOf(user) {
    return path.join(this.folder, `${user}.json`);
  }

  #config(user) {
    return {
      k8sKubeConfig: path.join(this.folder, `${user}.kubeconfig`),
      k8sNamespace: this.#world.namespace,
      nfsAddress: "127.0.0.1",
      nfsPath: this.#world.workflows,
      image: "localhost/gasw-k8s/bash:1",
      imagePullPolicy: "IfNotPresent",
      terminationGracePeriodSeconds: 8,
      outputGrace: "25s",
      retryCount: 1,
      dao: { url: `sqlite:${this.#world.gaswDatabase}` },
      state: { path: this.stateFile },
    };
  }

  /** Writes the kubeconfigs anew: which cluster they name, and whether the monitors' token is a token. */
  connect({ context = this.context, hasToken = this.hasToken }) {
    Object.assign(this, { context, hasToken });
    this.#note("otherCluster", context !== "own");
    this.#note("revocation", !hasToken);
    const { cluster, other, token } = this.#world;
    for (const user of ["commands", "monitors"]) {
      const file = path.join(this.folder, `${user}.kubeconfig`);
      const text = JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          { name: "own", cluster },
          { name: "other", cluster: { ...cluster, server: other.server } },
        ],
        users: [
          { name: "own", user: { token: user === "monitors" && !hasToken ? "revoked" : token } },
          { name: "other", user: other.user },
        ],
        contexts: ["own", "other"].map((name) => ({ name, context: { cluster: name, user: name } })),
        "current-context": context,
      });
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    }
  }

  #note(kind, isWrong) {
    const last = this.faults.findLast((fault) => fault.kind === kind && fault.ended === Number.POSITIVE_INFINITY);
    if (isWrong && last === undefined) this.faults.push({ kind, begun: Date.now(), ended: Number.POSITIVE_INFINITY });
    if (!isWrong && last !== undefined) last.ended = Date.now();
  }

  #start(user, directory, args, env = {}) {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        GASW_K8S_CONFIG: this.#configOf(user),
        NODE_OPTIONS: `--import ${PRELOAD}`,
        LATE_FILES_ROOT: this.#world.workflows,
        LATE_FILES_HOST: this.name,
        LATE_FILES_LOG: this.#world.lateLog,
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.on("close", () => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end, or until the host dies. @returns {Promise<Command>} */
  async run(directory, args, env = {}) {
    const begun = Date.now();
    const child = this.#start("commands", directory, args, env);
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (printed[name] += text));
    const timer = setTimeout(() => child.kill("SIGABRT"), LONGEST_COMMAND_MS);
    const code = await new Promise((resolve) => child.on("close", (status, signal) => resolve(signal === "SIGABRT" ? -1 : status)));
    clearTimeout(timer);
    const command = { host: this.name, args, directory, begun, ended: Date.now(), code, ...printed };
    this.commands.push(command);
    return command;
  }

  /** Keeps a monitor on every workflow, each begun again a while after it ended. */
  monitor() {
    this.#monitoring = this.#world.directories.map((directory) => this.#monitorOne(directory));
  }

  async #monitorOne(directory) {
    const results = [];
    this.results.set(directory, results);
    while (!this.#isOver) {
      if (!this.isDead) await this.#runMonitor(directory, results);
      await pause(MONITOR_PAUSE_MS);
    }
  }

  async #runMonitor(directory, results) {
    const begun = Date.now();
    const since = results.at(-1)?.cursor ?? 0;
    const child = this.#start("monitors", directory, ["monitor", "-o", "ndjson", "--since", `${since}`]);
    this.monitors.set(directory, child);
    const printed = { stdout: "", stderr: "" };
    child.stderr.setEncoding("utf8").on("data", (text) => (printed.stderr += text));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (printed.stdout + text).split("\n");
      printed.stdout = lines.pop() ?? "";
      results.push(...lines.map((line) => JSON.parse(line)));
    });
    const code = await new Promise((resolve) => child.on("close", (status) => resolve(status)));
    this.monitors.delete(directory);
    this.commands.push({
      host: this.name,
      args: ["monitor"],
      directory,
      begun,
      ended: Date.now(),
      code,
      stdout: "",
      stderr: printed.stderr,
    });
  }

  /** Ends all of its processes without a word; none is begun until it is revived. */
  die() {
    this.isDead = true;
    for (const child of this.#children) child.kill("SIGKILL");
  }

  revive() {
    this.isDead = false;
  }

  /** Ends the monitors, for good. */
  async end() {
    this.#isOver = true;
    for (const child of this.#children) child.kill("SIGCONT");
    for (const child of this.monitors.values()) child.kill("SIGTERM");
    const killer = setTimeout(() => this.die(), 60_000);
    await Promise.all(this.#monitoring);
    clearTimeout(killer);
  }
}
