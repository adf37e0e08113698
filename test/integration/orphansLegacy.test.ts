import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanupOrphaned } from "../../src/commands/cleanupOrphaned.ts";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import type { GaswError } from "../../src/errors.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { LeftBehind } from "./leftBehind.ts";

const NOW = new Date("2026-03-10T12:00:00Z");
const LONG_AGO = "2026-03-01T12:00:00Z";
const NAMESPACE = "vip";
const SERVER = "nfs.example.org";
const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const volumePath = (name: string) => `/api/v1/persistentvolumes/${name}`;
const claimPath = (name: string) => `${CORE}/persistentvolumeclaims/${name}-claim`;
const jobPath = (name: string) => `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/${name}`;

let folder: string;
let cluster: ClusterDouble;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-legacy-")));
  cluster = await ClusterDouble.begin();
  cluster.now = () => NOW;
  cluster.put(CORE, {});
});
afterEach(() => {
  cluster.end();
  rmSync(folder, { recursive: true });
});

interface Shape {
  readonly server?: string;
  readonly nfsPath?: string;
  readonly name?: string;
  readonly claim?: string;
  readonly policy?: string;
  readonly labels?: object;
}

/** A PersistentVolume and a claim as GASW's Java plugin makes them. */
function plugin(id: string, shape: Shape = {}): string {
  const name = shape.name ?? id.toLowerCase();
  const claim = shape.claim ?? `${name}-claim`;
  const metadata = { creationTimestamp: LONG_AGO, ...(shape.labels === undefined ? {} : { labels: shape.labels }) };
  cluster.put(volumePath(name), {
    metadata,
    spec: {
      nfs: { server: shape.server ?? SERVER, path: shape.nfsPath ?? `/export/${id}/` },
      claimRef: { namespace: NAMESPACE, name: claim },
      persistentVolumeReclaimPolicy: shape.policy ?? "Retain",
    },
    status: { phase: "Bound" },
  });
  cluster.put(`${CORE}/persistentvolumeclaims/${claim}`, {
    metadata: { creationTimestamp: LONG_AGO, namespace: NAMESPACE },
    spec: { volumeName: name },
    status: { phase: "Bound" },
  });
  return name;
}

/** A Job that mounts a claim. */
function job(name: string, claim: string, type?: "Complete" | "Failed"): void {
  cluster.put(jobPath(name), {
    metadata: { creationTimestamp: LONG_AGO, namespace: NAMESPACE },
    spec: { template: { spec: { volumes: [{ name: "w", persistentVolumeClaim: { claimName: claim } }] } } },
    status: { conditions: type === undefined ? [] : [{ type, status: "True" }] },
  });
}

async function orphaned(options: Partial<Parameters<typeof cleanupOrphaned>[1]> = {}, config: object = { nfsAddress: SERVER }) {
  const streams = ioDouble({ cwd: folder, env: { HOME: folder }, now: NOW });
  const overrides = { k8sNamespace: NAMESPACE, nfsPath: "/export", state: { path: path.join(folder, "state.db") }, ...config };
  const loaded = await loadConfig({ cwd: folder, env: {}, pluginFile: "no-such-plugin.conf", overrides });
  const context = new Context(streams.io, loaded);
  Object.defineProperty(context, "client", { value: cluster.client(context.signal) });
  try {
    const asked = { output: "text", olderThan: 86_400, timeout: 1, legacy: true, ...options } as const;
    const code = await cleanupOrphaned(context, asked).catch(({ code, message }: GaswError) => `${code}: ${message}`);
    return { code, stdout: streams.stdout(), stderr: streams.stderr() };
  } finally {
    context.close();
  }
}

interface Listed {
  readonly workflow: string;
  readonly verdict: string;
  readonly reason: string;
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
}

async function listed(options: Parameters<typeof orphaned>[0] = {}): Promise<Listed[]> {
  return JSON.parse((await orphaned({ ...options, output: "json" })).stdout).workflows;
}

