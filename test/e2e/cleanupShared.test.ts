import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { objects } from "./cleanup.ts";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { makeVolume } from "./volumes.ts";

describe("cleanup of volumes that workflows share", () => {
  const all: TestWorkflow[] = [];
  afterEach(async () => {
    for (const workflow of all.splice(0)) await workflow.cleanup();
  });

  /** A workflow with a shared volume, one job of which has run; another one beside the given one, with the same volume. */
  async function workflowWithShared(beside?: TestWorkflow): Promise<TestWorkflow> {
    const workflow = new TestWorkflow(beside === undefined ? {} : { namespace: beside.namespace });
    all.push(workflow);
    workflow.configure({ volumes: [sharedVolume(beside ?? workflow)] });
    expect(await workflow.runJob("Job-1", "ls -d /shared\n")).toMatchObject({ code: 0 });
    return workflow;
  }

  function sharedVolume(workflow: TestWorkflow): object {
    const folder = path.join(workflow.folder, "shared");
    mkdirSync(folder, { recursive: true });
    return { name: "SharedData", type: "hostPath", path: folder, mountPathContainer: "/shared" };
  }

  const shared = async (workflow: TestWorkflow) => (await objects(workflow.namespace)).filter((object) => /shareddata/i.test(object));

  test("they stay while another workflow uses them, also with --shared; the last one removes them with --shared", async () => {
    const first = await workflowWithShared();
    const second = await workflowWithShared(first);
    const there = await shared(first);
    expect(there).toEqual([expect.stringMatching(/^PersistentVolume shareddata-/), "PersistentVolumeClaim shareddata-claim"]);
    const kept = await first.cli("cleanup", "--yes", "--shared");
    expect(kept).toMatchObject({ stderr: "", code: 0 });
    expect(kept.stdout).toMatch(new RegExp(`^keep +PersistentVolumeClaim +shareddata-claim +shared with the workflows ${second.id}$`, "m"));
    expect(await shared(first)).toEqual(there);
    const plain = await second.cli("cleanup", "--yes", "-o", "json");
    expect(JSON.parse(plain.stdout).keep).toEqual([
      { kind: "PersistentVolumeClaim", name: "shareddata-claim", reason: expect.stringContaining("--shared") },
    ]);
    expect(await objects(first.namespace)).toEqual(there);
    expect((await second.cli("cleanup", "--yes", "--shared")).code).toBe(0);
    expect(await objects(first.namespace)).toEqual([]);
  });

  test("a workflow that has only Jobs there, on an administrator's claim, uses them too", async () => {
    const first = await workflowWithShared();
    const claim = (await get("pvc", "-n", first.namespace)).items.find((one: { metadata: { name: string } }) =>
      one.metadata.name.startsWith(first.id),
    );
    await kubectl(
      "label",
      "pvc",
      claim.metadata.name,
      "-n",
      first.namespace,
      "app.kubernetes.io/managed-by-",
      "gasw-k8s.io/workflow-hash-",
    );
    const second = await workflowWithShared(first);
    const { stdout } = await second.cli("cleanup", "--yes", "--shared");
    expect(stdout).toMatch(new RegExp(`^keep +PersistentVolumeClaim +shareddata-claim +shared with the workflows ${first.id}$`, "m"));
    expect(await shared(first)).toHaveLength(2);
  });

  test("one whose claim an earlier cleanup had removed already is removed, too", async () => {
    const workflow = await workflowWithShared();
    await workflow.cli("cleanup", "--yes");
    await kubectl("delete", "pvc", "shareddata-claim", "-n", workflow.namespace);
    expect(await shared(workflow)).toHaveLength(1);
    await eventually(
      () => get("pv"),
      ({ items }) =>
        items.every(
          ({ spec, status }: { spec: { claimRef?: { namespace: string } }; status: { phase: string } }) =>
            spec.claimRef?.namespace !== workflow.namespace || status.phase !== "Bound",
        ),
    );
    expect((await workflow.cli("cleanup", "--yes", "--shared")).stdout).toMatch(/^removed PersistentVolume shareddata-/m);
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("a claim and a volume that an administrator made are used and never removed", async () => {
    const workflow = new TestWorkflow();
    all.push(workflow);
    const folder = path.join(path.dirname(workflow.directory), "shared");
    mkdirSync(folder);
    await makeVolume(workflow, "shareddata-claim", folder);
    workflow.configure({ volumes: [{ name: "SharedData", nfsFolder: "shared", mountPathContainer: "/shared" }] });
    expect(await workflow.runJob("Job-1", "ls -d /shared\n")).toMatchObject({ code: 0 });
    expect(await workflow.cli("cleanup", "--yes", "--shared")).toMatchObject({ stderr: "", code: 0 });
    expect(await objects(workflow.namespace)).toEqual([
      expect.stringMatching(/^PersistentVolume /),
      "PersistentVolumeClaim shareddata-claim",
    ]);
  });
});
