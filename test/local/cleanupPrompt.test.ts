import { afterEach, describe, expect, test } from "vitest";
import { objects } from "../e2e/cleanup.ts";
import { apply, get, kubectl, TestWorkflow } from "../e2e/harness.ts";
import { Terminal } from "../e2e/terminal.ts";

describe("cleanup's question on a terminal", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  async function asked(): Promise<Terminal> {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const terminal = new Terminal(workflow, "cleanup");
    await terminal.sees(/remove these \d+ objects\? \[y\/N\] /);
    return terminal;
  }

  test.each(["n\r", "\r", "what?\r", "\u0004"])("nothing is removed on %j", async (answer) => {
    const terminal = await asked();
    const before = await objects(workflow.namespace);
    expect(terminal.shown).toMatch(/remove +Job +\S+ +Job-1/);
    terminal.type(answer);
    expect(await terminal.ended).toBe(0);
    expect(terminal.shown).toContain("nothing was removed (use --yes to remove these objects)");
    expect(await objects(workflow.namespace)).toEqual(before);
  });

  test("everything that was shown is removed on y", async () => {
    const terminal = await asked();
    terminal.type("y\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.shown).toMatch(/removed Job \S+-job-1-/);
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("Ctrl-C at the question removes nothing and exits with 130", async () => {
    const terminal = await asked();
    const before = await objects(workflow.namespace);
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(130);
    expect(terminal.shown).toMatch(/error: interrupted: nothing was removed\r\nhint: /);
    expect(await objects(workflow.namespace)).toEqual(before);
  });

  test("a job submitted while the question stands makes it refuse", async () => {
    const terminal = await asked();
    await workflow.cli("submit", workflow.script("Job-2", "while :; do sleep 1; done\n"));
    terminal.type("y\r");
    expect(await terminal.ended).toBe(7);
    expect(terminal.shown).toMatch(/1 jobs of workflow \S+ are still active: Job-2/);
    expect((await workflow.jobs()).length).toBe(2);
  });

  test("what is gone by then counts as removed, and what was made anew under the same name is left alone", async () => {
    const terminal = await asked();
    const [claim] = (await get("pvc", "-n", workflow.namespace)).items;
    const { name, namespace, labels, annotations } = claim.metadata;
    await kubectl("delete", "job", "--all", "-n", namespace);
    await kubectl("delete", "pvc", name, "-n", namespace);
    await apply({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, namespace, labels, annotations }, spec: claim.spec });
    const anew = (await get("pvc", name, "-n", namespace)).metadata.uid;
    terminal.type("y\r");
    expect(await terminal.ended).toBe(0);
    const found = await get("pvc", name, "-n", namespace);
    expect(found.metadata.uid).toBe(anew);
    expect(found.metadata.deletionTimestamp).toBeUndefined();
    expect((await objects(namespace)).filter((object) => object.startsWith("PersistentVolume "))).toEqual([]);
  });
});
