import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { actOn } from "../../src/commands/act.ts";
import { cleanup } from "../../src/commands/cleanup.ts";
import { events } from "../../src/commands/debug/describe.ts";
import { why } from "../../src/commands/debug/why.ts";
import { monitor } from "../../src/commands/monitor.ts";
import { status } from "../../src/commands/status.ts";
import { submit } from "../../src/commands/submit.ts";
import { wait } from "../../src/commands/wait.ts";
import type { Context } from "../../src/context.ts";
import { over } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { KEYS } from "../../src/core/names.ts";
import { monitor as runMonitor } from "../../src/services/sync/monitor.ts";
import { NotOwner } from "../../src/services/workflow/notOwner.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import type { ClusterDouble } from "./clusterDouble.ts";
import { CLAIMS, type Command, Hosts, JOBS, LEASE, LEASES, NAMESPACE, PODS, START } from "./hosts.ts";

let hosts: Hosts;
let folder: string;
let directory: string;
let cluster: ClusterDouble;
let asked: string[];
beforeEach(async () => {
  hosts = await Hosts.begin();
  ({ folder, directory, cluster, asked } = hosts);
});
afterEach(() => hosts.end());

const on = (host: string) => hosts.on(host);
const run = (host: string, command: Command) => hosts.run(host, command);
const script = (id: string) => hosts.script(id);
const jobOn = (host: string, id?: string) => hosts.jobOn(host, id);
const inCluster = () => hosts.inCluster();
const show = (state: object, id?: string) => hosts.show(state, id);
const pass = (seconds: number) => hosts.pass(seconds);

const TEXT = { output: "text" } as const;
const SUBMIT = { ...TEXT, request: {}, verbose: false };
const CLEANUP = { ...TEXT, timeout: 1, yes: true, cancel: true };
const submitted = (id: string) => (context: Context) => submit(context, [script(id)], SUBMIT);
const synchronised: Command = (context) => status(context, [], { ...TEXT, sync: true });
const cancelled: Command = (context) => actOn(context, "cancel", ["Job-1"], TEXT);
const cleaned: Command = (context) => cleanup(context, CLEANUP);

const RUNNING = { running: { startedAt: "2026-01-02T03:04:05Z" } };

/** Writes a signal into the first job's row, as the portal does. */
function signal(word: string): void {
  const database = new Database(path.join(folder, "gasw.db"));
  database.pragma("ignore_check_constraints = ON");
  database.prepare("UPDATE Jobs SET status = ? WHERE id = 'Job-1'").run(word);
  database.close();
}

/** A job that both hosts have submitted, one after the other's silence; A has had the last word. */
async function submittedByBoth(): Promise<void> {
  for (const host of ["A", "B", "A"]) {
    expect(await run(host, submitted("Job-1"))).toMatchObject({ code: 0, stdout: "Job-1\n" });
    pass(61);
  }
  await show(RUNNING);
  expect(await run("A", synchronised)).toMatchObject({ code: 0 });
  expect(inCluster()).toEqual(["Job-1"]);
}

const CHANGES: readonly (readonly [string, Command])[] = [
  ["submit of another script", submitted("Job-2")],
  ["submit of the same script", submitted("Job-1")],
  ["status --sync", synchronised],
  ["monitor", (context) => monitor(context, TEXT)],
  ["cancel", cancelled],
  ["retry", (context) => actOn(context, "retry", ["Job-1"], TEXT)],
  ["release", (context) => actOn(context, "release", ["Job-1"], TEXT)],
  ["cleanup --yes", (context) => cleanup(context, { ...CLEANUP, cancel: true })],
];

const LOOKS: readonly (readonly [string, Command])[] = [
  ["status", (context) => status(context, [], TEXT)],
  ["status --cached", (context) => status(context, [], { ...TEXT, cached: true })],
  ["debug why", (context) => why(context, "Job-1", TEXT)],
  ["debug events", (context) => events(context, "Job-1", TEXT)],
  ["cleanup without --yes", (context) => cleanup(context, { ...TEXT, timeout: 1, cancel: true })],
];

