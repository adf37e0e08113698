import { afterEach, describe, expect, test } from "vitest";
import { rewritingProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { objects } from "../e2e/cleanup.ts";
import { fromTheFuture } from "../e2e/future.ts";
import { eventually } from "../e2e/harness.ts";
import { many } from "../full.ts";

const JOBS = many(20, 6);
const UNTIL_GO = "until [ -e go ]; do sleep 0.2; done\n";

/** The measured faults of the Java plugin, each as the user's client must see it here: what stands in the GASW database. */
describe("what the database says where the Java plugin leaves it wrong", () => {
  let workflow: RetriedWorkflow;
  afterEach(() => workflow.finish());

  const counts = async () => {
    const rows = await workflow.database.query("SELECT status, count(*) AS count FROM Jobs GROUP BY status");
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  };

  test("of the jobs that ran when their monitor was killed: their ends, at the next synchronisation", async () => {
    workflow = new RetriedWorkflow();
    const scripts = Array.from({ length: JOBS }, (_, index) => workflow.script(`Job-${index}`, UNTIL_GO));
    await workflow.cli("submit", ...scripts, "--cpu", "10m");
    await workflow.sync();
    const monitor = workflow.start("monitor");
    await eventually(counts, ({ RUNNING }) => RUNNING === JOBS);
    monitor.kill("SIGKILL");
    await monitor.ended;
    workflow.put("go");
    await workflow.cli("wait", ...Array.from({ length: JOBS }, (_, index) => `Job-${index}`));
    await workflow.sync();
    expect(await counts()).toEqual({ COMPLETED: JOBS });
    expect(await workflow.results()).toHaveLength(JOBS);
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("of two jobs whose names end in the same digits, and of one after them: to each its own end", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    await workflow.cli("submit", workflow.script("First-3602", "true\n"), workflow.script("Second-3602", "exit 3\n"));
    await workflow.cli("submit", "--wait", workflow.script("Later-1", "true\n"));
    await workflow.until("Second-3602", "ERROR_HELD");
    const rows = await workflow.database.query("SELECT id, status, exit_code, invocation_id FROM Jobs ORDER BY invocation_id");
    expect(rows.map((row) => Object.values(row).join(" "))).toEqual([
      "First-3602 COMPLETED 0 1",
      "Second-3602 ERROR_HELD 3 2",
      "Later-1 COMPLETED 0 3",
    ]);
  });

  test.each([
    { what: "with an underscore", name: `my_Workflow_${process.pid}` },
    { what: "of 70 characters", name: `workflow-${process.pid}-`.padEnd(70, "x") },
  ])("of a workflow whose id is one $what: all of its jobs, under that very id", async ({ name }) => {
    workflow = new RetriedWorkflow({}, { name });
    await workflow.cli("submit", "--wait", workflow.script("One-1", "true\n"), workflow.script("Two-2", "true\n"));
    await workflow.sync();
    const rows = await workflow.database.query("SELECT id, simulation_id, status FROM Jobs ORDER BY id");
    expect(rows).toEqual(["One-1", "Two-2"].map((id) => ({ id, simulation_id: name, status: "COMPLETED" })));
  });

  test("of a job whose image cannot be pulled: QUEUED while it waits, never RUNNING; KILL ends it", async () => {
    workflow = new RetriedWorkflow();
    await workflow.note();
    await workflow.cli("submit", workflow.script("Image-1", "true\n"), "--image", "localhost/absent:1");
    await eventually(
      () => workflow.status("Image-1"),
      ({ reason }) => /ErrImagePull|ImagePullBackOff/.test(reason),
    );
    await workflow.sync();
    expect(await workflow.row("Image-1")).toMatchObject({ status: "QUEUED", download: null });
    await workflow.database.query("UPDATE Jobs SET status = 'KILL' WHERE id = 'Image-1'");
    await workflow.until("Image-1", "DELETED");
    expect(await workflow.database.query("SELECT * FROM noted WHERE status = 'RUNNING' AND id = 'Image-1'")).toEqual([]);
    await eventually(
      () => workflow.jobOf("Image-1"),
      (job) => job === undefined,
    );
  });

  test("behind a newer API server, whose fields and values nobody knows: the retries and the end", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    const own = selfSigned(workflow.folder);
    const proxy = await rewritingProxy(engineAccount(), own, fromTheFuture);
    try {
      // The first submission makes the volumes, which is watched: a stream that this double can't change.
      expect((await workflow.runJob("First-1", "true\n")).code).toBe(0);
      const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
      const access = kubeconfig(engineAccount(), { server: proxy.address, cluster });
      workflow.reconfigure({ retryCount: 1, k8sKubeConfig: file(workflow, "proxy.kubeconfig", access) });
      await workflow.cli("submit", workflow.script("Bad-2", "exit 3\n"));
      await workflow.until("Bad-2-r1", "ERROR_HELD");
      expect(await workflow.rows("Bad-2")).toEqual(["Bad-2 ERROR 3", "Bad-2-r1 ERROR_HELD 3"]);
      expect(await workflow.rows("First-1")).toEqual(["First-1 COMPLETED 0"]);
    } finally {
      await proxy.close();
    }
  });
});
