import { describe, expect, test } from "vitest";
import { basePodSpec } from "../../../src/core/manifests/pod.ts";
import { modestResources, resourceConflict } from "../../../src/core/manifests/resources.ts";
import { build, OWNER, SETTINGS } from "./samples.ts";

const CONFIGURED = {
  cpu: "1",
  cpuLimit: "2",
  memory: "1Gi",
  ephemeralStorage: "1Gi",
  gpu: 1,
  extended: { "amd.com/gpu": "1", "example.org/fpga": "1" },
};

describe("what a job is given", () => {
  test("is what the configuration states: of all but CPU, the request is the limit", () => {
    const all = { memory: "1Gi", "ephemeral-storage": "1Gi", "nvidia.com/gpu": "1", "amd.com/gpu": "1", "example.org/fpga": "1" };
    expect(build({ resources: CONFIGURED }).main.resources).toEqual({
      requests: { cpu: "1", ...all },
      limits: { cpu: "2", ...all },
    });
  });

  test("is what the request states instead, resource by resource; 0 is none", () => {
    const options = {
      cpu: "500m",
      cpuLimit: "600m",
      memory: "2Gi",
      ephemeralStorage: "3Gi",
      gpu: 0,
      resource: { "amd.com/gpu": "0", "hugepages-2Mi": "64Mi" },
    };
    const all = { memory: "2Gi", "ephemeral-storage": "3Gi", "example.org/fpga": "1", "hugepages-2Mi": "64Mi" };
    expect(build({ resources: CONFIGURED }, options).main.resources).toEqual({
      requests: { cpu: "500m", ...all },
      limits: { cpu: "600m", ...all },
    });
  });

  test("is nothing that nobody has stated", () => {
    expect(build().main.resources).toEqual({ requests: {}, limits: {} });
    expect(build({}, { cpuLimit: "1" }).main.resources).toEqual({ requests: {}, limits: { cpu: "1" } });
  });

  test("of time to clean up, is what the request states before the configuration", () => {
    const settings = { terminationGracePeriodSeconds: 60 };
    expect(build(settings).pod.terminationGracePeriodSeconds).toBe(60);
    expect(build(settings, { gracePeriod: 90 }).pod.terminationGracePeriodSeconds).toBe(90);
  });

  test.each([
    ["a limit below the request", { cpu: "1", cpuLimit: "500m" }, "limit-below-request"],
    ["a limit like the request", { cpu: "1", cpuLimit: "1000m" }, undefined],
    ["a limit alone", { cpuLimit: "1" }, undefined],
    ["huge pages alone", { extended: { "hugepages-2Mi": "64Mi" } }, "pages-alone"],
    ["no huge pages", { extended: { "hugepages-2Mi": "0" } }, undefined],
    ["huge pages beside memory", { memory: "1Gi", extended: { "hugepages-2Mi": "64Mi" } }, undefined],
  ])("is found contradictory or not: %s", (_, resources, expected) => {
    expect(resourceConflict(resources)).toBe(expected);
  });
});

describe("where a job's pod may run", () => {
  const term = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };
  const preferred = [{ weight: 1, preference: term }];
  const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }] };
  const affinityOf = (...nodeSelectorTerms: object[]) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    },
    podAntiAffinity,
  });
  const spread = [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }];
  const settings = { schedulerName: "bin-packer", runtimeClassName: "nvidia", topologySpreadConstraints: spread };

  test("is what the configuration states", () => {
    expect(build({ ...settings, affinity: affinityOf(term) }).pod).toMatchObject({ ...settings, affinity: affinityOf(term) });
  });

  test("is not said where the configuration says nothing", () => {
    for (const field of ["affinity", "schedulerName", "runtimeClassName", "topologySpreadConstraints", "terminationGracePeriodSeconds"])
      expect(build().pod).not.toHaveProperty(field);
  });

  test("leaves out the nodes to be avoided whichever of the configured terms fits", () => {
    const avoided = { key: "metadata.name", operator: "NotIn", values: ["node-1"] };
    const own = { matchFields: [{ key: "metadata.name", operator: "In", values: ["node-2"] }] };
    const avoidNodes = { avoidNodes: ["node-1"] };
    expect(build({ affinity: affinityOf(term, own) }, {}, "Job-1", avoidNodes).pod.affinity).toEqual(
      affinityOf({ ...term, matchFields: [avoided] }, { matchFields: [...own.matchFields, avoided] }),
    );
    expect(build({ affinity: { podAntiAffinity } }, {}, "Job-1", avoidNodes).pod.affinity).toEqual({
      podAntiAffinity,
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [avoided] }] } },
    });
  });

  test("goes for a pod that looks around, too, but for how jobs are spread", () => {
    const { affinity, ...pod } = basePodSpec({ ...SETTINGS, ...settings, affinity: affinityOf(term) }, [], OWNER);
    expect(affinity).toEqual({ nodeAffinity: affinityOf(term).nodeAffinity });
    expect(pod).toMatchObject({ schedulerName: "bin-packer", runtimeClassName: "nvidia" });
    expect(pod).not.toHaveProperty("topologySpreadConstraints");
  });
});

describe("a pod that looks around", () => {
  test("is given little of everything that the job has stated, since a quota may require it", () => {
    const asked = { cpu: "8", cpuLimit: "8", memory: "64Gi", ephemeralStorage: "100Gi", gpu: 4 };
    expect(modestResources({}, asked)).toEqual({ cpu: "10m", cpuLimit: "500m", memory: "256Mi", ephemeralStorage: "256Mi" });
    expect(modestResources({}, { memory: "32Mi" })).toEqual({ cpu: "10m", memory: "32Mi" });
  });

  test("is given what is configured for all jobs, and no more than its own CPU limit", () => {
    const { cpuLimit, memory, ephemeralStorage } = CONFIGURED;
    expect(modestResources(CONFIGURED, { memory: "64Gi" })).toEqual({ cpu: "10m", cpuLimit, memory, ephemeralStorage });
    expect(modestResources({ cpuLimit: "5m" }, {})).toEqual({ cpu: "5m", cpuLimit: "5m" });
  });
});
