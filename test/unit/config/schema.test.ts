import { describe, expect, test } from "vitest";
import { joinNfsPath, requireWorkflowVolume, resolveVolumes } from "../../../src/config/load/resolveVolumes.ts";
import { folderWith } from "../folders.ts";
import { failureOf, load, loadFile } from "./support.ts";

describe("without any source", () => {
  test("every key has its default", async () => {
    const { config, files, warnings } = await load({ cwd: folderWith() });
    expect(config).toMatchObject({
      k8sNamespace: "default",
      insecureSkipTlsVerify: false,
      volumes: [],
      env: {},
      resources: {},
      options: {
        ttlJob: 500,
        statusRetry: 5,
        statusRetryWait: 2000,
        maxRetryToPush: 5,
        storageClassName: "",
        bindTimeout: 120,
        requestsPerSecond: 50,
      },
      pending: { InvalidImageName: 0, ErrImagePull: 90, ImagePullBackOff: 900, CreateContainerError: 300, Unschedulable: null },
    });
    expect({ files, warnings }).toEqual({ files: [], warnings: [] });
  });

  test("the configuration is frozen all the way down", async () => {
    const { config } = await loadFile({
      volumes: [{ name: "a", nfsFolder: "a", mountPathContainer: "/a" }],
      securityContext: { a: { b: [1] } },
    });
    const frozen = (value: unknown): boolean =>
      typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(config)).toBe(true);
  });
});

describe("values", () => {
  test.each([
    [
      "numbers as text",
      { options: { ttlJob: "600", statusRetry: "7", requestsPerSecond: "2.5" } },
      { options: { ttlJob: 600, statusRetry: 7, requestsPerSecond: 2.5 } },
    ],
    [
      "durations with units",
      { timeout: "2h", options: { ttlJob: "15m", bindTimeout: "500ms" } },
      { timeout: 7200, options: { ttlJob: 900, bindTimeout: 0.5 } },
    ],
    ["statusRetryWait in milliseconds, or with a unit", { options: { statusRetryWait: "3s" } }, { options: { statusRetryWait: 3000 } }],
    ["truth values as text", { insecureSkipTlsVerify: "true" }, { insecureSkipTlsVerify: true }],
    ["quantities as numbers", { resources: { cpu: 1.5, memory: "2Gi", gpu: "1" } }, { resources: { cpu: "1.5", memory: "2Gi", gpu: 1 } }],
    ["env values of any scalar", { env: { THREADS: 4, DEBUG: true, EMPTY: "" } }, { env: { THREADS: "4", DEBUG: "true", EMPTY: "" } }],
    ["never as null", { pending: { ErrImagePull: "never" } }, { pending: { ErrImagePull: null, ImagePullBackOff: 900 } }],
    ["a reason of the user's own beside the defaults", { pending: { MyReason: 5 } }, { pending: { MyReason: 5, InvalidImageName: 0 } }],
    [
      "addresses without the closing slash",
      { k8sAddress: "https://h:6443/", nfsPath: "/a//b///" },
      { k8sAddress: "https://h:6443", nfsPath: "/a/b" },
    ],
    [
      "containers with every field they have",
      { sidecars: [{ name: "s", image: "i", ports: [{ containerPort: 1 }] }] },
      { sidecars: [{ name: "s", image: "i", ports: [{ containerPort: 1 }] }] },
    ],
  ])("are read: %s", async (_, file, expected) => expect((await loadFile(file)).config).toMatchObject(expected));

  test("that are empty count as not given, as in the plugin's files", async () => {
    const { config } = await loadFile({ k8sToken: "", k8sKubeConfig: "", k8sNamespace: "", options: { storageClassName: "", ttlJob: "" } });
    expect(config).toMatchObject({ k8sNamespace: "default", options: { storageClassName: "", ttlJob: 500 } });
    expect(config.k8sToken).toBeUndefined();
    expect(config.k8sKubeConfig).toBeUndefined();
  });

  test.each([
    ["k8sNamespace", { k8sNamespace: "My_NS" }, 'expected a Kubernetes name (at most 63 lower-case letters, digits and -), found "My_NS"'],
    ["k8sAddress", { k8sAddress: "cluster:6443" }, 'expected a URL such as "https://cluster.example.org:6443", found "cluster:6443"'],
    ["nfsAddress", { nfsAddress: "host:/export" }, 'expected a host name or an address, without a path, found "host:/export"'],
    ["nfsPath", { nfsPath: "export" }, 'expected an absolute path, such as "/data", found "export"'],
    ["options", { options: "none" }, 'expected an object, found "none"'],
    ["options.statusRetry", { options: { statusRetry: "often" } }, 'expected a whole number, found "often"'],
    ["options.ttlJob", { options: { ttlJob: "500ms" } }, "in whole seconds"],
    ["timeout", { timeout: 0 }, "of at least 1 s"],
    ...[0, -1, 1.5, "30s", "1.5", "soon", true, [30], 604_801].map((given): [string, object, string] => [
      "terminationGracePeriodSeconds",
      { terminationGracePeriodSeconds: given },
      "expected a whole number from 1 to 604800",
    ]),
    ["volumes", { volumes: {} }, "expected a list, found an object"],
    ["volumes[0].name", { volumes: [{ mountPathContainer: "/a" }] }, "found nothing"],
    ["volumes[0].nfsFolder", { volumes: [{ name: "a", mountPathContainer: "/a" }] }, "expected a folder below nfsPath, found nothing"],
    ["volumes[0].path", { volumes: [{ name: "a", type: "hostPath", mountPathContainer: "/a" }] }, "expected a folder on the nodes"],
    ["volumes[0].claimName", { volumes: [{ name: "SharedData", type: "claim", mountPathContainer: "/a" }] }, "name of an existing claim"],
    ["volumes[0].type", { volumes: [{ name: "a", type: "smb", mountPathContainer: "/a" }] }, 'expected one of "nfs", "hostPath"'],
    [
      "volumes[0].accessModes",
      { volumes: [{ name: "a", nfsFolder: "a", mountPathContainer: "/a", accessModes: ["RWO", "ROX"] }] },
      "found a list",
    ],
    ["workflowVolume.type", { workflowVolume: { type: "smb" } }, 'expected one of "nfs", "hostPath", "claim", found "smb"'],
    ["workflowVolume.name", { workflowVolume: { type: "claim" } }, "found nothing"],
    ["resources.memory", { resources: { memory: 512 } }, 'expected an amount with its unit (did you mean "512Mi"?), found 512'],
    ["resources.cpu", { resources: { cpu: 0 } }, "an amount of CPU"],
    ["onHeld", { onHeld: "forget" }, 'expected one of "hold", "announce"'],
    ["imagePullPolicy", { imagePullPolicy: "Sometimes" }, 'expected one of "Always", "IfNotPresent", "Never"'],
    ["pending.ErrImagePull", { pending: { ErrImagePull: "soon" } }, 'or "never", found "soon"'],
    ["sidecars[0].image", { sidecars: [{ name: "a" }] }, "found a"],
    ["env.1X", { env: { "1X": "secret-value" } }, 'found "1X"'],
    ["env.A", { env: { A: { b: "secret-value" } } }, "an object (not shown)"],
    ["k8sToken", { k8sToken: 12_345 }, "expected text on one line, found a number (not shown)"],
  ])("are refused where wrong: %s", async (key, file, expected) => {
    const error = await failureOf(loadFile(file));
    expect(error).toMatchObject({ code: "CONFIG", exitCode: 3 });
    expect(error.message).toMatch(/\.gasw-k8src\.json:\d+: /);
    expect(error.message).toContain(`: ${key}: `);
    expect(error.message).toContain(key === "sidecars[0].image" ? "expected an image name" : expected);
    expect(error.message).not.toMatch(/secret-value|12345/);
    expect(error.hint).not.toBe("");
  });
});

