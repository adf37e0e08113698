import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { switchedProxy } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig } from "../e2e/accessSupport.ts";
import { rowWhere } from "../e2e/gaswDatabase.ts";
import { apply } from "../e2e/harness.ts";
import { removeFolder } from "../folders.ts";
import { many } from "../full.ts";
import { H2Server, type H2Version } from "../servers/h2.ts";
import { compileEngine, END, EngineWorkflow } from "./enginePlugin.ts";
import { surviveKills } from "./killedEngine.ts";
import { waitFor } from "./monitored.ts";

const TIMES = "echo 'Input download time: 1 seconds'\necho 'Execution time: 2 seconds'\necho 'Results upload time: 3 seconds'\n";
const UPLOAD = "echo '<results_upload>'\necho '<file_upload id=out uri=file:///data/out put.txt>'\necho '</results_upload>'\n";
const classes = { gasw: "", gasw3: "" };
beforeAll(() => {
  for (const version of ["gasw", "gasw3"] as const) classes[version] = compileEngine(version);
});
afterAll(() => {
  for (const folder of Object.values(classes)) removeFolder(folder);
});

let server: H2Server;
let workflow: EngineWorkflow;
afterEach(() => workflow?.finish());
afterAll(() => server?.stop());

describe("an engine with the plugin", () => {
  beforeAll(async () => {
    server = await H2Server.start("2.3.232");
  });
  afterAll(() => server.stop());

  test("has its jobs run, is told of each once, and leaves nothing in the cluster", async () => {
    workflow = new EngineWorkflow(server, classes.gasw);
    workflow.plan("Good-1", `${waitFor("go")}${END}${TIMES}${UPLOAD}`);
    workflow.plan("Again-2", `[ -e again ] || { touch again; exit 3; }\n${END}`);
    const log = path.join(workflow.directory, "gasw-k8s.log");
    writeFileSync(log, "-".repeat(1024 * 1024));
    const engine = workflow.engine("gasw-k8s.logMegabytes=1", "minorstatus.service.enabled=true", "harness.listener=broken");
    await workflow.hears("changed Good-1 RUNNING");
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await engine.ended).toBe(0);
    expect(workflow.journal.filter((line) => line.startsWith("told ")).sort()).toEqual([
      "told Again-2 SUCCESS []",
      "told Good-1 SUCCESS [file:///data/out%20put.txt]",
    ]);
    expect(workflow.heard.filter((what) => what.includes("Good-1"))).toEqual([
      "added Good-1",
      "changed Good-1 QUEUED",
      "changed Good-1 RUNNING",
      "reached Good-1 Started",
      "changed Good-1 COMPLETED",
      ...["Inputs", "Application", "Outputs", "Finished"].map((stage) => `reached Good-1 ${stage}`),
      "finished Good-1 SUCCESS",
    ]);
    expect(workflow.heard.filter((what) => /Again-2/.test(what) && !/^reached|RUNNING|-r1 QUEUED/.test(what))).toEqual([
      "added Again-2",
      "changed Again-2 QUEUED",
      "changed Again-2 ERROR",
      "finished Again-2 ERROR_FILE_NOT_FOUND",
      "added Again-2-r1",
      "changed Again-2-r1 COMPLETED",
      "finished Again-2 SUCCESS",
    ]);
    expect(workflow.journal).toContain("failed Again-2 ERROR_FILE_NOT_FOUND");
    expect(workflow.log).toMatch(/WARN listener \S+ failed for Again-2: java.lang.IllegalStateException: broken/);
    const stages = "SELECT MINOR_STATUS FROM JOBSMINORSTATUS WHERE ID = 'Good-1' ORDER BY EVENT_DATE, STATUSID";
    expect((await workflow.database.query(stages)).map((row) => row.MINOR_STATUS)).toEqual([
      "Started",
      "Inputs",
      "Application",
      "Outputs",
      "Finished",
    ]);
    const rows =
      "SELECT ID, STATUS, EXIT_CODE, INVOCATION_ID, COMMAND, PARAMETERS, EXECUTOR, QUEUED >= CREATION AS ORDERED FROM JOBS ORDER BY ID";
    const row = { COMMAND: "app", PARAMETERS: "first second", EXECUTOR: "Kubernetes", ORDERED: true };
    expect(await workflow.database.query(rows)).toEqual([
      { ...row, ID: "Again-2", STATUS: "ERROR", EXIT_CODE: 3, INVOCATION_ID: 1 },
      { ...row, ID: "Again-2-r1", STATUS: "COMPLETED", EXIT_CODE: 0, INVOCATION_ID: 1 },
      { ...row, ID: "Good-1", STATUS: "COMPLETED", EXIT_CODE: 0, INVOCATION_ID: 2 },
    ]);
    expect(await workflow.jobs()).toEqual([]);
    // The log was full.
    expect(statSync(`${log}.1`).size).toBe(1024 * 1024);
  });

  test("is told that a refused job has failed and why, as its row states; where no job can be submitted, that is an error", async () => {
    const volumes = [{ name: "data", type: "claim", claimName: "none", mountPathContainer: "/data" }];
    workflow = new EngineWorkflow(server, classes.gasw, { volumes });
    workflow.plan("Bad-1", END);
    workflow.plan("Unannounced-1", END);
    expect(await workflow.engine("harness.listener=broken").ended).toBe(0);
    expect(workflow.journal.slice(0, 3)).toEqual([
      "refused Unannounced-1 gasw-k8s: java.lang.IllegalStateException: broken",
      "submitted",
      expect.stringMatching(/^told Bad-1 UNDEFINED \[\] gasw-k8s: .*\bnone\b.* \(hint: /),
    ]);
    expect(workflow.heard.filter((what) => /^changed|^finished/.test(what)).sort()).toEqual([
      "changed Bad-1 ERROR",
      "changed Unannounced-1 ERROR",
      "finished Bad-1 UNDEFINED",
      "finished Unannounced-1 UNDEFINED",
    ]);
    const rows = await workflow.database.query("SELECT STATUS, EXIT_MESSAGE, END_E >= QUEUED AS ORDERED FROM JOBS ORDER BY ID");
    expect(rows).toEqual([
      { STATUS: "ERROR", EXIT_MESSAGE: expect.stringMatching(/\bnone\b/), ORDERED: true },
      { STATUS: "ERROR", EXIT_MESSAGE: expect.stringMatching(/broken/), ORDERED: true },
    ]);
    workflow.unplan("Unannounced-1");
    workflow.unplan("Bad-1");
    workflow.plan("Bad-2", END);
    for (const setting of ["command=/nowhere/gasw-k8s", "leaveRunning=maybe", "config=/nowhere/config.json"])
      await workflow.engine(`gasw-k8s.${setting}`).ended;
    expect(workflow.log).toMatch(/WARN gasw-k8s monitor: error: .*\/nowhere\/config\.json .* \(hint: /);
    expect(workflow.journal.filter((line) => line.startsWith("refused Bad-2 "))).toEqual([
      expect.stringMatching(/cannot start \/nowhere\/gasw-k8s: .* \(hint: .*gasw-k8s\.command/),
      expect.stringMatching(/conf\/settings\.conf: gasw-k8s\.leaveRunning is "maybe": expected true or false/),
      expect.stringMatching(/\/nowhere\/config\.json .*\(hint: /),
    ]);
  });

  test("that submits during an outage of the cluster goes on after it; one that is stopped meanwhile does not wait", async () => {
    const proxy = await switchedProxy(engineAccount());
    try {
      workflow = new EngineWorkflow(server, classes.gasw);
      const access = file(workflow, "double.kubeconfig", kubeconfig(engineAccount(), { server: proxy.address }));
      const options = { statusRetry: "1", maxRetryToPush: "1" };
      workflow.configure({ k8sKubeConfig: access, options, dao: workflow.database.config });
      workflow.plan("Patient-1", END);
      proxy.switchTo("down");
      const stopped = workflow.engine();
      await workflow.logs(/submit: cannot reach the cluster .*: it is sent again/);
      await stopped.kill("SIGTERM");
      expect(workflow.journal).toEqual(
        expect.arrayContaining([expect.stringMatching(/^refused Patient-1 .*the engine was stopped/), "stopped"]),
      );

      workflow.unplan("Patient-1");
      workflow.plan("Patient-2", END);
      const engine = workflow.engine();
      await workflow.logs(/(?:it is sent again[\s\S]*){2}/);
      proxy.switchTo("up");
      expect(await engine.ended).toBe(0);
      expect(workflow.journal).toContain("told Patient-2 SUCCESS []");
    } finally {
      await proxy.close();
    }
  });

  test("of an older GASW, which only says that it ends, cancels the jobs that have not, and their rows say so", async () => {
    workflow = new EngineWorkflow(server, classes.gasw3);
    workflow.plan("Long-1", waitFor("never"));
    const engine = workflow.engine();
    await workflow.noted(/^submitted/);
    await rowWhere(workflow.database, workflow, "Long-1", ({ status }) => status === "RUNNING");
    await engine.kill("SIGTERM");
    expect(workflow.journal).toContain("stopped");
    expect(workflow.heard.slice(-2)).toEqual(["changed Long-1 DELETED", "finished Long-1 EXECUTION_CANCELED"]);
    expect(await workflow.jobs()).toEqual([]);

    // The next engine does not give the number of the deleted job to another.
    workflow.unplan("Long-1");
    workflow.plan("Next-1", END);
    expect(await workflow.engine().ended).toBe(0);
    expect(await workflow.database.query("SELECT ID, STATUS, INVOCATION_ID FROM JOBS ORDER BY INVOCATION_ID")).toEqual([
      { ID: "Long-1", STATUS: "DELETED", INVOCATION_ID: 1 },
      { ID: "Next-1", STATUS: "COMPLETED", INVOCATION_ID: 2 },
    ]);
  });

  test("that is stopped while a job waits for its volume does not wait for that", async () => {
    const volumes = [{ name: "data", type: "claim", claimName: "pending", mountPathContainer: "/data" }];
    workflow = new EngineWorkflow(server, classes.gasw, { volumes, options: { bindTimeout: "1h" } });
    await apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: workflow.namespace } },
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "pending", namespace: workflow.namespace },
        spec: { accessModes: ["ReadWriteMany"], storageClassName: "", resources: { requests: { storage: "1Mi" } } },
      },
    );
    workflow.plan("Waiting-1", END);
    const engine = workflow.engine();
    await workflow.hears("added Waiting-1");
    await engine.kill("SIGTERM");
    expect(workflow.journal).toContain("stopped");
    const [row] = await workflow.database.query("SELECT STATUS, EXIT_MESSAGE FROM JOBS");
    expect(row.EXIT_MESSAGE).toMatch(/the engine was stopped|given up by cleanup before it was submitted/);
    expect(["ERROR", "DELETED"]).toContain(row.STATUS);
  });

  test("that is stopped leaves its jobs running where it is to, and hears of them when it is started again", async () => {
    workflow = new EngineWorkflow(server, classes.gasw);
    workflow.plan("Long-1", waitFor("go") + END + UPLOAD);
    const settings = ["gasw-k8s.leaveRunning=true", "gasw-k8s.keepOpen=false"];
    const engine = workflow.engine(...settings);
    await workflow.noted(/^submitted/);
    await rowWhere(workflow.database, workflow, "Long-1", ({ status }) => status === "RUNNING");
    await engine.kill("SIGTERM");
    expect(await workflow.jobs()).toHaveLength(1);
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await workflow.engineOf(classes.gasw3, ...settings).ended).toBe(0);
    expect(workflow.journal).toContain("told Long-1 SUCCESS [file:///data/out%20put.txt]");
    expect(await workflow.jobs()).toEqual([]);
  });
});

/** The jobs of the tests before ran with 2.3.232. */
const VERSIONS: readonly H2Version[] = ["1.4.196", "2.3.232"];

describe.each(VERSIONS.slice(0, many(2, 1)))("an engine whose processes are killed, on H2 %s", (version) => {
  beforeAll(async () => {
    server = await H2Server.start(version);
  });
  afterAll(() => server.stop());

  test("is told of each job once, over all its lives", async () => {
    workflow = new EngineWorkflow(server, classes.gasw);
    await surviveKills(workflow, { jobs: many(50, 10), kills: many(30, 8) });
  });
});