describe("what the Java plugin has left", () => {
  test("is found by its NFS folder and its names, with the claim and the Jobs that mount it", async () => {
    const name = plugin("workflow-gENTZc");
    job(`${name}-360261301594475`, `${name}-claim`, "Failed");
    job(`${name}-1`, `${name}-claim`, "Complete");
    const [found, ...others] = await listed();
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      workflow: "workflow-gENTZc",
      verdict: "finished",
      reason: "made by the Java plugin; its jobs have ended and nobody has cleaned up",
      jobs: { completed: 1, failed: 1 },
    });
    expect(found?.objects.map((object) => `${object.kind} ${object.name}`)).toEqual([
      `Job ${name}-360261301594475`,
      `Job ${name}-1`,
      `PersistentVolumeClaim ${name}-claim`,
      `PersistentVolume ${name}`,
    ]);
  });

  test("is not looked for without --legacy", async () => {
    plugin("workflow-gENTZc");
    expect(await listed({ legacy: false })).toEqual([]);
  });

  test("is listed with --yes, and removed only where its workflow is named", async () => {
    const [name, other] = [plugin("workflow-A"), plugin("workflow-B")];
    job(`${name}-1`, `${name}-claim`, "Failed");
    expect(await orphaned({ yes: true })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("left: workflow-A of the Java plugin (add --workflow workflow-A to remove it)\n"),
    });
    expect(cluster.objects.has(volumePath(name))).toBe(true);
    const { code, stdout } = await orphaned({ yes: true, workflow: "workflow-A" });
    expect(code).toBe(0);
    expect(stdout.match(/^removed .*$/gm)).toEqual([
      `removed Job ${name}-1`,
      `removed PersistentVolumeClaim ${name}-claim`,
      `removed PersistentVolume ${name}`,
    ]);
    expect([volumePath(name), claimPath(name), jobPath(`${name}-1`)].filter((place) => cluster.objects.has(place))).toEqual([]);
    expect([volumePath(other), claimPath(other)].every((place) => cluster.objects.has(place))).toBe(true);
  });

  test("is uncertain while a Job runs or waits: there is no Lease that tells whether an engine is alive", async () => {
    const name = plugin("workflow-A");
    job(`${name}-1`, `${name}-claim`);
    expect(await listed()).toMatchObject([{ verdict: "uncertain", reason: expect.stringContaining("1 job is waiting") }]);
    await orphaned({ yes: true, workflow: "workflow-A" });
    expect(cluster.objects.has(volumePath(name))).toBe(true);
  });

  test("is left where an engine makes a Job after it was judged", async () => {
    const name = plugin("workflow-A");
    const asked: string[] = [];
    cluster.onRequest = (request) => {
      asked.push(request);
      // The second look, just before anything is removed.
      if (asked.filter((one) => one === `GET /api/v1/persistentvolumes`).length === 3) job(`${name}-2`, `${name}-claim`);
    };
    const { stderr } = await orphaned({ yes: true, workflow: "workflow-A" });
    expect(stderr).toContain("warning: workflow workflow-A has changed since it was listed: nothing was removed");
    expect(cluster.objects.has(claimPath(name))).toBe(true);
  });

  test("that cannot be listed any more is a failure, and keeps nothing else from being removed", async () => {
    const directory = path.join(folder, "workflow-A");
    const ours = new LeftBehind(cluster, { id: "workflow-A", namespace: "other", directory }, new Date(LONG_AGO)).withVolume();
    const name = plugin("workflow-A");
    let looks = 0;
    cluster.refusalOf = (request) => (request === `GET ${CORE}/pods` && ++looks === 2 ? 500 : undefined);
    const { code, stdout } = await orphaned({ yes: true, workflow: "workflow-A" });
    expect(code).toMatch(/^CLUSTER: /);
    expect(stdout).toMatch(/^removed PersistentVolume workflow-a-/m);
    expect([ours.paths.volume, volumePath(name)].map((place) => cluster.objects.has(place))).toEqual([false, true]);
  });

  test("needs to know the NFS server", async () => {
    expect((await orphaned({}, {})).code).toMatch(/^CONFIG: --legacy needs nfsAddress/);
  });
});

describe("somebody else's volume is never taken for the Java plugin's", () => {
  test.each<[string, Shape & { id?: string }]>([
    ["on another NFS server", { server: "other.example.org" }],
    ["of another folder", { nfsPath: "/export/other" }],
    ["under another name", { name: "data" }],
    ["bound to a claim of another name", { claim: "theirs" }],
    ["of a tool with labels", { labels: { "app.kubernetes.io/managed-by": "gasw-k8s" } }],
    ["that is a configured volume", { id: "SharedData" }],
  ])("%s", async (_, { id = "workflow-A", ...shape }) => {
    const name = plugin(id, shape);
    const config = { nfsAddress: SERVER, volumes: [{ name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/s" }] };
    const { stdout } = await orphaned({ output: "json", workflow: id }, config);
    const { workflows } = JSON.parse(stdout) as { workflows: Listed[] };
    expect(workflows.filter(({ reason }) => reason.includes("Java"))).toEqual([]);
    await orphaned({ yes: true, workflow: id }, config);
    expect(cluster.objects.has(volumePath(name))).toBe(true);
  });

  test("nor a Job beside it that mounts another claim, or is not called as the plugin's are", async () => {
    const name = plugin("workflow-A");
    job(`${name}-1`, "theirs", "Failed");
    job(`${name}-report`, `${name}-claim`, "Failed");
    const [found] = await listed();
    expect(found?.objects.filter(({ kind }) => kind === "Job")).toEqual([]);
  });

  test("and one whose files might be deleted with it is uncertain", async () => {
    plugin("workflow-A", { policy: "Delete" });
    expect(await listed()).toMatchObject([{ verdict: "uncertain", reason: expect.stringContaining("not Retain") }]);
  });
});
