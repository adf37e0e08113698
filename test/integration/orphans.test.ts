import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanupOrphaned } from "../../src/commands/cleanupOrphaned.ts";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import { decided } from "../../src/core/lifecycle/make.ts";
import { KEYS } from "../../src/core/names.ts";
import { openDao } from "../../src/dao/open.ts";
import type { GaswError } from "../../src/errors.ts";
import { many } from "../full.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { LeftBehind } from "./leftBehind.ts";

const NOW = new Date("2026-03-10T12:00:00Z");
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
const DAY_S = 86_400;
const RUNNING = { running: { startedAt: hoursAgo(90).toISOString() } };
const FAILED = { terminated: { exitCode: 3, reason: "Error", finishedAt: hoursAgo(80).toISOString() } };
const LISTS = {
  Jobs: "/apis/batch/v1/jobs",
  PersistentVolumeClaims: "/api/v1/persistentvolumeclaims",
  PersistentVolumes: "/api/v1/persistentvolumes",
  Pods: "/api/v1/pods",
  Leases: "/apis/coordination.k8s.io/v1/leases",
} as const;

let folder: string;
let cluster: ClusterDouble;
const contexts: Context[] = [];
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-orphans-")));
  cluster = await ClusterDouble.begin();
  cluster.now = () => NOW;
});
afterEach(() => {
  for (const context of contexts.splice(0)) context.close();
  cluster.end();
  rmSync(folder, { recursive: true });
});