describe("a workflow that another state file serves", () => {
  beforeEach(async () => {
    await submittedByBoth();
    asked.length = 0;
  });

  test.each(CHANGES)("is not changed by %s, which says who serves it", async (_, command) => {
    await run("B", (context) => status(context, [], TEXT));
    const before = [structuredClone([...cluster.objects]), await jobOn("B")];
    const { code, failure } = await run("B", command);
    expect(code).toBe(7);
    expect(failure).toBeInstanceOf(NotOwner);
    expect(failure?.message).toMatch(
      /^workflow workflow-1 is served from another state file, by \S+ on A since 2026-01-02T03:06:07\.\d+Z, last renewed \d+ s ago$/,
    );
    expect(failure?.hint).toContain("60 s after the last renewal");
    expect([[...cluster.objects], await jobOn("B")]).toEqual(before);
  });

  test.each(LOOKS)("is looked at by %s", async (_, command) => {
    expect(await run("B", command)).toMatchObject({ code: 0 });
    expect(asked.filter((request) => !request.startsWith("GET "))).toEqual([]);
  });

  test("is waited for, and not taken over by that", async () => {
    await show({ terminated: { exitCode: 3, reason: "Error" } });
    pass(300);
    expect(await run("B", (context) => wait(context, ["Job-1"], TEXT))).toMatchObject({ code: 3 });
    expect(cluster.objects.get(LEASE).metadata.annotations[KEYS.host]).toBe("A");
  });

  test("is told in NDJSON, line by line", async () => {
    script("Job-2");
    const { context, stdout } = await on("B");
    writeFileSync(path.join(folder, "requests"), '{"script":"sh/Job-2.sh"}\n');
    expect(await submit(context, [], { ...SUBMIT, from: path.join(folder, "requests") })).toBe(7);
    expect(JSON.parse(stdout())).toMatchObject({ line: 1, error: { code: "CONFLICT" } });
  });

  test("is taken over after 60 s of silence, with a warning, and the other one is refused from then on", async () => {
    pass(61);
    const { code, stderr } = await run("B", synchronised);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: this state file takes over workflow workflow-1: .* by \S+ on A, which has been silent for 61 s$/m);
    expect(cluster.objects.get(LEASE).spec.leaseTransitions).toBe(3);
    expect(await run("A", cancelled)).toMatchObject({ code: 7, failure: { message: expect.stringContaining(" on B since ") } });
    expect(inCluster()).toEqual(["Job-1"]);
  });

  test("is not given up by an owner that waits for its jobs, or watches them", async () => {
    const { context } = await on("A");
    let looks = 0;
    cluster.onRequest = (request) => {
      if (request !== `GET ${JOBS}`) return;
      pass(30);
      if (++looks === 3) cluster.objects.set(...ended());
    };
    const ended = (): [string, object] => {
      const [place, pod] = [...cluster.objects].find(([key]) => key.startsWith(PODS)) as [string, object];
      const state = { terminated: { exitCode: 0, reason: "Completed" } };
      return [place, { ...pod, status: { containerStatuses: [{ name: MAIN_CONTAINER, state }] } }];
    };
    expect(await wait(context, ["Job-1"], TEXT)).toBe(0);
    cluster.onRequest = () => undefined;
    expect(hosts.passed).toBeGreaterThan(90_000);
    expect(await run("B", synchronised)).toMatchObject({ code: 7 });
  });
});

test("a state file whose first submission was refused shows what the cluster tells", async () => {
  await run("A", submitted("Job-1"));
  expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 7 });
  const { code, stdout, stderr } = await run("B", (context) => status(context, [], TEXT));
  expect({ code, stdout, stderr }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Job-1"),
    stderr: expect.stringContaining("read-only"),
  });
});

describe("a clock that is wrong by an hour", () => {
  test.each([
    ["the owner's", "A", 1],
    ["the owner's", "A", -1],
    ["the other one's", "B", 1],
    ["the other one's", "B", -1],
  ])("%s (%s, %i): a live owner is refused, a silent one followed", async (_, host, hours) => {
    hosts.wrong[host] = hours * 3_600_000;
    expect(await run("A", submitted("Job-1"))).toMatchObject({ code: 0 });
    pass(50);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 7 });
    pass(12);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 0 });
  });

  test("that is put right does not keep the owner from speaking", async () => {
    hosts.wrong.A = 3_600_000;
    await run("A", submitted("Job-1"));
    hosts.wrong.A = 0;
    pass(50);
    expect(await run("A", submitted("Job-2"))).toMatchObject({ code: 0 });
    pass(50);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 7 });
  });
});

