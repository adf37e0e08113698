import { readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { actOn } from "../../src/commands/act.ts";
import { cleanup } from "../../src/commands/cleanup.ts";
import { status } from "../../src/commands/status.ts";
import { wait } from "../../src/commands/wait.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { jobName, KEYS } from "../../src/core/names.ts";
import { Adopting, ended, RUNNING, TEXT } from "./adopting.ts";
import { type Command, Hosts, JOBS, LEASE, NAMESPACE, PODS } from "./hosts.ts";

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

function database<T>(action: (open: Database.Database) => T): T {
  const open = new Database(path.join(hosts.folder, "gasw.db"));
  open.pragma("ignore_check_constraints = ON");
  try {
    return action(open);
  } finally {
    open.close();
  }
}

const rowOf = (id: string) => database((open) => open.prepare("SELECT status FROM Jobs WHERE id = ?").pluck().get(id));

/** What another program writes into a row. */
const signal = (id: string, status: string) => database((open) => open.prepare("UPDATE Jobs SET status = ? WHERE id = ?").run(status, id));

/** Has the cluster lose an attempt. */
function vanish(id: string): void {
  const name = jobName(NAMESPACE, "workflow-1", id);
  for (const place of [`${JOBS}/${name}`, `${PODS}/${name}-pod`]) hosts.cluster.objects.delete(place);
}

/** State file A, and all that it knew, is lost; its owner falls silent. */
function lose(host = "A"): void {
  rmSync(path.join(hosts.folder, host), { recursive: true });
  hosts.pass(61);
}

const stageOn = async (host: string, id: string) => {
  const { stage } = await hosts.jobOn(host, id);
  return `${stage.name} ${stage.status}`;
};

test("a held job that was killed stays so, though its row shows it held yet", async () => {
  hosts.config = { retryCount: 0 };
  await succeeds("A", submitted("Job-1"));
  await hosts.show(ended(3));
  await succeeds("A", synchronised);
  await succeeds("A", (context) => actOn(context, "cancel", ["Job-1"], TEXT));
  expect(rowOf("Job-1")).toBe("ERROR_HELD");
  lose();
  await succeeds("B", adopted);
  expect(await told("B")).toEqual({ "Job-1": "DELETED" });
});

test("a held job that was released while nobody served it runs again, though its Job is there yet", async () => {
  hosts.config = { retryCount: 0 };
  await succeeds("A", submitted("Job-1"));
  await hosts.show(ended(3));
  await succeeds("A", synchronised);
  signal("Job-1", "UNHOLD_ERROR");
  lose();
  await succeeds("B", adopted);
  const { stderr } = await succeeds("B", synchronised);
  expect(stderr).not.toContain("ignored");
  expect(hosts.inCluster()).toEqual(["Job-1", "Job-1-r1"]);
});

test("a job that has completed is not run again by a signal that nobody has refused yet", async () => {
  await succeeds("A", submitted("Job-1"));
  await succeeds("A", submitted("Job-2"));
  await hosts.show(ended(0));
  expect(await told("A")).toEqual({ "Job-1": "COMPLETED" });
  signal("Job-1", "RESCHEDULE");
  vanish("Job-1");
  lose();
  await succeeds("B", adopted);
  const { stderr } = await succeeds("B", synchronised);
  expect(stderr).toContain("RESCHEDULE of job Job-1 was ignored: it has completed");
  expect(await told("B")).toEqual({});
  expect([rowOf("Job-1"), hosts.inCluster()]).toEqual(["COMPLETED", ["Job-2"]]);
});

test("a killed job that its former owner had run again goes on", async () => {
  await succeeds("A", submitted("Job-1"));
  await hosts.show(RUNNING);
  await succeeds("A", synchronised);
  signal("Job-1", "KILL");
  expect(await told("A")).toEqual({ "Job-1": "DELETED" });
  vanish("Job-1");
  signal("Job-1", "RESCHEDULE");
  await succeeds("A", synchronised);
  await succeeds("A", synchronised);
  expect(hosts.inCluster()).toEqual(["Job-1"]);
  // The database had no time to be told.
  signal("Job-1", "DELETED");
  lose();
  await succeeds("B", adopted);
  expect(await stageOn("B", "Job-1")).toBe("active QUEUED");
  await hosts.show(ended(0), "Job-1", "B");
  expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
});

test.each([0, 1])("attempt %i that was seen running, and of which nothing is left, is held rather than run twice", async (attempt) => {
  hosts.config = { retryCount: 3 };
  const id = attempt === 0 ? "Job-1" : "Job-1-r1";
  await succeeds("A", submitted("Job-1"));
  if (attempt === 1) {
    await hosts.show(ended(3));
    await succeeds("A", synchronised);
  }
  await hosts.show(RUNNING, id);
  await succeeds("A", synchronised);
  expect(rowOf(id)).toBe("RUNNING");
  vanish(id);
  lose();
  await succeeds("B", adopted);
  await succeeds("B", synchronised);
  expect(await stageOn("B", id)).toBe("held STALLED_HELD");
  expect(hosts.inCluster()).not.toContain(id);
});

test("a retry that waits for its turn is made like the attempt before it, and its secrets are stored and printed nowhere", async () => {
  hosts.config = { retryCount: 1 };
  await succeeds("A", submitted("Job-1", { memory: "2Gi", env: { TOKEN: "s3cr3t-value" } }));
  await hosts.show(ended(3));
  await succeeds("A", synchronised);
  vanish("Job-1-r1");
  lose();
  const ran = [await succeeds("B", adopted), await succeeds("B", synchronised)];
  const retry = hosts.cluster.objects.get(`${JOBS}/${jobName(NAMESPACE, "workflow-1", "Job-1-r1")}`);
  const [main] = retry.spec.template.spec.containers;
  expect(main).toMatchObject({ resources: { limits: { memory: "2Gi" } } });
  expect(main.env).toContainEqual({ name: "TOKEN", value: "s3cr3t-value" });
  const state = readdirSync(path.join(hosts.folder, "B")).map((name) => readFileSync(path.join(hosts.folder, "B", name), "latin1"));
  expect([...ran.map(({ stdout, stderr }) => stdout + stderr), ...state].join("")).not.toContain("s3cr3t-value");
});

test("scripts that are called like attempts of others are adopted as jobs of their own", async () => {
  hosts.config = { retryCount: 1 };
  for (const id of ["Job-1", "Job-1-r1"]) await succeeds("A", submitted(id));
  await hosts.show(ended(3));
  await succeeds("A", synchronised);
  expect(hosts.inCluster()).toEqual(["Job-1", "Job-1-r1", "Job-1-r2"]);
  lose();
  const { stderr } = await succeeds("B", adopted);
  expect(stderr).toMatch(/: 2 jobs, 2 not ended/);
  for (const id of ["Job-1-r1", "Job-1-r2"]) await hosts.show(ended(0), id, "B");
  expect(await told("B")).toEqual({ "Job-1": "COMPLETED", "Job-1-r1": "COMPLETED" });
});

test("rows that name no script, and those of other executors, are in nobody's way", async () => {
  await succeeds("A", submitted("Job-1"));
  await hosts.show(ended(0));
  expect(await told("A")).toEqual({ "Job-1": "COMPLETED" });
  database((open) => {
    open.exec("CREATE TABLE copy AS SELECT * FROM Jobs; UPDATE copy SET id = 'Other-1', file_name = 'Other-1', executor = 'DIRAC'");
    open.exec(
      "INSERT INTO Jobs SELECT * FROM copy; DROP TABLE copy; UPDATE Jobs SET file_name = NULL, command = NULL, queued = NULL WHERE id = 'Job-1'",
    );
  });
  lose();
  const { stderr } = await succeeds("B", adopted);
  expect(stderr).toMatch(/: 1 job, 0 not ended/);
  expect(await told("B")).toEqual({});
});

describe("a state file that knows the workflow from before", () => {
  beforeEach(async () => {
    for (const id of ["Job-1", "Job-2"]) await succeeds("A", submitted(id));
    await succeeds("A", synchronised);
    hosts.pass(61);
    await succeeds("B", adopted);
    await hosts.show(ended(0), "Job-1", "B");
    expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
    hosts.pass(61);
  });

  test("tells nothing that another one has told meanwhile", async () => {
    await succeeds("A", adopted);
    expect(await stageOn("A", "Job-1")).toBe("over COMPLETED");
    await hosts.show(ended(0), "Job-2");
    expect(await told("A")).toEqual({ "Job-2": "COMPLETED" });
  });
});

test("the former owner writes nothing, though it has nothing left but an end to be told", async () => {
  await succeeds("A", submitted("Job-1"));
  await hosts.show(ended(3));
  hosts.config = { retryCount: 0, dao: { url: "postgres://127.0.0.1:1/gasw", timeout: "1s" } };
  expect(await hosts.run("A", synchronised)).toMatchObject({ code: 8 });
  await hosts.run("A", (context) => actOn(context, "cancel", ["Job-1"], TEXT));
  expect(await stageOn("A", "Job-1")).toBe("over DELETED");
  hosts.config = { retryCount: 5 };
  // Its Lease, with what was killed, was deleted.
  hosts.cluster.objects.delete(LEASE);
  await succeeds("B", adopted);
  await succeeds("B", synchronised);
  hosts.pass(21);
  const { code, failure } = await hosts.run("A", synchronised);
  expect([code, failure?.message]).toEqual([7, expect.stringMatching(/from another state file|adopted from this/)]);
  expect(rowOf("Job-1")).not.toBe("DELETED");
});

test("an adoption that was cut off is finished by the next, and an end that came in between is told", async () => {
  hosts.config = { dao: {} };
  await succeeds("A", submitted("Job-1"));
  lose();
  hosts.cluster.refusalOf = (request) => (hosts.asked.includes(`PATCH ${LEASE}`) && request.includes("/jobs") ? 403 : undefined);
  expect((await hosts.run("B", adopted)).code).not.toBe(0);
  hosts.cluster.refusalOf = () => undefined;
  const name = jobName(NAMESPACE, "workflow-1", "Job-1");
  hosts.cluster.put(`${PODS}/${name}-pod`, {
    metadata: { labels: { "job-name": name } },
    status: { containerStatuses: [{ name: MAIN_CONTAINER, state: ended(0, "2026-01-02T03:05:08Z") }] },
  });
  hosts.pass(5);
  const { stderr } = await succeeds("B", adopted);
  expect(stderr).toMatch(/^adopted workflow workflow-1: 1 job/);
  expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
});

test("of two adoptions at once, one goes on and the other is refused", async () => {
  await succeeds("A", submitted("Job-1"));
  lose();
  const codes = await Promise.all([hosts.run("B", adopted), hosts.run("C", adopted)]);
  expect(codes.map(({ code }) => code).sort()).toEqual([0, 7]);
});

test("an engine may submit while its jobs are adopted: each is one job, told once", async () => {
  for (const id of ["Told", "Runs"]) await succeeds("A", submitted(id));
  await hosts.show(ended(0), "Told");
  expect(await told("A")).toEqual({ Told: "COMPLETED" });
  lose();
  const ran = await Promise.all([hosts.run("B", adopted), hosts.run("B", submitted("Runs")), hosts.run("B", submitted("Told"))]);
  expect(ran[0]).toMatchObject({ code: 0 });
  expect(hosts.inCluster()).toEqual(["Runs", "Told"]);
  await hosts.show(ended(0), "Runs", "B");
  expect(await told("B")).toEqual({ Runs: "COMPLETED" });
});

describe("jobs that were adopted", () => {
  test("of which nobody knew what was asked for run as they are submitted next, once they are released", async () => {
    await succeeds("A", submitted("Job-1", { memory: "2Gi" }));
    await hosts.show(RUNNING);
    await succeeds("A", synchronised);
    vanish("Job-1");
    lose();
    await succeeds("B", adopted);
    await succeeds("B", synchronised);
    const again = await succeeds("B", submitted("Job-1", { memory: "4Gi" }));
    expect([again.stdout, hosts.inCluster()]).toEqual(["Job-1\n", []]);
    expect(await hosts.run("B", submitted("Job-1", { memory: "8Gi" }))).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("`gasw-k8s retry Job-1 --memory 8Gi`"),
    });
    await succeeds("B", (context) => actOn(context, "release", ["Job-1"], TEXT));
    const retry = hosts.cluster.objects.get(`${JOBS}/${jobName(NAMESPACE, "workflow-1", "Job-1-r1")}`);
    expect(retry.spec.template.spec.containers[0].resources.limits.memory).toBe("4Gi");
  });

  test("are retried, killed, waited for and shown as any other", async () => {
    hosts.config = { retryCount: 1 };
    for (const id of ["Job-1", "Job-2", "Job-3"]) await succeeds("A", submitted(id));
    await hosts.show(ended(3));
    await succeeds("A", synchronised);
    lose();
    await succeeds("B", adopted);
    await hosts.show(ended(3), "Job-1-r1", "B");
    await succeeds("B", synchronised);
    expect(await stageOn("B", "Job-1-r1")).toBe("held ERROR_HELD");
    await succeeds("B", (context) => actOn(context, "retry", ["Job-1"], TEXT));
    expect(hosts.inCluster()).toContain("Job-1-r2");
    await succeeds("B", (context) => actOn(context, "cancel", ["Job-2"], TEXT));
    for (const id of ["Job-1-r2", "Job-3"]) await hosts.show(ended(0), id, "B");
    await hosts.run("B", (context) => wait(context, [], { ...TEXT, workflow: hosts.directory }));
    expect(await told("B")).toEqual({ "Job-1": "COMPLETED", "Job-2": "DELETED", "Job-3": "COMPLETED" });
    const { stdout } = await succeeds("B", (context) => status(context, ["Job-1"], { ...TEXT, history: true }));
    expect(stdout).toContain("adopted from another state file");
  });

  test("are cleaned up by their new owner, and by no former one", async () => {
    await succeeds("A", submitted("Job-1"));
    hosts.pass(61);
    await succeeds("B", adopted);
    hosts.pass(61);
    const cleaned: Command = (context) => cleanup(context, { ...TEXT, timeout: 1, yes: true, cancel: true });
    const { code, failure } = await hosts.run("A", cleaned);
    expect([code, failure?.message]).toEqual([7, expect.stringContaining("was adopted from this state file")]);
    expect(hosts.inCluster()).toEqual(["Job-1"]);
    await succeeds("B", cleaned);
    expect(hosts.inCluster()).toEqual([]);
    expect(hosts.cluster.objects.has(LEASE)).toBe(false);
  });

  test("may have any name", async () => {
    const names = ["Jöb 1", "__proto__", "a;b'c\"d", "-x", "Job-1-r01", "Job-1-r1e3"];
    for (const id of names) await succeeds("A", submitted(id));
    lose();
    await succeeds("B", adopted);
    for (const id of names) await hosts.show(ended(0), id, "B");
    expect(Object.keys(await told("B")).sort()).toEqual([...names].sort());
  });
});

