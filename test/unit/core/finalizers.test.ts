import { describe, expect, test } from "vitest";
import { finalizerPurpose, forcedFinalizers, usesClaim } from "../../../src/core/finalizers.ts";
import type { KubernetesObject, V1Pod } from "../../../src/core/wire.ts";

const PROTECTION = "kubernetes.io/pvc-protection";
const DELETED = { deletionTimestamp: "2026-03-10T12:00:00Z" };

function claim(finalizers: readonly string[] | undefined, metadata: object = DELETED): KubernetesObject {
  return { metadata: { name: "data", namespace: "vip", ...(finalizers && { finalizers: [...finalizers] }), ...metadata } };
}

/** A pod that has a volume, in the claims' namespace unless another one is given. */
function pod(volume: object, rest: { metadata?: object; spec?: object; status?: object } = {}): V1Pod {
  return {
    metadata: { name: "job-1", namespace: "vip", ...rest.metadata },
    spec: { containers: [], nodeName: "node-1", volumes: [{ name: "v", ...volume }], ...rest.spec },
    status: rest.status ?? {},
  };
}

const USER = { persistentVolumeClaim: { claimName: "data" } };

describe("what a finalizer is for", () => {
  test.each([
    [PROTECTION, "waits until no pod uses the claim"],
    ["kubernetes.io/pv-protection", "waits until no claim is bound to the volume"],
    ["batch.kubernetes.io/job-tracking", "waits until the Job has recorded the pod's end"],
    ["foregroundDeletion", "waits until everything that belongs to the object is deleted"],
    ["orphan", "waits until what belongs to the object is released"],
    ["external-attacher/nfs-csi-k8s-io", "waits until the CSI driver has detached the volume from its nodes"],
    ["external-provisioner.volume.kubernetes.io/finalizer", "waits until the CSI driver has deleted the storage"],
    ["example.com/x", "set by another program"],
    ["constructor", "set by another program"],
    ["gasw-k8s.io/x", "set by another program"],
  ])("of %s: %s", (name, purpose) => {
    expect(finalizerPurpose(name)).toBe(purpose);
  });
});

describe("a pod uses a claim", () => {
  test.each<[string, boolean, V1Pod]>([
    ["if a volume names it", true, pod(USER)],
    ["if it has ended", true, pod(USER, { status: { phase: "Succeeded" } })],
    ["if no node has taken it", true, pod(USER, { spec: { nodeName: undefined } })],
    ["if it is being deleted", true, pod(USER, { metadata: DELETED })],
    ["if the claim was made for its ephemeral volume", true, pod({ name: "b", ephemeral: {} }, { metadata: { name: "data-a" } })],
    ["not if its claim has another name", false, pod({ persistentVolumeClaim: { claimName: "other" } })],
    ["not if it is in another namespace", false, pod(USER, { metadata: { namespace: "other" } })],
    ["not if it has no volumes", false, { metadata: { name: "p", namespace: "vip" }, spec: { containers: [] } }],
  ])("%s", (_, uses, one) => {
    const name = one.metadata?.name === "data-a" ? "data-a-b" : "data";
    expect(usesClaim(one, { metadata: { name, namespace: "vip" } })).toBe(uses);
  });
});

describe("--force removes", () => {
  const rows: [string, string, KubernetesObject, readonly V1Pod[] | undefined, string[]][] = [
    ["the protection of a claim that no pod uses", "PersistentVolumeClaim", claim([PROTECTION]), [], [PROTECTION]],
    ["it from among others, which stay", "PersistentVolumeClaim", claim(["example.com/x", PROTECTION]), [], [PROTECTION]],
    ["it beside pods that use other claims", "PersistentVolumeClaim", claim([PROTECTION]), [pod({ emptyDir: {} })], [PROTECTION]],
    ["nothing while a pod uses the claim", "PersistentVolumeClaim", claim([PROTECTION]), [pod(USER)], []],
    ["nothing if that pod has ended", "PersistentVolumeClaim", claim([PROTECTION]), [pod(USER, { status: { phase: "Failed" } })], []],
    ["nothing if the pods could not be listed", "PersistentVolumeClaim", claim([PROTECTION]), undefined, []],
    ["nothing from a claim that is not being deleted", "PersistentVolumeClaim", claim([PROTECTION], {}), [], []],
    ["nothing where there is none", "PersistentVolumeClaim", claim(undefined), [], []],
    ["no other program's", "PersistentVolumeClaim", claim(["example.com/x", "external-attacher/x"]), [], []],
    ["no volume's protection", "PersistentVolume", claim(["kubernetes.io/pv-protection"]), [], []],
    ["nothing of a volume that bears a claim's protection", "PersistentVolume", claim([PROTECTION]), [], []],
    ["nothing of a Job", "Job", claim(["foregroundDeletion", "orphan"]), [], []],
    ["nothing of a pod", "Pod", claim(["batch.kubernetes.io/job-tracking", PROTECTION]), [], []],
  ];
  test.each(rows)("%s", (_, kind, object, pods, removed) => {
    expect(forcedFinalizers(kind, object, pods)).toEqual(removed);
  });
});
