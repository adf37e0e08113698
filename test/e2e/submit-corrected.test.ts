import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { eventually, get } from "./harness.ts";

/** A pod that the API server refuses. */
const REFUSED = { nodeSelector: { "not a label": "x" } };
/** A claim that nobody binds: there is no such class. */
const UNBOUND = { volumes: [{ name: "never", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/never" }] };
const FAILS = "echo $MODE; [ -e repaired ] || exit 3\n";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

/** What the cluster was asked for by one attempt. */
async function requestOf(id: string) {
  const { metadata, spec } = await workflow.jobOf(id);
  const [{ image, resources, env = [] }] = spec.template.spec.containers;
  const seconds = spec.template.spec.activeDeadlineSeconds;
  const queue = metadata.labels["kueue.x-k8s.io/queue-name"];
  return { image, resources, seconds, queue, env: env.map(({ name, value }: { name: string; value: string }) => `${name}=${value}`) };
}

describe("a submission that was refused and then corrected", () => {
  const refused = ["--memory", "32Mi", "--cpu", "1", "--queue", "day", "--image", "localhost/absent:1", "--env", "OLD=1"];
  const refusedRow = ["--command", "refused.sh", "--parameters", "a", "--invocation-id", "41"];
  const corrected = ["--memory", "64Mi", "--cpu", "20m", "--timeout", "777s", "--env", "MODE=new"];
  const correctedRow = ["--command", "corrected.sh", "--parameters", "b", "--invocation-id", "57"];

  test.each([false, true])("is what every attempt runs with and every row shows; synchronised in between: %s", async (isTold) => {
    workflow = new RetriedWorkflow({ retryCount: 1, ...REFUSED });
    const script = workflow.script("Job-1", FAILS);
    expect(await workflow.cli("submit", script, ...refused, ...refusedRow)).toMatchObject({ stdout: "", code: 4 });
    if (isTold) {
      await workflow.sync();
      expect(await workflow.row("Job-1")).toMatchObject({ command: "refused.sh", parameters: "a", invocation_id: 41 });
    }
    workflow.reconfigure({ retryCount: 1 });
    expect(await workflow.cli("submit", script, ...corrected, ...correctedRow)).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    await workflow.until("Job-1-r1", "ERROR_HELD");
    workflow.put("repaired");
    await workflow.cli("release", "Job-1");
    await workflow.until("Job-1-r2", "COMPLETED");
    const ids = ["Job-1", "Job-1-r1", "Job-1-r2"];
    const [first, ...later] = await Promise.all(ids.map(requestOf));
    const resources = { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "64Mi" } };
    expect(first).toMatchObject({ resources, seconds: 777, queue: undefined, env: ["MODE=new", "GASW_K8S_POD_UID=undefined"] });
    expect(later).toEqual([first, first]);
    expect(workflow.out("Job-1")).toBe("new\n");
    for (const id of ids) expect(await workflow.row(id)).toMatchObject({ command: "corrected.sh", parameters: "b", invocation_id: 57 });
    expect(await workflow.status("Job-1")).toMatchObject({ invocationId: 57 });
  });

  test("leaves a row alone that the engine has made itself", async () => {
    workflow = new RetriedWorkflow(REFUSED);
    await workflow.note();
    await workflow.database.query(
      `INSERT INTO Jobs (id, simulation_id, status, isReplicating, isBeingKilled, exit_code, checkpoint_init, checkpoint_upload, invocation_id, parameters, command, file_name, creation, queued, executor, exit_message)
       VALUES ('Own-1', '${workflow.id}', 'QUEUED', 0, 0, -1, 0, 0, 9, 'own', 'engine.sh', 'Own-1', '2026-01-02 03:04:05.000', '2026-01-02 03:04:06.000', 'Kubernetes', '')`,
    );
    const script = workflow.script("Own-1", "true\n");
    expect((await workflow.cli("submit", script, ...refusedRow)).code).toBe(4);
    await workflow.sync();
    workflow.reconfigure({});
    expect((await workflow.cli("submit", script, ...correctedRow)).code).toBe(0);
    await workflow.until("Own-1", "COMPLETED");
    expect(await workflow.row("Own-1")).toMatchObject({ command: "engine.sh", parameters: "own", invocation_id: 9 });
  });

  test("is what `retry` submits, when the correction was cut off before its Job was made", async () => {
    workflow = new RetriedWorkflow(REFUSED);
    const script = workflow.script("Job-1", "true\n");
    expect((await workflow.cli("submit", script, "--memory", "32Mi")).code).toBe(4);
    workflow.reconfigure(UNBOUND);
    const cutOff = workflow.start("submit", script, "--memory", "64Mi", "--command", "corrected.sh");
    await eventually(
      async () => (await get("pvc", "-n", workflow.namespace)).items.length,
      (claims) => claims > 1,
    );
    cutOff.kill("SIGKILL");
    await cutOff.ended;
    workflow.reconfigure({});
    expect(await workflow.cli("retry", "Job-1")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect((await requestOf("Job-1")).resources.limits).toEqual({ memory: "64Mi" });
    await workflow.until("Job-1", "COMPLETED");
    expect((await workflow.row("Job-1")).command).toBe("corrected.sh");
    // And it is held to that content.
    expect(await workflow.cli("submit", script, "--memory", "64Mi", "--command", "corrected.sh")).toMatchObject({ code: 0 });
    expect(await workflow.cli("submit", script, "--memory", "32Mi")).toMatchObject({ code: 7 });
  });

  test("changes nothing of a job that the cluster has with its first content", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0, ...REFUSED });
    const script = workflow.script("Job-1", FAILS);
    const first = ["submit", script, "--memory", "32Mi", "--command", "first.sh"];
    const second = ["submit", script, "--memory", "64Mi", "--command", "second.sh"];
    expect((await workflow.cli(...first)).code).toBe(4);
    workflow.reconfigure({ retryCount: 0 });
    // Another state file's submission stands for one that was cut off before it could note that its Job was made.
    const elsewhere = { env: { GASW_K8S_STATE_PATH: path.join(workflow.folder, "elsewhere", "state.db") } };
    await workflow.disown();
    expect((await workflow.cliWith(elsewhere, ...first)).code).toBe(0);
    await workflow.disown();
    expect(await workflow.cli(...second)).toMatchObject({ stdout: "", code: 7 });
    await eventually(
      async () => (await workflow.jobOf("Job-1")).status.failed,
      (failed) => failed === 1,
    );
    expect(await workflow.cli(...second)).toMatchObject({ stdout: "", code: 7 });
    expect(await workflow.cli(...first)).toMatchObject({ stdout: "Job-1\n", code: 0 });
    await workflow.until("Job-1", "ERROR_HELD");
    expect((await workflow.row("Job-1")).command).toBe("first.sh");
    await workflow.cli("release", "Job-1");
    await workflow.until("Job-1-r1", "ERROR_HELD");
    expect((await requestOf("Job-1-r1")).resources.limits).toEqual({ memory: "32Mi" });
  });
});
