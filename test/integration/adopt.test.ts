import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { actOn } from "../../src/commands/act.ts";
import { adopt } from "../../src/commands/adopt.ts";
import { cleanup } from "../../src/commands/cleanup.ts";
import { jobName, KEYS } from "../../src/core/names.ts";
import { Adopting, ended, RUNNING, TEXT } from "./adopting.ts";
import { CLAIMS, type Command, Hosts, JOBS, LEASE, NAMESPACE, PODS } from "./hosts.ts";

let hosts: Hosts;
let adopting: Adopting;
beforeEach(async () => {
  hosts = await Hosts.begin();
  adopting = new Adopting(hosts);
});
afterEach(() => hosts.end());

const submitted = (id: string, request?: object): Command => adopting.submitted(id, request);
const synchronised: Command = (context) => adopting.synchronised(context);
const adopted: Command = (context) => adopting.adopted(context);
const succeeds = (host: string, command: Command) => adopting.succeeds(host, command);
const told = (host: string) => adopting.told(host);

/** The latest attempts on a host: their ids with the stage and the status that each is in. */
async function jobsOn(host: string): Promise<Record<string, string>> {
  const { store } = (await hosts.on(host)).context;
  const workflow = store.workflows.find(NAMESPACE, "workflow-1");
  const jobs = workflow === undefined ? [] : store.jobs.all(workflow);
  return Object.fromEntries(jobs.map(({ id, stage }) => [id, `${stage.name} ${stage.status}`]));
}

function rows(): Record<string, string> {
  const database = new Database(path.join(hosts.folder, "gasw.db"), { readonly: true });
  const all = database.prepare("SELECT id, status FROM Jobs").all() as { id: string; status: string }[];
  database.close();
  return Object.fromEntries(all.map(({ id, status }) => [id, status]));
}

/** Of a pod that has ended: the file that its wrapper leaves. */
function leaveRecord(id: string): void {
  const attempt = jobName(NAMESPACE, "workflow-1", id);
  const folder = path.join(hosts.directory, ".gasw-k8s/end");
  mkdirSync(folder, { recursive: true });
  const endedAt = Date.parse("2026-01-02T03:05:05Z") / 1000;
  writeFileSync(path.join(folder, `${attempt}.uid`), `1 ${attempt} uid 0 - - ${endedAt} 0 0 end\n`);
}

/** The state file of host A, and all that it knew, is lost. */
function lose(host: string): void {
  rmSync(path.join(hosts.folder, host), { recursive: true });
}

