import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { objects, silence } from "./cleanup.ts";
import { type Result, TestWorkflow } from "./harness.ts";

const made: TestWorkflow[] = [];
afterEach(async () => {
  for (const workflow of made.splice(0)) await workflow.cleanup();
});

function workflowIn(namespace?: string): TestWorkflow {
  const workflow = new TestWorkflow(namespace === undefined ? {} : { namespace });
  made.push(workflow);
  return workflow;
}

test("an administrator on a fresh machine removes what killed engines have left, beside one that is alive, and no file", async () => {
  const killed = workflowIn();
  await killed.runJob("Done-1", "echo result > result.nii\n");
  const forgotten = workflowIn(killed.namespace);
  await forgotten.runJob("Failed-1", "exit 3\n");
  const alive = workflowIn(killed.namespace);
  await alive.cli("submit", alive.script("Long-1", "until [ -e go ]; do sleep 0.2; done\n"));
  for (const dead of [killed, forgotten]) await silence(dead);
  const administrator = workflowIn(killed.namespace);
  administrator.configure({}, "admin");
  const sweep = (...args: readonly string[]): Promise<Result> =>
    administrator.cliWith({ cwd: administrator.folder }, "cleanup", "--orphaned", "-n", killed.namespace, "--older-than", "1s", ...args);

  const plan = await sweep();
  expect(plan).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^to remove: 2 Jobs, 2 PersistentVolumeClaims, .* of 2 workflows; /),
  });
  const verdictOf = ({ id }: TestWorkflow) => new RegExp(`^(\\S.*?)  +${killed.namespace}  +${id} `, "m").exec(plan.stdout)?.[1];
  expect([killed, forgotten, alive].map(verdictOf)).toEqual(["finished", "finished", "in use"]);
  expect(plan.stdout).toMatch(/silent for 3h/);

  const removed = await sweep("--yes");
  expect(removed).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
  expect(removed.stdout.match(/^removed /gm)).toHaveLength(6);
  const left = await objects(killed.namespace);
  expect(left.filter((name) => /workflow-/.test(name) && !name.includes(alive.id))).toEqual([]);
  expect(left.filter((name) => name.includes(alive.id)).map((name) => name.split(" ")[0])).toEqual([
    "Job",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
  ]);
  expect(existsSync(path.join(killed.directory, "result.nii"))).toBe(true);
  expect(await sweep("--yes")).toMatchObject({ code: 0, stderr: "nothing to remove\n" });
  // Its engine notices nothing.
  expect(await alive.status("Long-1")).toMatchObject({ status: expect.stringMatching(/RUNNING|QUEUED/) });
});

test("an account of the engine sees its own namespace alone, says so, and removes nothing that it cannot see whole", async () => {
  const workflow = workflowIn();
  await workflow.runJob("Done-1", "true\n");
  await silence(workflow);
  const before = await objects(workflow.namespace);
  const { code, stderr } = await workflow.cli("cleanup", "--orphaned", "-n", workflow.namespace, "--older-than", "1s", "--yes");
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^warning: this account cannot list Leases .*\nnothing to remove\n$/),
  });
  expect(await objects(workflow.namespace)).toEqual(before);
});