/** A workflow whose engine was last at work some hours ago. */
function workflow(id: string, hours: number, namespace = "vip"): LeftBehind {
  return new LeftBehind(cluster, { id, namespace, directory: path.join(folder, "workflows", id) }, hoursAgo(hours));
}

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cleanup --orphaned` as an administrator on a host of their own. */
async function orphaned(
  options: Partial<Parameters<typeof cleanupOrphaned>[1]> = {},
  { now = NOW, host = "admin-1", config = {} } = {},
): Promise<Outcome> {
  const streams = ioDouble({ cwd: folder, env: { HOME: folder }, now });
  const overrides = { k8sNamespace: "vip", state: { path: path.join(folder, host, "state.db") }, ...config };
  const loaded = await loadConfig({ cwd: folder, env: {}, pluginFile: "no-such-plugin.conf", overrides });
  const context = new Context(streams.io, loaded);
  contexts.push(context);
  Object.defineProperty(context, "client", { value: cluster.client(context.signal) });
  const code = await cleanupOrphaned(context, { output: "text", olderThan: DAY_S, timeout: 1, ...options }).catch(
    (error: GaswError) => `${error.code}: ${error.message}`,
  );
  return { code, stdout: streams.stdout(), stderr: streams.stderr() };
}

/** Workflows, each with verdict and reason. */
async function judged(options: Parameters<typeof orphaned>[0] = {}): Promise<[string, string][]> {
  const { stdout } = await orphaned({ ...options, output: "json" });
  const { workflows } = JSON.parse(stdout) as { workflows: { workflow: string; verdict: string; reason: string }[] };
  return workflows.map((one) => [one.workflow, `${one.verdict}: ${one.reason}`]);
}

const verdicts = async (options: Parameters<typeof orphaned>[0] = {}) => Object.fromEntries(await judged(options));

const has = (...paths: string[]) => paths.map((place) => cluster.objects.has(place));

describe("evidence on the administrator's host", () => {
  /** Writes a workflow's row into the GASW database, whose last date is some hours ago. */
  async function giveRow(id: string, status: "RUNNING" | "COMPLETED", hours: number): Promise<void> {
    const limits = { timeZone: "UTC", timeout: 5000, env: {}, signal: new AbortController().signal };
    const dao = await openDao({ ...limits, simulationId: id, url: `sqlite:${folder}/gasw.db` });
    const nothing = { exitMessage: null, download: null, running: null, upload: null, nodeSite: null, nodeName: null };
    const dates = { creation: hoursAgo(hours + 1).toISOString(), queued: hoursAgo(hours).toISOString(), end: null };
    const request = { command: null, fileName: "Job-1", parameters: null, executor: "Kubernetes", invocationId: 1 };
    const flags = { isReplicating: false, isBeingKilled: false, exitCode: -1 };
    const row = { id: `Job-${id}`, simulationId: id, status: decided(status), ...flags, ...nothing, ...dates, ...request };
    await dao.apply([{ kind: "insert", row }]);
    await dao.close();
  }

  const DATABASE = () => ({ config: { dao: { url: `sqlite:${folder}/gasw.db` } } });
  const judgedWith = async (config: object) => {
    const { workflows } = JSON.parse((await orphaned({ output: "json" }, config)).stdout);
    return Object.fromEntries(workflows.map((one: Record<string, string>) => [one.workflow, `${one.verdict}: ${one.reason}`]));
  };

  test("the GASW database tells of later signs of life, and of jobs that it shows as active", async () => {
    for (const id of ["recent", "open", "over"]) workflow(id, 90).withVolume().withEngine();
    await giveRow("recent", "RUNNING", 2);
    await giveRow("open", "RUNNING", 80);
    await giveRow("over", "COMPLETED", 80);
    expect(await judgedWith(DATABASE())).toEqual({
      recent: "in use: its rows in the GASW database changed not long ago",
      open: "lost: the GASW database has active jobs of it, and the cluster has none",
      over: "finished: its jobs have ended and nobody has cleaned up",
    });
  });

  test("nothing is removed where a GASW database is configured and cannot be read", async () => {
    const { paths } = workflow("over", 90).withVolume().withEngine();
    const config = { dao: { url: "postgres://127.0.0.1:1/gasw", timeout: "1s" } };
    const { stdout, stderr, code } = await orphaned({ yes: true }, { config });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^uncertain .* the GASW database could not be read$/m)]);
    expect(stderr).toMatch(/^warning: workflow over: .*127\.0\.0\.1:1/m);
    expect(has(paths.claim, paths.volume, paths.lease)).toEqual([true, true, true]);
  });

  test("a look makes no state file, and no database", async () => {
    workflow("over", 90).withVolume().withEngine();
    const config = { dao: { url: `sqlite:${folder}/none/gasw.db` } };
    await orphaned({}, { config });
    await orphaned({ output: "json" }, { config });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a directory is gone where the folder that it was in has others, and unknown where that is empty", async () => {
    workflow("one", 90).withVolume().withEngine();
    workflow("two", 90).withVolume().withEngine();
    expect(await verdicts()).toMatchObject({ one: expect.stringContaining("finished"), two: expect.stringContaining("finished") });
    mkdirSync(path.join(folder, "workflows"));
    expect(await verdicts()).toMatchObject({ one: expect.stringContaining("finished") });
    mkdirSync(path.join(folder, "workflows/two"));
    expect(await verdicts()).toMatchObject({ one: "lost: its directory is gone", two: expect.stringContaining("finished") });
    const { workflows } = JSON.parse((await orphaned({ output: "json" })).stdout);
    expect(workflows.map(({ workflow: id, folder: shown }: Record<string, string>) => [id, shown])).toEqual([
      ["one", "gone"],
      ["two", "there"],
    ]);
  });
});

describe("volumes that the workflows of a namespace share", () => {
  test("are lost with the namespace, and removed", async () => {
    const { claim, volume } = workflow("any", 90, "gone").withSharedVolume("atlas");
    cluster.objects.delete(claim);
    expect(await verdicts()).toEqual({ "(shared volumes)": "lost: its namespace is gone" });
    const { code, stdout } = await orphaned({ yes: true });
    expect([code, has(volume)]).toEqual([0, [false]]);
    expect(stdout).toContain(`removed PersistentVolume ${path.basename(volume)}`);
  });

  test("are only listed where the namespace is there: the next workflow uses them", async () => {
    const { claim, volume } = workflow("any", 90).withSharedVolume("atlas");
    cluster.put("/api/v1/namespaces/vip", {});
    expect(await verdicts()).toEqual({
      "(shared volumes)": "uncertain: no workflow of its namespace is left, but the next one will use them",
    });
    await orphaned({ yes: true });
    expect(has(claim, volume)).toEqual([true, true]);
  });

  test("are not mentioned beside a workflow of their namespace, nor where one is looked for", async () => {
    workflow("alive", 0).withVolume().withEngine().withSharedVolume("atlas");
    const other = workflow("any", 90, "gone").withSharedVolume("atlas");
    cluster.objects.delete(other.claim);
    expect(await verdicts({ namespace: "vip" })).toEqual({ alive: "in use: its engine is alive" });
    expect(await verdicts({ selector: "team=mri" })).not.toHaveProperty("(shared volumes)");
  });

  test.each([
    ["another source than it was made with", { nfs: { server: "nfs.example.org", path: "/other" } }],
    ["a reclaim policy other than Retain", { persistentVolumeReclaimPolicy: "Delete" }],
  ])("stay with %s", async (_, spec) => {
    const { claim, volume } = workflow("any", 90, "gone").withSharedVolume("atlas");
    cluster.objects.delete(claim);
    Object.assign(cluster.objects.get(volume).spec, spec);
    await orphaned({ yes: true });
    expect(has(volume)).toEqual([true]);
    expect(await verdicts()).toEqual({ "(shared volumes)": expect.stringMatching(/^uncertain: /) });
  });

  test("stay where the namespace comes back meanwhile", async () => {
    const { claim, volume } = workflow("any", 90, "gone").withSharedVolume("atlas");
    cluster.objects.delete(claim);
    let looks = 0;
    cluster.onRequest = (request) => {
      if (request === "GET /api/v1/namespaces/gone" && ++looks === 2) cluster.put("/api/v1/namespaces/gone", {});
    };
    const { stderr } = await orphaned({ yes: true });
    expect(stderr).toContain("has changed since it was listed: nothing was removed");
    expect(has(volume)).toEqual([true]);
  });
});

describe("what engines have left behind", () => {
  test("is told from what is alive, by the cluster alone, each with its reason", async () => {
    workflow("alive", 0).withVolume().withEngine().withJob("Job-1", RUNNING);
    workflow("idle", 5).withVolume().withEngine();
    workflow("running", 90).withVolume().withEngine().withJob("Job-1", RUNNING);
    workflow("waiting", 90).withVolume().withEngine().withJob("Job-1", undefined);
    workflow("unknown", 90).withVolume().withJob("Job-1", undefined);
    workflow("over", 90).withVolume().withEngine().withJob("Job-1", FAILED);
    const { paths } = workflow("released", 90).withVolume();
    cluster.objects.delete(paths.claim);
    expect(await verdicts()).toEqual({
      alive: "in use: its engine is alive",
      idle: "in use: it was in use not long ago",
      running: "uncertain: 1 job is still running, though no engine is alive",
      waiting: "lost: 1 job is waiting, and its engine is silent",
      unknown: "uncertain: 1 job is waiting, and no Lease tells whether an engine is alive",
      over: "finished: its jobs have ended and nobody has cleaned up",
      released: "lost: the claim of its volume is gone",
    });
  });

  test("is shown with engine, jobs, the last sign of life and the reason, and nothing is removed", async () => {
    const { paths } = workflow("over", 90).withVolume().withEngine("vip-01").withJob("Job-1", FAILED);
    const { stdout, stderr, code } = await orphaned();
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["VERDICT", "NAMESPACE", "WORKFLOW", "FOLDER", "ENGINE", "JOBS", "QUIET", "REASON"],
      ["finished", "vip", "over", "-", "silent for 3d18h (vip-01)", "1 failed", "3d8h", "its jobs have ended and nobody has cleaned up"],
      [""],
    ]);
    expect({ stderr, code }).toEqual({
      code: 0,
      stderr:
        "to remove: 1 Job, 1 PersistentVolumeClaim, 1 PersistentVolume, 1 Lease of 1 workflow; the files on their volumes are kept (reclaim policy Retain)\nnothing was removed (use --yes to remove these objects)\n",
    });
    expect(has(paths.claim, paths.volume, paths.job("Job-1"), paths.lease)).toEqual([true, true, true, true]);
  });

  test("is removed with --yes, of every namespace; what is alive, uncertain or recent stays", async () => {
    const alive = workflow("alive", 0).withVolume().withEngine().withJob("Job-1", undefined);
    const running = workflow("running", 90, "other").withVolume().withEngine().withJob("Job-1", RUNNING);
    const over = workflow("over", 90).withVolume().withEngine().withJob("Job-1", FAILED);
    const lost = workflow("lost", 90, "other").withVolume();
    cluster.objects.delete(lost.paths.claim);
    const { code, stdout } = await orphaned({ yes: true });
    expect(code).toBe(0);
    expect(stdout).toContain("removed PersistentVolume lost-");
    const all = ({ paths }: LeftBehind) => has(paths.claim, paths.volume, paths.job("Job-1"), paths.lease);
    expect(all(over)).toEqual([false, false, false, false]);
    expect(has(lost.paths.volume)).toEqual([false]);
    expect([all(alive), all(running)]).toEqual([Array(4).fill(true), Array(4).fill(true)]);
  });

  test.each([
    ["--namespace", { namespace: "other" }, "there"],
    ["--workflow", { workflow: "there" }, "there"],
    ["--workflow with a directory", { workflow: "/somewhere/else/there" }, "there"],
  ])("is looked for only where %s says", async (_, options, id) => {
    workflow("here", 90).withVolume();
    workflow("there", 90, "other").withVolume();
    expect(Object.keys(await verdicts(options))).toEqual([id]);
  });

  test("stays for as long as --older-than says, and with --keep-failed where a Job has failed", async () => {
    const { paths } = workflow("over", 90).withVolume().withEngine().withJob("Job-1", FAILED);
    expect(await verdicts({ olderThan: 4 * DAY_S })).toEqual({ over: "in use: it was in use not long ago" });
    expect((await orphaned({ yes: true, keepFailed: true })).stderr).toBe("nothing to remove\n");
    expect(has(paths.claim)).toEqual([true]);
  });
});

describe("what could not be seen whole", () => {
  test.each(Object.entries(LISTS))("is never removed: %s", async (noun, list) => {
    const { paths } = workflow("over", 90, "other").withVolume().withEngine().withJob("Job-1", FAILED);
    cluster.forbidden.add(list);
    const { stderr, code } = await orphaned({ yes: true });
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: this account cannot list ${noun} in all namespaces (see deploy/rbac.yaml)`);
    expect(has(paths.claim, paths.volume, paths.job("Job-1"), paths.lease)).toEqual(Array(4).fill(true));
  });

  test("is seen in the configured namespace by an account of that one", async () => {
    workflow("here", 90).withVolume();
    for (const [noun, list] of Object.entries(LISTS)) if (noun !== "PersistentVolumes") cluster.forbidden.add(list);
    const there = workflow("there", 90, "other").withVolume();
    expect(await verdicts()).toEqual({
      here: "finished: its jobs have ended and nobody has cleaned up",
      there: expect.stringMatching(/^uncertain: this account could not list Leases, PersistentVolumeClaims, Jobs, Pods$/),
    });
    await orphaned({ yes: true });
    expect(has(there.paths.volume)).toEqual([true]);
  });
});

