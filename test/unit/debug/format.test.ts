import { describe, expect, test } from "vitest";
import { describePod } from "../../../src/core/inventory/describe.ts";
import { masked } from "../../../src/core/inventory/hideSecrets.ts";
import type { Engine } from "../../../src/core/inventory/life.ts";
import { listedJob, listedNode, listedPod, listedVolume } from "../../../src/core/inventory/listed.ts";
import { cpuText, memoryText, timeText, twice } from "../../../src/core/manifests/amounts.ts";
import type { V1Job, V1PersistentVolume } from "../../../src/core/wire.ts";
import { blocksText } from "../../../src/ui/describe.ts";
import { nodeTable, podTable, volumeTable } from "../../../src/ui/inventory.ts";
import { container, pod } from "./facts.ts";

const now = new Date("2026-01-01T01:00:00Z");
const ours = { "app.kubernetes.io/managed-by": "gasw-k8s", "app.kubernetes.io/component": "job" };

describe("amounts", () => {
  test.each([
    ["33554432Ki", "32Gi"],
    ["1536Mi", "1.5Gi"],
    ["512", "512"],
    ["nonsense", "nonsense"],
    [undefined, "-"],
  ])("memory %s is %s", (quantity, text) => expect(memoryText(quantity)).toBe(text));
  test.each([
    ["500m", "0.5"],
    ["8", "8"],
  ])("cpu %s is %s", (quantity, text) => expect(cpuText(quantity)).toBe(text));
  test.each([
    [0, "0 s"],
    [45_000, "45 s"],
    [190_000, "3 min 10 s"],
    [7_500_000, "2 h 5 min"],
    [86_400_000, "1 d"],
    [3_600_000 + 5000, "1 h"],
  ])("%d ms is %s", (milliseconds, text) => expect(timeText(milliseconds)).toBe(text));
  test("twice an amount is one to try next", () => expect(twice("1.5Gi")).toBe("3Gi"));
});

describe("masked", () => {
  test("hides the values of environment variables wherever they stand, and what only machines read", () => {
    const spec = {
      containers: [
        {
          name: "a",
          env: [
            { name: "TOKEN", value: "s3cret" },
            { name: "REF", valueFrom: { secretKeyRef: { name: "n", key: "k" } } },
          ],
        },
      ],
    };
    const metadata = {
      name: "x",
      managedFields: [{}],
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "s3cret", mine: "kept" },
    };
    const result = masked({ metadata, spec, template: { spec } });
    expect(JSON.stringify(result)).not.toContain("s3cret");
    expect(result.metadata).toEqual({ name: "x", annotations: { mine: "kept" } });
    expect(result.spec.containers[0]?.env).toEqual([{ name: "TOKEN", value: "***" }, spec.containers[0]?.env[1]]);
  });
});

describe("describe", () => {
  test("shows a pod without the values of its environment, and its command as it runs", () => {
    const text = blocksText(
      describePod(pod({ containers: [container({ env: [{ name: "TOKEN", value: "s3cret" }], command: ["sh", "-c", "echo $$HOME"] })] })),
    );
    expect(text).not.toContain("s3cret");
    expect(text).toContain("environment: TOKEN=***\n");
    expect(text).toContain("sh -c 'echo $HOME'");
  });
  test("shows where a pod may run, how long it may clean up, and what it is given", () => {
    const topologySpreadConstraints = [{ maxSkew: 2, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }];
    const affinity = { podAntiAffinity: {} };
    const resources = { requests: { cpu: "1" }, limits: { cpu: "2", "amd.com/gpu": "1" } };
    const placed = { schedulerName: "bin-packer", runtimeClassName: "nvidia", affinity, topologySpreadConstraints };
    const text = blocksText(describePod(pod({ ...placed, terminationGracePeriodSeconds: 90, containers: [container({ resources })] })));
    for (const line of [
      "grace period: 90 s",
      "scheduler: bin-packer",
      "runtime class: nvidia",
      'affinity: {"podAntiAffinity":{}}',
      "topology spread: zone, at most 2 apart, else ScheduleAnyway",
      "requests: cpu=1",
      "limits: cpu=2, amd.com/gpu=1",
    ])
      expect(text.replaceAll(/: +/g, ": ")).toContain(`  ${line}\n`);
  });
  test("leaves out what has no value, and what could command a terminal", () => {
    const text = blocksText([
      {
        title: "T",
        fields: [
          ["a", null],
          ["b", ""],
          ["long name", "x\u001b[2J"],
        ],
      },
    ]);
    expect(text).toBe("T\n  long name: x\\x1b[2J\n");
  });
});

