import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, inject, test } from "vitest";
import { objects, silence } from "./cleanup.ts";
import { apply, eventually, get, kubectl, type Result, TestWorkflow } from "./harness.ts";

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
  const script = alive.script("Long-1", "until [ -e go ]; do sleep 0.2; done\n");
  await alive.cli("submit", script);
  for (const dead of [killed, forgotten]) await silence(dead);
  const administrator = workflowIn(killed.namespace);
  administrator.configure({}, "admin");
  // Not 1s: the cluster may write down a Job's end seconds after its pod's.
  const sweep = (...args: readonly string[]): Promise<Result> =>
    administrator.cliWith({ cwd: administrator.folder }, "cleanup", "--orphaned", "-n", killed.namespace, "--older-than", "0s", ...args);

  // A sign of life that is not a minute old.
  await alive.cli("submit", script);
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

/** What GASW's Java plugin makes for a workflow: a volume, its claim and a Job that mounts it, without any label. */
async function javaWorkflow(id: string, namespace: string, server: string, exported: string): Promise<string> {
  const name = id.toLowerCase();
  await apply(
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteMany"],
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "",
        claimRef: { namespace, name: `${name}-claim` },
        nfs: { server, path: `${exported}/${id}` },
      },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: `${name}-claim`, namespace },
      spec: { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: name, resources: { requests: { storage: "1Gi" } } },
    },
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: `${name}-1`, namespace },
      spec: {
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: "Never",
            containers: [
              { name: "main", image: inject("cluster").image, command: ["true"], volumeMounts: [{ name: "w", mountPath: "/w" }] },
            ],
            volumes: [{ name: "w", persistentVolumeClaim: { claimName: `${name}-claim` } }],
          },
        },
      },
    },
  );
  return name;
}

test("what a killed Java plugin has left goes with it, each workflow by its name; a look-alike on another server stays", async () => {
  const administrator = workflowIn();
  administrator.configure({}, "admin");
  const { namespace } = administrator;
  await administrator.runJob("Job-1", "true\n");
  const exported = path.dirname(administrator.directory);
  const id = `workflow-Java${administrator.id.slice(-4)}`;
  mkdirSync(path.join(exported, id));
  const left = await javaWorkflow(id, namespace, inject("cluster").nfsServer, exported);
  const theirs = await javaWorkflow(`${id}-theirs`, namespace, "192.0.2.1", exported);
  try {
    await eventually(
      () => get("job", `${left}-1`, "-n", namespace),
      ({ status }) => status.succeeded === 1,
    );
    const sweep = (...args: readonly string[]): Promise<Result> =>
      administrator.cliWith(
        { cwd: administrator.folder },
        "cleanup",
        "--orphaned",
        "--legacy",
        "-n",
        namespace,
        "--older-than",
        "0",
        ...args,
      );
    const unnamed = await sweep("--yes");
    expect(unnamed.stderr).toContain(`left: ${id} of the Java plugin (add --workflow`);
    const named = await sweep("--workflow", id, "--yes");
    expect(named).toMatchObject({ code: 0, stdout: expect.stringMatching(/^finished .* made by the Java plugin; its jobs have ended/m) });
    const names = (await objects(namespace)).filter((name) => !name.startsWith("Pod ")).map((name) => name.split(" ")[1]);
    expect(names.filter((name) => name?.startsWith(left)).sort()).toEqual([`${theirs}`, `${theirs}-1`, `${theirs}-claim`]);
    expect(existsSync(path.join(exported, id))).toBe(true);
  } finally {
    for (const name of [left, theirs]) await kubectl("delete", "pv", name, "--ignore-not-found", "--wait=false");
  }
});

test("an account of the engine sees its own namespace alone, says so, and removes nothing that it cannot see whole", async () => {
  const workflow = workflowIn();
  await workflow.runJob("Done-1", "true\n");
  await silence(workflow);
  const before = await objects(workflow.namespace);
  const { code, stderr } = await workflow.cli("cleanup", "--orphaned", "-n", workflow.namespace, "--older-than", "0s", "--yes");
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^warning: this account cannot list Leases .*\nnothing to remove\n$/),
  });
  expect(await objects(workflow.namespace)).toEqual(before);
});