describe("what is not what its labels say", () => {
  test.each<[string, (one: LeftBehind) => void, RegExp]>([
    [
      "a volume with another source",
      ({ paths }) => patch(paths.volume, { spec: { nfs: { server: "nfs", path: "/theirs" } } }),
      /another source/,
    ],
    ["a volume of another kind", ({ paths }) => patch(paths.volume, { spec: { nfs: undefined, csi: {} } }), /another source/],
    [
      "a volume whose files might be deleted",
      ({ paths }) => patch(paths.volume, { spec: { persistentVolumeReclaimPolicy: "Delete" } }),
      /reclaim policy .* is not Retain/,
    ],
    ["a volume reserved for no claim", ({ paths }) => patch(paths.volume, { spec: { claimRef: undefined } }), /reserved for no claim/],
    [
      "labels of one workflow and annotations of another",
      ({ paths }) => patch(paths.claim, { metadata: { annotations: { [KEYS.workflow]: "other" } } }),
      /labels .* do not name a workflow/,
    ],
    [
      "two directories",
      ({ paths, id }) => patch(paths.claim, { metadata: { annotations: { [KEYS.directory]: `/elsewhere/${id}` } } }),
      /different directories/,
    ],
  ])("is uncertain, and never removed: %s", async (_, change, words) => {
    const one = workflow("over", 90).withVolume();
    change(one);
    const found = (await judged()).map(([, verdict]) => verdict);
    expect(found.filter((verdict) => words.test(verdict))).toEqual([expect.stringMatching(/^uncertain: /)]);
    const before = cluster.objects.get(one.paths.volume);
    await orphaned({ yes: true });
    expect(cluster.objects.get(one.paths.volume)).toEqual(before);
  });

  // biome-ignore lint/suspicious/noExplicitAny: parts of any object
  function patch(place: string, { metadata = {}, spec = {} }: { metadata?: any; spec?: any }): void {
    const known = cluster.objects.get(place);
    const annotations = { ...known.metadata.annotations, ...metadata.annotations };
    cluster.put(place, { ...known, metadata: { ...known.metadata, annotations }, spec: { ...known.spec, ...spec } });
  }
});

