import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { actOn } from "../../src/commands/act.ts";
import { cleanup } from "../../src/commands/cleanup.ts";
import { describe as describeJob, events } from "../../src/commands/debug/describe.ts";
import { logs } from "../../src/commands/debug/logs.ts";
import { exec, shell } from "../../src/commands/debug/terminal.ts";
import { why } from "../../src/commands/debug/why.ts";
import { monitor } from "../../src/commands/monitor.ts";
import { status } from "../../src/commands/status.ts";
import { submit } from "../../src/commands/submit.ts";
import { wait } from "../../src/commands/wait.ts";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import { active, over } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { KEYS } from "../../src/core/names.ts";
import type { GaswError } from "../../src/errors.ts";
import { volumePlan } from "../../src/services/submit/volumePlan.ts";
import { confirmCluster, firstSight, OtherCluster } from "../../src/services/workflow/cluster.ts";
import { migrations } from "../../src/store/migrations.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";

const NAMESPACE = "vip";
const KUBE_SYSTEM = "/api/v1/namespaces/kube-system";
const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

let folder: string;
let directory: string;
let here: ClusterDouble;
let there: ClusterDouble;
/** What each cluster was asked for. */
let asked: Map<ClusterDouble, string[]>;
const contexts: Context[] = [];
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-cluster-")));
  directory = path.join(folder, "workflow-1");
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
  asked = new Map();
  [here, there] = [await beginCluster(), await beginCluster()];
});
afterEach(() => {
  for (const context of contexts.splice(0)) {
    context.client.close();
    context.close();
  }
  here.end();
  there.end();
  rmSync(folder, { recursive: true });
});

async function beginCluster(): Promise<ClusterDouble> {
  const cluster = await ClusterDouble.begin();
  cluster.put(KUBE_SYSTEM, {});
  asked.set(cluster, []);
  cluster.onRequest = (request) => asked.get(cluster)?.push(request);
  return cluster;
}

const stateFile = () => path.join(folder, "state.db");
const script = (id: string) => {
  const file = path.join(directory, "sh", `${id}.sh`);
  writeFileSync(file, "true\n");
  return file;
};
const CONFIG = {
  k8sNamespace: NAMESPACE,
  image: "debian",
  nfsAddress: "nfs.example.org",
  nfsPath: "/export",
  securityContext: { runAsUser: 0 },
  outputGrace: "0s",
};

/** A process of its own that the cluster is the configured one of. */
async function process(
  cluster: ClusterDouble,
  by: { host?: string; context?: string; input?: string } = {},
): Promise<{ context: Context; stdout: () => string; stderr: () => string }> {
  const streams = ioDouble({ cwd: directory, env: { HOME: folder, PATH: globalThis.process.env.PATH }, ...by, now: new Date() });
  const overrides = { ...CONFIG, state: { path: stateFile() } };
  const loaded = await loadConfig({ cwd: tmpdir(), env: {}, pluginFile: "no-such-plugin.conf", overrides });
  const context = new Context(streams.io, loaded);
  Object.defineProperty(context, "client", { value: cluster.client(context.signal, by) });
  contexts.push(context);
  return { context, ...streams };
}

const TEXT = { output: "text" } as const;
const SUBMIT = { ...TEXT, request: {}, verbose: false };

/** The claim of the workflow's directory, as a submission makes it, and bound. */
async function giveClaim(cluster: ClusterDouble): Promise<void> {
  const { context } = await process(cluster);
  const marks = { host: "here", now: new Date() };
  const [volume] = volumePlan(context.config, { namespace: NAMESPACE, id: "workflow-1", directory }, marks);
  cluster.put(`${CLAIMS}/${volume?.claimName}`, { ...volume?.claim, status: { phase: "Bound" } });
}

const workflowIn = (store: Store) => store.workflows.find(NAMESPACE, "workflow-1") as StoredWorkflow;
function jobIn({ store }: Context, id: string): StoredJob {
  return store.jobs.find(workflowIn(store), id) as StoredJob;
}

