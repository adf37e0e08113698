import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { jobRow, signal, sqliteDatabase, syncUntil, type TestDatabase } from "../e2e/gaswDatabase.ts";
import { eventually, get, kubectl, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
let database: TestDatabase;
beforeAll(async () => {
  workflow = new TestWorkflow();
  database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
  configure();
  // The tables are made for the first job; this one's pod never runs.
  await workflow.cli("submit", workflow.script("First-0", "true\n"), "--cpu", "1000");
  await workflow.cli("cancel", "First-0");
  expect((await sync()).code).toBe(0);
});
beforeEach(() => configure());
afterAll(() => workflow.cleanup());

const configure = (more: object = {}) => workflow.configure({ retryCount: 1, dao: database.config, ...more });
const sync = () => workflow.cli("status", "--sync");
const status = async (id: string) => (await jobRow(database, workflow, id)).status;
const statuses = (...ids: readonly string[]) => Promise.all(ids.map(status));
const history = async (id: string) => JSON.parse((await workflow.cli("status", id, "--history", "--cached", "-o", "json")).stdout).jobs;

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes Jobs
async function kubernetesJobs(id: string): Promise<any[]> {
  const { items } = await get("jobs", "-n", workflow.namespace);
  return items.filter((job: { metadata: { annotations: object } }) => Object.values(job.metadata.annotations).includes(id));
}

// biome-ignore lint/suspicious/noExplicitAny: results as they are printed
async function results(): Promise<any[]> {
  const { stdout } = await workflow.cli("status", "--sync", "-o", "ndjson");
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "result");
}

/** Has somebody delete the Job of a running attempt. */
async function lose(id: string): Promise<void> {
  const [{ kubernetesName }] = (await history(id)).filter((job: { attemptId: string }) => job.attemptId === id);
  await kubectl("delete", "job", kubernetesName, "-n", workflow.namespace, "--wait=false");
}

async function running(id: string, body = "sleep 600\n"): Promise<void> {
  await workflow.cli("submit", workflow.script(id, body));
  await syncUntil(database, workflow, id, (row) => row.status === "RUNNING");
  // The container has begun; its script has, too, once its output is there.
  await vi.waitUntil(() => existsSync(path.join(workflow.directory, `out/${id}.sh.out`)), { timeout: 60_000 });
}

async function held(id: string): Promise<void> {
  await workflow.cli("submit", workflow.script(id, `echo $HOSTNAME; [ -e ${id}.repaired ] || exit 3\n`));
  await syncUntil(database, workflow, `${id}-r1`, (row) => row.status === "ERROR_HELD");
}

describe("KILL", () => {
  test("deletes a running job, once, and is not retried", async () => {
    await running("Run-1");
    await signal(database, "Run-1", "KILL");
    expect((await sync()).code).toBe(0);
    await syncUntil(database, workflow, "Run-1", (row) => row.status === "DELETED");
    expect(await jobRow(database, workflow, "Run-1")).toMatchObject({ exit_code: 9, isreplicating: 0, isbeingkilled: 0 });
    expect(await history("Run-1")).toMatchObject([{ status: "DELETED", message: "killed by a signal in the GASW database" }]);
    await eventually(
      () => kubernetesJobs("Run-1"),
      (jobs) => jobs.length === 0,
    );
  });

  test("deletes a job that never reached the cluster", async () => {
    configure({
      volumes: [{ name: "never", type: "claim", claimName: "missing", mountPathContainer: "/x" }],
      options: { bindTimeout: "1s" },
    });
    expect((await workflow.cli("submit", workflow.script("Unbound-1", "true\n"))).code).toBe(6);
    configure();
    await sync();
    expect(await status("Unbound-1")).toBe("QUEUED");
    await signal(database, "Unbound-1", "KILL");
    await sync();
    expect(await status("Unbound-1")).toBe("DELETED");
  });

  test("comes too late for a job that has just completed: its end wins", async () => {
    await running("Late-1", "until [ -e late ]; do sleep 0.2; done\n");
    writeFileSync(path.join(workflow.directory, "late"), "");
    await eventually(
      () => kubernetesJobs("Late-1"),
      ([job]) => job.status.succeeded === 1,
    );
    await signal(database, "Late-1", "KILL");
    const { stderr } = await sync();
    expect(stderr).toContain("KILL of job Late-1 was ignored: the job had already ended");
    expect(await status("Late-1")).toBe("COMPLETED");
  });

  test("gives up a held job", async () => {
    await held("Given-1");
    await signal(database, "Given-1-r1", "KILL");
    await sync();
    expect(await status("Given-1-r1")).toBe("DELETED");
  });
});