test("nothing is lost of a job of an older version, whose Job tells neither wrapper nor script", async () => {
  hosts.config = { retryCount: 1 };
  await succeeds("A", submitted("Job-1"));
  await hosts.show(ended(3));
  await succeeds("A", synchronised);
  for (const id of ["Job-1", "Job-1-r1"]) {
    const job = hosts.cluster.objects.get(`${JOBS}/${jobName(NAMESPACE, "workflow-1", id)}`);
    for (const key of [KEYS.wrapper, KEYS.fileName, KEYS.content]) delete job.metadata.annotations[key];
  }
  lose();
  await succeeds("B", adopted);
  await hosts.show(ended(0), "Job-1-r1", "B");
  expect(await told("B")).toEqual({ "Job-1": "COMPLETED" });
  expect(hosts.inCluster()).toEqual(["Job-1", "Job-1-r1"]);
});

test("a retry that its former owner saw running is not run twice where the workflow is taken over without an adoption", async () => {
  hosts.config = { retryCount: 3 };
  await succeeds("A", submitted("Job-1"));
  hosts.pass(61);
  await succeeds("B", submitted("Job-1"));
  await hosts.show(ended(3), "Job-1", "B");
  await succeeds("B", synchronised);
  await hosts.show(RUNNING, "Job-1-r1", "B");
  await succeeds("B", synchronised);
  vanish("Job-1-r1");
  hosts.pass(61);
  await succeeds("A", synchronised);
  await succeeds("A", synchronised);
  expect(await stageOn("A", "Job-1-r1")).toBe("held STALLED_HELD");
  expect(hosts.inCluster()).toEqual(["Job-1"]);
});
