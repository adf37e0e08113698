import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanupState } from "../../src/commands/cleanupState.ts";
import { active, held, over } from "../../src/core/lifecycle/make.ts";
import { jobName } from "../../src/core/names.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import type { Store } from "../../src/store/store.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { Host, type Outcome } from "./host.ts";
import { LeftBehind } from "./leftBehind.ts";

const NOW = new Date("2026-03-10T12:00:00Z");
const OLD = new Date("2026-01-01T00:00:00Z");
const DAY_S = 86_400;

let folder: string;
let cluster: ClusterDouble;
let host: Host;
let store: Store;
/** The time at which the state is written. */
let then: Date;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-state-")));
  chmodSync(folder, 0o755);
  cluster = await ClusterDouble.begin();
  cluster.put("/api/v1/namespaces/kube-system", { metadata: { uid: "cluster-1" } });
  host = new Host(cluster, folder);
  then = OLD;
  const { context } = await host.context();
  Object.defineProperty(context, "now", { value: () => then });
  store = context.store;
});
afterEach(() => {
  process.seteuid?.(0);
  host.end();
  cluster.end();
  rmSync(folder, { recursive: true });
});

function register(id: string): StoredWorkflow {
  const directory = path.join(folder, "workflows", id);
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
  return store.workflows.register({ namespace: "vip", id, directory });
}

/** Writes down a job, or one more attempt of it. */
function attempt(workflow: StoredWorkflow, fileName: string): StoredJob {
  const known = store.jobs.attempts(workflow, fileName).at(-1);
  if (known !== undefined) return store.attempts.add(known, known.request);
  const kubeName = jobName("vip", workflow.id, fileName);
  return store.intents.record(workflow, { id: fileName, kubeName, contentHash: "c", image: "debian", request: {}, prepared: true }).job;
}

function end(workflow: StoredWorkflow, job: StoredJob): void {
  store.changes.write(job, { stage: active("QUEUED"), submitted: then.toISOString(), prepared: true });
  store.changes.write(store.jobs.find(workflow, job.id) as StoredJob, { stage: over("COMPLETED") });
}

/** A workflow all of whose jobs are over, of which the cluster has nothing. */
function finished(id = "workflow-1", attempts = 1): StoredWorkflow {
  const workflow = register(id);
  for (let count = 0; count < attempts; count++) end(workflow, attempt(workflow, "Job-1"));
  return workflow;
}

/** What is in a workflow directory, without GASW's folders where they are empty. */
function filesOf({ directory }: StoredWorkflow): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

function write({ directory }: StoredWorkflow, file: string, text = ""): void {
  mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
  writeFileSync(path.join(directory, file), text);
}

function cleaned(options: Partial<Parameters<typeof cleanupState>[1]> = {}, given: Parameters<Host["context"]>[0] = {}): Promise<Outcome> {
  return host.run((context) => cleanupState(context, { output: "text", olderThan: 30 * DAY_S, ...options }), { now: NOW, ...given });
}

/** Workflows, each with why it is kept; null for those that may go. */
async function reasons(...args: Parameters<typeof cleaned>): Promise<Record<string, string | null>> {
  const { stdout } = await cleaned({ ...args[0], output: "json" }, args[1]);
  const { workflows } = JSON.parse(stdout) as { workflows: { workflow: string; reason: string | null }[] };
  return Object.fromEntries(workflows.map(({ workflow, reason }) => [workflow, reason]));
}

const known = () => store.workflows.all().map(({ id }) => id);

