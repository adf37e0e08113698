import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { rewritingProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { objects } from "../e2e/cleanup.ts";
import { fromTheFuture } from "../e2e/future.ts";
import { apply, eventually, get, kubectl, PROGRAM, TestWorkflow } from "../e2e/harness.ts";

const FOREVER = "while :; do sleep 1; done\n";

/** The measured faults of the Java plugin, each as it must go here. */
describe("what goes wrong with the Java plugin", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("two jobs whose names end in the same digits both run, each to its own end", async () => {
    workflow = new TestWorkflow();
    const scripts = [
      workflow.script("First-360261301594475", "echo first\n"),
      workflow.script("Second-360261301594475", "echo second; exit 3\n"),
    ];
    const { stdout, code } = await workflow.cli("submit", "--wait", ...scripts);
    expect({ stdout, code }).toEqual({ stdout: "First-360261301594475\nSecond-360261301594475\n", code: 3 });
    expect([workflow.out("First-360261301594475"), workflow.out("Second-360261301594475")]).toEqual(["first\n", "second\n"]);
    expect((await workflow.jobs()).length).toBe(2);
    expect(await workflow.status("First-360261301594475")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect(await workflow.status("Second-360261301594475")).toMatchObject({ status: "ERROR", exitCode: 3 });
  });

  test.each([
    { what: "with an underscore", name: "my_Workflow_1" },
    { what: "of 70 characters", name: `workflow-${"x".repeat(61)}` },
    { what: "of mixed case, as the engine makes it", name: "workflow-gENTZc" },
  ])("a workflow whose id is one $what runs, is seen, and is cleaned up", async ({ name }) => {
    workflow = new TestWorkflow({ name });
    const jobs = ["Basic_Grep.2-1", "Basic_Grep.2-2"].map((job) => workflow.script(job, "true\n"));
    expect(await workflow.cli("submit", "--wait", ...jobs)).toEqual({ stdout: "Basic_Grep.2-1\nBasic_Grep.2-2\n", stderr: "", code: 0 });
    const { stdout } = await workflow.cli("status", "-o", "json");
    expect(JSON.parse(stdout).jobs).toMatchObject([{ workflow: name, status: "COMPLETED" }, { status: "COMPLETED" }]);
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("volumes that a crash has left, the Java plugin's or our own without its claim, do not hold up a submission", async () => {
    workflow = new TestWorkflow();
    const java = { name: workflow.id.toLowerCase() };
    const nfs = { server: "127.0.0.1", path: `${workflow.directory}/` };
    const spec = { accessModes: ["ReadWriteMany"], capacity: { storage: "1Gi" }, nfs, persistentVolumeReclaimPolicy: "Retain" };
    await apply({ apiVersion: "v1", kind: "PersistentVolume", metadata: java, spec: { ...spec, storageClassName: "" } });
    expect((await workflow.runJob("Job-1", "true\n")).code).toBe(0);
    await kubectl("delete", "jobs", "--all", "-n", workflow.namespace, "--cascade=foreground");
    await kubectl("delete", "pvc", "--all", "-n", workflow.namespace);
    const volume = (await objects(workflow.namespace)).find((object) => object.startsWith("PersistentVolume "))?.split(" ")[1] ?? "";
    await eventually(
      () => get("pv", volume),
      ({ status }) => status.phase === "Released",
    );
    expect((await workflow.runJob("Job-2", "true\n")).code).toBe(0);
    expect((await get("pv", volume)).status.phase).toBe("Bound");
    expect((await get("pv", java.name)).metadata.deletionTimestamp).toBeUndefined();
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect((await get("pv", java.name)).metadata.name).toBe(java.name);
  });

  test("an image that cannot be pulled is never RUNNING: it waits with its reason, then it is an ERROR", async () => {
    workflow = new TestWorkflow({ config: { pending: { ErrImagePull: "2s", ImagePullBackOff: "2s" } } });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--image", "localhost/absent:1");
    const statuses: string[] = [];
    const job = await eventually(
      () => workflow.status("Job-1"),
      ({ status }) => {
        statuses.push(status);
        return status === "ERROR";
      },
    );
    expect(new Set(statuses)).toEqual(new Set(["QUEUED", "ERROR"]));
    expect(job.reason).toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
  });

  test("a Job that is deleted while it runs is told at the next look, and the jobs beside it go on", async () => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", workflow.script("Lost-1", FOREVER), workflow.script("Beside-1", "until [ -e go ]; do sleep 0.2; done\n"));
    await eventually(
      () => workflow.cli("status", "-q", "--status", "RUNNING"),
      ({ stdout }) => stdout === "Lost-1\nBeside-1\n",
    );
    await kubectl("delete", "job", (await workflow.status("Lost-1")).kubernetesName, "-n", workflow.namespace, "--cascade=foreground");
    expect(await workflow.status("Lost-1")).toMatchObject({ status: "STALLED" });
    file(workflow, `workflows/${workflow.id}/go`, "");
    expect((await workflow.cli("wait", "Beside-1")).code).toBe(0);
  });

  test("a time to live shorter than the pause between two looks loses no result", async () => {
    workflow = new TestWorkflow({ config: { options: { ttlJob: "1" } } });
    const script = "echo '<application_execution>'; echo '</application_execution>'; echo 'Exiting with return value 0'\n";
    await workflow.cli("submit", workflow.script("Job-1", script));
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );
    expect(await workflow.status("Job-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect((await workflow.cli("wait", "Job-1")).code).toBe(0);
  });

  test("an engine killed with jobs running leaves nothing that cannot be seen, waited for and cleaned up", async () => {
    workflow = new TestWorkflow();
    const scripts = Array.from({ length: 5 }, (_, index) => workflow.script(`Job-${index}`, FOREVER));
    const engine = spawn(process.execPath, [PROGRAM, "submit", "--wait", ...scripts], {
      cwd: workflow.directory,
      env: workflow.env,
      stdio: "ignore",
    });
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 5,
    );
    engine.kill("SIGKILL");
    await once(engine, "exit");
    const running = await eventually(
      () => workflow.cli("status", "-q", "--status", "RUNNING"),
      ({ stdout }) => stdout.split("\n").length - 1 === 5,
    );
    expect(running.code).toBe(0);
    expect((await workflow.cli("cleanup", "--yes", "--cancel")).code).toBe(0);
    expect(await objects(workflow.namespace)).toEqual([]);
    expect((await workflow.cli("status", "-q", "--status", "DELETED")).stdout.split("\n").length - 1).toBe(5);
  });

  test("fields and values that a newer API server adds do no harm", async () => {
    workflow = new TestWorkflow();
    const own = selfSigned(workflow.folder);
    const proxy = await rewritingProxy(engineAccount(), own, fromTheFuture);
    try {
      const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
      // The first submission makes the volumes, which is watched: a stream that this double can't change.
      expect((await workflow.runJob("Job-1", "true\n")).code).toBe(0);
      workflow.configure({
        k8sKubeConfig: file(workflow, "proxy.kubeconfig", kubeconfig(engineAccount(), { server: proxy.address, cluster })),
      });
      expect(await workflow.runJob("Job-2", "exit 3\n")).toEqual({ stdout: "Job-2\n", stderr: "", code: 3 });
      expect(await workflow.status("Job-2")).toMatchObject({ status: "ERROR", exitCode: 3 });
      expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
      expect(proxy.count()).toBeGreaterThan(5);
    } finally {
      await proxy.close();
    }
    expect(await objects(workflow.namespace)).toEqual([]);
  });
});
