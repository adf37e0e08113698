import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadConfig } from "../../src/config/load/load.ts";
import { active } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { jobName } from "../../src/core/names.ts";
import type { Deps } from "../../src/services/deps.ts";
import { readScript } from "../../src/services/submit/scripts.ts";
import { reconcile } from "../../src/services/sync/reconcile.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { ClusterDouble } from "./clusterDouble.ts";

/** How a job's pod stands; a number is the exit code that it has ended with. */
type Shown = "waiting" | "running" | number;

const NAMESPACE = "vip";
/** When a container ran. */
const TIMES = { startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:05:05Z" };
const COLLECTION = { jobs: `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`, pods: `/api/v1/namespaces/${NAMESPACE}/pods` };

/** A workflow in a state of its own, whose cluster shows what the test says. */
export class Invocations {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-life-")));
  readonly directory = path.join(this.folder, "workflow-1");
  readonly cluster: ClusterDouble;
  /** Receives what a user is warned of. */
  onWarning: (message: string) => void = () => undefined;
  /** The time by this host's clock. */
  now: () => Date = () => new Date();
  readonly deps: Deps;
  readonly workflow: StoredWorkflow;

  private constructor(cluster: ClusterDouble, config: Deps["config"]) {
    this.cluster = cluster;
    for (const name of ["sh", "out", "err"]) mkdirSync(path.join(this.directory, name), { recursive: true });
    const signal = new AbortController().signal;
    const warn = (message: string) => this.onWarning(message);
    const now = () => this.now();
    const store = new Store({ path: path.join(this.folder, "state.db"), now, warn });
    const withSignal = (other: AbortSignal) => ({ ...this.deps, signal: other, client: cluster.client(other), close: () => undefined });
    this.deps = { config, store, client: cluster.client(signal), host: "here", signal, now, warn, withSignal };
    this.workflow = store.workflows.register({ namespace: NAMESPACE, id: "workflow-1", directory: this.directory });
  }

  static async begin(config: Readonly<Record<string, unknown>> = {}): Promise<Invocations> {
    const overrides = {
      k8sNamespace: NAMESPACE,
      image: "debian",
      workflowVolume: { type: "claim", name: "workflows" },
      securityContext: { runAsUser: 0 },
      outputGrace: "0s",
      ...config,
    };
    const loaded = await loadConfig({ cwd: tmpdir(), env: {}, pluginFile: "no-such-plugin.conf", overrides });
    const made = new Invocations(await ClusterDouble.begin(), loaded.config);
    made.showClaim("Bound");
    return made;
  }

  end(): void {
    this.deps.client.close();
    this.cluster.end();
    this.deps.store.close();
    rmSync(this.folder, { recursive: true });
  }

  get store(): Store {
    return this.deps.store;
  }

  job(id: string): StoredJob {
    const found = this.store.jobs.find(this.workflow, id);
    if (found === undefined) throw new Error(`no job ${id}`);
    return found;
  }

  /** A job whose Job is in the cluster. */
  submitted(id: string, script = "true\n"): StoredJob {
    this.write(`sh/${id}.sh`, script);
    const kubeName = jobName(NAMESPACE, this.workflow.id, id);
    const { content } = readScript(path.join(this.directory, `sh/${id}.sh`));
    const submission = { contentHash: "c0ffee", script: content, image: "debian", request: {}, prepared: true };
    const { job } = this.store.intents.record(this.workflow, { id, kubeName, ...submission });
    this.store.changes.write(job, { stage: active("QUEUED"), submitted: this.deps.now().toISOString() });
    this.show(id, "waiting");
    return this.job(id);
  }

  /** Has the cluster show a job's Job and its pod. */
  show(id: string, shown: Shown, { startedAt, finishedAt } = TIMES): void {
    const { kubeName } = this.job(id);
    const state = {
      waiting: { waiting: { reason: "ContainerCreating" } },
      running: { running: { startedAt } },
      ended: { terminated: { exitCode: shown, reason: shown === 0 ? "Completed" : "Error", startedAt, finishedAt } },
    }[typeof shown === "number" ? "ended" : shown];
    this.cluster.put(`${COLLECTION.jobs}/${kubeName}`, this.made(id) ?? {});
    this.cluster.put(`${COLLECTION.pods}/${kubeName}-pod`, {
      metadata: { namespace: NAMESPACE, labels: { "job-name": kubeName } },
      spec: { nodeName: "node-1" },
      status: { containerStatuses: [{ name: MAIN_CONTAINER, state }] },
    });
  }

  /** Has the cluster show neither Job nor pod. */
  lose(id: string): void {
    const { kubeName } = this.job(id);
    this.cluster.objects.delete(`${COLLECTION.jobs}/${kubeName}`);
    this.cluster.objects.delete(`${COLLECTION.pods}/${kubeName}-pod`);
  }

  /** Whether a job's Job is in the cluster. */
  isMade(id: string): boolean {
    return this.made(id) !== undefined;
  }

  /** A job's Job as it is in the cluster. */
  made(id: string): unknown {
    return this.cluster.objects.get(`${COLLECTION.jobs}/${this.job(id).kubeName}`);
  }

  showClaim(phase: "Bound" | "Pending"): void {
    this.cluster.put(`/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims/workflows`, { status: { phase } });
  }

  /** One round of a synchronisation, with these signals in the GASW database. */
  round(signals: Readonly<Record<string, string>> = {}): Promise<void> {
    return reconcile(this.deps, this.workflow, new Map(Object.entries(signals)));
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.directory, name)), { recursive: true });
    writeFileSync(path.join(this.directory, name), text);
  }

  hide(name: string): void {
    rmSync(path.join(this.directory, name));
  }

  text(name: string): string {
    return readFileSync(path.join(this.directory, name), "utf8");
  }
}

/** What a script like GASW's prints that ends with this code. */
export function outputOf(application: string, code: number): string {
  return `<application_execution>\n${application}\n</application_execution>\nExiting with return value ${code}\n`;
}