describe("a workflow with jobs of every kind, whose host is lost", () => {
  beforeEach(async () => {
    hosts.config = { retryCount: 1 };
    for (const id of ["Told", "Runs", "Waits", "Ended", "Killed", "Replicated"]) await succeeds("A", submitted(id, { memory: "2Gi" }));
    for (const id of ["Retried", "Held"]) await succeeds("A", submitted(id));
    for (const id of ["Runs", "Ended", "Killed", "Replicated"]) await hosts.show(RUNNING, id);
    for (const id of ["Retried", "Held"]) await hosts.show(ended(3), id);
    await hosts.show(ended(0), "Told");
    await succeeds("A", synchronised);
    await hosts.show(ended(3), "Held-r1");
    await hosts.show(RUNNING, "Retried-r1");
    await succeeds("A", (context) => actOn(context, "cancel", ["Killed"], TEXT));
    await succeeds("A", synchronised);
    expect(await told("A")).toEqual({ Told: "COMPLETED", Killed: "DELETED" });
    expect(rows()).toMatchObject({ "Held-r1": "ERROR_HELD", "Retried-r1": "RUNNING", Retried: "ERROR" });
    const database = new Database(path.join(hosts.folder, "gasw.db"));
    database.pragma("ignore_check_constraints = ON");
    database.prepare("UPDATE Jobs SET status = 'REPLICATE' WHERE id = 'Replicated'").run();
    database.close();
    await hosts.show(ended(0), "Ended");
    hosts.pass(61);
  });

  test("is adopted on another host: what runs goes on, retries count on, and each job is told once", async () => {
    const { stderr, stdout } = await succeeds("B", adopted);
    expect(stderr).toMatch(/^adopted workflow workflow-1 from \S+ on A: 8 jobs, 4 not ended; `gasw-k8s monitor` or/);
    expect(stdout).toMatch(/^Runs +1 +RUNNING/m);
    expect(stdout).toMatch(/^Held +2 +ERROR_HELD/m);
    expect(await jobsOn("B")).toEqual({
      Told: "over COMPLETED",
      Runs: "active RUNNING",
      Waits: "active QUEUED",
      Ended: "ended COMPLETED",
      Killed: "over DELETED",
      Replicated: "active RUNNING",
      Retried: "over ERROR",
      "Retried-r1": "active RUNNING",
      Held: "over ERROR",
      "Held-r1": "held ERROR_HELD",
    });
    expect(await told("B")).toEqual({ Ended: "COMPLETED" });
    expect(await jobsOn("B")).toMatchObject({ "Replicated-r1": "due NOT_SUBMITTED" });
    for (const id of ["Runs", "Waits", "Replicated"]) await hosts.show(ended(0), id);
    await hosts.show(ended(3), "Retried-r1");
    expect(await told("B")).toEqual({ Ended: "COMPLETED", Runs: "COMPLETED", Waits: "COMPLETED", Replicated: "COMPLETED" });
    expect(rows()).toMatchObject({ "Retried-r1": "ERROR_HELD", Retried: "ERROR", Told: "COMPLETED", Killed: "DELETED" });
    expect(hosts.asked.filter((request) => request === `POST ${JOBS}`)).toHaveLength(8 + 2);
  });

  test("is adopted once: a second time changes nothing", async () => {
    await succeeds("B", adopted);
    const before = await jobsOn("B");
    const { stderr } = await succeeds("B", adopted);
    expect(stderr).toMatch(/^this state file serves workflow workflow-1 already \(8 jobs, 4 not ended\)/);
    expect(await jobsOn("B")).toEqual(before);
  });

  test("is released, killed and submitted again there as it was before", async () => {
    await succeeds("B", adopted);
    await succeeds("B", (context) => actOn(context, "release", ["Held"], TEXT));
    expect(hosts.inCluster()).toContain("Held-r2");
    const again = await succeeds("B", submitted("Runs", { memory: "2Gi" }));
    expect(again.stdout).toBe("Runs\n");
    expect(await hosts.run("B", submitted("Runs", { memory: "4Gi" }))).toMatchObject({ code: 7 });
    await succeeds("B", (context) => actOn(context, "cancel", ["Runs"], TEXT));
    expect(await told("B")).toMatchObject({ Runs: "DELETED" });
  });

  test("has its retries made with what was asked for, not with what is configured on the other host", async () => {
    await hosts.show(ended(3), "Runs");
    hosts.config = { retryCount: 1, resources: { memory: "1Gi" } };
    await succeeds("B", adopted);
    await succeeds("B", synchronised);
    const retry = hosts.cluster.objects.get(`${JOBS}/${jobName(NAMESPACE, "workflow-1", "Runs-r1")}`);
    expect(retry.spec.template.spec.containers[0].resources.limits.memory).toBe("2Gi");
  });

  test.each([0, 61])("is left alone by its former host, which comes back with its state %i s later", async (seconds) => {
    await succeeds("B", adopted);
    hosts.pass(seconds);
    const objects = structuredClone([...hosts.cluster.objects]);
    const before = rows();
    for (const command of [synchronised, submitted("New"), (context) => actOn(context, "cancel", ["Runs"], TEXT)] satisfies Command[]) {
      const { code, failure } = await hosts.run("A", command);
      expect(code).toBe(7);
      expect(failure?.message).toMatch(/^workflow workflow-1 was adopted from this state file, by \S+ on B at 2026-/);
      expect(failure?.hint).toContain(`gasw-k8s adopt ${hosts.directory}`);
    }
    expect([...hosts.cluster.objects]).toEqual(objects);
    expect(rows()).toEqual(before);
  });

  test("goes back to its former host by another adoption, once the other is silent", async () => {
    await succeeds("B", adopted);
    expect(await hosts.run("A", adopted)).toMatchObject({ code: 7 });
    hosts.pass(61);
    await succeeds("A", adopted);
    await succeeds("A", synchronised);
    expect(await hosts.run("B", synchronised)).toMatchObject({ code: 7 });
  });

  test("is not adopted while its owner is alive", async () => {
    await succeeds("A", synchronised);
    const objects = structuredClone([...hosts.cluster.objects]);
    const { code, failure } = await hosts.run("B", adopted);
    expect([code, failure?.message]).toEqual([7, expect.stringMatching(/^workflow workflow-1 is served from another state file/)]);
    expect([...hosts.cluster.objects]).toEqual(objects);
    expect(await jobsOn("B")).toEqual({});
  });

  test("is not adopted without its GASW database, which knows what was told", async () => {
    hosts.config = { dao: { url: "postgres://127.0.0.1:1/gasw", timeout: "1s" } };
    expect(await hosts.run("B", adopted)).toMatchObject({ code: 8 });
    expect(hosts.cluster.objects.get(LEASE).metadata.annotations[KEYS.host]).toBe("A");
  });
});

