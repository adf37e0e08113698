import { describe, expect, test } from "vitest";
import {
  describeSource,
  describeVolume,
  desiredVolume,
  hasSource,
  isOurs,
  normalFolder,
  sourceHash,
  type VolumeSource,
  type VolumeSpec,
} from "../../../src/core/manifests/volumes.ts";
import { sharedVolumeNames, workflowVolumeNames } from "../../../src/core/names.ts";
import type { V1PersistentVolume } from "../../../src/core/wire.ts";
import { WORKFLOW } from "./samples.ts";

const MARKS = { host: "engine-1", now: new Date("2026-01-02T03:04:05Z") };
const NFS: VolumeSource = { type: "nfs", server: "nfs.example.org", path: "/workflows/workflow-gENTZc" };

const SPEC: VolumeSpec = {
  name: "workflow",
  kind: "workflow",
  source: NFS,
  accessMode: "ReadWriteMany",
  capacity: "5Gi",
  mountOptions: [],
  storageClassName: "",
  mountPath: WORKFLOW.directory,
};
const SHARED: VolumeSpec = { ...SPEC, name: "SharedData", kind: "shared", accessMode: "ReadOnlyMany", mountPath: "/shared" };

const desired = (spec: VolumeSpec, extra: Parameters<typeof desiredVolume>[3] = { labels: {}, annotations: {} }) =>
  desiredVolume(spec, WORKFLOW, MARKS, extra);
const volumeWith = (source: object): V1PersistentVolume => ({ spec: { capacity: { storage: "1Gi" }, claimRef: { name: "c" }, ...source } });

describe("the volume of a workflow directory", () => {
  const { persistentVolume, claim, claimName, mount } = desired(SPEC);
  const names = workflowVolumeNames("gasw", WORKFLOW.id);

  test("and its claim know each other, so that no other claim can take it", () => {
    expect(persistentVolume?.metadata?.name).toBe(names.persistentVolume);
    expect(claim?.metadata).toMatchObject({ name: names.claim, namespace: "gasw" });
    expect(claim?.spec?.volumeName).toBe(names.persistentVolume);
    expect(persistentVolume?.spec?.claimRef).toMatchObject({ namespace: "gasw", name: names.claim });
    expect(claimName).toBe(names.claim);
  });

  test("keeps the files when the claim goes", () => {
    expect(persistentVolume?.spec?.persistentVolumeReclaimPolicy).toBe("Retain");
  });

  test("agrees with its claim in access, class and capacity", () => {
    expect(persistentVolume?.spec).toMatchObject({ accessModes: ["ReadWriteMany"], storageClassName: "", capacity: { storage: "5Gi" } });
    expect(claim?.spec).toMatchObject({
      accessModes: ["ReadWriteMany"],
      storageClassName: "",
      resources: { requests: { storage: "5Gi" } },
    });
    expect(persistentVolume?.spec?.nfs).toEqual({ server: "nfs.example.org", path: "/workflows/workflow-gENTZc" });
  });

  test("is mounted at the directory's own path, to be written", () => {
    expect(mount).toEqual({ name: "workflow", claim: names.claim, mountPath: WORKFLOW.directory, readOnly: false });
  });

  test("carries what a search for lost volumes needs: directory, host, last use", () => {
    for (const object of [persistentVolume, claim]) {
      expect(object?.metadata?.labels).toMatchObject({
        "app.kubernetes.io/managed-by": "gasw-k8s",
        "app.kubernetes.io/component": "workflow-volume",
      });
      expect(object?.metadata?.annotations).toMatchObject({
        "gasw-k8s.io/directory": WORKFLOW.directory,
        "gasw-k8s.io/host": "engine-1",
        "gasw-k8s.io/last-used": "2026-01-02T03:04:05.000Z",
        "gasw-k8s.io/workflow": WORKFLOW.id,
        "gasw-k8s.io/content": sourceHash(NFS),
      });
    }
  });
});

test("the configured labels and annotations are added, and never take the place of our own", () => {
  const extra = { labels: { team: "vip", "app.kubernetes.io/managed-by": "x" }, annotations: { note: "n", "gasw-k8s.io/host": "x" } };
  const { persistentVolume, claim } = desired(SPEC, extra);
  for (const object of [persistentVolume, claim]) {
    expect(object?.metadata?.labels).toMatchObject({ team: "vip", "app.kubernetes.io/managed-by": "gasw-k8s" });
    expect(object?.metadata?.annotations).toMatchObject({ note: "n", "gasw-k8s.io/host": "engine-1" });
  }
});