describe("lists", () => {
  test("a pod of ours shows its true job, and its status in words", () => {
    const waiting = {
      ...pod({ nodeName: "n1" }),
      status: {
        containerStatuses: [
          {
            name: "job",
            image: "",
            imageID: "",
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: "ErrImagePull", message: "no\nsuch" } },
          },
        ],
      },
    };
    const record = listedPod({ ...waiting, metadata: { name: "p", labels: ours, annotations: { "gasw-k8s.io/job": "Basic_Grep.2" } } });
    expect(record).toMatchObject({ name: "p", job: "Basic_Grep.2", status: "waiting", reason: "ErrImagePull", node: "n1", ours: true });
    expect(podTable([record], now)).toBe(
      "POD  JOB           STATUS   NODE  AGE  REASON\np    Basic_Grep.2  waiting  n1    -    ErrImagePull: no such\n",
    );
  });
  test("a pod shows its own image, wherever a mesh has put its proxy's", () => {
    const containers = [
      { name: "istio-proxy", image: "istio/proxyv2" },
      { name: "job", image: "repo/app:1" },
    ];
    expect(listedPod({ ...pod(), spec: { containers } }).image).toBe("repo/app:1");
    expect(listedPod({ ...pod(), spec: { containers: containers.slice(0, 1) } }).image).toBe("istio/proxyv2");
    const job = { spec: { template: { spec: { containers } } } } as V1Job;
    expect(listedJob(job, undefined, { engine: null, folder: null }).image).toBe("repo/app:1");
  });
  test("a pod of somebody else's shows its phase", () => {
    expect(listedPod({ ...pod(), status: { phase: "Running" } })).toMatchObject({ ours: false, job: null, status: "running" });
  });
  test("a node shows what it offers and its taints", () => {
    const record = listedNode(
      {
        metadata: { name: "n1", creationTimestamp: "2026-01-01T00:00:00Z" },
        spec: { unschedulable: true, taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] },
        status: {
          allocatable: { cpu: "7910m", memory: "33554432Ki", pods: "110", "nvidia.com/gpu": "2" },
          conditions: [{ type: "Ready", status: "True" }],
        },
      },
      3,
    );
    expect(nodeTable([record], now).split("\n")[1]).toBe("n1    yes, cordoned  7.91  32Gi    2    3/110  1h   gpu=yes:NoSchedule");
  });
  test("a volume shows whom it was made for, who serves that and with how many jobs, and one on its way out says so", () => {
    const annotations = { "gasw-k8s.io/directory": "/w/wf", "gasw-k8s.io/host": "h", "gasw-k8s.io/last-used": "2026-01-01T00:00:00Z" };
    const volume: V1PersistentVolume = {
      metadata: { name: "v", annotations, deletionTimestamp: now.toISOString() },
      spec: { nfs: { server: "s", path: "/e" }, claimRef: { namespace: "ns", name: "c" } },
      status: { phase: "Bound" },
    };
    const shown = (engine: Engine | null) =>
      volumeTable([listedVolume(volume, { engine, activeJobs: 2, folder: "there" })], now).split("\n")[1];
    const record = listedVolume(volume, { engine: null, activeJobs: null, folder: "unknown" });
    expect(record).toMatchObject({ phase: "Terminating", claim: "ns/c", directory: "/w/wf", host: "h" });
    expect(volumeTable([record], now)).toBe(
      "VOLUME  PHASE        CLAIM  SOURCE    WORKFLOW  FOLDER  ENGINE  ACTIVE JOBS  AGE  LAST USED\nv       Terminating  ns/c   NFS s:/e  /w/wf     -       - (h)   -            -    1h ago\n",
    );
    const engine = { host: "h", user: "www" };
    expect(shown({ ...engine, silentSeconds: 5 })).toContain("  alive 5s ago (h)  2  ");
    expect(shown({ ...engine, silentSeconds: 10_800 })).toContain("  silent for 3h (h)  2  ");
    expect(shown({ ...engine, silentSeconds: null })).toContain("  unknown (h)  2  ");
  });
});