describe("cleanup --state", () => {
  test("shows what would go and why the rest stays, and deletes nothing unless it is told to", async () => {
    const { directory } = finished("workflow-1", 2);
    rmSync(finished("workflow-2").directory, { recursive: true });
    attempt(register("workflow-3"), "Job-1");
    const { stdout, stderr, code } = await cleaned();
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["ACTION", "NAMESPACE", "WORKFLOW", "DIRECTORY", "ATTEMPTS", "UNCHANGED", "FILES OR REASON"],
      ["delete", "vip", "workflow-1", directory, "2", "68d12h", "no old files"],
      ["delete", "vip", "workflow-2", `${path.join(folder, "workflows", "workflow-2")} (gone)`, "1", "68d12h", "no old files"],
      ["keep", "vip", "workflow-3", path.join(folder, "workflows", "workflow-3"), "1", "68d12h", "1 job has not ended"],
      [""],
    ]);
    expect({ stderr, code }).toEqual({
      code: 0,
      stderr:
        "to delete: 2 workflows with 3 attempts from the state, and no old files in their directories\nnothing was deleted (use --yes to delete these workflows from the state)\n",
    });
    expect(known()).toEqual(["workflow-1", "workflow-2", "workflow-3"]);
  });

  test("deletes with --yes, and only what it has shown to go", async () => {
    finished("workflow-1");
    attempt(register("workflow-2"), "Job-1");
    expect(await cleaned({ yes: true })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("deleted workflow vip/workflow-1 (1 attempt, no old files)\n"),
    });
    expect(known()).toEqual(["workflow-2"]);
    expect(await cleaned({ yes: true })).toMatchObject({ code: 0, stderr: "nothing to delete\n" });
  });

  test("answers programs with what it deleted, from which files", async () => {
    const { directory } = finished("workflow-1", 2);
    writeFileSync(path.join(directory, "out/Job-1.sh.out.0"), "");
    const { stdout } = await cleaned({ yes: true, output: "json" });
    const named = { workflow: "workflow-1", namespace: "vip" };
    expect(JSON.parse(stdout)).toEqual({
      dryRun: false,
      workflows: [
        {
          ...named,
          ...{ directory, directoryState: "there", attempts: 2, lastChange: OLD.toISOString(), removable: true, reason: null },
          files: ["out/Job-1.sh.out.0"],
        },
      ],
      deleted: [{ ...named, files: ["out/Job-1.sh.out.0"], failures: [] }],
      left: [],
    });
  });

  test("keeps what goes on, is held, is monitored, or is not told to the database", async () => {
    finished("over");
    const waiting = register("held");
    const job = attempt(waiting, "Job-1");
    store.changes.write(job, { stage: active("QUEUED"), submitted: then.toISOString() });
    store.changes.write(store.jobs.find(waiting, "Job-1") as StoredJob, { stage: held("ERROR_HELD") });
    const hold = store.holds.take(finished("monitored"), { words: "a test", isMonitor: true });
    expect(await reasons()).toEqual({
      over: null,
      held: "1 job is held (gasw-k8s release or cancel)",
      monitored: "a monitor is running for it",
    });
    const config = { dao: { url: "sqlite:/gasw.db" } };
    const { over: untold } = await reasons({}, { config });
    expect(untold).toBe("the GASW database does not have 1 result yet (gasw-k8s status --sync)");
    hold?.release();
  });

  test("counts a change by a clock that is an hour ahead as one of now", async () => {
    then = new Date(NOW.getTime() + 3_600_000);
    finished();
    expect(await reasons()).toEqual({ "workflow-1": "it has changed recently (see --older-than)" });
    expect(await reasons({ olderThan: 1 })).toEqual({ "workflow-1": "it has changed recently (see --older-than)" });
    expect(await reasons({ olderThan: 0 })).toEqual({ "workflow-1": null });
  });

  test("keeps what the cluster has something of: a volume, a Job, or a Lease", async () => {
    for (const id of ["volume", "job", "lease", "nothing"]) finished(id);
    const left = (id: string) => new LeftBehind(cluster, { id, namespace: "vip", directory: path.join(folder, "workflows", id) }, OLD);
    left("volume").withVolume();
    left("job").withJob("Job-1", undefined);
    left("lease").withEngine();
    expect(await reasons()).toEqual({
      volume: "the cluster still has 2 objects of it (gasw-k8s cleanup)",
      job: "the cluster still has 1 object of it (gasw-k8s cleanup)",
      lease: "the cluster still has 1 object of it (gasw-k8s cleanup)",
      nothing: null,
    });
  });

  test("keeps everything where the cluster cannot be asked", async () => {
    finished();
    cluster.forbidden.add("/api/v1/persistentvolumes");
    expect(await reasons({ yes: true })).toEqual({ "workflow-1": expect.stringMatching(/^the cluster could not be asked: /) });
    expect(known()).toEqual(["workflow-1"]);
  });

  test("keeps what is in another cluster", async () => {
    const workflow = finished();
    const bound = { state: "bound", clusterUid: "cluster-2", claimUid: null, server: "https://elsewhere", context: null } as const;
    store.placements.bind(workflow, store.placements.of(workflow), bound);
    const { "workflow-1": reason } = await reasons({ yes: true });
    expect(reason).toMatch(/^workflow workflow-1 belongs to the cluster https:\/\/elsewhere, not to /);
    expect(known()).toEqual(["workflow-1"]);
  });

  test("looks at one workflow, or one namespace, where it is told to", async () => {
    const { directory } = finished("workflow-1");
    finished("workflow-2");
    store.workflows.register({ namespace: "other", id: "workflow-3", directory: "/workflows/workflow-3" });
    expect(Object.keys(await reasons({ workflow: directory }))).toEqual(["workflow-1"]);
    expect(Object.keys(await reasons({ namespace: "other" }))).toEqual(["workflow-3"]);
    expect((await cleaned({ workflow: path.join(folder, "elsewhere") })).code).toMatch(/^NOT_FOUND: workflow elsewhere /);
  });

  test.each(["with spaces", 'it\'s "quoted"', "Übung-ß", "two\nlines"])("takes a workflow that is called %j", async (id) => {
    const workflow = finished(id, 2);
    write(workflow, "out/Job-1.sh.out.0");
    const { stdout, code } = await cleaned({ yes: true, workflow: workflow.directory });
    expect({ code, lines: stdout.trimEnd().split("\n").length }).toEqual({ code: 0, lines: 3 });
    expect(known()).toEqual([]);
    expect(filesOf(workflow)).toEqual([]);
  });

  test("lets two run at once: each workflow goes once, and neither fails", async () => {
    for (let number = 1; number <= 20; number++) finished(`workflow-${number}`);
    const results = await Promise.all([cleaned({ yes: true }), cleaned({ yes: true })]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(results.flatMap(({ stdout }) => stdout.match(/^deleted workflow \S+/gm) ?? []).sort()).toHaveLength(20);
    expect(known()).toEqual([]);
  });

  test("leaves a workflow that is submitted to between the plan and the deletion", async () => {
    const workflow = finished();
    write(workflow, "out/Job-1.sh.out.0");
    cluster.onRequest = (request) => {
      if (request.includes("/leases/")) attempt(workflow, "Job-2");
    };
    const { stderr, code } = await cleaned({ yes: true });
    expect(code).toBe(0);
    expect(stderr).toContain("warning: workflow vip/workflow-1 was left: 1 job has not ended\n");
    expect(store.jobs.all(workflow).map(({ id }) => id)).toEqual(["Job-1", "Job-2"]);
    expect(filesOf(workflow)).toEqual(["out/Job-1.sh.out.0"]);
  });

  test("leaves a workflow that another command is at work with", async () => {
    const workflow = finished();
    const hold = store.holds.take(workflow, { words: "process 1 on host-2", isMonitor: false });
    const { stderr } = await cleaned({ yes: true });
    expect(stderr).toContain("warning: workflow vip/workflow-1 was left: process 1 on host-2 is at work with it\n");
    hold?.release();
    expect(known()).toEqual(["workflow-1"]);
  });

  test("keeps what version 0.1.0 has submitted to a cluster that it did not note, and says so", async () => {
    host.end();
    rmSync(path.dirname(host.stateFile), { recursive: true });
    mkdirSync(path.dirname(host.stateFile));
    const old = new Database(host.stateFile);
    old.pragma("journal_mode = WAL");
    old.exec(readFileSync(path.resolve(import.meta.dirname, "../fixtures/state/0.1.0.sql"), "utf8"));
    old.exec("UPDATE jobs SET status = 'COMPLETED', settled = 1, removal = NULL; DELETE FROM outbox");
    old.close();
    expect(await reasons()).toEqual({
      "workflow-1": expect.stringMatching(/has no objects of workflow workflow-1: its jobs were submitted to another cluster$/),
      "workflow-2": expect.stringMatching(/another cluster$/),
    });
  });

  test("makes no state where there is none", async () => {
    host.end();
    rmSync(path.dirname(host.stateFile), { recursive: true });
    expect(await cleaned()).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "no workflows in the state of this host (--orphaned looks in the cluster)\n",
    });
    expect(existsSync(host.stateFile)).toBe(false);
  });

  test.runIf(process.getuid?.() === 0)("fails clearly where it may not write the state, and touches no file", async () => {
    const workflow = finished("workflow-1", 2);
    write(workflow, "out/Job-1.sh.out.0");
    host.end();
    const database = new Database(host.stateFile);
    database.pragma("journal_mode = DELETE");
    database.close();
    chmodSync(host.stateFile, 0o444);
    process.seteuid?.(65534);
    const { code } = await cleaned({ yes: true });
    expect(code).toMatch(/^CONFIG: the state file \S+ cannot be /);
    process.seteuid?.(0);
    expect(filesOf(workflow)).toEqual(["out/Job-1.sh.out.0"]);
  });
});