/** Has a cluster show how a job's container stands. */
function show(cluster: ClusterDouble, { kubeName }: Pick<StoredJob, "kubeName">, state: object): void {
  cluster.put(`${PODS}/${kubeName}-pod`, {
    metadata: { labels: { "job-name": kubeName } },
    spec: { nodeName: "node-1" },
    status: { containerStatuses: [{ name: MAIN_CONTAINER, state }] },
  });
}
const RUNNING = { running: { startedAt: "2026-01-02T03:04:05Z" } };
const DONE = { terminated: { exitCode: 0, reason: "Completed", startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:05:05Z" } };

/** A job that runs here, as its record shows. */
async function runningHere(id = "Job-1"): Promise<void> {
  await giveClaim(here);
  const { context } = await process(here, { context: "prod" });
  expect(await submit(context, [script(id)], SUBMIT)).toBe(0);
  show(here, jobIn(context, id), RUNNING);
  expect(await status(context, [], TEXT)).toBe(0);
  expect(jobIn(context, id).status).toBe("RUNNING");
  for (const requests of asked.values()) requests.length = 0;
}

/** Every row about workflows and jobs, but for who holds a synchronisation, and since when. */
function rows(): unknown {
  const database = new Database(stateFile(), { readonly: true });
  try {
    const all = (table: string) => database.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
    return {
      workflows: all("workflows").map(({ holder: _, watched: __, ...row }) => row),
      ...Object.fromEntries(["jobs", "transitions", "outbox", "results"].map((table) => [table, all(table)])),
    };
  } finally {
    database.close();
  }
}

async function failureOf(action: Promise<unknown>): Promise<unknown> {
  return await action.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Whether a command is refused in a cluster, having changed nothing anywhere. */
async function expectRefused(cluster: ClusterDouble, command: (context: Context) => Promise<unknown>): Promise<GaswError> {
  const before = rows();
  const { context } = await process(cluster, { context: "other" });
  const failure = await failureOf(command(context));
  expect(failure).toBeInstanceOf(OtherCluster);
  expect((failure as GaswError).exitCode).toBe(3);
  expect(rows()).toEqual(before);
  expect(asked.get(cluster)?.filter((request) => !request.startsWith("GET "))).toEqual([]);
  return failure as GaswError;
}

type Command = (context: Context) => Promise<unknown>;
const COMMANDS: readonly (readonly [string, Command])[] = [
  ["status", (context) => status(context, [], TEXT)],
  ["status --sync", (context) => status(context, [], { ...TEXT, sync: true })],
  ["status --watch", (context) => status(context, [], { ...TEXT, watch: true })],
  ["monitor", (context) => monitor(context, TEXT)],
  ["wait", (context) => wait(context, ["Job-1"], TEXT)],
  ["cancel", (context) => actOn(context, "cancel", ["Job-1"], TEXT)],
  ["retry", (context) => actOn(context, "retry", ["Job-1"], TEXT)],
  ["release", (context) => actOn(context, "release", ["Job-1"], TEXT)],
  ["submit of another script", (context) => submit(context, [script("Job-2")], SUBMIT)],
  ["submit of the same script", (context) => submit(context, [script("Job-1")], SUBMIT)],
  ["cleanup", (context) => cleanup(context, { ...TEXT, timeout: 1 })],
  ["cleanup --yes", (context) => cleanup(context, { ...TEXT, timeout: 1, yes: true })],
  ["cleanup --yes --cancel", (context) => cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true })],
  ["debug why", (context) => why(context, "Job-1", TEXT)],
  ["debug logs", (context) => logs(context, "Job-1", {})],
  ["debug describe", (context) => describeJob(context, "Job-1", undefined, TEXT)],
  ["debug describe job", (context) => describeJob(context, "job", "Job-1", TEXT)],
  ["debug events", (context) => events(context, "Job-1", TEXT)],
  ["debug exec", (context) => exec(context, "Job-1", ["true"], {})],
  ["debug shell", (context) => shell(context, "Job-1", {})],
];

describe("a job that runs in the cluster it was submitted to, while another one is configured", () => {
  test.each(COMMANDS)("%s is refused, and changes nothing in the state and in that cluster", async (_, command) => {
    await runningHere();
    const { message, hint } = await expectRefused(there, command);
    expect(message).toMatch(
      /^workflow workflow-1 belongs to the cluster http:\/\/\S+ \(context prod\), not to http:\/\/\S+ \(context other\)$/,
    );
    expect(hint).toContain("--context prod");
    expect(hint).toContain(`gasw-k8s cleanup --forget --workflow ${directory}`);
  });

  test("submit --from - refuses each line, and goes on", async () => {
    await runningHere();
    const before = rows();
    script("Job-2");
    const { context, stdout } = await process(there, { input: '{"script":"sh/Job-2.sh"}\n{"script":"sh/Job-1.sh"}\n' });
    expect(await submit(context, [], { ...SUBMIT, from: "-" })).toBe(3);
    const answers = stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([{ error: { code: "CONFIG" } }, { error: { code: "CONFIG" } }]);
    expect(rows()).toEqual(before);
  });

  test("ends right when its own cluster is configured again", async () => {
    await runningHere();
    for (const [, command] of COMMANDS.slice(0, 4)) await expectRefused(there, command);
    const { context } = await process(here);
    show(here, jobIn(context, "Job-1"), DONE);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
  });

  test("is shown as it was known last, and by --cached without asking anybody", async () => {
    await runningHere();
    const { context, stdout, stderr } = await process(there);
    expect(await failureOf(status(context, [], TEXT))).toBeInstanceOf(OtherCluster);
    expect(stdout()).toMatch(/^Job-1 +RUNNING/m);
    expect(stderr()).toContain("showing the state of");
    for (const requests of asked.values()) requests.length = 0;
    expect(await status(context, [], { ...TEXT, cached: true })).toBe(0);
    expect([...asked.values()].flat()).toEqual([]);
  });

  test("is refused also where that cluster has a claim and a Job of the same names", async () => {
    await runningHere();
    await giveClaim(there);
    for (const [place, object] of here.objects) {
      const { uid: _, ...metadata } = object.metadata;
      if (place !== KUBE_SYSTEM) there.put(place, { ...object, metadata });
    }
    for (const [, command] of COMMANDS) await expectRefused(there, command);
  });

  test.each<[string, boolean, Command]>([
    ["retry, where it was never submitted", true, (context) => actOn(context, "retry", ["Job-2"], TEXT)],
    ["cancel, where it was never submitted", true, (context) => actOn(context, "cancel", ["Job-2"], TEXT)],
    ["cleanup --yes, where it has ended", false, (context) => cleanup(context, { ...TEXT, timeout: 1, yes: true })],
    ["retry, where it has ended", false, (context) => actOn(context, "retry", ["Job-1"], TEXT)],
  ])("is left alone by %s", async (_, isBeside, command) => {
    await runningHere();
    const { store } = (await process(here)).context;
    const workflow = workflowIn(store);
    store.changes.write(store.jobs.find(workflow, "Job-1") as StoredJob, { stage: over("ERROR") });
    if (isBeside)
      store.intents.record(workflow, { id: "Job-2", kubeName: "k-2", contentHash: "c", image: "i", request: {}, prepared: true });
    script("Job-2");
    await expectRefused(there, command);
  });

  test("does not keep the jobs of other workflows, which run in that cluster, from being seen", async () => {
    await runningHere();
    const first = directory;
    directory = path.join(folder, "workflow-2");
    mkdirSync(path.join(directory, "sh"), { recursive: true });
    const { context } = await process(there);
    const second = context.store.workflows.register({ namespace: NAMESPACE, id: "workflow-2", directory });
    const { job } = context.store.intents.record(second, {
      id: "Job-9",
      kubeName: "k-9",
      contentHash: "c",
      image: "i",
      request: {},
      prepared: true,
    });
    context.store.changes.write(job, { stage: active("QUEUED") });
    show(there, job, RUNNING);
    there.put(`${JOBS}/k-9`, {});
    directory = first;
    const outside = (await process(there)).context;
    Object.assign(outside.io, { cwd: folder });
    expect(await failureOf(status(outside, [], TEXT))).toBeInstanceOf(OtherCluster);
    expect(context.store.jobs.find(second, "Job-9")?.status).toBe("RUNNING");
  });
});

describe("the same cluster", () => {
  test("is accepted behind another address and context", async () => {
    await runningHere();
    const { context } = await process(here, { host: "localhost", context: "renamed" });
    show(here, jobIn(context, "Job-1"), DONE);
    // Nothing of what was noted is there any more: the cluster itself says who it is.
    here.objects.delete(`${JOBS}/${jobIn(context, "Job-1").kubeName}`);
    await cleanup(context, { ...TEXT, timeout: 1 });
    expect(await status(context, [], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1").status).toBe("COMPLETED");
  });

  test("costs a submission nothing but, the first time, one request beside the one for the claim", async () => {
    await giveClaim(here);
    const arrived: string[] = [];
    here.onRequest = (request) => arrived.push(request);
    expect(await submit((await process(here)).context, [script("Job-1")], SUBMIT)).toBe(0);
    expect(arrived.slice(0, 2).sort()).toEqual([`GET ${KUBE_SYSTEM}`, expect.stringContaining(`GET ${CLAIMS}/`)]);
    expect(arrived.slice(2)).toEqual([`POST ${LEASES}`, `POST ${JOBS}`]);
    arrived.length = 0;
    expect(await submit((await process(here)).context, [script("Job-2"), script("Job-3")], SUBMIT)).toBe(0);
    expect(arrived).toEqual([expect.stringContaining(`GET ${CLAIMS}/`), `POST ${JOBS}`, `POST ${JOBS}`]);
  });

  test("costs a status one request where none of the Jobs is there any more, and none else", async () => {
    await runningHere();
    const { context } = await process(here);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(asked.get(here)?.sort()).toEqual([`GET ${PODS}`, `GET ${JOBS}`]);
    asked.get(here)?.splice(0);
    here.objects.delete(`${JOBS}/${jobIn(context, "Job-1").kubeName}`);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(asked.get(here)?.sort()).toEqual([`GET ${KUBE_SYSTEM}`, `GET ${PODS}`, `GET ${JOBS}`]);
  });
});

describe("where the account may not ask the cluster who it is", () => {
  beforeEach(() => {
    for (const cluster of [here, there]) cluster.forbidden.add(KUBE_SYSTEM);
  });

  test("all commands work, and another cluster is told by the workflow's own objects", async () => {
    await runningHere();
    for (const [, command] of COMMANDS) await expectRefused(there, command);
    const { context } = await process(here);
    show(here, jobIn(context, "Job-1"), DONE);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1").status).toBe("COMPLETED");
    expect(await submit(context, [script("Job-2")], SUBMIT)).toBe(0);
  });

  test("the claim is enough where the Jobs are gone, a Job where the claim was made anew", async () => {
    await runningHere();
    const { context } = await process(here);
    const { kubeName } = jobIn(context, "Job-1");
    const job = here.objects.get(`${JOBS}/${kubeName}`);
    here.objects.delete(`${JOBS}/${kubeName}`);
    expect(await status(context, [], TEXT)).toBe(0);
    here.objects.set(`${JOBS}/${kubeName}`, job);
    await giveClaim(here);
    expect(await submit(context, [script("Job-2")], SUBMIT)).toBe(0);
    await expectRefused(there, (other) => submit(other, [script("Job-3")], SUBMIT));
  });

  test("a workflow that could ask before goes on", async () => {
    here.forbidden.clear();
    await runningHere();
    here.forbidden.add(KUBE_SYSTEM);
    const { context } = await process(here);
    here.objects.delete(`${JOBS}/${jobIn(context, "Job-1").kubeName}`);
    expect(await status(context, [], TEXT)).toBe(0);
    await expectRefused(there, (other) => status(other, [], TEXT));
  });

  test("a workflow that was cleaned up begins anew", async () => {
    await runningHere();
    const { context } = await process(here);
    expect(await cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true })).toBe(0);
    await giveClaim(here);
    expect(await submit(context, [script("Job-2")], SUBMIT)).toBe(0);
  });
});

test.each(COMMANDS.slice(0, 2))("a cluster that does not say who it is leaves the jobs as they are: %s", async (_, command) => {
  await runningHere();
  there.objects.set(KUBE_SYSTEM, 500);
  const { context } = await process(there);
  expect(await failureOf(command(context))).toMatchObject({ code: "CLUSTER" });
  expect(jobIn(context, "Job-1")).toMatchObject({ status: "RUNNING", ended: null });
});

describe("a monitor", () => {
  test("ends when the server that it watches becomes another cluster, and leaves the jobs as they are", async () => {
    await runningHere();
    const { context } = await process(here);
    let looks = 0;
    let before: unknown;
    here.onRequest = (request, query) => {
      // The first look has found the job; what watches asks for fewer at a time.
      if (request !== `GET ${JOBS}` || Number(query.get("limit")) < 100 || ++looks !== 2) return;
      before = rows();
      here.objects.clear();
      here.put(KUBE_SYSTEM, {});
    };
    expect(await failureOf(monitor(context, TEXT))).toBeInstanceOf(OtherCluster);
    expect(rows()).toEqual(before);
    expect(jobIn(context, "Job-1").status).toBe("RUNNING");
  });

  test("tells the GASW database nothing from another cluster", async () => {
    await runningHere();
    const database = path.join(folder, "gasw", NAMESPACE, "workflow-1", "jobs.db");
    await expectRefused(there, (context) => monitor(context, TEXT));
    const opened = new Database(database, { readonly: true });
    expect(opened.prepare("SELECT id FROM Jobs").all()).toEqual([]);
    opened.close();
  });
});

test("a resubmission that is due is not made where the server has become another cluster since the look", async () => {
  await runningHere();
  const { context } = await process(here);
  show(here, jobIn(context, "Job-1"), { terminated: { ...DONE.terminated, exitCode: 3, reason: "Error" } });
  here.onRequest = (request) => {
    asked.get(here)?.push(request);
    if (!request.startsWith(`GET ${CLAIMS}/`)) return;
    here.objects.clear();
    here.put(KUBE_SYSTEM, {});
  };
  expect(await failureOf(status(context, [], { ...TEXT, sync: true }))).toBeInstanceOf(OtherCluster);
  expect(jobIn(context, "Job-1-r1")).toMatchObject({ status: "NOT_SUBMITTED", stage: { name: "due" } });
  expect(asked.get(here)?.filter((request) => request.startsWith("POST "))).toEqual([]);
});

test("a cluster's answer does not count any more when it is looked at anew", async () => {
  await runningHere();
  const { context } = await process(here);
  const workflow = workflowIn(context.store);
  await confirmCluster(context, workflow, firstSight());
  here.objects.clear();
  here.put(KUBE_SYSTEM, {});
  expect(await failureOf(confirmCluster(context, workflow, firstSight()))).toBeInstanceOf(OtherCluster);
});

describe("two submissions of a new workflow in two clusters at once", () => {
  test("are not both accepted where one is noted while the other one looks", async () => {
    await giveClaim(there);
    const { context } = await process(there);
    const { store } = context;
    const noted = { state: "bound", clusterUid: "another", claimUid: null, server: "https://another", context: null } as const;
    there.onRequest = (request) => {
      asked.get(there)?.push(request);
      const workflow = workflowIn(store);
      const placement = store.placements.of(workflow);
      if (placement.state === "nowhere") expect(store.placements.bind(workflow, placement, noted)).toBe(true);
    };
    expect(await failureOf(submit(context, [script("Job-1")], SUBMIT))).toBeInstanceOf(OtherCluster);
    expect(asked.get(there)?.filter((request) => request.startsWith("POST "))).toEqual([]);
    expect(store.jobs.all()).toEqual([]);
    const nowhere = { ...noted, state: "nowhere", clusterUid: null } as const;
    expect(store.placements.bind(workflowIn(store), nowhere, { ...noted, clusterUid: "a third" })).toBe(false);
    expect(store.placements.bind(workflowIn(store), nowhere, noted)).toBe(true);
    expect(store.placements.of(workflowIn(store))).toEqual(noted);
  });

  test("are accepted by one of them only", async () => {
    for (const cluster of [here, there]) await giveClaim(cluster);
    const submissions = await Promise.all(
      [here, there].map(async (cluster) => submit((await process(cluster)).context, [script("Job-1")], SUBMIT).catch((error) => error)),
    );
    expect(submissions).toContain(0);
    expect(submissions.filter((end) => end instanceof OtherCluster)).toHaveLength(1);
    const made = [here, there].map((cluster) => [...cluster.objects.keys()].filter((place) => place.startsWith(JOBS)).length);
    expect(made.sort()).toEqual([0, 1]);
  });
});

describe("cleanup --forget", () => {
  const forget = (context: Context, yes = true, output: "text" | "json" = "text") =>
    cleanup(context, { output, timeout: 1, forget: true, ...(yes ? { yes } : {}) });

  test("gives up what ran in a cluster that is gone, asks nobody, and lets the workflow go on in another", async () => {
    await runningHere();
    await giveClaim(there);
    const { context } = await process(there, { context: "new" });
    expect(await forget(context)).toBe(0);
    expect([...asked.values()].flat()).toEqual([]);
    expect(jobIn(context, "Job-1")).toMatchObject({ status: "DELETED", message: expect.stringContaining("given up by cleanup --forget") });
    expect(await actOn(context, "retry", ["Job-1"], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1-r1").status).toBe("QUEUED");
    expect(there.objects.has(`${JOBS}/${jobIn(context, "Job-1-r1").kubeName}`)).toBe(true);
    const { message } = await expectRefused(here, (old) => status(old, [], TEXT));
    expect(message).toContain("(context new)");
  });

  test("tells of what it gives up once", async () => {
    await runningHere();
    await giveClaim(there);
    const { context } = await process(there);
    await forget(context);
    expect(await status(context, [], { ...TEXT, sync: true })).toBe(0);
    expect(context.store.results.since(workflowIn(context.store), 0)).toMatchObject([{ id: "Job-1", status: "DELETED" }]);
  });

  test("shows first what it would give up", async () => {
    await runningHere();
    const before = rows();
    const { context, stdout, stderr } = await process(there);
    expect(await forget(context, false)).toBe(0);
    expect(stdout()).toBe("give up Job-1 (RUNNING)\n");
    expect(stderr()).toBe("nothing was forgotten (use --yes to forget it)\n");
    const asJson = await process(there);
    expect(await forget(asJson.context, false, "json")).toBe(0);
    expect(JSON.parse(asJson.stdout())).toEqual({ dryRun: true, forgotten: { server: expect.stringContaining("http"), jobs: ["Job-1"] } });
    expect(rows()).toEqual(before);
  });

  test("is refused while a monitor sees to the workflow", async () => {
    await runningHere();
    const { context } = await process(there);
    const hold = context.store.holds.take(workflowIn(context.store), { words: "monitor, process 1", isMonitor: true });
    expect(await failureOf(forget(context))).toMatchObject({ code: "CONFLICT" });
    hold?.release();
    expect(jobIn(context, "Job-1").status).toBe("RUNNING");
  });

  test("is refused where there is nothing to forget", async () => {
    expect(await failureOf(forget((await process(there)).context))).toMatchObject({ code: "NOT_FOUND" });
  });
});

test("a workflow that was cleaned up may be submitted to another cluster", async () => {
  await runningHere();
  const { context } = await process(here);
  expect(await cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true })).toBe(0);
  await giveClaim(there);
  const elsewhere = await process(there);
  expect(await submit(elsewhere.context, [script("Job-2")], SUBMIT)).toBe(0);
  asked.get(here)?.splice(0);
  await expectRefused(here, (old) => status(old, [], TEXT));
});

test("a workflow stays where it is when a job of it is submitted while it is cleaned up", async () => {
  await runningHere();
  const { context } = await process(here);
  const { store } = context;
  here.onRequest = (request) => {
    if (!request.startsWith(`DELETE ${JOBS}/`)) return;
    const intent = { id: "Job-2", kubeName: "k-2", contentHash: "c", image: "i", request: {}, prepared: true };
    store.changes.write(store.intents.record(workflowIn(store), intent).job, { stage: active("QUEUED") });
  };
  expect(await cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true })).toBe(0);
  await expectRefused(there, (other) => status(other, [], TEXT));
});