test("a GASW database that knows nothing of the workflow is told of: it may be the wrong one", async () => {
  await succeeds("A", submitted("Job-1"));
  hosts.config = { dao: { url: `sqlite:${hosts.folder}/other.db` } };
  hosts.pass(61);
  expect((await succeeds("B", adopted)).stderr).toContain("warning: the GASW database has no rows of workflow workflow-1");
});

describe("a workflow without a GASW database of its own", () => {
  beforeEach(() => {
    hosts.config = { dao: {}, retryCount: 1 };
  });

  test("is told of its jobs once: the records of ends show what was seen to", async () => {
    for (const id of ["Told", "Ended"]) {
      await succeeds("A", submitted(id));
      hosts.pass(60);
      leaveRecord(id);
      await hosts.show(ended(0), id);
      if (id === "Told") expect(await told("A")).toEqual({ Told: "COMPLETED" });
    }
    lose("A");
    hosts.pass(61);
    await succeeds("B", adopted);
    expect(await jobsOn("B")).toEqual({ Told: "over COMPLETED", Ended: "ended COMPLETED" });
    expect(await told("B")).toEqual({ Ended: "COMPLETED" });
  });

  test("counts the attempts on by their numbers, where the first are gone", async () => {
    await succeeds("A", submitted("Job-1"));
    await hosts.show(ended(3), "Job-1");
    await succeeds("A", synchronised);
    const first = jobName(NAMESPACE, "workflow-1", "Job-1");
    for (const place of [`${JOBS}/${first}`, `${PODS}/${first}-pod`]) hosts.cluster.objects.delete(place);
    await hosts.show(ended(3), "Job-1-r1");
    lose("A");
    hosts.pass(61);
    await succeeds("B", adopted);
    await succeeds("B", synchronised);
    expect(await jobsOn("B")).toEqual({ "Job-1": "over ERROR", "Job-1-r1": "held ERROR_HELD" });
  });

  test("follows a record whose Job is gone to its end", async () => {
    await succeeds("A", submitted("Job-1"));
    leaveRecord("Job-1");
    hosts.cluster.objects.delete(`${JOBS}/${jobName(NAMESPACE, "workflow-1", "Job-1")}`);
    lose("A");
    hosts.pass(61);
    await succeeds("B", adopted);
    expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
  });

  test("names scripts of which only the output is left, and does not run them again", async () => {
    await succeeds("A", submitted("Job-1"));
    hosts.script("Job-0");
    writeFileSync(path.join(hosts.directory, "out/Job-0.sh.out"), "done\n");
    lose("A");
    hosts.pass(61);
    const { stderr } = await succeeds("B", adopted);
    expect(stderr).toContain("warning: 1 script was not adopted (Job-0): only their output is left");
    expect(await jobsOn("B")).toEqual({ "Job-1": "active QUEUED" });
  });

  test("is adopted at once where its state file lay at the very place of this one", async () => {
    await succeeds("A", submitted("Job-1"));
    rmSync(path.join(hosts.folder, "A/state.db"));
    const { stderr } = await succeeds("A", adopted);
    expect(stderr).toMatch(/^adopted workflow workflow-1 from \S+ on A: 1 job, 1 not ended/);
  });
});

test("an end after the last word of the former owner was told by nobody, whatever a slow file server shows", async () => {
  hosts.config = { dao: {} };
  await succeeds("A", submitted("Job-1"));
  hosts.pass(61);
  const late = { ...ended(0).terminated, finishedAt: "2026-01-02T03:04:35Z" };
  await hosts.show({ terminated: late });
  lose("A");
  await succeeds("B", adopted);
  expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
});