describe("the files that go with a workflow", () => {
  test("are the streams of attempts that another one followed, and run folders and records of its attempts: nothing else", async () => {
    const workflow = finished("workflow-1", 3);
    const [first, , last] = store.jobs.attempts(workflow, "Job-1").map(({ kubeName }) => kubeName);
    const going = [0, 1].flatMap((number) =>
      ["out", "err", "app.out", "app.err"].map((kind) => `${kind.slice(-3)}/Job-1.sh.${kind}.${number}`),
    );
    const staying = ["sh/Job-1.sh", "out/Job-1.sh.out", "err/Job-1.sh.err", "out/Job-1.sh.app.out", "out/Job-1.sh.out.old-1"];
    const alike = [
      "out/Job-1.sh.out.2",
      "out/Job-1.sh.out.00",
      "out/Job-2.sh.out.0",
      "Job-1.sh.out.0",
      "result.nii.0",
      "err/Job-1.sh.out.0",
    ];
    for (const file of [...going, ...staying, ...alike]) write(workflow, file);
    write(workflow, ".gasw-k8s/run/uid-1/.attempt", `${first}\n`);
    write(workflow, ".gasw-k8s/run/uid-1/workflow-1/file");
    write(workflow, `.gasw-k8s/end/${last}.uid-2`);
    const theirs = [".gasw-k8s/run/uid-3/.attempt", ".gasw-k8s/run/uid-4/no-attempt", ".gasw-k8s/end/another.uid-5"];
    for (const file of theirs) write(workflow, file, "another\n");
    expect((await cleaned({ yes: true })).stdout).toContain("(3 attempts, 10 old files)");
    expect(filesOf(workflow)).toEqual([...staying, ...alike, ...theirs].sort());
  });

  test("take the tool's folder with them once it is empty", async () => {
    const workflow = finished();
    const [job] = store.jobs.all(workflow);
    write(workflow, ".gasw-k8s/run/uid-1/.attempt", `${job?.kubeName}\n`);
    await cleaned({ yes: true });
    expect(existsSync(path.join(workflow.directory, ".gasw-k8s"))).toBe(false);
  });

  test("are not looked for through links", async () => {
    const workflow = finished("workflow-1", 2);
    const elsewhere = path.join(folder, "elsewhere");
    mkdirSync(elsewhere);
    for (const name of ["Job-1.sh.err.0", "precious"]) writeFileSync(path.join(elsewhere, name), "");
    rmSync(path.join(workflow.directory, "err"), { recursive: true });
    symlinkSync(elsewhere, path.join(workflow.directory, "err"));
    symlinkSync(path.join(elsewhere, "precious"), path.join(workflow.directory, "out/Job-1.sh.out.0"));
    expect((await cleaned({ yes: true })).stdout).toContain("(2 attempts, no old files)");
    expect(readdirSync(elsewhere).sort()).toEqual(["Job-1.sh.err.0", "precious"]);
  });

  test("stay where another file has come into their place meanwhile", async () => {
    const workflow = finished("workflow-1", 2);
    write(workflow, "out/Job-1.sh.out.0", "old");
    const { context } = await host.context({ now: NOW });
    const remove = context.store.retention.delete.bind(context.store.retention);
    context.store.retention.delete = (...args) => {
      rmSync(path.join(workflow.directory, "out/Job-1.sh.out.0"));
      write(workflow, "out/Job-1.sh.out.0", "new");
      return remove(...args);
    };
    expect(await cleanupState(context, { output: "text", olderThan: 0, yes: true })).toBe(0);
    expect(readFileSync(path.join(workflow.directory, "out/Job-1.sh.out.0"), "utf8")).toBe("new");
  });

  test("stay where the state has a workflow of another namespace in the same directory", async () => {
    const workflow = finished("workflow-1", 2);
    store.workflows.register({ ...workflow, namespace: "other" });
    write(workflow, "out/Job-1.sh.out.0");
    await cleaned({ yes: true, workflow: workflow.directory });
    expect(filesOf(workflow)).toEqual(["out/Job-1.sh.out.0"]);
  });

  test.runIf(process.getuid?.() === 0)("are named where they cannot be removed", async () => {
    const workflow = finished("workflow-1", 2);
    write(workflow, "out/Job-1.sh.out.0");
    host.end();
    for (const name of readdirSync(path.dirname(host.stateFile))) chmodSync(path.join(path.dirname(host.stateFile), name), 0o666);
    chmodSync(path.dirname(host.stateFile), 0o777);
    process.seteuid?.(65534);
    const { stderr, code } = await cleaned({ yes: true });
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: files could not be removed: ${path.join(workflow.directory, "out/Job-1.sh.out.0")} (EACCES)`);
  });
});
