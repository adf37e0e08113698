import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { apply, eventually, get, kubectl, TestWorkflow } from "./harness.ts";
import { boundClaim, makeVolume, type Volume } from "./volumes.ts";

const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };
const SHARED = { name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/data", accessModes: "ReadOnlyMany" };

describe("volumes that are there already", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  /** A workflow with a shared volume, and the folder of that volume. */
  function withShared(): string {
    workflow = new TestWorkflow({ config: { ...PARKED, volumes: [SHARED] } });
    const folder = path.join(path.dirname(workflow.directory), "SharedData");
    mkdirSync(folder);
    return folder;
  }

  const submit = () => workflow.cli("submit", workflow.script("Job-1", "true\n"));
  const ours = { "app.kubernetes.io/managed-by": "gasw-k8s" };

  test("an administrator's namespace, volume and claim of the wanted source are used and left alone", async () => {
    const folder = withShared();
    const before = await makeVolume(workflow, "shareddata-claim", folder);
    expect(await submit()).toMatchObject({ stdout: "Job-1\n", stderr: "", code: 0 });
    const after = await get("pvc", "shareddata-claim", "-n", workflow.namespace);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    const volume = await get("pv", after.spec.volumeName);
    expect(volume.metadata.labels ?? {}).not.toMatchObject(ours);
    const namespace = await get("namespace", workflow.namespace);
    expect(namespace.metadata.labels).not.toMatchObject(ours);
    const held = (await get("pv")).items.filter((each: Volume) => each.spec.claimRef?.namespace === workflow.namespace);
    expect(held).toHaveLength(2);
  });

  test("a claim with another source is refused (exit 7)", async () => {
    withShared();
    await makeVolume(workflow, "shareddata-claim", workflow.folder);
    const result = await submit();
    expect(result).toMatchObject({ stdout: "", code: 7 });
    expect(result.stderr).toMatch(
      /^error: claim .*\/shareddata-claim already exists with a different source: found NFS .*, expected NFS .*\nhint: /,
    );
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED" });
    expect(await workflow.jobs()).toEqual([]);
  });

  test("our own claim is refused when the configuration's source has changed since (exit 7)", async () => {
    withShared();
    await submit();
    mkdirSync(path.join(path.dirname(workflow.directory), "Other"));
    workflow.configure({ ...PARKED, volumes: [{ ...SHARED, nfsFolder: "Other" }] });
    expect(await workflow.cli("submit", workflow.script("Job-2", "true\n"))).toMatchObject({ stdout: "", code: 7 });
  });

  test.each([
    ["another source", {}, /PersistentVolume .* already exists with a different source/],
    ["the wanted source, held by another claim", { namespace: "default", name: "other" }, /is bound to claim default\/other/],
  ])("a PersistentVolume of our name that is not ours: %s (exit 7)", async (_, holder, message) => {
    workflow = new TestWorkflow({ config: { ...PARKED, options: { bindTimeout: "3s" } } });
    const name = await nameOfVolume();
    const folder = "namespace" in holder ? workflow.directory : workflow.folder;
    const claimRef = "namespace" in holder ? { claimRef: holder } : {};
    await apply(persistentVolume(name, folder, claimRef));
    expect(await submit()).toMatchObject({ stdout: "", stderr: expect.stringMatching(message), code: 7 });
    expect((await get("pv", name)).metadata.labels ?? {}).not.toMatchObject(ours);
  });

  test("a PersistentVolume of our name and the wanted source that is not ours is used and left alone", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const name = await nameOfVolume();
    await apply(persistentVolume(name, workflow.directory, {}));
    expect(await submit()).toMatchObject({ stdout: "Job-1\n", stderr: "", code: 0 });
    const volume = await get("pv", name);
    expect(volume.status.phase).toBe("Bound");
    expect(volume.metadata.annotations ?? {}).not.toHaveProperty("gasw-k8s.io/last-used");
  });

  test("an administrator's claim that is bound to the wanted source while submit waits is used, without a touch", async () => {
    withShared();
    workflow.configure({ ...PARKED, volumes: [SHARED], options: { bindTimeout: "60s" } });
    await kubectl("create", "namespace", workflow.namespace);
    await apply(claim(`${workflow.namespace}-late`));
    const submitted = submit();
    await eventually(
      () => get("pvc", "-n", workflow.namespace),
      ({ items }) => items.length === 2,
    );
    await apply(persistentVolume(`${workflow.namespace}-late`, sharedFolder(), { storageClassName: "" }));
    await boundClaim(workflow.namespace, "shareddata-claim");
    expect(await submitted).toMatchObject({ stdout: "Job-1\n", stderr: "", code: 0 });
    const { metadata } = await get("pvc", "shareddata-claim", "-n", workflow.namespace);
    expect(Object.keys(metadata.annotations).filter((key) => key.startsWith("gasw-k8s.io/"))).toEqual([]);
  });

  function sharedFolder(): string {
    return path.join(path.dirname(workflow.directory), "SharedData");
  }

  async function nameOfVolume(): Promise<string> {
    const { stdout } = await workflow.cli("submit", workflow.script("Job-1", "true\n"), "--dry-run");
    return JSON.parse(stdout).items[0].metadata.name;
  }

  function claim(volumeName: string): object {
    return {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "shareddata-claim", namespace: workflow.namespace },
      spec: { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName, resources: { requests: { storage: "1Gi" } } },
    };
  }
});

function persistentVolume(name: string, folder: string, more: object): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: { accessModes: ["ReadWriteMany"], capacity: { storage: "1Gi" }, nfs: { server: "127.0.0.1", path: folder }, ...more },
  };
}