describe("what one owner kills", () => {
  beforeEach(submittedByBoth);

  test.each([
    ["", () => undefined],
    [", which has seen it gone", (context: Context) => status(context, [], TEXT)],
  ])("is not run again by the next one%s", async (_, before) => {
    expect(await run("A", cancelled)).toMatchObject({ code: 0 });
    cluster.objects.delete(`${PODS}/${(await jobOn("A")).kubeName}-pod`);
    expect(inCluster()).toEqual([]);
    // It knows not why.
    if ((await before((await on("B")).context)) !== undefined) expect((await jobOn("B")).status).toBe("STALLED");
    expect(await run("B", (context) => monitor(context, TEXT))).toMatchObject({ code: 7 });
    pass(61);
    expect(await run("B", (context) => monitor(context, TEXT))).toMatchObject({ code: 0 });
    expect(await jobOn("B")).toMatchObject({
      status: "DELETED",
      reason: "Killed",
      message: expect.stringMatching(/another state file by \S+ on A/),
    });
    expect(inCluster()).toEqual([]);
    expect(await jobOn("B", "Job-1-r1")).toBeUndefined();
  });

  test("is removed by the next one, where the first died before it could", async () => {
    cluster.refusalOf = (request) => (request.startsWith(`DELETE ${JOBS}`) ? 500 : undefined);
    expect(await run("A", cancelled)).toMatchObject({ code: 4 });
    cluster.refusalOf = () => undefined;
    pass(61);
    expect(await run("B", synchronised)).toMatchObject({ code: 0 });
    expect(inCluster()).toEqual([]);
    expect((await jobOn("B")).status).toBe("DELETED");
  });

  test("stays so for a submission that takes over", async () => {
    await run("A", cancelled);
    cluster.objects.delete(`${PODS}/${(await jobOn("A")).kubeName}-pod`);
    pass(61);
    expect(await run("B", submitted("Job-2"))).toMatchObject({ code: 0 });
    expect(await run("B", synchronised)).toMatchObject({ code: 0 });
    expect(inCluster()).toEqual(["Job-2"]);
    expect((await jobOn("B")).status).toBe("DELETED");
  });
});

describe("what one owner kills, and the next one has never heard of", () => {
  test("is not run when that is asked to submit it", async () => {
    await run("A", submitted("Job-1"));
    await run("A", cancelled);
    pass(61);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 0, stdout: "Job-1\n" });
    expect(await run("B", synchronised)).toMatchObject({ code: 0 });
    expect(inCluster()).toEqual([]);
    expect(await jobOn("B")).toMatchObject({ status: "DELETED", reason: "Killed", message: "killed from another state file" });
  });

  test("is not run as the next attempt of what has failed", async () => {
    await submittedByBoth();
    await show({ terminated: { exitCode: 3, reason: "Error" } });
    await run("A", synchronised);
    expect(inCluster()).toEqual(["Job-1", "Job-1-r1"]);
    await run("A", cancelled);
    expect(inCluster()).toEqual(["Job-1"]);
    pass(61);
    await run("B", synchronised);
    await run("B", synchronised);
    expect(inCluster()).toEqual(["Job-1"]);
    expect(await jobOn("B", "Job-1-r1")).toMatchObject({ status: "DELETED" });
  });

  test("runs when its clean-up is over, and it is submitted anew", async () => {
    await run("A", submitted("Job-1"));
    await run("A", cancelled);
    pass(61);
    await run("B", submitted("Job-2"));
    await run("B", cleaned);
    await hosts.giveClaim();
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 0 });
    expect(inCluster()).toEqual(["Job-1"]);
  });
});

test("what was killed and runs again (RESCHEDULE) is not given up by the next owner", async () => {
  await submittedByBoth();
  await run("A", cancelled);
  cluster.objects.delete(`${PODS}/${(await jobOn("A")).kubeName}-pod`);
  await run("A", synchronised);
  signal("RESCHEDULE");
  await run("A", synchronised);
  expect(inCluster()).toEqual(["Job-1"]);
  pass(61);
  expect(await run("B", synchronised)).toMatchObject({ code: 0 });
  expect(inCluster()).toEqual(["Job-1"]);
  expect((await jobOn("B")).stage.name).not.toBe("removing");
});

