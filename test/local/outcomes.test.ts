import { readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "../e2e/attempts.ts";
import { row } from "../e2e/gaswDatabase.ts";
import { eventually, kubectl } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";

/** What a job on the grid prints before its work. */
const HEADER = `===== uname =====
Linux node7.example.fr 6.1.0 x86_64 GNU/Linux
===== ls =====
SITE_NAME=site.example.fr
processor	: 0
model name	: Quick CPU 3000
cpu MHz		: 2400.5
cache size	: 512 KB
bogomips	: 4801.0
processor	: 3
MemTotal:       16777216 kB`;

/** A script with all that GASW's own prints; every stage tells its seconds on stdout and what goes wrong on stderr. */
const script = (application: string, { upload = "true" } = {}) => `cat <<'END'
${HEADER}
END
echo "<inputs_download>"; echo "<inputs_download>" >&2
echo "<file_download uri=lfn://grid.example.org/in.nii>"
echo "fetched" >&2
echo "</inputs_download>"; echo "</inputs_download>" >&2
echo "Input download time: 10 seconds"
echo "<application_execution>"; echo "<application_execution>" >&2
( ${application} ); code=$?
echo "</application_execution>"; echo "</application_execution>" >&2
echo "Execution time: 20 seconds"
if [ $code = 0 ]; then
  echo "<results_upload>"; echo "<results_upload>" >&2
  echo "<file_upload id=mask uri=/results/out 1.nii>"
  ${upload} || code=2
  echo "</results_upload>"; echo "</results_upload>" >&2
  echo "Results upload time: 30 seconds"
fi
echo "Exiting with return value $code"
exit $code
`;

let workflow: RetriedWorkflow;
const text = (file: string) => readFileSync(path.join(workflow.directory, file), "utf8");
/** Seconds between two times of the database. */
const between = (from: string, to: string) => (Date.parse(`${to.replace(" ", "T")}Z`) - Date.parse(`${from.replace(" ", "T")}Z`)) / 1000;
const submit = (job: string, body: string, ...options: string[]) => workflow.cli("submit", workflow.script(job, body), ...options);

describe("at the end of a job", () => {
  beforeAll(async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, dao: undefined });
    workflow.reconfigure({ retryCount: 1, dao: { ...workflow.database.config, timeZone: "UTC" } });
    await submit("Good-1", `echo '{}' > Good-1.sh.provenance.json; ${script("echo said; echo told >&2")}`, "--command", "grep.json");
    await submit("Upload-1", script("true", { upload: "(echo 'no space left on device' >&2; false)" }));
    await submit("Override-1", `${script("echo fine").replace(/exit \$code\n$/, "")}echo 'Exiting with return value 40' >&2\n`);
    await submit("Long-1", script("sleep 600"));
    await workflow.until("Good-1", "COMPLETED");
    await workflow.until("Upload-1-r1", "ERROR_HELD");
    await workflow.until("Override-1-r1", "ERROR_HELD");
    await workflow.until("Long-1", "RUNNING");
    await workflow.cli("cancel", "Long-1");
    await workflow.sync();
  });
  afterAll(() => workflow.finish());

  test("its row has the dates of its stages, each the seconds after the one before that its output tells", async () => {
    const [{ created, started }] = await workflow.history("Good-1");
    const found = await workflow.row("Good-1");
    const wall = (time: string) => time.replace("T", " ").replace("Z", "");
    // The cluster tells whole seconds.
    const begun = started > created ? started : created;
    expect(found).toMatchObject({ creation: wall(created), queued: wall(created), download: wall(begun) });
    expect(between(found.download, found.running)).toBe(10);
    expect(between(found.running, found.upload)).toBe(20);
    expect(between(found.upload, found.end_e)).toBe(30);
    const failed = await workflow.row("Upload-1");
    expect(between(failed.download, failed.end_e)).toBe(60);
    const killed = await workflow.row("Long-1");
    expect(killed).toMatchObject({ status: "DELETED", exit_code: 9, isbeingkilled: 0 });
    expect(between(killed.creation, killed.end_e)).toBeGreaterThan(0);
  });

  test("its row is as GASW leaves it", async () => {
    expect(await workflow.row("Good-1")).toMatchObject({
      status: "COMPLETED",
      executor: "Kubernetes",
      exit_code: 0,
      exit_message: "",
      command: "grep.json",
      parameters: "",
      file_name: "Good-1",
      simulation_id: workflow.id,
      isreplicating: 0,
      isbeingkilled: 0,
      checkpoint_init: 0,
      checkpoint_upload: 0,
      node_name: "node7.example.fr",
      node_site: "site.example.fr",
    });
  });

  test("a row of Nodes has what its output tells of the machine", async () => {
    const nodes = await workflow.database.query("SELECT * FROM Nodes");
    expect(nodes).toEqual([
      {
        site: "site.example.fr",
        node_name: "node7.example.fr",
        ncpus: 4,
        cpu_model_name: "Quick CPU 3000",
        cpu_mhz: 2400.5,
        cpu_cache_size: 512,
        cpu_bogomips: 4801,
        mem_total: 16777216,
      },
    ]);
  });

  test("its inputs and outputs are rows of Data, linked to its own", async () => {
    const dataOf = (id: string) =>
      workflow.database.query(
        `SELECT d.data_path AS path, data_type AS type FROM job_data j JOIN Data d ON d.data_path = j.data_path WHERE j.id = '${id}' ORDER BY path`,
      );
    const input = { path: "lfn://grid.example.org/in.nii", type: "Input" };
    expect(await dataOf("Good-1")).toEqual([{ path: "file:///results/out 1.nii", type: "Output" }, input]);
    // A kill ends it before its results are there.
    expect(await dataOf("Long-1")).toEqual([input]);
  });

  test("what the application itself has printed stands in .app.out and .app.err, and the provenance in its folder", () => {
    expect(text("out/Good-1.sh.app.out")).toBe("said\n");
    expect(text("err/Good-1.sh.app.err")).toBe("told\n");
    expect(text("provenance/Good-1.sh.provenance.json")).toBe("{}\n");
    expect(workflow.has("Good-1.sh.provenance.json")).toBe(false);
    for (const file of ["out/Good-1.sh.app.out", "provenance/Good-1.sh.provenance.json"])
      expect(statSync(path.join(workflow.directory, file)).uid).toBe(workflow.owner);
  });

  test("what stderr says in the stage that failed is its message", async () => {
    for (const id of ["Upload-1", "Upload-1-r1"])
      expect(await workflow.row(id)).toMatchObject({ exit_code: 2, exit_message: "no space left on device" });
  });

  test("the exit code that stderr states overrides the other ones", async () => {
    expect(await workflow.rows("Override-1")).toEqual(["Override-1 ERROR 40", "Override-1-r1 ERROR_HELD 40"]);
    expect(await workflow.cli("wait", "Override-1")).toMatchObject({ code: 40 });
  });

  test("whoever waits for results is told of what is over, once each, and with --since of what came after; of what is held, in lines of another kind", async () => {
    const results = await workflow.results();
    expect(results).toMatchObject([
      {
        id: "Good-1",
        attemptId: "Good-1",
        status: "COMPLETED",
        exitCode: 0,
        exitName: "SUCCESS",
        stage: null,
        stdout: "out/Good-1.sh.out",
        stderr: "err/Good-1.sh.err",
        appStdout: "out/Good-1.sh.app.out",
        appStderr: "err/Good-1.sh.app.err",
        inputs: ["lfn://grid.example.org/in.nii"],
        uploads: [{ id: "mask", uri: "file:///results/out 1.nii" }],
      },
      { id: "Long-1", status: "DELETED", exitCode: 9, exitName: "EXECUTION_CANCELED", uploads: [] },
    ]);
    expect(new Set(results.map(({ invocationId }) => invocationId)).size).toBe(2);
    for (const { stdout } of results) expect(workflow.has(stdout)).toBe(true);
    const [first, second] = results;
    expect(await workflow.results("--since", String(first.cursor))).toEqual([second]);
    expect(await workflow.results("--since", String(second.cursor))).toEqual([]);
    const lines = (await workflow.sync("-o", "ndjson")).stdout.trim().split("\n");
    const holds = lines.filter((line) => JSON.parse(line).kind !== "result");
    expect([
      ...holds.flatMap((line) => misfits("hold", line)),
      ...results.flatMap((one) => misfits("result", JSON.stringify(one))),
    ]).toEqual([]);
    expect(holds.map((line) => JSON.parse(line)).find(({ id }) => id === "Upload-1")).toMatchObject({
      kind: "held",
      attemptId: "Upload-1-r1",
      ownExitCode: 2,
      message: "no space left on device",
    });
    // What is retried and completes is told then.
    workflow.script("Upload-1", script("true"));
    await workflow.cli("retry", "Upload-1");
    await workflow.until("Upload-1-r2", "COMPLETED");
    expect(await workflow.results("--since", String(second.cursor))).toMatchObject([
      { id: "Upload-1", attemptId: "Upload-1-r2", exitCode: 0, uploads: [{ id: "mask" }] },
    ]);
  });

  test("no minor statuses are written by default", async () => {
    expect(await workflow.database.query("SELECT * FROM JobsMinorStatus")).toEqual([]);
  });
});