describe("nothing is adopted", () => {
  test("in a cluster that has nothing of it, though the database shows that its jobs have run", async () => {
    await succeeds("A", submitted("Job-1"));
    await hosts.show(RUNNING);
    await succeeds("A", synchronised);
    hosts.pass(61);
    for (const place of [...hosts.cluster.objects.keys()])
      if (!/^\/api\/v1\/namespaces\/[^/]+$/.test(place)) hosts.cluster.objects.delete(place);
    const { code, failure } = await hosts.run("B", adopted);
    expect([code, failure?.message]).toEqual([7, expect.stringContaining("they were submitted to another cluster")]);
    expect(await jobsOn("B")).toEqual({});
  });

  test("from a directory whose file system is not mounted", async () => {
    await succeeds("A", submitted("Job-1"));
    hosts.pass(61);
    rmSync(path.join(hosts.directory, "sh"), { recursive: true });
    expect(await hosts.run("B", adopted)).toMatchObject({ code: 2, failure: { message: expect.stringContaining("it has no folder sh") } });
  });

  test("where nothing is left: a directory that is mistyped, or a workflow that never began", async () => {
    for (const place of [...hosts.cluster.objects.keys()]) if (place.startsWith(`${CLAIMS}/`)) hosts.cluster.objects.delete(place);
    const { code, failure } = await hosts.run("B", adopted);
    expect([code, failure?.message]).toEqual([6, expect.stringMatching(/^nothing is left of workflow workflow-1 /)]);
    const none = await hosts.run("B", (context) => adopt(context, `${hosts.directory}-typo`, TEXT));
    expect([none.code, none.failure?.message]).toEqual([2, expect.stringContaining("does not exist")]);
    expect(none.failure?.hint).toBe("name the directory that contains sh/, out/ and err/");
    expect(hosts.asked.filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(existsSync(path.join(hosts.folder, "gasw.db"))).toBe(false);
  });

  test("while a cleanup of it has not come to its end", async () => {
    await succeeds("A", submitted("Job-1"));
    const lease = hosts.cluster.objects.get(LEASE);
    lease.metadata.annotations[KEYS.cleaned] = "2026-01-02T03:04:05Z";
    hosts.pass(61);
    const { code, failure } = await hosts.run("B", adopted);
    expect([code, failure?.hint]).toEqual([7, `finish it: \`gasw-k8s cleanup --workflow ${hosts.directory} --cancel\``]);
    expect(await hosts.run("B", (context) => cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true }))).toMatchObject({
      code: 0,
    });
  });

  test("from Jobs that were submitted in another directory", async () => {
    await succeeds("A", submitted("Job-1"));
    const job = hosts.cluster.objects.get(`${JOBS}/${jobName(NAMESPACE, "workflow-1", "Job-1")}`);
    job.metadata.annotations[KEYS.directory] = "/elsewhere/workflow-1";
    hosts.pass(61);
    expect(await hosts.run("B", adopted)).toMatchObject({
      code: 7,
      failure: { hint: "mount it there, then run gasw-k8s adopt /elsewhere/workflow-1" },
    });
  });

  test("by an account that cannot use Leases", async () => {
    await succeeds("A", submitted("Job-1"));
    hosts.pass(61);
    hosts.cluster.refusalOf = (request) => (request.includes("/leases") ? 403 : undefined);
    expect(await hosts.run("B", adopted)).toMatchObject({ code: 4 });
    expect(await jobsOn("B")).toEqual({});
  });
});

test("two thousand jobs are adopted with as many requests as one", async () => {
  await succeeds("A", submitted("Job-0"));
  const [place, job] = [...hosts.cluster.objects].find(([one]) => one.startsWith(`${JOBS}/`)) as [
    string,
    { metadata: { annotations: object } },
  ];
  for (let number = 1; number < 2000; number++) {
    const name = jobName(NAMESPACE, "workflow-1", `Job-${number}`);
    const annotations = { ...job.metadata.annotations, [KEYS.job]: `Job-${number}` };
    hosts.cluster.put(path.join(path.dirname(place), name), { ...job, metadata: { ...job.metadata, name, annotations } });
  }
  hosts.pass(61);
  hosts.asked.length = 0;
  const { stderr } = await succeeds("B", adopted);
  expect(stderr).toMatch(/: 2000 jobs, 2000 not ended/);
  expect(hosts.asked.length).toBeLessThan(20);
});