describe("an attempt that one owner has made, and of which the next one knows from the GASW database", () => {
  const row = async (id: string) => {
    const database = new Database(path.join(folder, "gasw.db"), { readonly: true });
    const found = database.prepare("SELECT status FROM Jobs WHERE id = ?").get(id) as { status: string } | undefined;
    database.close();
    return found?.status;
  };
  const fails = () => show({ terminated: { exitCode: 3, reason: "Error" } });
  /** A's second attempt, after a kill of the first one: B would make none. */
  const retriedByA = async () => {
    await run("A", cancelled);
    cluster.objects.delete(`${PODS}/${(await jobOn("A")).kubeName}-pod`);
    await run("A", synchronised);
    await run("A", (context) => actOn(context, "retry", ["Job-1"], TEXT));
    await run("A", synchronised);
    expect(inCluster()).toEqual(["Job-1-r1"]);
  };
  beforeEach(submittedByBoth);

  test("is followed to its end", async () => {
    await retriedByA();
    pass(61);
    await run("B", synchronised);
    expect((await jobOn("B", "Job-1-r1")).status).toBe("QUEUED");
    await show({ terminated: { exitCode: 0, reason: "Completed" } }, "Job-1-r1");
    await run("B", synchronised);
    expect(await jobOn("B", "Job-1-r1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect([await row("Job-1-r1"), inCluster()]).toEqual(["COMPLETED", ["Job-1-r1"]]);
  });

  test("and its output in the first one's place, is not taken for the first one's", async () => {
    await fails();
    await run("A", synchronised);
    const write = (name: string, code: number) => writeFileSync(path.join(directory, "out", name), `Exiting with return value ${code}\n`);
    write("Job-1.sh.out.0", 3);
    write("Job-1.sh.out", 0);
    await show({ terminated: { exitCode: 0, reason: "Completed" } }, "Job-1-r1");
    pass(61);
    await run("B", synchronised);
    expect(await jobOn("B")).toMatchObject({ status: "ERROR", exitCode: 3 });
    expect(await jobOn("B", "Job-1-r1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
  });

  test("is followed also where it is an earlier one that was run again (RESCHEDULE)", async () => {
    pass(61);
    await run("B", cancelled);
    cluster.objects.delete(`${PODS}/${(await jobOn("A")).kubeName}-pod`);
    // The answer to the kill is told first, then the end.
    for (let round = 0; round < 2; round++) await run("B", synchronised);
    expect(await jobOn("B")).toMatchObject({ status: "DELETED", stage: { name: "over" } });
    signal("RESCHEDULE");
    pass(61);
    await run("A", synchronised);
    await run("A", synchronised);
    expect([await row("Job-1"), inCluster()]).toEqual(["QUEUED", ["Job-1"]]);
    await show({ terminated: { exitCode: 0, reason: "Completed" } });
    pass(61);
    // An engine that was begun anew submits all its scripts again.
    await run("B", submitted("Job-1"));
    await run("B", synchronised);
    expect([(await jobOn("B")).status, await row("Job-1")]).toEqual(["COMPLETED", "COMPLETED"]);
  });

  test("is followed where the next one was first refused to submit its script, whose Job is gone and whose output is there", async () => {
    for (const name of ["config/Job-2-configuration.sh", "inv/Job-2-invocation.json"]) {
      mkdirSync(path.join(directory, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(directory, name), "");
    }
    await run("A", submitted("Job-2"));
    await show({ terminated: { exitCode: 0, reason: "Completed" } }, "Job-2");
    writeFileSync(path.join(directory, "out/Job-2.sh.out"), "Exiting with return value 0\n");
    for (let round = 0; round < 2; round++) await run("A", synchronised);
    expect(await row("Job-2")).toBe("COMPLETED");
    for (const place of [...cluster.objects.keys()]) if (place.includes("job-2")) cluster.objects.delete(place);
    pass(61);
    await run("B", synchronised);
    expect(await run("B", submitted("Job-2"))).toMatchObject({ code: 7, failure: { message: expect.stringContaining("ran before") } });
    // A monitor may tell the GASW database before it looks there.
    const { store } = (await on("B")).context;
    expect(store.outbox.size(store.workflows.find(NAMESPACE, "workflow-1") as StoredWorkflow)).toBe(0);
    await run("B", synchronised);
    expect([(await jobOn("B", "Job-2")).status, await row("Job-2"), inCluster()]).toEqual(["COMPLETED", "COMPLETED", ["Job-1"]]);
    expect(await run("B", submitted("Job-2"))).toMatchObject({ code: 0 });
  });

  test("is not run again when it has completed, and its Job is gone by its time to live", async () => {
    await fails();
    await run("A", synchronised);
    await show({ terminated: { exitCode: 0, reason: "Completed" } }, "Job-1-r1");
    await run("A", synchronised);
    expect((await jobOn("A", "Job-1-r1")).status).toBe("COMPLETED");
    for (const place of [...cluster.objects.keys()]) if (place.startsWith(PODS) || place.startsWith(JOBS)) cluster.objects.delete(place);
    pass(61);
    await run("B", synchronised);
    await run("B", synchronised);
    expect(inCluster()).toEqual([]);
    expect((await jobOn("B", "Job-1-r1")).status).toBe("COMPLETED");
    expect((await jobOn("B", "Job-1-r2")) ?? null).toBeNull();
  });

  test("is run by the next one where it was only written down", async () => {
    await fails();
    cluster.refusalOf = (request) => (request.startsWith(`POST ${JOBS}`) ? 500 : undefined);
    await run("A", synchronised);
    cluster.refusalOf = () => undefined;
    expect([await row("Job-1-r1"), inCluster()]).toEqual(["QUEUED", ["Job-1"]]);
    pass(61);
    await run("B", synchronised);
    expect(inCluster()).toEqual(["Job-1", "Job-1-r1"]);
    expect((await jobOn("B", "Job-1-r1")).status).toBe("QUEUED");
  });

  test("ends as a replica where another one has completed, and its row shows that", async () => {
    signal("REPLICATE");
    await run("A", synchronised);
    expect([await row("Job-1-r1"), inCluster()]).toEqual(["QUEUED", ["Job-1"]]);
    await show({ terminated: { exitCode: 0, reason: "Completed" } });
    pass(61);
    await run("B", synchronised);
    expect([await row("Job-1"), await row("Job-1-r1"), inCluster()]).toEqual(["COMPLETED", "DELETED_REPLICA", ["Job-1"]]);
  });
});

describe("a clean-up", () => {
  beforeEach(submittedByBoth);
  const gone = async () => {
    for (const place of [...cluster.objects.keys()]) if (place.startsWith(PODS)) cluster.objects.delete(place);
  };

  test("removes the Lease last", async () => {
    expect(await run("A", cleaned)).toMatchObject({ code: 0 });
    const deletions = asked.filter((request) => /^DELETE .*(jobs|claims|leases)\//.test(request));
    expect(deletions.map((request) => request.split("/").at(-2))).toEqual(["jobs", "persistentvolumeclaims", "leases"]);
    expect(cluster.objects.has(LEASE)).toBe(false);
  });

  test("is followed by a late monitor of another state file: what it knows is given up, nothing is made anew", async () => {
    expect(await run("A", cleaned)).toMatchObject({ code: 0 });
    await gone();
    asked.length = 0;
    const { code, stderr } = await run("B", (context) => monitor(context, TEXT));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("was cleaned up from another state file") });
    expect(await jobOn("B")).toMatchObject({ status: "DELETED", reason: "Deleted", stage: { name: "over" } });
    expect(asked.filter((request) => request.startsWith("POST "))).toEqual([]);
  });

  test("is not taken over while it goes on, however long that takes, and nothing is submitted onto what it removes", async () => {
    const answers: number[] = [];
    let isAsking = false;
    const remove = cluster.objects.delete.bind(cluster.objects);
    // It stays for a while, as one that a pod uses.
    cluster.objects.delete = (place) => (place.startsWith(CLAIMS) ? true : remove(place));
    cluster.onRequest = (request) => {
      if (request !== `GET ${CLAIMS}` || isAsking) return;
      for (const place of cluster.objects.keys()) if (answers.length === 3 && place.startsWith(CLAIMS)) remove(place);
      pass(25);
      isAsking = true;
      const tell = ({ code }: { code: number }) => {
        answers.push(code);
        isAsking = answers.length === 4;
      };
      void run("B", submitted("Job-2")).then(tell, tell);
    };
    expect(await run("A", (context) => cleanup(context, { ...CLEANUP, timeout: 60 }))).toMatchObject({ code: 0 });
    expect(answers.slice(0, 3)).toEqual([7, 7, 7]);
    expect(inCluster()).toEqual([]);
  });

  test("that did not come to its end is told to the next owner", async () => {
    cluster.refusalOf = (request) => (request.startsWith(`DELETE ${CLAIMS}`) ? 500 : undefined);
    expect(await run("A", cleaned)).toMatchObject({ code: 4 });
    await gone();
    cluster.refusalOf = () => undefined;
    pass(61);
    expect(await run("B", synchronised)).toMatchObject({ code: 0 });
    expect(await jobOn("B")).toMatchObject({ status: "DELETED", message: expect.stringContaining("deleted by a cleanup") });
    expect(cluster.objects.get(LEASE).metadata.annotations[KEYS.cleaned]).toBeUndefined();
    expect(inCluster()).toEqual([]);
  });

  test("that did not come to its end is over for whoever submits on", async () => {
    cluster.refusalOf = (request) => (request.startsWith(`DELETE ${CLAIMS}`) ? 500 : undefined);
    await run("A", cleaned);
    cluster.refusalOf = () => undefined;
    expect(await run("A", submitted("Job-2"))).toMatchObject({ code: 0 });
    pass(61);
    expect(await run("B", submitted("Job-2"))).toMatchObject({ code: 0 });
    expect((await jobOn("B", "Job-2")).stage.name).not.toBe("removing");
  });

  test("from a state file that knows nothing of the workflow is refused while it is served, and works afterwards", async () => {
    expect(await run("C", cleaned)).toMatchObject({ code: 7 });
    pass(61);
    expect(await run("C", cleaned)).toMatchObject({ code: 0 });
    expect([...cluster.objects.keys()].filter((place) => place.includes(`/${NAMESPACE}/`) && !place.startsWith(PODS))).toEqual([]);
  });

  test("of nothing makes no Lease", async () => {
    await run("A", cleaned);
    asked.length = 0;
    expect(await run("A", cleaned)).toMatchObject({ code: 0 });
    expect(asked.filter((request) => request.startsWith("POST "))).toEqual([]);
  });
});

describe("an account without the rule for leases", () => {
  beforeEach(() => {
    cluster.refusalOf = (request) => (request.includes("/leases") ? 403 : undefined);
  });

  test("does everything as before, with one warning that names the rule", async () => {
    const { code, stderr } = await run("A", submitted("Job-1"));
    expect(code).toBe(0);
    expect(stderr.match(/warning/g)).toHaveLength(1);
    expect(stderr).toContain("leases of coordination.k8s.io");
    expect(stderr).toContain("deploy/rbac.yaml");
    await show(RUNNING);
    for (const command of [submitted("Job-2"), synchronised, cancelled, cleaned])
      expect(await run("A", command)).toMatchObject({ code: 0, stderr: expect.not.stringContaining("lease") });
    // The clean-up's plan looks for an engine.
    const [first, ...others] = asked.filter((request) => request.includes("/leases"));
    expect([first, others]).toEqual([expect.stringContaining("/leases"), [`GET ${LEASE}`]]);
  });

  test("is used again once it has the rule", async () => {
    await run("A", submitted("Job-1"));
    cluster.refusalOf = () => undefined;
    pass(601);
    expect(await run("A", submitted("Job-2"))).toMatchObject({ code: 0, stderr: "" });
    expect(cluster.objects.has(LEASE)).toBe(true);
  });
});

describe("what a Lease costs", () => {
  const ofLeases = () => asked.filter((request) => request.includes("/leases"));

  test("a submission nothing for 20 s, then one request, beside the one for the claim", async () => {
    await run("A", submitted("Job-1"));
    expect(ofLeases()).toEqual([`POST ${LEASES}`]);
    asked.length = 0;
    pass(19);
    await run("A", submitted("Job-2"));
    expect(ofLeases()).toEqual([]);
    pass(1);
    asked.length = 0;
    await run("A", submitted("Job-3"));
    expect(asked.slice(0, 2).sort()).toEqual([expect.stringContaining(`GET ${CLAIMS}/`), `PATCH ${LEASE}`]);
    expect(asked.slice(2)).toEqual([`POST ${JOBS}`]);
  });

  test("fifty submissions at once no more than two requests each, and makes one Lease", async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `Job-${index}`);
    const ends = await Promise.all(ids.map((id) => run("A", submitted(id))));
    expect(ends.filter(({ code, stderr }) => code !== 0 || stderr !== "")).toEqual([]);
    expect(inCluster()).toHaveLength(50);
    expect(cluster.objects.get(LEASE).spec.leaseTransitions).toBe(0);
    expect(ofLeases().length).toBeLessThanOrEqual(100);
    asked.length = 0;
    pass(30);
    const again = await Promise.all(ids.map((id) => run("A", submitted(`${id}-b`))));
    expect(again.filter(({ code, stderr }) => code !== 0 || stderr !== "")).toEqual([]);
    expect(ofLeases().length).toBeLessThanOrEqual(150);
    expect(await run("B", submitted("Job-0"))).toMatchObject({ code: 7 });
  });
});

describe("a new workflow that two state files submit at once", () => {
  test("is one's of them", async () => {
    const ends = await Promise.all(["A", "B"].map((host) => run(host, submitted(`Job-${host}`))));
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 7]);
    expect(inCluster()).toHaveLength(1);
  });

  test("is one's of them, too, where its former owner is silent", async () => {
    await run("C", submitted("Job-1"));
    pass(61);
    const ends = await Promise.all(["A", "B"].map((host) => run(host, submitted(`Job-${host}`))));
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 7]);
    expect(inCluster()).toHaveLength(2);
  });
});

