import { chownSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { answeringProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { likeGasw, RetriedWorkflow } from "../e2e/attempts.ts";
import { eventually, get, kubectl, PROGRAM, run } from "../e2e/harness.ts";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

const FAILS = 'echo "$SECRET"; [ -e repaired ] || exit 3\n';
const SECRET = "s3cr3t $(HOME) $$ 'x'";

describe("the values of --env", () => {
  test("are the same at each attempt, as long as an earlier Job is there, and stand in neither state nor output", async () => {
    workflow = new RetriedWorkflow({ retryCount: 2 });
    await workflow.cli("submit", workflow.script("Env-1", FAILS), "--env", `SECRET=${SECRET}`, "--env", "OTHER=1");
    await workflow.until("Env-1-r2", "ERROR_HELD");
    workflow.put("repaired");
    await workflow.cli("release", "Env-1");
    await workflow.until("Env-1-r3", "COMPLETED");
    for (const end of [".0", ".1", ".2", ""])
      expect(readFileSync(path.join(workflow.directory, `out/Env-1.sh.out${end}`), "utf8")).toBe(`${SECRET}\n`);
    const { env } = (await workflow.jobOf("Env-1-r3")).spec.template.spec.containers[0];
    expect(env.map(({ name }: { name: string }) => name)).toEqual(["SECRET", "OTHER", "GASW_K8S_POD_UID"]);
    const folder = path.dirname(workflow.stateFile);
    for (const file of readdirSync(folder)) expect(readFileSync(path.join(folder, file), "latin1")).not.toContain("s3cr3t");
    expect(readFileSync(path.join(workflow.folder, "gasw.db"), "latin1")).not.toContain("s3cr3t");
    for (const output of ["json", "text", "ndjson"]) {
      const { stdout, stderr } = await workflow.cli("status", "--history", "--sync", "-o", output);
      expect(stdout + stderr).not.toContain("s3cr3t");
    }
  });

  test("are lost with the last Job: the job waits as ERROR_HELD and says so, until it is released with the values configured", async () => {
    workflow = new RetriedWorkflow({ retryCount: 2, options: { ttlJob: "1" } });
    await workflow.cli("submit", workflow.script("Env-1", FAILS), "--env", `SECRET=${SECRET}`);
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );
    const { stderr } = await workflow.sync();
    expect(stderr).toContain("job Env-1 cannot be submitted again: its --env values were stored only in its Job, which no longer exists");
    expect(stderr).not.toContain("s3cr3t");
    await workflow.sync();
    expect((await workflow.rows("Env-1")).map((row) => row.replace(/ -?\d+$/, ""))).toEqual(["Env-1 ERROR", "Env-1-r1 ERROR_HELD"]);
    expect(await workflow.row("Env-1-r1")).toMatchObject({ exit_code: -1, exit_message: expect.stringContaining("its --env values") });
    expect(await workflow.cli("wait", "Env-1")).toMatchObject({ code: 1 });
    expect(await workflow.jobs()).toEqual([]);
    expect(workflow.has("out/Env-1.sh.out")).toBe(true);
    workflow.reconfigure({ env: { SECRET: "configured" } });
    workflow.put("repaired");
    expect((await workflow.cli("release", "Env-1")).stdout).toBe("Env-1-r2\n");
    await workflow.until("Env-1-r2", "COMPLETED");
    expect(workflow.out("Env-1")).toBe("configured\n");
  });
});

describe("the script", () => {
  test("that is gone before a retry has the job held, with the reason; with the script there again, `release` goes on", async () => {
    workflow = new RetriedWorkflow({ retryCount: 2 });
    const body = "touch began; until [ -e gone ]; do sleep 0.2; done; test -e mended\n";
    const script = workflow.script("Gone-1", body);
    await workflow.cli("submit", script);
    await workflow.until("Gone-1", "RUNNING");
    rmSync(script);
    workflow.put("gone");
    await workflow.until("Gone-1-r1", "ERROR_HELD");
    expect((await workflow.row("Gone-1-r1")).exit_message).toMatch(/script .*Gone-1\.sh does not exist/);
    expect((await workflow.row("Gone-1")).status).toBe("ERROR");
    expect(await workflow.jobOf("Gone-1-r1")).toBeUndefined();
    workflow.script("Gone-1", body);
    workflow.put("mended");
    expect((await workflow.cli("release", "Gone-1")).stdout).toBe("Gone-1-r2\n");
    await workflow.until("Gone-1-r2", "COMPLETED");
    // The one between has printed nothing.
    expect(["out/Gone-1.sh.out.0", "out/Gone-1.sh.out.1"].map((file) => workflow.has(file))).toEqual([true, false]);
    expect(await workflow.cli("debug", "logs", "Gone-1-r1")).toMatchObject({ code: 6, stdout: "" });
  });

  test("that was changed since runs as it is now at `retry`, which submitting it names", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    await workflow.cli("submit", workflow.script("Changed-1", "echo old; exit 3\n"));
    await workflow.until("Changed-1", "ERROR_HELD");
    const script = workflow.script("Changed-1", likeGasw("Changed-1", "echo new"));
    expect(await workflow.cli("submit", script)).toEqual({
      code: 0,
      stdout: "Changed-1\n",
      stderr: "warning: job Changed-1 is held (ERROR_HELD), and was not run again: `gasw-k8s retry Changed-1` runs it\n",
    });
    const changed = "warning: job Changed-1: sh/Changed-1.sh changed\n";
    expect(await workflow.cli("retry", "Changed-1")).toEqual({ code: 0, stdout: "Changed-1-r1\n", stderr: changed });
    await workflow.until("Changed-1-r1", "COMPLETED");
    expect(workflow.out("Changed-1")).toContain("new\n");
    expect(readFileSync(path.join(workflow.directory, "out/Changed-1.sh.out.0"), "utf8")).toBe("old\n");
  });
});