describe("KILL_REPLICA", () => {
  test("deletes a running job as a replica: it is not retried, and nobody is told a result of it", async () => {
    await running("Spare-1");
    await signal(database, "Spare-1", "KILL_REPLICA");
    await syncUntil(database, workflow, "Spare-1", (row) => row.status === "DELETED_REPLICA");
    expect(await jobRow(database, workflow, "Spare-1")).toMatchObject({ exit_code: 9, exit_message: "killed as a replica" });
    expect((await jobRow(database, workflow, "Spare-1")).end_e).not.toBeNull();
    await eventually(
      () => kubernetesJobs("Spare-1"),
      (jobs) => jobs.length === 0,
    );
    await sync();
    expect(await history("Spare-1")).toHaveLength(1);
    expect((await results()).filter((result) => result.id === "Spare-1")).toEqual([]);
  });
});

describe("UNHOLD_STALLED", () => {
  test("has a job that the cluster has lost once too often submitted once more", async () => {
    await running("Lost-2", "until [ -e Lost-2.repaired ]; do sleep 0.2; done\n");
    await lose("Lost-2");
    await syncUntil(database, workflow, "Lost-2-r1", (row) => row.status === "RUNNING");
    await lose("Lost-2-r1");
    await syncUntil(database, workflow, "Lost-2-r1", (row) => row.status === "STALLED_HELD");
    writeFileSync(path.join(workflow.directory, "Lost-2.repaired"), "");
    await signal(database, "Lost-2-r1", "UNHOLD_STALLED");
    await syncUntil(database, workflow, "Lost-2-r2", (row) => row.status === "COMPLETED");
    expect(await statuses("Lost-2", "Lost-2-r1")).toEqual(["STALLED", "STALLED"]);
  });

  test("releases one that is held for its failures, too", async () => {
    await held("Mixed-1");
    writeFileSync(path.join(workflow.directory, "Mixed-1.repaired"), "");
    await signal(database, "Mixed-1-r1", "UNHOLD_STALLED");
    await syncUntil(database, workflow, "Mixed-1-r2", (row) => row.status === "COMPLETED");
    expect(await status("Mixed-1-r1")).toBe("ERROR");
  });
});

describe("UNHOLD_ERROR", () => {
  test("has a held job submitted once more; written again, it changes nothing", async () => {
    await held("Held-1");
    writeFileSync(path.join(workflow.directory, "Held-1.repaired"), "");
    await signal(database, "Held-1-r1", "UNHOLD_ERROR");
    await syncUntil(database, workflow, "Held-1-r2", (row) => row.status === "COMPLETED");
    expect(await status("Held-1-r1")).toBe("ERROR");
    await signal(database, "Held-1-r1", "UNHOLD_ERROR");
    expect((await sync()).stderr).toContain("UNHOLD_ERROR of job Held-1-r1 was ignored: it is not held");
    expect(await status("Held-1-r1")).toBe("ERROR");
    expect((await history("Held-1")).map((job: { attemptId: string }) => job.attemptId)).toEqual(["Held-1", "Held-1-r1", "Held-1-r2"]);
  });

  test("after it, the old failures keep counting: the next one is held at once", async () => {
    await held("Again-1");
    await signal(database, "Again-1-r1", "UNHOLD_ERROR");
    await syncUntil(database, workflow, "Again-1-r2", (row) => row.status === "ERROR_HELD");
  });
});

describe("REPLICATE", () => {
  test("has one more attempt wait until the running one has ended; it is not needed when that completes", async () => {
    await running("Twice-1", "until [ -e twice ]; do sleep 0.2; done\n");
    await signal(database, "Twice-1", "REPLICATE");
    await sync();
    expect(await jobRow(database, workflow, "Twice-1")).toMatchObject({ status: "SUCCESSFULLY_SUBMITTED", isreplicating: 1 });
    expect(await jobRow(database, workflow, "Twice-1-r1")).toMatchObject({ status: "QUEUED", file_name: "Twice-1" });
    await sync();
    // Never two runs of one script at once, and never two replicas of one signal.
    expect(await kubernetesJobs("Twice-1-r1")).toEqual([]);
    expect(await history("Twice-1")).toHaveLength(2);
    expect(await status("Twice-1")).toBe("RUNNING");
    writeFileSync(path.join(workflow.directory, "twice"), "");
    await syncUntil(database, workflow, "Twice-1-r1", (row) => row.status === "DELETED_REPLICA");
    expect(await jobRow(database, workflow, "Twice-1")).toMatchObject({ status: "COMPLETED", isreplicating: 0 });
  });
});

