import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { migrations } from "../../src/store/migrations.ts";
import { likeGasw, RetriedWorkflow } from "./attempts.ts";
import { apply, eventually, get } from "./harness.ts";

/** The wrapper of 0.1.0, as the Jobs have it that run when the program is replaced. */
const OLD_WRAPPER = `trap '[ "$!" ] || exit 143; kill -TERM "$!" 2>/dev/null' TERM
exec >"$1" 2>"$2" || exit 7
bash "$3" &
while wait "$!"; code=$?; kill -0 "$!" 2>/dev/null; do :; done
[ "$code" = 143 ] || exit "$code"
wait "$!" 2>/dev/null; code=$?; case $code in 127|-1) code=143;; esac; exit "$code"`;

/** A state file of 0.1.0, by a process of it that still has it open. */
class OldState {
  readonly database: Database.Database;

  constructor(readonly workflow: RetriedWorkflow) {
    for (const ending of ["", "-wal", "-shm"]) rmSync(workflow.stateFile + ending, { force: true });
    this.database = new Database(workflow.stateFile);
    this.database.pragma("journal_mode = WAL");
    for (const statement of migrations.slice(0, 2).flat()) this.database.exec(statement);
    this.database.pragma("user_version = 2");
    this.database
      .prepare("INSERT INTO workflows (key, namespace, id, directory, created, volumes_renewed) VALUES (1, ?, ?, ?, ?, ?)")
      .run(workflow.namespace, workflow.id, workflow.directory, now(), now());
  }

  /** Submits a script as 0.1.0 did. */
  async submit(jobId: string, body: string, ttl = 500): Promise<void> {
    const { stdout } = await this.workflow.cli("submit", this.workflow.script(jobId, body), "--dry-run");
    const job = JSON.parse(stdout).items.find(({ kind }: { kind: string }) => kind === "Job");
    const { template } = job.spec;
    const [main] = template.spec.containers;
    main.command = ["bash", "-c", OLD_WRAPPER.replaceAll("$", "$$$$"), "gasw-k8s", ...main.command.slice(4, 7)];
    main.volumeMounts = main.volumeMounts.filter(({ name }: { name: string }) => name !== "gasw-k8s-home");
    main.env = [];
    for (const { annotations } of [job.metadata, template.metadata]) delete annotations["gasw-k8s.io/wrapper"];
    job.spec.ttlSecondsAfterFinished = ttl;
    this.database
      .prepare(
        `INSERT INTO jobs (workflow, id, file_name, attempt, kube_name, content_hash, image, request, status, created, submitted)
         VALUES (1, @id, @id, 0, @name, @content, @image, '{}', 'QUEUED', @at, @at)`,
      )
      .run({ id: jobId, name: job.metadata.name, content: job.metadata.annotations["gasw-k8s.io/content"], image: main.image, at: now() });
    await apply(job);
  }
}

const now = () => new Date().toISOString();

describe("jobs that 0.1.0 has submitted and that run when the program is replaced", () => {
  let workflow: RetriedWorkflow;
  let old: OldState | undefined;
  afterEach(async () => {
    old?.database.close();
    await workflow.cleanup();
  });

  test("end right, are run again by today's wrapper, and lose the folder that they have left", async () => {
    workflow = new RetriedWorkflow();
    // What 0.1.0 has made of the workflow's volumes, and its database.
    await workflow.runJob("First-0", "true\n");
    await workflow.sync();
    old = new OldState(workflow);
    const waits = 'until [ -e "$top/go" ]; do sleep 0.1; done';
    await old.submit("Good-1", likeGasw("Good-1", waits));
    await old.submit("Bad-1", likeGasw("Bad-1", `${waits}; [ -e "$top/repaired" ] || exit 3`));
    await old.submit("Mute-1", "until [ -e go ]; do sleep 0.1; done\n", 1);
    await eventually(
      async () => JSON.parse((await workflow.sync("-o", "json")).stdout).jobs,
      (jobs: { status: string }[]) => jobs.every(({ status }) => status === "RUNNING"),
    );
    // A monitor of 0.1.0 that is still alive reads and writes what it knows.
    const known = old.database.prepare("SELECT id, status, exit_code, ended FROM jobs WHERE status = 'RUNNING'");
    expect(known.all()).toHaveLength(3);
    expect(old.database.prepare("UPDATE jobs SET observed = ? WHERE id = 'Good-1'").run(now()).changes).toBe(1);
    workflow.put("go");
    await eventually(
      () => get("jobs", "-n", workflow.namespace),
      ({ items }) => items.filter(({ status }: { status: { active?: number } }) => status.active === 1).length === 0 && items.length === 3,
    );
    expect(workflow.has("Bad-1")).toBe(true);
    await eventually(
      () => get("events", "-n", workflow.namespace),
      ({ items }) =>
        items.some(
          ({ reason, involvedObject }: { reason: string; involvedObject: { name: string } }) =>
            reason === "Completed" && involvedObject.name.includes("mute-1"),
        ),
    );
    workflow.put("repaired");
    await workflow.until("Bad-1-r1", "COMPLETED");
    expect(await workflow.rows("Good-1")).toEqual(["Good-1 COMPLETED 0"]);
    expect(await workflow.rows("Bad-1")).toEqual(["Bad-1 ERROR 3", "Bad-1-r1 COMPLETED 0"]);
    // It has printed no code, and its Job was gone before anybody looked: the cluster's events tell.
    expect(await workflow.rows("Mute-1")).toEqual(["Mute-1 COMPLETED 0"]);
    expect(existsSync(path.join(workflow.directory, "Bad-1"))).toBe(false);
    workflow.expectUnharmed();
  });
});
