import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { apply, get, kubectl, TestWorkflow } from "./harness.ts";
import { makeVolume, type Volume } from "./volumes.ts";

const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };

/** A folder beside the workflows with a file in it, which everybody may change. */
function sharedFolder(workflow: TestWorkflow, name: string): string {
  const folder = path.join(path.dirname(workflow.directory), name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, "file"), `of ${name}\n`);
  chmodSync(folder, 0o777);
  return folder;
}

describe("volumes", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("namespace, volume and claim are made, marked, bound, and of the configured capacity", async () => {
    workflow = new TestWorkflow({ config: { ...PARKED, workflowVolume: { type: "nfs", capacity: "7Gi" } } });
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ stderr: "", code: 0 });
    const namespace = await get("namespace", workflow.namespace);
    expect(namespace.metadata.labels).toMatchObject({ "app.kubernetes.io/managed-by": "gasw-k8s" });
    const [claim] = (await get("pvc", "-n", workflow.namespace)).items;
    const volume = await get("pv", claim.spec.volumeName);
    for (const object of [claim, volume]) {
      expect(object.status.phase).toBe("Bound");
      expect(object.metadata.labels).toMatchObject({
        "app.kubernetes.io/managed-by": "gasw-k8s",
        "app.kubernetes.io/component": "workflow-volume",
        "gasw-k8s.io/workflow": workflow.id,
      });
      expect(object.metadata.annotations).toMatchObject({
        "gasw-k8s.io/workflow": workflow.id,
        "gasw-k8s.io/directory": workflow.directory,
        "gasw-k8s.io/host": hostname(),
        "gasw-k8s.io/last-used": expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
      expect(object.spec.accessModes).toEqual(["ReadWriteMany"]);
    }
    expect(volume.spec).toMatchObject({
      capacity: { storage: "7Gi" },
      nfs: { server: "127.0.0.1", path: workflow.directory },
      persistentVolumeReclaimPolicy: "Retain",
    });
    expect(claim.spec.resources.requests.storage).toBe("7Gi");
  });

  test("shared volumes are mounted in every job, read-only where they are ReadOnlyMany", async () => {
    workflow = new TestWorkflow();
    sharedFolder(workflow, "SharedData");
    sharedFolder(workflow, "Scratch");
    workflow.configure({
      volumes: [
        { name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/data/shared", accessModes: "ReadOnlyMany" },
        { name: "Scratch", nfsFolder: "Scratch", mountPathContainer: "/data/scratch", accessModes: "ReadWriteMany", capacity: "3Gi" },
      ],
    });
    const script = "cat /data/*/file; echo x >/data/shared/new || echo refused; echo x >/data/scratch/new && echo written\n";
    expect(await workflow.runJob("Job-1", script)).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("of Scratch\nof SharedData\nrefused\nwritten\n");
    expect(workflow.err("Job-1")).toMatch(/Read-only file system/);
    const scratch = await get("pvc", "scratch-claim", "-n", workflow.namespace);
    expect(scratch).toMatchObject({ spec: { accessModes: ["ReadWriteMany"] }, status: { capacity: { storage: "3Gi" } } });
    const shared = await get("pvc", "shareddata-claim", "-n", workflow.namespace);
    expect(shared.metadata.labels).toMatchObject({ "app.kubernetes.io/component": "shared-volume" });
    expect(shared.metadata.annotations).toMatchObject({ "gasw-k8s.io/host": hostname(), "gasw-k8s.io/volume": "SharedData" });
  });

  test("a folder of the nodes serves as the workflow's volume, and as a shared one", async () => {
    workflow = new TestWorkflow();
    const folder = sharedFolder(workflow, "tools");
    workflow.configure({
      nfsAddress: undefined,
      nfsPath: undefined,
      workflowVolume: { type: "hostPath" },
      volumes: [{ name: "tools", type: "hostPath", path: folder, mountPathContainer: "/tools" }],
    });
    expect(await workflow.runJob("Job-1", "pwd; cat /tools/file; touch /tools/new || echo refused\n")).toMatchObject({
      stderr: "",
      code: 0,
    });
    expect(workflow.out("Job-1")).toBe(`${workflow.directory}\nof tools\nrefused\n`);
    const volumes = (await get("pv")).items.filter((volume: Volume) => volume.spec.claimRef?.namespace === workflow.namespace);
    expect(volumes.map((volume: Volume) => volume.spec.hostPath?.path).sort()).toEqual([folder, workflow.directory].sort());
  });

  test("an existing claim, and a folder within it, serves as the workflow's volume and is left alone", async () => {
    workflow = new TestWorkflow();
    const { metadata } = await makeVolume(workflow, "everything", workflow.folder);
    workflow.configure({ workflowVolume: { type: "claim", name: "everything", subPath: "workflows" } });
    expect(await workflow.runJob("Job-1", "pwd; ls sh\n")).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe(`${workflow.directory}\nJob-1.sh\n`);
    const claim = await get("pvc", "everything", "-n", workflow.namespace);
    expect(claim.metadata.annotations).toEqual(metadata.annotations);
    expect((await get("pvc", "-n", workflow.namespace)).items).toHaveLength(1);
  });

  test("an existing claim that does not exist is named (exit 6)", async () => {
    workflow = new TestWorkflow({ config: { workflowVolume: { type: "claim", name: "nowhere" } } });
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    expect(result).toMatchObject({ stdout: "", code: 6 });
    expect(result.stderr).toMatch(new RegExp(`^error: claim ${workflow.namespace}/nowhere of volume workflow does not exist\nhint: `));
  });

  test("a storage class that binds at first use is not awaited, and provides the volume", async () => {
    workflow = new TestWorkflow();
    const folder = sharedFolder(workflow, "fast");
    const name = `${workflow.namespace}-class`;
    await apply(
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name },
        provisioner: "kubernetes.io/no-provisioner",
        volumeBindingMode: "WaitForFirstConsumer",
      },
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: `${workflow.namespace}-fast` },
        spec: {
          storageClassName: name,
          accessModes: ["ReadWriteMany"],
          capacity: { storage: "1Gi" },
          nfs: { server: "127.0.0.1", path: folder },
        },
      },
    );
    try {
      workflow.configure({ volumes: [{ name: "scratch", type: "storageClass", storageClassName: name, mountPathContainer: "/scratch" }] });
      expect(await workflow.runJob("Job-1", "cat /scratch/file; touch /scratch/new\n")).toMatchObject({ stderr: "", code: 0 });
      expect(workflow.out("Job-1")).toBe("of fast\n");
    } finally {
      await kubectl("delete", "storageclass", name);
    }
  });

  test.each([
    [
      "one claim",
      { name: "DATA", nfsFolder: "b", mountPathContainer: "/b" },
      /the volumes data and DATA would use the same claim: data-claim/,
    ],
    ["one name", { name: "data", type: "claim", claimName: "x", mountPathContainer: "/b" }, /the volumes data and data have the same name/],
    [
      "one place",
      { name: "other", nfsFolder: "b", mountPathContainer: "/a" },
      /the volumes data and other would be mounted at the same path: \/a/,
    ],
  ])("two volumes of %s are refused (exit 3), and nothing is made", async (_, second, message) => {
    workflow = new TestWorkflow({ config: { volumes: [{ name: "data", nfsFolder: "a", mountPathContainer: "/a" }, second] } });
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    expect(result).toMatchObject({ stdout: "", stderr: expect.stringMatching(message), code: 3 });
    expect((await get("namespaces")).items.map((each: { metadata: { name: string } }) => each.metadata.name)).not.toContain(
      workflow.namespace,
    );
  });

  test("marks of use are renewed, but at most every ten minutes", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const marks = async () => {
      const [claim] = (await get("pvc", "-n", workflow.namespace)).items;
      const volume = await get("pv", claim.spec.volumeName);
      return [claim, volume].map((object) => object.metadata.annotations["gasw-k8s.io/last-used"]);
    };
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const first = await marks();
    await workflow.cli("submit", workflow.script("Job-2", "true\n"));
    expect(await marks()).toEqual(first);
    setLastRenewal(workflow.stateFile, Date.now() - 11 * 60_000);
    await workflow.cli("submit", workflow.script("Job-3", "true\n"));
    const renewed = await marks();
    expect(renewed[0] > first[0]).toBe(true);
    expect(renewed[1]).toBe(renewed[0]);
  });
});

/** As if the last renewal had been at that time. */
function setLastRenewal(stateFile: string, time: number): void {
  const database = new Database(stateFile);
  database.prepare("UPDATE workflows SET volumes_renewed = ?").run(new Date(time).toISOString());
  database.close();
}