describe("the folder that an attempt of 0.1.0 has left", () => {
  test.runIf(process.getuid?.() === 0)(
    "and that cannot be removed has the next one held, with the reason; everything else goes on, and so does the job when it is gone",
    async () => {
      workflow = new RetriedWorkflow({ retryCount: 2 });
      const { directory, folder, owner, stateFile } = workflow;
      await workflow.cli("submit", workflow.script("Stuck-1", likeGasw("Stuck-1", "[ -e $top/repaired ] || exit 3")));
      await eventually(
        () => workflow.status("Stuck-1"),
        ({ status }) => status === "ERROR",
      );
      await kubectl("annotate", "job", (await workflow.status("Stuck-1")).kubernetesName, "-n", workflow.namespace, "gasw-k8s.io/wrapper-");
      await workflow.cli("submit", workflow.script("Other-1", "true\n"));
      // Mode bits hold back everybody but root: the engine's own user synchronises.
      workflow.put("Stuck-1/file");
      for (const file of ["Stuck-1", "Stuck-1/file"]) chownSync(path.join(directory, file), 0, 0);
      const folders = [folder, path.dirname(stateFile)];
      for (const file of [...folders, ...readdirSync(path.dirname(stateFile)).map((name) => path.join(folders[1] ?? "", name))])
        chownSync(file, owner, owner);
      const user = ["--reuid", String(owner), "--regid", String(owner), "--clear-groups"];
      const sync = () => run("setpriv", [...user, process.execPath, PROGRAM, "status", "--sync"], { cwd: directory, env: workflow.env });
      const { code, stderr } = await sync();
      expect(code, stderr).toBe(0);
      const reason = `the folder ${directory}/Stuck-1 of an earlier run cannot be removed (EACCES)`;
      expect(stderr).toContain(`job Stuck-1-r1 could not be submitted again: ${reason}; remove it`);
      expect(await workflow.row("Stuck-1-r1")).toMatchObject({ status: "ERROR_HELD", exit_message: reason });
      await eventually(
        async () => {
          await sync();
          return await workflow.row("Other-1");
        },
        ({ status }) => status === "COMPLETED",
      );
      rmSync(path.join(directory, "Stuck-1"), { recursive: true });
      workflow.put("repaired");
      expect((await workflow.cli("release", "Stuck-1")).stdout).toBe("Stuck-1-r2\n");
      await workflow.until("Stuck-1-r2", "COMPLETED");
    },
  );
});