describe("a Lease", () => {
  test.each<[string, object]>([
    ["no content", {}],
    ["no owner's name", { spec: { holderIdentity: "", renewTime: "soon", leaseTransitions: "many" } }],
    [
      "an owner and no time",
      {
        metadata: { annotations: { [KEYS.killed]: "\u0000 x; DROP", [KEYS.host]: "\u001b[31mred" } },
        spec: { holderIdentity: "somebody" },
      },
    ],
  ])("with %s is taken over with a warning", async (_, content: { metadata?: object }) => {
    cluster.put(LEASE, { ...content, metadata: { ...content.metadata, labels: { [KEYS.managedBy]: "gasw-k8s" } } });
    const { code, stderr } = await run("A", submitted("Job-1"));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("takes over workflow workflow-1") });
    expect(stderr).not.toContain("\u001b");
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 7 });
  });

  test("that is somebody else's is left alone: the submission says which one it is", async () => {
    cluster.put(LEASE, { spec: { holderIdentity: "operator" } });
    const { code, failure } = await run("A", submitted("Job-1"));
    expect({ code, hint: failure?.hint }).toMatchObject({ code: 7, hint: expect.stringContaining("kubectl delete lease") });
    expect(cluster.objects.get(LEASE).spec.holderIdentity).toBe("operator");
    expect(inCluster()).toEqual([]);
  });

  test("that somebody deletes is made anew, and the jobs go on", async () => {
    await run("A", submitted("Job-1"));
    await show(RUNNING);
    cluster.objects.delete(LEASE);
    pass(30);
    expect(await run("A", synchronised)).toMatchObject({ code: 0, stderr: "" });
    expect((await jobOn("A")).status).toBe("RUNNING");
    expect(cluster.objects.get(LEASE).metadata.annotations[KEYS.host]).toBe("A");
  });

  test("that somebody deletes does not hide a clean-up by the one who takes over at once", async () => {
    await run("B", submitted("Job-1"));
    cluster.objects.delete(LEASE);
    await run("A", submitted("Job-1"));
    expect(await run("A", cleaned)).toMatchObject({ code: 0 });
    expect(await run("B", synchronised)).toMatchObject({ code: 0, stderr: expect.stringContaining("was cleaned up") });
    expect(inCluster()).toEqual([]);
  });

  test("that somebody deletes lets another state file take the workflow over at once", async () => {
    await submittedByBoth();
    cluster.objects.delete(LEASE);
    expect(await run("B", synchronised)).toMatchObject({ code: 0 });
    pass(21);
    expect(await run("A", synchronised)).toMatchObject({ code: 7 });
    expect((await jobOn("A")).status).toBe("RUNNING");
  });

  test("that goes with its namespace is no clean-up: the jobs are lost, and are run again", async () => {
    await run("A", submitted("Job-1"));
    for (const place of [...cluster.objects.keys()]) if (place.includes(`/${NAMESPACE}`)) cluster.objects.delete(place);
    pass(30);
    cluster.refusalOf = (request) => (request.startsWith(`POST ${LEASES}`) ? 404 : undefined);
    await run("A", (context) => status(context, [], { ...TEXT, sync: true }));
    expect((await jobOn("A")).status).toBe("STALLED");
    expect((await jobOn("A", "Job-1-r1")).stage.name).toBe("due");
  });

  test("is made once its namespace is there", async () => {
    let isMissing = true;
    cluster.refusalOf = (request) => {
      if (request !== `POST ${LEASES}` || !isMissing) return undefined;
      isMissing = false;
      return 404;
    };
    expect(await run("A", submitted("Job-1"))).toMatchObject({ code: 0, stderr: "" });
    expect(asked.filter((request) => request.startsWith("POST "))).toEqual([`POST ${LEASES}`, `POST ${LEASES}`, `POST ${JOBS}`]);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 7 });
  });
});

