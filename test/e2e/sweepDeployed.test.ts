import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objects, silence } from "./cleanup.ts";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { hasImage, Sweeper } from "./sweeper.ts";

describe.skipIf(!hasImage())("deploy/sweep-cronjob.yaml", () => {
  let lost: TestWorkflow;
  let alive: TestWorkflow;
  let namespace: string;
  let sweeper: Sweeper;
  beforeAll(async () => {
    lost = new TestWorkflow();
    namespace = lost.namespace;
    alive = new TestWorkflow({ namespace });
    sweeper = new Sweeper(namespace);
    await sweeper.deploy();
  });
  afterAll(async () => {
    await sweeper.remove();
    for (const workflow of [lost, alive]) await workflow.cleanup();
  });

  /** How a Job has ended, and what it has printed. */
  async function outcomeOf(job: string): Promise<{ end: string; log: string }> {
    const ends = async (): Promise<string[]> =>
      ((await get("job", job, "-n", namespace)).status?.conditions ?? []).map(({ type }: { type: string }) => type);
    const types = await eventually(ends, (seen) => seen.includes("Complete") || seen.includes("Failed"));
    return { end: types.includes("Complete") ? "Complete" : "Failed", log: await kubectl("logs", `job/${job}`, "-n", namespace) };
  }

  async function left(): Promise<string[]> {
    return (await objects(namespace)).filter((name) => name.includes("workflow-"));
  }

  test("removes what an engine has lost, once it was only shown, and nothing of an engine at work; its log tells all of it", async () => {
    await lost.cli("submit", lost.script("Waiting-1", "true\n"), "--memory", "900Gi");
    await silence(lost);
    await alive.cli("submit", alive.script("Long-1", "until [ -e go ]; do sleep 0.2; done\n"));
    const engine = alive.start("wait", "Long-1");
    const before = await eventually(left, (names) => names.filter((name) => name.startsWith("Pod ")).length === 2);

    await sweeper.runAsDocumented("first-look");
    const look = await outcomeOf("first-look");
    expect(look).toEqual({ end: "Complete", log: expect.stringContaining("nothing was removed (use --yes to remove these objects)") });
    expect(look.log).toMatch(new RegExp(`^lost +${namespace} +${lost.id} .*1 job is waiting, and its engine is silent$`, "m"));
    expect(await left()).toEqual(before);

    await sweeper.runAsDocumented("sweep-now");
    const { end, log } = await outcomeOf("sweep-now");
    expect({ end, log }).toEqual({
      end: "Complete",
      log: expect.stringMatching(/^VERDICT +NAMESPACE +WORKFLOW +FOLDER +ENGINE +JOBS +QUIET +REASON$/m),
    });
    expect(log).toMatch(new RegExp(`^lost +${namespace} +${lost.id} `, "m"));
    expect(log).toMatch(new RegExp(`^in use +${namespace} +${alive.id} .*its engine is alive$`, "m"));
    expect(log.match(/^removed \S+ (?=workflow-)/gm)).toEqual([
      "removed Job ",
      "removed PersistentVolumeClaim ",
      "removed PersistentVolume ",
    ]);
    expect(log).not.toContain("warning");
    expect(await left()).toEqual(before.filter((name) => name.includes(alive.id)));
    expect(await alive.status("Long-1")).toMatchObject({ status: expect.stringMatching(/RUNNING|QUEUED/) });
    engine.kill("SIGTERM");
    await engine.ended;
  });

  test("lets its account do what the sweep needs, and nothing more", async () => {
    const may = async (account: string) => {
      const table = await kubectl("auth", "can-i", "--list", "--no-headers", "--as", account, "-n", namespace);
      return table.split("\n").map((line) => line.trim().split(/ {2,}/).join(" "));
    };
    const anybody = await may(`system:serviceaccount:${namespace}:default`);
    expect((await may(sweeper.account)).filter((rule) => !anybody.includes(rule)).sort()).toEqual([
      "jobs.batch [] [] [list delete]",
      "leases.coordination.k8s.io [] [] [list get create patch delete]",
      "namespaces [] [] [get]",
      "persistentvolumeclaims [] [] [list delete]",
      "persistentvolumes [] [] [get list delete]",
      "pods [] [] [list delete]",
    ]);
  });

  test.each([
    ["create", "pods"],
    ["create", "pods/exec"],
    ["get", "secrets"],
    ["create", "jobs.batch"],
    ["delete", "namespaces"],
    ["patch", "persistentvolumes"],
  ])("does not let its account %s %s", async (verb, resource) => {
    const [name = "", subresource = ""] = resource.split("/");
    const answer = kubectl("auth", "can-i", verb, name, `--subresource=${subresource}`, "--as", sweeper.account, "-n", namespace);
    await expect(answer).rejects.toMatchObject({ stdout: expect.stringMatching(/^no/) });
  });
});