describe("a retry of what its own submission hands to the cluster meanwhile", () => {
  test("leaves the files of the run that has begun alone", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    await workflow.cli("submit", workflow.script("Both-1", likeGasw("Both-1", "until [ -e $top/go ]; do sleep 0.2; done")));
    await workflow.until("Both-1", "RUNNING");
    const { pod } = await workflow.status("Both-1");
    const folder = `.gasw-k8s/run/${(await get("pod", pod, "-n", workflow.namespace)).metadata.uid}/${workflow.id}/Both-1`;
    await eventually(
      async () => workflow.has(folder),
      (isThere) => isThere,
    );
    // The state while `submit` is at it, and a look that was made before it.
    const state = new Database(workflow.stateFile, { timeout: 10_000 });
    state.exec("UPDATE jobs SET status = 'NOT_SUBMITTED', submitted = NULL, started = NULL, pod = NULL, node = NULL");
    state.close();
    const own = selfSigned(workflow.folder);
    const lists = /^GET \/\S*\/(jobs|pods)\?/;
    const empty = JSON.stringify({ kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] });
    const proxy = await answeringProxy(engineAccount(), own, (_, what) =>
      lists.test(what) ? { status: 200, headers: { "content-type": "application/json" }, body: empty } : undefined,
    );
    try {
      const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
      const access = kubeconfig(engineAccount(), { server: proxy.address, cluster });
      workflow.reconfigure({ retryCount: 0, k8sKubeConfig: file(workflow, "proxy.kubeconfig", access) });
      expect(await workflow.cli("retry", "Both-1")).toEqual({ code: 0, stdout: "Both-1\n", stderr: "" });
    } finally {
      await proxy.close();
    }
    expect(workflow.has(folder)).toBe(true);
    expect(workflow.has("out/Both-1.sh.out.0")).toBe(false);
    workflow.reconfigure({ retryCount: 0 });
    workflow.put("go");
    await workflow.until("Both-1", "COMPLETED");
    expect(workflow.out("Both-1")).toContain("Exiting with return value 0");
  });
});

describe("the options of a submission", () => {
  test("are those of each attempt after it, whatever the configuration says by then", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    const { image } = JSON.parse(readFileSync(workflow.configFile, "utf8"));
    const script = workflow.script("Job-1", "[ -e repaired ] || exit 3\n");
    const sizes = ["--memory", "64Mi", "--cpu", "50m", "--cpu-limit", "400m", "--ephemeral-storage", "64Mi"];
    const none = ["--resource", "example.org/fpga=0"];
    const options = [...sizes, ...none, "--timeout", "77s", "--grace-period", "5s", "--image", image, "--queue", "night"];
    expect(await workflow.cli("submit", script, ...options, "--invocation-id", "41")).toMatchObject({ code: 0 });
    await workflow.until("Job-1", "ERROR");
    const configured = { memory: "96Mi", cpu: "10m", cpuLimit: "1", ephemeralStorage: "1Gi", extended: { "example.org/fpga": 1 } };
    const other = { image: "localhost/absent:1", resources: configured, timeout: "9m", queue: "day" };
    workflow.reconfigure({ retryCount: 1, terminationGracePeriodSeconds: 60, ...other });
    await workflow.until("Job-1-r1", "ERROR_HELD");
    workflow.put("repaired");
    await workflow.cli("release", "Job-1");
    await workflow.until("Job-1-r2", "COMPLETED");
    const [first, ...later] = (await Promise.all(["Job-1", "Job-1-r1", "Job-1-r2"].map((id) => workflow.jobOf(id)))).map(
      ({ metadata, spec: { template } }) => ({
        queue: metadata.labels["kueue.x-k8s.io/queue-name"],
        seconds: template.spec.activeDeadlineSeconds,
        grace: template.spec.terminationGracePeriodSeconds,
        image: template.spec.containers[0].image,
        resources: template.spec.containers[0].resources,
      }),
    );
    const both = { memory: "64Mi", "ephemeral-storage": "64Mi" };
    const resources = { requests: { cpu: "50m", ...both }, limits: { cpu: "400m", ...both } };
    expect(first).toEqual({ queue: "night", seconds: 77, grace: 5, image, resources });
    expect(later).toEqual([first, first]);
    for (const id of ["Job-1", "Job-1-r1", "Job-1-r2"]) expect((await workflow.row(id)).invocation_id).toBe(41);
    // The same submission is still the same.
    expect(await workflow.cli("submit", script, ...options, "--invocation-id", "41")).toEqual({
      stdout: "Job-1\n",
      stderr: expect.stringMatching(/^warning: job Job-1 has already completed, and was not run again: `cp .*` runs it\n$/),
      code: 0,
    });
    expect(await workflow.cli("submit", script)).toMatchObject({ code: 7 });
  });
});