describe("an owner whose state file is gone", () => {
  test("is succeeded at once by the one in its place, with a warning", async () => {
    await run("A", submitted("Job-1"));
    hosts.closeAll();
    for (const ending of ["", "-wal", "-shm"]) rmSync(path.join(folder, "A", `state.db${ending}`), { force: true });
    const { code, stderr } = await run("A", submitted("Job-1"));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("an earlier state file in this place") });
    expect(inCluster()).toEqual(["Job-1"]);
  });

  test("is waited for elsewhere, and the hint says for how long", async () => {
    await run("A", submitted("Job-1"));
    rmSync(path.join(folder, "A"), { recursive: true });
    pass(20);
    expect((await run("B", submitted("Job-1"))).failure?.hint).toContain("retry in 41 s");
    pass(41);
    expect(await run("B", submitted("Job-1"))).toMatchObject({ code: 0 });
  });
});

test("a monitor that was silent for too long stops where another state file has taken the workflow over", async () => {
  await submittedByBoth();
  const { context } = await on("A");
  let looks = 0;
  cluster.onRequest = (request) => {
    if (request !== `GET ${JOBS}` || ++looks !== 2) return;
    // As if it had been stopped for a while.
    pass(90);
    const lease = cluster.objects.get(LEASE);
    const now = new Date(START + hosts.passed).toISOString();
    const managedFields = [{ time: now, fieldsV1: { "f:spec": { "f:renewTime": {} } } }];
    const annotations = { [KEYS.host]: "B", [KEYS.user]: "b" };
    cluster.put(LEASE, {
      ...lease,
      metadata: { ...lease.metadata, annotations, managedFields },
      spec: { ...lease.spec, holderIdentity: "b" },
    });
  };
  await expect(monitor(context, TEXT)).rejects.toBeInstanceOf(NotOwner);
  expect((await jobOn("A")).status).toBe("RUNNING");
});

