// What engines, sweepers and the record share: the cluster, its accounts, namespaces of this run's own, one folder, the program.
import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);
const PROGRAM = path.join(root, "bin/gasw-k8s.js");
/** Owner of the workflow directories, who is also the user that the jobs run as. */
const OWNER = 12345;
/** A command that takes longer hangs. */
const LONGEST_COMMAND_MS = 240_000;

/**
 * @typedef {object} Command what became of a command
 * @property {readonly string[]} args
 * @property {number | null} code null where it was killed
 * @property {string} stdout
 * @property {string} stderr
 * @property {boolean} wasStopped whether it was stopped for a while
 */

/**
 * @typedef {object} Fault what is done to a process in its midst
 * @property {"kill" | "stop"} kind
 * @property {number} after milliseconds since its start
 * @property {number} [lasting] milliseconds until a stopped one goes on
 */

export class World {
  folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-sweeping-"));
  workflows = path.join(this.folder, "workflows");
  #admin = execFileSync("bash", [path.join(root, "cluster/kubeconfig.sh")], { encoding: "utf8" }).trim();
  #kubectl = path.join(path.dirname(this.#admin), "bin/kubectl");
  #children = new Set();

  /** @param {readonly string[]} namespaces of this run alone */
  constructor(namespaces) {
    this.namespaces = namespaces;
  }

  async begin() {
    chmodSync(this.folder, 0o755);
    mkdirSync(this.workflows);
    const there = (await this.kubectl("get", "namespaces", "-o", "name")).split("\n");
    if (this.namespaces.some((name) => there.includes(`namespace/${name}`))) throw new Error("a namespace of this run is there already");
    await this.kubectl("apply", "-f", path.join(root, "deploy/rbac.yaml"));
    const own = JSON.parse(await this.kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json"));
    for (const account of ["gasw-k8s-engine", "gasw-k8s-admin"]) {
      const token = (await this.kubectl("create", "token", account, "-n", "gasw-k8s", "--duration", "12h")).trim();
      const config = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "own", cluster: own.clusters[0].cluster }],
        users: [{ name: "own", user: { token } }],
        contexts: [{ name: "own", context: { cluster: "own", user: "own" } }],
        "current-context": "own",
      };
      writeFileSync(path.join(this.folder, account), JSON.stringify(config));
    }
  }

  /** Asks the cluster as its administrator. */
  async kubectl(...args) {
    const { stdout } = await execute(this.#kubectl, ["--kubeconfig", this.#admin, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** Watches a collection as its administrator. @returns {import("node:child_process").ChildProcess} which prints a line for each event */
  watch(collection) {
    const child = spawn(this.#kubectl, ["--kubeconfig", this.#admin, "get", "--raw", `${collection}?watch=true&timeoutSeconds=86400`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.add(child);
    return child;
  }

  async create(...objects) {
    for (const object of objects) {
      const file = path.join(this.folder, `${object.metadata.name}.json`);
      writeFileSync(file, JSON.stringify(object));
      await this.kubectl("create", "-f", file);
    }
  }

  /** A workflow directory as an engine makes it. */
  directory(id) {
    const directory = path.join(this.workflows, id);
    for (const name of ["", "sh", "out", "err"]) {
      mkdirSync(path.join(directory, name), { recursive: true });
      chownSync(path.join(directory, name), OWNER, OWNER);
    }
    return directory;
  }

  /**
   * A host of its own: a state file and a configuration.
   * @param {"gasw-k8s-engine" | "gasw-k8s-admin"} account
   * @param {object} config beside what all hosts have
   */
  host(name, account, config = {}) {
    const home = path.join(this.folder, "hosts", name);
    mkdirSync(home, { recursive: true });
    const stateFile = path.join(home, "state.db");
    const all = {
      k8sKubeConfig: path.join(this.folder, account),
      nfsAddress: "127.0.0.1",
      nfsPath: this.workflows,
      image: "localhost/gasw-k8s/bash:1",
      imagePullPolicy: "IfNotPresent",
      terminationGracePeriodSeconds: 3,
      state: { path: stateFile },
      ...config,
    };
    writeFileSync(path.join(home, "gasw-k8s.json"), JSON.stringify(all));
    return { name, home, stateFile };
  }

  /**
   * Runs the program to its end, whatever that is.
   * @param {{ home: string }} host
   * @param {string} cwd
   * @param {readonly string[]} args
   * @param {Fault | Promise<Fault>} [given] a fault, as soon as it is known
   * @returns {Promise<Command>}
   */
  async run({ home }, cwd, args, given) {
    const env = { PATH: process.env.PATH, HOME: home, GASW_K8S_CONFIG: path.join(home, "gasw-k8s.json") };
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (printed[name] += text));
    const timer = setTimeout(() => child.kill("SIGABRT"), LONGEST_COMMAND_MS);
    const over = new AbortController();
    let wasStopped = false;
    const inflicting = Promise.resolve(given).then(async (fault) => {
      if (fault !== undefined && !over.signal.aborted) wasStopped = await inflict(child, fault, over.signal);
    });
    const code = await new Promise((resolve) => child.on("close", (status, signal) => resolve(signal === "SIGABRT" ? -1 : status)));
    clearTimeout(timer);
    over.abort();
    this.#children.delete(child);
    if (!(given instanceof Promise)) await inflicting;
    return { args, code, ...printed, wasStopped };
  }

  /** Removes everything. @param {boolean} keeps the folder, for whoever wants to see what happened */
  async end(keeps) {
    for (const child of this.#children) child.kill("SIGKILL");
    const volumes = JSON.parse(await this.kubectl("get", "pv", "-o", "json")).items.filter(({ metadata, spec }) =>
      this.namespaces.some((name) => spec.claimRef?.namespace === name || metadata.name.startsWith(name)),
    );
    await this.kubectl("delete", "namespace", ...this.namespaces, "--wait=false", "--ignore-not-found");
    for (const { metadata } of volumes) await this.kubectl("delete", "pv", metadata.name, "--wait=false", "--ignore-not-found");
    if (!keeps) rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {Fault} fault
 * @param {AbortSignal} signal that the process has ended
 * @returns {Promise<boolean>} whether it was stopped
 */
async function inflict(child, { kind, after, lasting }, signal) {
  const waited = (milliseconds) =>
    pause(milliseconds, true, { signal }).catch((error) => {
      if (!signal.aborted) throw error;
      return false;
    });
  if (!(await waited(after))) return false;
  child.kill(kind === "kill" ? "SIGKILL" : "SIGSTOP");
  if (kind === "kill") return false;
  await waited(lasting);
  child.kill("SIGCONT");
  return true;
}
