import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../servers/controlPlane.ts";
import { engineAccount, file } from "./accessSupport.ts";
import { eventually, TestWorkflow } from "./harness.ts";

describe("a kubeconfig whose current context was switched to another cluster while a job runs", () => {
  let other: ControlPlane;
  let workflow: TestWorkflow;
  beforeAll(async () => {
    const { ownCluster } = inject("cluster");
    if (ownCluster === undefined) throw new Error("only the project's own cluster has the programs of another one: run this test on it");
    other = await startControlPlane(ownCluster);
    workflow = new TestWorkflow();
    workflow.configure({ k8sKubeConfig: switchTo("own") });
    await running("Job-1", "sleep 600\n");
  });
  beforeEach(() => void switchTo("other"));
  afterAll(async () => {
    await other.stop();
    await workflow.cleanup();
  });

  /** Writes the kubeconfig anew. */
  function switchTo(context: "own" | "other"): string {
    const { server, ca, token } = engineAccount();
    const authority = { "certificate-authority-data": Buffer.from(ca).toString("base64") };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "own", cluster: { server: server.origin, ...authority } },
        { name: "other", cluster: { server: other.server, ...authority } },
      ],
      users: [
        { name: "own", user: { token } },
        { name: "other", user: other.user },
      ],
      contexts: ["own", "other"].map((name) => ({ name, context: { cluster: name, user: name } })),
      "current-context": context,
    };
    return file(workflow, "two.kubeconfig", JSON.stringify(config));
  }

  /** Submits a script to the cluster that the workflow belongs to, and waits until it runs. */
  async function running(job: string, body: string): Promise<void> {
    expect(await workflow.cli("submit", workflow.script(job, body), "--context", "own")).toMatchObject({ code: 0 });
    await eventually(
      async () => (await workflow.cli("status", job, "--context", "own")).stdout,
      (stdout) => stdout.includes(" RUNNING "),
    );
  }

  /** The jobs' rows. */
  function rows(): unknown {
    const database = new Database(workflow.stateFile, { readonly: true });
    try {
      return database.prepare("SELECT * FROM jobs").all();
    } finally {
      database.close();
    }
  }

  test.each([
    [["status"]],
    [["status", "--sync"]],
    [["monitor"]],
    [["cancel", "Job-1"]],
    [["retry", "Job-1"]],
    [["cleanup", "--yes"]],
    [["cleanup", "--yes", "--cancel"]],
    [["submit", "sh/Job-1.sh"]],
    [["submit", "sh/Job-2.sh"]],
    [["debug", "why", "Job-1"]],
  ])("%s is refused, and nothing is written or made", async (args) => {
    workflow.script("Job-2", "true\n");
    const before = rows();
    const { stderr, code } = await workflow.cli(...args);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toMatch(/^error: workflow \S+ belongs to the cluster https:\S+ \(context own\), not to https:\S+ \(context other\)$/m);
    expect(stderr).toMatch(/^hint: use that cluster \(--context own\).*cleanup --forget/m);
    expect(rows()).toEqual(before);
    const namespaces = (await other.get("/api/v1/namespaces")).items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    expect(namespaces).not.toContain(workflow.namespace);
    expect((await other.get("/api/v1/persistentvolumes")).items).toEqual([]);
  });

  test("wait ends with the tool's own code", async () => expect(await workflow.cli("wait", "Job-1")).toMatchObject({ code: 125 }));

  test("a record of version 0.1.0, which names no cluster, is taken up by the one that has the job alone", async () => {
    const database = new Database(workflow.stateFile);
    database.exec(`UPDATE workflows SET placed = 'unknown', cluster_uid = NULL, claim_uid = NULL, cluster_server = NULL, cluster_context = NULL;
      UPDATE jobs SET kube_uid = NULL`);
    database.close();
    const before = rows();
    const refused = await workflow.cli("status", "--sync");
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("has no objects of workflow") });
    expect(rows()).toEqual(before);
    expect(await workflow.cli("status", "--context", "own")).toMatchObject({ code: 0, stderr: "" });
    expect((await workflow.cli("status")).stderr).toContain("(context own)");
  });

  test("the context that a job was submitted by may be named instead, and the job ends right: it has run once", async () => {
    await running("Job-3", "echo once >> runs; until [ -e go ]; do sleep 0.2; done\n");
    writeFileSync(path.join(workflow.directory, "go"), "");
    expect(await workflow.cli("wait", "Job-3", "--context", "own", "--wait-timeout", "300s")).toMatchObject({ code: 0 });
    switchTo("own");
    expect(await workflow.status("Job-3")).toMatchObject({ status: "COMPLETED", exitCode: 0, attempt: 0 });
    expect(readFileSync(path.join(workflow.directory, "runs"), "utf8")).toBe("once\n");
  });
});