describe("a configured volume", () => {
  test("is read-only in the cluster and in the pod where it is ReadOnlyMany", () => {
    const { persistentVolume, claim, mount } = desired(SHARED);
    expect(persistentVolume?.spec?.accessModes).toEqual(["ReadOnlyMany"]);
    expect(claim?.spec?.accessModes).toEqual(["ReadOnlyMany"]);
    expect(mount).toMatchObject({ readOnly: true, mountPath: "/shared", claim: "shareddata-claim" });
  });

  test("belongs to no workflow", () => {
    const { persistentVolume } = desired(SHARED);
    expect(persistentVolume?.metadata?.name).toBe(sharedVolumeNames("gasw", "SharedData").persistentVolume);
    expect(persistentVolume?.metadata?.labels).toEqual({
      "app.kubernetes.io/managed-by": "gasw-k8s",
      "app.kubernetes.io/component": "shared-volume",
    });
    expect(persistentVolume?.metadata?.annotations).not.toHaveProperty(["gasw-k8s.io/workflow"]);
    expect(persistentVolume?.metadata?.annotations).toHaveProperty(["gasw-k8s.io/volume"], "SharedData");
  });

  test("is mounted under a name that is legal in a pod, whatever its own", () => {
    const names = ["Shared_Data", "shared data", "x".repeat(300)].map((name) => desired({ ...SHARED, name }).mount.name);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(new Set(names).size).toBe(names.length);
  });

  test("passes on its mount options and its class", () => {
    const { persistentVolume, claim } = desired({ ...SHARED, mountOptions: ["nfsvers=4.2"], storageClassName: "static" });
    expect(persistentVolume?.spec).toMatchObject({ mountOptions: ["nfsvers=4.2"], storageClassName: "static" });
    expect(claim?.spec?.storageClassName).toBe("static");
  });

  test("that is an existing claim makes nothing", () => {
    const { claim, persistentVolume, claimName, mount } = desired({
      ...SHARED,
      source: { type: "claim", claim: "theirs" },
      subPath: "a/b",
    });
    expect([claim, persistentVolume]).toEqual([undefined, undefined]);
    expect(claimName).toBe("theirs");
    expect(mount).toMatchObject({ claim: "theirs", subPath: "a/b" });
  });

  test("of a storage class is a claim alone, whose volume the class provides", () => {
    const { claim, persistentVolume } = desired({ ...SHARED, source: { type: "storageClass", storageClass: "fast" } });
    expect(persistentVolume).toBeUndefined();
    expect(claim?.spec?.storageClassName).toBe("fast");
    expect(claim?.spec).not.toHaveProperty("volumeName");
  });

  test("of a folder on the nodes is a hostPath volume", () => {
    const { persistentVolume } = desired({ ...SHARED, source: { type: "hostPath", path: "/data" } });
    expect(persistentVolume?.spec?.hostPath).toEqual({ path: "/data" });
    expect(persistentVolume?.spec).not.toHaveProperty("nfs");
  });
});

describe("two sources", () => {
  const nfs = (server: string, path: string): VolumeSource => ({ type: "nfs", server, path });
  const folder = (path: string): VolumeSource => ({ type: "hostPath", path });

  test.each<[VolumeSource, object, boolean]>([
    [nfs("a", "/x/y"), { nfs: { server: "a", path: "/x/y" } }, true],
    [nfs("a", "/x/y"), { nfs: { server: "a", path: "/x/y/" } }, true],
    [nfs("a", "/x/y/"), { nfs: { server: "a", path: "/x//y" } }, true],
    [nfs("a", "/x/y"), { nfs: { server: "b", path: "/x/y" } }, false],
    [nfs("a", "/x/y"), { nfs: { server: "a", path: "/x/Y" } }, false],
    [nfs("a", "/x"), { hostPath: { path: "/x" } }, false],
    [folder("/x"), { hostPath: { path: "/x/" } }, true],
    [folder("/x"), { hostPath: { path: "/y" } }, false],
    [folder("/x"), { nfs: { server: "a", path: "/x" } }, false],
    [folder("/"), { hostPath: { path: "/" } }, true],
    [{ type: "claim", claim: "c" }, { hostPath: { path: "/x" } }, false],
    [{ type: "storageClass", storageClass: "s" }, { csi: { driver: "d" } }, false],
  ])("%j and %j show the same files: %s", (wanted, found, same) => {
    expect(hasSource(volumeWith(found), wanted)).toBe(same);
    const other = found as { nfs?: { server: string; path: string }; hostPath?: { path: string } };
    const source = other.nfs ? nfs(other.nfs.server, other.nfs.path) : other.hostPath ? folder(other.hostPath.path) : undefined;
    if (source !== undefined) expect(sourceHash(source) === sourceHash(wanted)).toBe(same);
  });

  test.each([
    ["/a/b/", "/a/b"],
    ["//a//b", "/a/b"],
    ["/a/./b/../c", "/a/c"],
    ["/", "/"],
  ])("are compared by their folder: %s is %s", (folderName, normal) => expect(normalFolder(folderName)).toBe(normal));
});

describe("in words", () => {
  test.each<[VolumeSource, string]>([
    [NFS, "NFS nfs.example.org:/workflows/workflow-gENTZc"],
    [{ type: "hostPath", path: "/data" }, "the nodes' folder /data"],
    [{ type: "claim", claim: "theirs" }, "claim theirs"],
    [{ type: "storageClass", storageClass: "fast" }, "storage class fast"],
  ])("the source %j is: %s", (source, words) => expect(describeSource(source)).toBe(words));

  test.each([
    [{ nfs: { server: "a", path: "/x" } }, "NFS a:/x"],
    [{ hostPath: { path: "/x" } }, "the nodes' folder /x"],
    [{ csi: { driver: "d" } }, "csi"],
    [{}, "another source"],
  ])("the volume %j is: %s", (source, words) => expect(describeVolume(volumeWith(source))).toBe(words));
});

test("only what carries our label is ours", () => {
  expect(isOurs({ metadata: { labels: { "app.kubernetes.io/managed-by": "gasw-k8s" } } })).toBe(true);
  expect(isOurs({ metadata: { labels: { "app.kubernetes.io/managed-by": "Helm" } } })).toBe(false);
  expect(isOurs({ metadata: {} })).toBe(false);
  expect(isOurs({})).toBe(false);
});