describe("what comes to life after it was judged", () => {
  const LEASE_WRITE = /^(PATCH|POST) .*\/leases/;
  const isGone = ({ paths }: LeftBehind) => has(paths.claim, paths.volume).map((there) => !there);

  /** Once the sweep begins with the workflow. */
  function meanwhile(action: () => void): void {
    cluster.onRequest = (request) => {
      if (!LEASE_WRITE.test(request)) return;
      cluster.onRequest = () => undefined;
      action();
    };
  }

  test.each<[string, (one: LeftBehind) => void]>([
    ["an engine has submitted a job", (one) => one.withJob("Job-2", undefined)],
    ["its claim was marked as used", ({ paths }) => cluster.put(paths.claim, cluster.objects.get(paths.claim))],
    ["its volume was bound again", ({ paths }) => cluster.put(paths.volume, cluster.objects.get(paths.volume))],
    ["a job has begun to run", (one) => one.withJob("Job-1", RUNNING)],
  ])("is left: %s", async (_, change) => {
    const one = workflow("over", 90).withVolume().withEngine().withJob("Job-1", undefined);
    meanwhile(() => change(one));
    expect(await orphaned({ yes: true })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("warning: workflow over has changed since it was listed: nothing was removed\n"),
    });
    expect(isGone(one)).toEqual([false, false]);
  });

  test("is left where its engine speaks again", async () => {
    const one = workflow("over", 90).withVolume().withEngine();
    cluster.onRequest = (request) => {
      if (request === `GET ${one.paths.lease}`) new LeftBehind(cluster, one, NOW).withEngine();
    };
    expect(await orphaned({ yes: true })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("warning: workflow over is served from another state file, by www on engine-1"),
    });
    expect(isGone(one)).toEqual([false, false]);
  });

  test("is left where the claim is used between the last look and its deletion", async () => {
    const one = workflow("over", 90).withVolume().withEngine();
    cluster.onRequest = (request) => {
      if (request === `DELETE ${one.paths.claim}`) cluster.put(one.paths.claim, cluster.objects.get(one.paths.claim));
    };
    expect(await orphaned({ yes: true })).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: persistentvolumeclaims\/over-\S+ has changed since it was listed$/m),
    });
    expect(isGone(one)).toEqual([false, false]);
  });

  test("is left where no Lease can keep it from coming to life", async () => {
    const one = workflow("over", 90).withVolume();
    cluster.refusalOf = (request) => (LEASE_WRITE.test(request) ? 403 : undefined);
    expect((await orphaned({ yes: true })).stderr).toContain("warning: workflow over has changed since it was listed");
    expect(isGone(one)).toEqual([false, false]);
  });
});

