import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { jobRow, signal, sqliteDatabase, syncUntil, type TestDatabase } from "./gaswDatabase.ts";
import { eventually, get, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
let database: TestDatabase;
beforeAll(() => {
  workflow = new TestWorkflow();
  database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
});
beforeEach(() => workflow.configure({ retryCount: 1, dao: database.config }));
afterAll(() => workflow.cleanup());

const sync = () => workflow.cli("status", "--sync");
const status = async (id: string) => (await jobRow(database, workflow, id)).status;
const history = async (id: string) => JSON.parse((await workflow.cli("status", id, "--history", "--cached", "-o", "json")).stdout).jobs;

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes Jobs
async function kubernetesJobs(id: string): Promise<any[]> {
  const { items } = await get("jobs", "-n", workflow.namespace);
  return items.filter((job: { metadata: { annotations: object } }) => Object.values(job.metadata.annotations).includes(id));
}

async function running(id: string, body = "sleep 600\n"): Promise<void> {
  await workflow.cli("submit", workflow.script(id, body));
  await syncUntil(database, workflow, id, (row) => row.status === "RUNNING");
}

async function held(id: string): Promise<void> {
  await workflow.cli("submit", workflow.script(id, `[ -e ${id}.repaired ] || exit 3\n`));
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

  test("deletes a job that was never handed to the cluster", async () => {
    workflow.configure({
      retryCount: 1,
      dao: database.config,
      volumes: [{ name: "never", type: "claim", claimName: "missing", mountPathContainer: "/x" }],
      options: { bindTimeout: "1s" },
    });
    expect((await workflow.cli("submit", workflow.script("Unbound-1", "true\n"))).code).toBe(6);
    workflow.configure({ retryCount: 1, dao: database.config });
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
    expect(stderr).toContain("KILL of job Late-1 is not followed: the job had ended before");
    expect(await status("Late-1")).toBe("COMPLETED");
  });

  test("gives up a held job", async () => {
    await held("Given-1");
    await signal(database, "Given-1-r1", "KILL");
    await sync();
    expect(await status("Given-1-r1")).toBe("DELETED");
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
    expect((await sync()).stderr).toContain("UNHOLD_ERROR of job Held-1-r1 is not followed: it is not held");
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

describe("RESCHEDULE", () => {
  test("has the same row run again, when its first run is gone; `wait` goes on until then", async () => {
    await running("Anew-1", "if [ -e anew ]; then exit 0; fi; touch anew; sleep 600\n");
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
    expect(changed.stderr).toMatch(/^error: job Kept-1 .* was already submitted with another content\nhint: /);
    workflow.script("Kept-1", body);
    writeFileSync(path.join(workflow.directory, "kept"), "");
    await syncUntil(database, workflow, "Kept-1", (row) => row.status === "COMPLETED");
    expect(workflow.out("Kept-1")).toBe("first\n");
  });
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
