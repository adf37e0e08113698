// What both hosts share: the cluster and another one, the workflow directories, the GASW database, and one folder for all of it.
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { build } from "rolldown";
import { LEDGER } from "./jobScript.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);
/** Owner of the workflow directories, who is also the user that the jobs run as. */
const OWNER = 12345;
/** What the engine keeps in a workflow directory beside the scripts; no run may remove it. */
const PRECIOUS = ["workflow.json", "db/jobs.mv.db", "out/Job-0.sh.out", "config/settings.sh", "inv/other-invocation.json"];

export class World {
  folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-hosts-"));
  namespace = path.basename(this.folder).toLowerCase();
  /** Where the workflow directories are. */
  workflows = path.join(this.folder, "workflows");
  directories = ["a", "b", "c"].map((name) => path.join(this.workflows, `${name}-${this.namespace.slice(-6)}`));
  gaswDatabase = path.join(this.folder, "gasw.db");
  lateLog = path.join(this.folder, "late");
  #admin = execFileSync("bash", [path.join(root, "cluster/kubeconfig.sh")], { encoding: "utf8" }).trim();
  #uid = "";
  #kubectl = path.join(path.dirname(this.#admin), "bin/kubectl");

  async begin() {
    chmodSync(this.folder, 0o755);
    writeFileSync(this.lateLog, "");
    for (const directory of this.directories) {
      for (const name of ["sh", "out", "err", "config", "inv", "db"]) mkdirSync(path.join(directory, name), { recursive: true });
      for (const name of PRECIOUS) this.write(path.join(directory, name), `precious ${name}\n`);
      this.write(path.join(directory, LEDGER), "");
      for (const name of ["", "sh", "out", "err", "config", "inv", "db"]) chownSync(path.join(directory, name), OWNER, OWNER);
    }
    await this.kubectl("apply", "-f", path.join(root, "deploy/rbac.yaml"));
    this.token = (await this.kubectl("create", "token", "gasw-k8s-engine", "-n", "gasw-k8s", "--duration", "12h")).trim();
    const own = JSON.parse(await this.kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json"));
    this.cluster = own.clusters[0].cluster;
    this.#uid = await this.#clusterUid();
    this.other = await (await controlPlaneModule(this.folder)).startControlPlane(path.dirname(this.#admin));
  }

  #clusterUid() {
    return this.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}");
  }

  /** Makes sure that the cluster is still there: nothing can be said of jobs whose cluster somebody has made anew. */
  async confirm() {
    if ((await this.#clusterUid()) !== this.#uid) throw new Error("the cluster was made anew meanwhile: nothing can be said");
  }

  /** Asks the cluster as its administrator. */
  async kubectl(...args) {
    const { stdout } = await execute(this.#kubectl, ["--kubeconfig", this.#admin, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** Names of objects of these kinds in the namespace. */
  async left(kinds) {
    return (await this.kubectl("get", kinds, "-n", this.namespace, "-o", "name")).split("\n").filter((name) => name !== "");
  }

  /** Volumes of the whole cluster that are for the workflows here. */
  async volumes() {
    const { items } = JSON.parse(await this.kubectl("get", "pv", "-o", "json"));
    return items.filter(({ spec }) => spec.claimRef?.namespace === this.namespace).map(({ metadata }) => metadata.name);
  }

  /** Hands every workflow over to whoever asks next, as docs/owners.md says. */
  async disown() {
    await this.kubectl("delete", "leases", "-n", this.namespace, "-l", "app.kubernetes.io/managed-by=gasw-k8s");
  }

  /** Writes a file as the engine does: from one moment to the next it is another one. */
  write(file, text) {
    writeFileSync(`${file}.new`, text);
    chownSync(`${file}.new`, OWNER, OWNER);
    renameSync(`${file}.new`, file);
  }

  /** A script with what GASW writes beside its own. */
  script(directory, job, text) {
    this.write(path.join(directory, "config", `${job}-configuration.sh`), "");
    this.write(path.join(directory, "inv", `${job}-invocation.json`), "{}");
    this.write(path.join(directory, "sh", `${job}.sh`), text);
  }

  /** Files of a workflow directory that a run has removed or changed. */
  spoilt(directory) {
    return PRECIOUS.filter((name) => {
      try {
        return readFileSync(path.join(directory, name), "utf8") !== `precious ${name}\n`;
      } catch {
        return true;
      }
    });
  }

  /** Asks the GASW database, as the portal does. */
  query(sql, ...values) {
    const database = new Database(this.gaswDatabase, { timeout: 20_000 });
    try {
      // The portal's words are not those that the table's check knows.
      database.pragma("ignore_check_constraints = ON");
      const statement = database.prepare(sql);
      return statement.reader ? statement.all(...values) : [statement.run(...values)];
    } finally {
      database.close();
    }
  }

  /** Removes everything. @param {boolean} keeps the folder, for whoever wants to see what happened */
  async end(keeps) {
    await this.other?.stop();
    await this.kubectl("delete", "namespace", this.namespace, "--wait=false", "--ignore-not-found");
    for (const name of await this.volumes()) await this.kubectl("delete", "pv", name, "--wait=false", "--ignore-not-found");
    if (!keeps) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The module that the tests start their other cluster with, as JavaScript. */
async function controlPlaneModule(folder) {
  const file = path.join(folder, "controlPlane.mjs");
  await build({
    input: path.join(root, "test/servers/controlPlane.ts"),
    platform: "node",
    logLevel: "silent",
    output: { file, format: "esm" },
  });
  return await import(pathToFileURL(file).href);
}