describe("a state file of version 0.1.0, which names no cluster", () => {
  const KUBE_NAME = "workflow-1-job-1-0123456789";
  const CONTENT = "c0ffee";

  /** The file, with a job that was submitted and runs; null: one that was only written down. */
  function oldState(submitted: string | null = "2026-01-02T03:04:05Z"): void {
    const database = new Database(stateFile());
    database.pragma("journal_mode = WAL");
    for (const statement of migrations.slice(0, 2).flat()) database.exec(statement);
    database.pragma("user_version = 2");
    addOldWorkflow(database);
    database
      .prepare(
        `INSERT INTO jobs (workflow, id, file_name, attempt, kube_name, content_hash, image, request, status, submitted, created)
        VALUES (1, 'Job-1', 'Job-1', 0, ?, ?, 'debian', '{}', ?, ?, '2026-01-02T03:04:04Z')`,
      )
      .run(KUBE_NAME, CONTENT, submitted === null ? "NOT_SUBMITTED" : "RUNNING", submitted);
    database.close();
    script("Job-1");
  }

  function addOldWorkflow(database: Database.Database, id = "workflow-1"): void {
    database
      .prepare("INSERT INTO workflows (namespace, id, directory, created, volumes_renewed) VALUES (?, ?, ?, ?, ?)")
      .run(NAMESPACE, id, directory, "2026-01-02T03:04:04Z", "2026-01-02T03:04:04Z");
  }

  /** The Job that it recorded, with something about it changed. */
  function giveJob(cluster: ClusterDouble, change: { labels?: object; annotations?: object; name?: string } = {}): void {
    const annotations = { [KEYS.workflow]: "workflow-1", [KEYS.directory]: directory, [KEYS.content]: CONTENT, ...change.annotations };
    const labels = { [KEYS.managedBy]: "gasw-k8s", ...change.labels };
    cluster.put(`${JOBS}/${change.name ?? KUBE_NAME}`, { metadata: { labels, annotations } });
    show(cluster, { kubeName: KUBE_NAME }, RUNNING);
  }

  test("takes the cluster in which its Job is found, and is bound to it from then on", async () => {
    oldState();
    giveJob(here);
    const { context } = await process(here, { context: "prod" });
    expect(await status(context, [], TEXT)).toBe(0);
    expect(context.store.placements.of(workflowIn(context.store))).toMatchObject({
      state: "bound",
      clusterUid: here.objects.get(KUBE_SYSTEM).metadata.uid,
      context: "prod",
    });
    giveJob(there);
    await expectRefused(there, (other) => status(other, [], TEXT));
    show(here, { kubeName: KUBE_NAME }, DONE);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1").status).toBe("COMPLETED");
  });

  test("takes the cluster in which its claim is found, where the Job is gone", async () => {
    oldState();
    await giveClaim(here);
    const { context } = await process(here);
    expect(await submit(context, [script("Job-2")], SUBMIT)).toBe(0);
    await expectRefused(there, (other) => status(other, [], TEXT));
  });

  test.each(COMMANDS)("does not take one in which nothing of it is found: %s", async (_, command) => {
    oldState();
    new Store({ path: stateFile(), now: () => new Date(), warn: () => undefined }).close();
    const { message, hint } = await expectRefused(there, command);
    expect(message).toContain("has no objects of workflow workflow-1");
    expect(hint).toContain("cleanup --forget");
  });

  test.each<[string, Parameters<typeof giveJob>[1]]>([
    ["other content", { annotations: { [KEYS.content]: "decaf" } }],
    ["another directory", { annotations: { [KEYS.directory]: "/workflows/workflow-1" } }],
    ["another workflow", { annotations: { [KEYS.workflow]: "workflow-2" } }],
    ["another name", { name: "workflow-1-job-2-0123456789" }],
    ["another owner", { labels: { [KEYS.managedBy]: "helm" } }],
  ])("does not take one whose Job is of %s", async (_, change) => {
    oldState();
    new Store({ path: stateFile(), now: () => new Date(), warn: () => undefined }).close();
    giveJob(there, change);
    await expectRefused(there, (context) => status(context, [], TEXT));
  });

  test("takes the first one that it is submitted to, where nothing of it was in any", async () => {
    oldState(null);
    await giveClaim(here);
    const { context } = await process(here);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(await status((await process(there)).context, [], TEXT)).toBe(0);
    expect(await submit(context, [script("Job-2")], SUBMIT)).toBe(0);
    await expectRefused(there, (other) => status(other, [], TEXT));
  });

  test("that it is in is not assumed of a workflow that a process of that version adds later", async () => {
    oldState();
    const { context } = await process(here);
    const { store } = context;
    const database = new Database(stateFile());
    addOldWorkflow(database, "workflow-3");
    database.close();
    expect(store.placements.of(store.workflows.find(NAMESPACE, "workflow-3") as StoredWorkflow).state).toBe("unknown");
  });

  test("is recognised where the account may not ask the cluster who it is", async () => {
    for (const cluster of [here, there]) cluster.forbidden.add(KUBE_SYSTEM);
    oldState();
    giveJob(here);
    const { context } = await process(here);
    expect(await status(context, [], TEXT)).toBe(0);
    expect(jobIn(context, "Job-1").kubeUid).toBe(here.objects.get(`${JOBS}/${KUBE_NAME}`).metadata.uid);
    await expectRefused(there, (other) => status(other, [], TEXT));
  });
});