describe("a signal that has a job run once more, written over the row", () => {
  /** A job that was killed, and completes when it runs again. */
  async function killed(id: string): Promise<void> {
    await running(id, `[ -e ${id}.repaired ] || sleep 600\n`);
    await signal(database, id, "KILL");
    await syncUntil(database, workflow, id, (row) => row.status === "DELETED");
    writeFileSync(path.join(workflow.directory, `${id}.repaired`), "");
  }
  const told = async (id: string) => (await results()).filter((result) => result.id === id);

  test("of a killed job: REPLICATE makes another attempt, and what was told of the killed one stays", async () => {
    await killed("Dead-1");
    const before = await told("Dead-1");
    expect(before).toMatchObject([{ attemptId: "Dead-1", status: "DELETED", exitCode: 9 }]);
    await signal(database, "Dead-1", "REPLICATE");
    await syncUntil(database, workflow, "Dead-1-r1", (row) => row.status === "COMPLETED");
    expect(await status("Dead-1")).toBe("DELETED");
    expect(await told("Dead-1")).toEqual(before);
  });

  test("of a killed job: RESCHEDULE has that row run again, and what was told of it stays", async () => {
    await killed("Dead-2");
    const before = await told("Dead-2");
    await signal(database, "Dead-2", "RESCHEDULE");
    await syncUntil(database, workflow, "Dead-2", (row) => row.status === "COMPLETED");
    expect(await jobRow(database, workflow, "Dead-2")).toMatchObject({ exit_code: 0, exit_message: "" });
    expect(await history("Dead-2")).toHaveLength(1);
    expect(await told("Dead-2")).toEqual(before);
  });

  test("of a held job: REPLICATE releases it", async () => {
    await held("Stuck-1");
    writeFileSync(path.join(workflow.directory, "Stuck-1.repaired"), "");
    await signal(database, "Stuck-1-r1", "REPLICATE");
    await syncUntil(database, workflow, "Stuck-1-r2", (row) => row.status === "COMPLETED");
    expect(await statuses("Stuck-1", "Stuck-1-r1")).toEqual(["ERROR", "ERROR"]);
  });

  test("of a held job: RESCHEDULE has that row run again, and every run's output is kept", async () => {
    await held("Stuck-2");
    writeFileSync(path.join(workflow.directory, "Stuck-2.repaired"), "");
    await signal(database, "Stuck-2-r1", "RESCHEDULE");
    await syncUntil(database, workflow, "Stuck-2-r1", (row) => row.status === "COMPLETED");
    expect((await history("Stuck-2")).map((job: { attemptId: string }) => job.attemptId)).toEqual(["Stuck-2", "Stuck-2-r1"]);
    const pods = ["out/Stuck-2.sh.out.0", "out/Stuck-2.sh.out.1", "out/Stuck-2.sh.out"].map((file) =>
      readFileSync(path.join(workflow.directory, file), "utf8"),
    );
    expect(new Set(pods).size).toBe(3);
  });
});

describe("RESCHEDULE", () => {
  test("has the same row run again, when its first run is gone; `wait` goes on until then", async () => {
    await running("Anew-1", "if [ -e anew ]; then exit 0; fi; touch anew; sleep 600\n");
    await vi.waitUntil(() => existsSync(path.join(workflow.directory, "anew")), { timeout: 60_000 });
    await signal(database, "Anew-1", "RESCHEDULE");
    await sync();
    expect(await jobRow(database, workflow, "Anew-1")).toMatchObject({ status: "SUCCESSFULLY_SUBMITTED", download: null });
    // A job that was submitted long ago is no other case.
    await sqliteDatabase(workflow.stateFile).query("UPDATE jobs SET created = '2026-01-02T03:04:05.000Z' WHERE id = 'Anew-1'");
    expect(await workflow.cli("wait", "Anew-1", "--wait-timeout", "1s")).toMatchObject({ code: 124 });
    await syncUntil(database, workflow, "Anew-1", (row) => row.status === "COMPLETED");
    expect(await history("Anew-1")).toHaveLength(1);
  });

  test("keeps a job to its content while it waits for its turn: its id for the same script, exit 7 for a changed one", async () => {
    const body = "echo first; [ -e kept ] || sleep 600\n";
    await running("Kept-1", body);
    await signal(database, "Kept-1", "RESCHEDULE");
    await sync();
    expect(await history("Kept-1")).toMatchObject([{ status: "NOT_SUBMITTED" }]);
    expect(await workflow.cli("submit", workflow.script("Kept-1", body))).toEqual({ stdout: "Kept-1\n", stderr: "", code: 0 });
    const changed = await workflow.cli("submit", workflow.script("Kept-1", "echo changed\n"));
    expect(changed).toMatchObject({ stdout: "", code: 7 });
    expect(changed.stderr).toMatch(/^error: job Kept-1 .* was already submitted with different content, and is NOT_SUBMITTED\nhint: /);
    workflow.script("Kept-1", body);
    writeFileSync(path.join(workflow.directory, "kept"), "");
    await syncUntil(database, workflow, "Kept-1", (row) => row.status === "COMPLETED");
    expect(workflow.out("Kept-1")).toBe("first\n");
  });
});