test("a volume whose namespace is gone is lost, and removed without a Lease", async () => {
  const one = workflow("over", 90).withVolume();
  for (const place of [one.paths.claim, "/api/v1/namespaces/vip"]) cluster.objects.delete(place);
  cluster.refusalOf = (request) => (request.startsWith("POST") ? 404 : undefined);
  expect(await verdicts()).toEqual({ over: "lost: its namespace is gone" });
  expect((await orphaned({ yes: true })).code).toBe(0);
  expect(has(one.paths.volume)).toEqual([false]);
});

test.each([-1, 1])("clocks that are %i hours off change nothing: the API server's counts", async (hours) => {
  workflow("alive", 0).withVolume().withEngine();
  workflow("over", 25).withVolume().withEngine();
  const { stdout } = await orphaned({ output: "json" }, { now: hoursAgo(-hours) });
  const { workflows } = JSON.parse(stdout) as { workflows: { verdict: string }[] };
  expect(workflows.map(({ verdict }) => verdict)).toEqual(["in use", "finished"]);
});

test.each([
  ["one host", "admin-1"],
  ["two hosts", "admin-2"],
])("two sweeps at once from %s remove everything once, and neither fails for the other", async (_, host) => {
  for (let index = 0; index < 20; index++) workflow(`over-${index}`, 90).withVolume().withEngine();
  const outcomes = await Promise.all([orphaned({ yes: true }), orphaned({ yes: true }, { host })]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  expect([...cluster.objects.keys()]).toEqual(["/api/v1/namespaces/vip"]);
});

const WORKFLOWS = many(5000, 1000);

test(`${WORKFLOWS} workflows are judged in five lists`, async () => {
  for (let index = 0; index < WORKFLOWS; index++) workflow(`over-${index}`, 90).withVolume();
  const asked: string[] = [];
  cluster.onRequest = (request) => asked.push(request);
  expect(Object.keys(await verdicts())).toHaveLength(WORKFLOWS);
  expect(asked.length).toBeLessThan(10);
});