describe("of a job that nobody looked at in time", () => {
  afterEach(() => workflow.finish());

  const gone = () =>
    eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );

  test("and whose Job its time to live has removed, the output decides: COMPLETED for all", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, options: { ttlJob: "1" } });
    await submit("Good-1", script("echo said"));
    await gone();
    expect(await workflow.results()).toMatchObject([{ id: "Good-1", status: "COMPLETED", exitCode: 0, uploads: [{ id: "mask" }] }]);
    const found = await workflow.row("Good-1");
    expect(found).toMatchObject({ status: "COMPLETED", exit_code: 0, exit_message: "", node_name: "node7.example.fr" });
    expect(between(found.download, found.running)).toBe(10);
    expect(await workflow.status("Good-1")).toMatchObject({ status: "COMPLETED", exitCode: 0 });
    expect(text("out/Good-1.sh.app.out")).toBe("said\n");
    expect(await workflow.cli("wait", "Good-1")).toMatchObject({ code: 0 });
  });

  test("and whose output, record and events have vanished with its Job, nothing is known: STALLED", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0, options: { ttlJob: "1" }, outputGrace: "0s" });
    await submit("Gone-1", script("true"));
    await gone();
    await kubectl("delete", "events", "--all", "-n", workflow.namespace);
    for (const file of ["out/Gone-1.sh.out", "err/Gone-1.sh.err", ".gasw-k8s"])
      rmSync(path.join(workflow.directory, file), { recursive: true });
    await workflow.sync();
    expect(await workflow.rows("Gone-1")).toEqual(["Gone-1 STALLED_HELD -1"]);
    expect(await workflow.results()).toEqual([]);
    expect(await workflow.cli("wait", "Gone-1")).toMatchObject({ code: 10 });
  });
});