test("outside the workflow's directory, too: what a plain status has seen end is told and retried, and a held job released", async () => {
  const elsewhere = (...args: string[]) => workflow.cliWith({ cwd: workflow.folder }, "status", ...args);
  await workflow.cli("submit", workflow.script("Far-1", "[ -e far ] || exit 3\n"));
  const ended = (id: string) =>
    eventually(
      () => elsewhere(id, "-o", "json"),
      ({ stdout }) => JSON.parse(stdout).jobs[0].status === "ERROR",
    );
  await ended("Far-1");
  expect((await elsewhere("--sync", "-q")).stdout.split("\n")).toContain("Far-1");
  expect(await status("Far-1")).toBe("ERROR");
  await ended("Far-1-r1");
  await elsewhere("--sync");
  expect(await status("Far-1-r1")).toBe("ERROR_HELD");
  writeFileSync(path.join(workflow.directory, "far"), "");
  await signal(database, "Far-1-r1", "UNHOLD_ERROR");
  await elsewhere("--sync");
  await eventually(
    async () => {
      await elsewhere("--sync");
      return await jobRow(database, workflow, "Far-1-r2");
    },
    (row) => row?.status === "COMPLETED",
  );
});

test("a signal for a row that is none of ours is left alone", async () => {
  await database.query(
    `INSERT INTO Jobs (id, simulation_id, status, isReplicating, isBeingKilled, exit_code, checkpoint_init, checkpoint_upload, invocation_id, parameters)
     VALUES ('Foreign-1', '${workflow.id}', 'KILL', 0, 0, -1, 0, 0, 99, '')`,
  );
  expect((await sync()).code).toBe(0);
  expect(await status("Foreign-1")).toBe("KILL");
});

describe("rows that others have touched", () => {
  test("one that was deleted is made again", async () => {
    await running("Lost-1");
    await database.query("DELETE FROM Jobs WHERE id = 'Lost-1'");
    await workflow.cli("cancel", "Lost-1");
    await sync();
    expect(await status("Lost-1")).toBe("DELETED");
  });

  test("a status that nobody knows is replaced", async () => {
    await running("Odd-1");
    await signal(database, "Odd-1", "WHATEVER");
    await workflow.cli("cancel", "Odd-1");
    await sync();
    expect(await status("Odd-1")).toBe("DELETED");
  });

  test("one that the engine has made itself keeps what the engine wrote", async () => {
    await database.query(
      `INSERT INTO Jobs (id, simulation_id, status, isReplicating, isBeingKilled, exit_code, checkpoint_init, checkpoint_upload, invocation_id, parameters, command, file_name, creation, queued, executor)
       VALUES ('Own-1', '${workflow.id}', 'QUEUED', 0, 0, -1, 0, 0, 41, 'a b', 'engine.sh', 'Own-1', '2026-01-02 03:04:05.000', '2026-01-02 03:04:06.000', 'Kubernetes')`,
    );
    await workflow.cli("submit", workflow.script("Own-1", "true\n"), "--command", "other.sh");
    await syncUntil(database, workflow, "Own-1", (row) => row.status === "COMPLETED");
    expect(await jobRow(database, workflow, "Own-1")).toMatchObject({
      command: "engine.sh",
      parameters: "a b",
      invocation_id: 41,
      creation: "2026-01-02 03:04:05.000",
      queued: "2026-01-02 03:04:06.000",
    });
    // Numbers go on from the largest in the table.
    await workflow.cli("submit", workflow.script("Next-1", "true\n"));
    const [{ last }] = await database.query("SELECT max(invocation_id) AS last FROM Jobs");
    await sync();
    expect((await jobRow(database, workflow, "Next-1")).invocation_id).toBe(last + 1);
  });
});
