import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, inject, test } from "vitest";
import { engineAccount, file } from "./accessSupport.ts";
import { apply, get, kubectl, TestWorkflow } from "./harness.ts";

const NO_FILE = { GASW_K8S_CONFIG: undefined };
const root = path.resolve(import.meta.dirname, "../..");
let workflow: TestWorkflow;
afterEach(() => workflow.cleanup());

/** What the plugin's files do not say. */
const ownKeys = () => ({
  GASW_K8S_IMAGE: inject("cluster").image,
  GASW_K8S_IMAGE_PULL_POLICY: "IfNotPresent",
  GASW_K8S_STATE_PATH: workflow.stateFile,
});

describe("the plugin's own file is enough for a real job, in each generation of its keys", () => {
  const { nfsServer, engineKubeconfig } = inject("cluster");
  const account = engineAccount();
  test.each([
    [
      "the oldest",
      "kubernetes_plugin.conf",
      {
        k8s_address: account.server.origin,
        k8s_token: account.token,
        k8s_namespace: "NAMESPACE",
        nfs_address: nfsServer,
        nfs_path: "WORKFLOWS/",
      },
      500,
    ],
    [
      "the shipped example's, with numbers as strings",
      "kubernetes_plugin.conf",
      {
        k8sKubeConfig: engineKubeconfig,
        k8sNamespace: "NAMESPACE",
        nfsAddress: nfsServer,
        nfsPath: "WORKFLOWS/",
        options: { ttlJob: "777", statusRetry: "5", statusRetryWait: "2000", maxRetryToPush: "5", storageClassName: "" },
        volumes: [{ name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/SharedData", accessModes: "ReadOnlyMany" }],
      },
      777,
    ],
    [
      "the newest, with numbers as numbers",
      "conf/conf_kubernetes.json",
      {
        k8sKubeConfig: engineKubeconfig,
        k8sNamespace: "NAMESPACE",
        nfsAddress: nfsServer,
        nfsPath: "WORKFLOWS/",
        workflowsLocation: "WORKFLOWS",
        options: {
          ttlJobInSeconds: 888,
          statusRetry: 5,
          statusRetryWaitInMillis: 2000,
          maxRetryToPush: 5,
          timeToVolumeBeReadyInSeconds: 120,
          storageClassName: "",
        },
        volumes: [{ name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/SharedData", accessModes: "ReadOnlyMany" }],
      },
      888,
    ],
  ])("%s", async (_, name, keys, ttl) => {
    workflow = new TestWorkflow();
    const workflows = path.dirname(workflow.directory);
    mkdirSync(path.join(workflows, "SharedData"));
    writeFileSync(path.join(workflows, "SharedData/atlas"), "shared\n");
    mkdirSync(path.join(workflow.folder, path.dirname(name)), { recursive: true });
    const text = JSON.stringify(keys).replaceAll("NAMESPACE", workflow.namespace).replaceAll("WORKFLOWS", workflows);
    const config = file(workflow, name, text);
    // The oldest generation has no key for the CA.
    const ca = "k8s_address" in keys ? { GASW_K8S_CA_FILE: file(workflow, "ca.crt", account.ca) } : {};
    // The newest is found where the plugin looks for it, from the engine's own directory.
    const found = name.startsWith("conf/") ? NO_FILE : { GASW_K8S_CONFIG: config };
    const options = { cwd: workflow.folder, env: { ...found, ...ownKeys(), ...ca } };
    const script = workflow.script("Job-1", "cat /SharedData/atlas 2>/dev/null || echo none\n");
    const result = await workflow.cliWith(options, "submit", script, "--wait", "--wait-timeout", "300s");
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("volumes" in keys ? "shared\n" : "none\n");
    expect((await workflow.jobs()).map((job) => job.spec.ttlSecondsAfterFinished)).toEqual([ttl]);
  });
});

test("a file found upward, the environment above it and the options above that decide what is made", async () => {
  workflow = new TestWorkflow();
  const { state, ...config } = JSON.parse(readFileSync(workflow.configFile, "utf8"));
  const labels = { low: "file", middle: "file", high: "file" };
  file(
    workflow,
    ".gasw-k8src.json",
    JSON.stringify({ ...config, state, labels, k8sNamespace: "from-the-file", resources: { memory: "16Mi", cpu: "10m" } }),
  );
  const env = {
    ...NO_FILE,
    GASW_K8S_NAMESPACE: "from-the-environment",
    GASW_K8S_LABELS: '{"middle":"environment"}',
    GASW_K8S_RESOURCES_MEMORY: "32Mi",
  };
  const script = workflow.script("Job-1", "true\n");
  const result = await workflow.cliWith({ env }, "submit", script, "-n", workflow.namespace, "--cpu", "20m");
  expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
  const [job] = await workflow.jobs();
  expect(job.metadata.labels).toMatchObject({ low: "file", middle: "environment", high: "file" });
  expect(job.spec.template.spec.containers[0].resources.requests).toEqual({ cpu: "20m", memory: "32Mi" });
});

test("kubernetes_plugin.conf.example runs a real job when its addresses are replaced", async () => {
  workflow = new TestWorkflow({ owner: 33 });
  const { image, nfsServer, engineKubeconfig } = inject("cluster");
  const workflows = path.dirname(workflow.directory);
  const unique = workflow.namespace;
  const example = JSON.parse(readFileSync(path.join(root, "kubernetes_plugin.conf.example"), "utf8"));
  const folders = Object.fromEntries(["SharedData", "atlas/2024", "models", "scratch"].map((name) => [name, path.join(workflows, name)]));
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(workflows, "atlas/2024/ready"), "");
  const [shared, atlas, models, scratch] = example.volumes;
  const config = {
    ...example,
    k8sKubeConfig: engineKubeconfig,
    k8sContext: "test",
    k8sNamespace: workflow.namespace,
    nfsAddress: nfsServer,
    nfsPath: workflows,
    workflowsLocation: workflows,
    image,
    priorityClassName: unique,
    runtimeClassName: unique,
    state: { path: workflow.stateFile },
    volumes: [shared, atlas, { ...models, path: folders.models }, { ...scratch, storageClassName: unique }],
    initContainers: example.initContainers.map((container: object) => ({ ...container, image, imagePullPolicy: "IfNotPresent" })),
    sidecars: example.sidecars.map((container: object) => ({
      ...container,
      image,
      imagePullPolicy: "IfNotPresent",
      command: ["bash", "-c", "trap 'exit 0' TERM; sleep 600 & wait"],
    })),
    resources: { cpu: "10m", cpuLimit: "500m", memory: "32Mi", ephemeralStorage: "64Mi", gpu: 0, extended: {} },
  };
  expect(Object.keys(config.resources).sort()).toEqual(Object.keys(example.resources).sort());
  expect(Object.keys(config).sort()).toEqual(Object.keys(example).sort());
  writeFileSync(workflow.configFile, JSON.stringify(config));
  await apply(...surroundings(unique, workflows));
  try {
    const result = await workflow.cli(
      "submit",
      workflow.script("Job-1", "ls -d /atlas/ready /models /scratch /var/www/html/workflows/SharedData; echo $OMP_NUM_THREADS; id -u\n"),
      "--wait",
      "--wait-timeout",
      "240s",
    );
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(workflow.out("Job-1").split("\n")).toEqual([
      "/atlas/ready",
      "/models",
      "/scratch",
      "/var/www/html/workflows/SharedData",
      "1",
      "33",
      "",
    ]);
    const [job] = await workflow.jobs();
    expect(job.spec.template.spec).toMatchObject({
      activeDeadlineSeconds: 86400,
      serviceAccountName: "gasw-jobs",
      nodeSelector: { "kubernetes.io/arch": "amd64" },
      schedulerName: "default-scheduler",
      runtimeClassName: unique,
      affinity: example.affinity,
      topologySpreadConstraints: example.topologySpreadConstraints,
    });
    expect(job.spec).toMatchObject({ ttlSecondsAfterFinished: 500 });
    expect(job.metadata.labels).toMatchObject({ "kueue.x-k8s.io/queue-name": "vip-jobs", "example.org/team": "imaging" });
  } finally {
    await kubectl("delete", "storageclass,priorityclass,runtimeclass", unique, "--ignore-not-found");
    await kubectl("delete", "pv", `${unique}-atlas`, `${unique}-scratch`, "--ignore-not-found", "--wait=false");
  }
  expect((await get("storageclass")).items.map((item: { metadata: { name: string } }) => item.metadata.name)).not.toContain(unique);
});

/** What an administrator has made before: the namespace, an account, a priority, a runtime class, an existing claim, and a class with a volume to give away. */
function surroundings(unique: string, workflows: string): object[] {
  const volume = (name: string, folder: string, storageClassName: string, capacity: string) => ({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `${unique}-${name}` },
    spec: {
      capacity: { storage: capacity },
      accessModes: ["ReadWriteMany"],
      storageClassName,
      hostPath: { path: path.join(workflows, folder) },
    },
  });
  const claim = {
    accessModes: ["ReadWriteMany"],
    storageClassName: "",
    volumeName: `${unique}-atlas`,
    resources: { requests: { storage: "1Gi" } },
  };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: unique } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "gasw-jobs", namespace: unique } },
    { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: unique }, value: 10 },
    { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name: unique }, handler: "runc" },
    { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name: unique }, provisioner: "kubernetes.io/no-provisioner" },
    volume("atlas", "atlas", "", "1Gi"),
    volume("scratch", "scratch", unique, "20Gi"),
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "atlas-v2", namespace: unique }, spec: claim },
  ];
}
