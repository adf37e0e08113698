import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { KEYS, leaseName } from "../../src/core/names.ts";
import type { GaswError } from "../../src/errors.ts";
import { volumePlan } from "../../src/services/submit/volumePlan.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";

export const NAMESPACE = "vip";
export const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;
export const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
export const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
export const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
export const LEASE = `${LEASES}/${leaseName(NAMESPACE, "workflow-1")}`;
export const START = Date.parse("2026-01-02T03:04:05Z");

/** A command of a host's process. */
export type Command = (context: Context) => Promise<number>;

/** What became of a command. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  failure?: GaswError;
}

/** Hosts with one cluster, one workflow directory and one GASW database, and a state file each. */
export class Hosts {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-hosts-")));
  readonly directory = path.join(this.folder, "workflow-1");
  readonly cluster: ClusterDouble;
  /** Requests that the cluster was sent. */
  readonly asked: string[] = [];
  /** Milliseconds that have passed since the test began, on every clock. */
  passed = 0;
  /** Host names whose clock is wrong, and by how many milliseconds. */
  wrong: Record<string, number> = {};
  /** What is configured otherwise. */
  config: object = {};
  readonly #contexts: Context[] = [];

  private constructor(cluster: ClusterDouble) {
    this.cluster = cluster;
    for (const name of ["sh", "out", "err"]) mkdirSync(path.join(this.directory, name), { recursive: true });
    cluster.now = () => new Date(START + this.passed);
    cluster.onRequest = (request) => this.asked.push(request);
    cluster.put("/api/v1/namespaces/kube-system", {});
    cluster.put(`/api/v1/namespaces/${NAMESPACE}`, { metadata: { creationTimestamp: "2026-01-01T00:00:00Z" } });
  }

  static async begin(): Promise<Hosts> {
    const hosts = new Hosts(await ClusterDouble.begin());
    await hosts.giveClaim();
    return hosts;
  }

  /** Makes the claim of the workflow's directory, bound. */
  async giveClaim(): Promise<void> {
    const { context } = await this.on("nobody");
    const workflow = { namespace: NAMESPACE, id: "workflow-1", directory: this.directory };
    const [volume] = volumePlan(context.config, workflow, { host: "here", now: new Date() });
    this.cluster.put(`${CLAIMS}/${volume?.claimName}`, { ...volume?.claim, status: { phase: "Bound" } });
  }

  /** Ends all processes. */
  closeAll(): void {
    for (const context of this.#contexts.splice(0)) {
      context.client.close();
      context.close();
    }
  }

  end(): void {
    this.closeAll();
    this.cluster.end();
    rmSync(this.folder, { recursive: true });
  }

  /** A command's process on a host, which has a state file of its own. */
  async on(host: string): Promise<{ context: Context; stdout: () => string; stderr: () => string }> {
    const streams = ioDouble({ cwd: this.directory, env: { HOME: this.folder, PATH: process.env.PATH } });
    const now = () => new Date(START + this.passed + (this.wrong[host] ?? 0));
    const config = {
      k8sNamespace: NAMESPACE,
      image: "debian",
      nfsAddress: "nfs.example.org",
      nfsPath: "/export",
      securityContext: { runAsUser: 0 },
      outputGrace: "0s",
      dao: { url: `sqlite:${this.folder}/gasw.db` },
      state: { path: path.join(this.folder, host, "state.db") },
      ...this.config,
    };
    const loaded = await loadConfig({ cwd: tmpdir(), env: {}, pluginFile: "no-such-plugin.conf", overrides: config });
    const context = new Context({ ...streams.io, now }, loaded);
    Object.defineProperty(context, "host", { value: host });
    Object.defineProperty(context, "client", { value: this.cluster.client(context.signal) });
    this.#contexts.push(context);
    return { context, ...streams };
  }

  /** Runs a command on a host to its end. */
  async run(host: string, command: Command): Promise<Ran> {
    const { context, stdout, stderr } = await this.on(host);
    try {
      return { code: await command(context), stdout: stdout(), stderr: stderr() };
    } catch (error) {
      const failure = error as GaswError;
      return { code: failure.exitCode, stdout: stdout(), stderr: stderr(), failure };
    }
  }

  /** Writes a script, and answers its path. */
  script(id: string): string {
    const file = path.join(this.directory, "sh", `${id}.sh`);
    writeFileSync(file, "true\n");
    return file;
  }

  /** A job as a host's state knows it. */
  async jobOn(host: string, id = "Job-1"): Promise<StoredJob> {
    const { store } = (await this.on(host)).context;
    return store.jobs.find(store.workflows.find(NAMESPACE, "workflow-1") as StoredWorkflow, id) as StoredJob;
  }

  /** Ids of the jobs of which the cluster has a Job. */
  inCluster(): string[] {
    return [...this.cluster.objects]
      .filter(([place]) => place.startsWith(`${JOBS}/`))
      .map(([, { metadata }]) => metadata.annotations[KEYS.job])
      .sort();
  }

  /** Has the cluster show a state of a job's container. */
  async show(state: object, id = "Job-1", host = "A"): Promise<void> {
    const { kubeName } = await this.jobOn(host, id);
    this.cluster.put(`${PODS}/${kubeName}-pod`, {
      metadata: { labels: { "job-name": kubeName } },
      spec: { nodeName: "node-1" },
      status: { containerStatuses: [{ name: MAIN_CONTAINER, state }] },
    });
  }

  pass(seconds: number): void {
    this.passed += seconds * 1000;
  }
}