describe("the workflow volume", () => {
  test.each([
    ["NFS, when only the server is named", { nfsAddress: "n", nfsPath: "/w/" }, { type: "nfs", server: "n", path: "/w", capacity: "1Gi" }],
    [
      "NFS with a capacity",
      { nfsAddress: "n", nfsPath: "/", workflowVolume: { type: "nfs", capacity: "5Gi" } },
      { type: "nfs", server: "n", path: "/", capacity: "5Gi" },
    ],
    ["a folder of the nodes", { workflowVolume: { type: "hostPath", path: "/w/" } }, { type: "hostPath", path: "/w", capacity: "1Gi" }],
    [
      "a claim",
      { workflowVolume: { type: "claim", name: "c", subPath: "s" } },
      { type: "claim", name: "c", subPath: "s", capacity: "1Gi" },
    ],
  ])("is %s", async (_, file, expected) => expect(requireWorkflowVolume((await loadFile(file)).config)).toEqual(expected));

  test.each([
    ["none is configured", {}, "no volume is configured for the workflow directory"],
    ["NFS has no path", { nfsAddress: "n" }, "nfsPath is not configured"],
    ["NFS has nothing", { workflowVolume: { type: "nfs" } }, "nfsAddress and nfsPath are not configured"],
  ])("is missed only when needed: %s", async (_, file, message) => {
    const { config } = await loadFile(file);
    expect(() => requireWorkflowVolume(config)).toThrow(message);
  });
});

describe("further volumes", () => {
  const nfs = { nfsAddress: "n", nfsPath: "/export/" };

  test.each([
    [
      "the plugin's own form",
      { name: "SharedData", nfsFolder: "SharedData/", mountPathContainer: "/s", accessModes: "ReadOnlyMany" },
      { type: "nfs", server: "n", path: "/export/SharedData", accessModes: "ReadOnlyMany", capacity: "1Gi", mountOptions: [] },
    ],
    [
      "a list of one access mode",
      { name: "a", nfsFolder: "a", mountPathContainer: "/a", accessModes: ["ReadWriteMany"] },
      { accessModes: "ReadWriteMany" },
    ],
    [
      "a folder of the nodes",
      { name: "a", type: "hostPath", path: "/srv/a", mountPathContainer: "/a" },
      { type: "hostPath", path: "/srv/a", accessModes: "ReadOnlyMany" },
    ],
    ["a claim named as the volume", { name: "data", type: "claim", mountPathContainer: "/a" }, { type: "claim", claimName: "data" }],
    [
      "a claim of another name",
      { name: "Data", type: "claim", claimName: "d", mountPathContainer: "/a" },
      { name: "Data", claimName: "d" },
    ],
    [
      "a storage class",
      { name: "fast", type: "storageClass", mountPathContainer: "/a" },
      { storageClassName: "fast", accessModes: "ReadWriteMany" },
    ],
  ])("are read: %s", async (_, volume, expected) => {
    const { config } = await loadFile({ ...nfs, volumes: [volume] });
    expect(resolveVolumes(config)).toMatchObject([expected]);
  });

  test("on NFS need the server", async () => {
    const { config } = await loadFile({ volumes: [{ name: "a", nfsFolder: "a", mountPathContainer: "/a" }] });
    expect(() => resolveVolumes(config)).toThrow("volume a is on NFS, but nfsAddress and nfsPath are not configured");
  });

  test.each([
    ["/w", "a", "/w/a"],
    ["/w/", "/a/", "/w/a"],
    ["/", "a//b", "/a/b"],
  ])("join %s and %s to %s", (root, folder, path) => expect(joinNfsPath(root, folder)).toBe(path));
});