describe("with dao.minorStatus", () => {
  afterEach(() => workflow.finish());

  test("each stage is written once, with its date", async () => {
    workflow = new RetriedWorkflow();
    workflow.reconfigure({ dao: { ...workflow.database.config, minorStatus: true, timeZone: "UTC" } });
    await submit("Good-1", script("until [ -e go ]; do sleep 0.2; done"));
    await workflow.until("Good-1", "RUNNING");
    await workflow.sync();
    const written = () =>
      workflow.database.query("SELECT id, minor_status AS stage, event_date AS at FROM JobsMinorStatus ORDER BY statusId");
    expect((await written()).map(({ stage }) => stage)).toEqual(["Started"]);
    workflow.put("go");
    await workflow.until("Good-1", "COMPLETED");
    await workflow.sync();
    const { download, running, upload, end_e } = await workflow.row("Good-1");
    expect(await written()).toEqual([
      { id: "Good-1", stage: "Started", at: download },
      { id: "Good-1", stage: "Inputs", at: download },
      { id: "Good-1", stage: "Application", at: running },
      { id: "Good-1", stage: "Outputs", at: upload },
      { id: "Good-1", stage: "Finished", at: end_e },
    ]);
    expect(await row(workflow.database, "SELECT count(*) AS jobs FROM Jobs")).toEqual({ jobs: 1 });
  });
});

describe("of a job that prints 50 MB of anything", () => {
  afterEach(() => workflow.finish());

  test("the application's part is copied to the byte, and what stands around it is read", async () => {
    workflow = new RetriedWorkflow();
    const make = (name: string, bytes: number) => `head -c ${bytes} /dev/urandom > ${name}`;
    const application = `cat out.bin; cat err.bin >&2; exit 0`;
    await submit("Big-1", `${make("out.bin", 50 * 2 ** 20)}; ${make("err.bin", 5 * 2 ** 20)}; ${script(application)}`);
    await workflow.until("Big-1", "COMPLETED");
    const bytes = (file: string) => readFileSync(path.join(workflow.directory, file));
    expect(bytes("out/Big-1.sh.app.out").equals(bytes("out.bin"))).toBe(true);
    expect(bytes("err/Big-1.sh.app.err").equals(bytes("err.bin"))).toBe(true);
    const found = await workflow.row("Big-1");
    expect(found).toMatchObject({ exit_code: 0, exit_message: "", node_name: "node7.example.fr" });
    expect(between(found.upload, found.end_e)).toBe(30);
  });
});