describe("a monitor that has seen nothing of the cluster for more than a minute", () => {
  const DONE = { terminated: { exitCode: 3, reason: "Error", finishedAt: "2026-01-02T03:05:05Z" } };
  const WARNING =
    /^warning: workflow workflow-1 is locked by monitor, process 1, which has not reached the cluster since 2026-01-02T03:04:05\.000Z: this command reads/gm;
  let release: () => void;
  beforeEach(async () => {
    await run("A", submitted("Job-1"));
    await show(RUNNING);
    await run("A", (context) => status(context, [], TEXT));
    const { store } = (await on("A")).context;
    const workflow = store.workflows.find(NAMESPACE, "workflow-1") as StoredWorkflow;
    release = store.holds.take(workflow, { words: "monitor, process 1", isMonitor: true })?.release as () => void;
    await show(DONE);
    asked.length = 0;
  });
  afterEach(() => release());

  const COMMANDS: readonly (readonly [string, Command, number])[] = [
    ["status", (context) => status(context, [], TEXT), 0],
    ["status --sync", synchronised, 0],
    ["status --watch", (context) => status(context, [], { ...TEXT, watch: true }), 0],
    ["wait", (context) => wait(context, ["Job-1"], TEXT), 3],
  ];

  test.each(COMMANDS)("is not relied on by %s, which asks the cluster and says so once", async (_, command, code) => {
    pass(61);
    const ended = await run("A", command);
    expect(ended.code).toBe(code);
    expect(ended.stderr.match(WARNING)).toHaveLength(1);
    expect(await jobOn("A")).toMatchObject({ status: "ERROR", exitCode: 3 });
    // What follows from the end is the monitor's.
    expect(await jobOn("A", "Job-1-r1")).toBeUndefined();
    expect(asked.filter((request) => request.startsWith("POST "))).toEqual([]);
  });

  test.each(COMMANDS.slice(0, 2))("is relied on before by %s, which asks nobody", async (_, command) => {
    pass(59);
    expect(await run("A", command)).toMatchObject({ code: 0, stderr: "" });
    expect(asked).toEqual([]);
    expect((await jobOn("A")).status).toBe("RUNNING");
  });

  test("is not relied on where the clock was set back since", async () => {
    pass(-10);
    expect((await run("A", COMMANDS[0]?.[1] as Command)).stderr).toMatch(WARNING);
    expect((await jobOn("A")).status).toBe("ERROR");
  });

  test("is not told of where there is nothing to see", async () => {
    await run("A", (context) => status(context, [], TEXT));
    const { store } = (await on("A")).context;
    store.changes.write(await jobOn("A"), { stage: over("COMPLETED") });
    pass(3600);
    expect(await run("A", synchronised)).toMatchObject({ stderr: "" });
  });
});

test("a monitor that the cluster refuses is one that sees nothing", async () => {
  await run("A", submitted("Job-1"));
  await show(RUNNING);
  const { context } = await on("A");
  const { store } = context;
  const workflow = store.workflows.find(NAMESPACE, "workflow-1") as StoredWorkflow;
  let looks = 0;
  const seen: (string | undefined)[] = [];
  const stop = new AbortController();
  cluster.refusalOf = (request) => {
    if (request === `GET ${JOBS}`) looks++;
    return looks > 0 ? 401 : undefined;
  };
  await runMonitor(context.withSignal(stop.signal), workflow, {
    until: "ended",
    stop: stop.signal,
    onRound: ({ looked }) => {
      seen.push(store.holds.lastWatch(workflow));
      pass(30);
      if (looked) stop.abort();
    },
  });
  expect(seen).toEqual([new Date(START).toISOString()]);
});
