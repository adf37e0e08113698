import { describe, expect, test } from "vitest";
import { folderWith } from "../folders.ts";
import { failureOf, load, loadFile } from "./support.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";
const ssd = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };
const nodes = (...nodeSelectorTerms: unknown[]) => ({ nodeAffinity: { [REQUIRED]: { nodeSelectorTerms } } });
const nodePreference = (preferred: unknown) => ({ nodeAffinity: { [PREFERRED]: [preferred] } });
const apart = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "x" } } };
const SPREAD = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" };

describe("where pods may run", () => {
  test.each([
    ["node affinity", { affinity: nodes(ssd, { matchFields: [{ key: "metadata.name", operator: "NotIn", values: ["n"] }] }) }],
    ["preferred nodes", { affinity: nodePreference({ weight: 50, preference: ssd }) }],
    [
      "pods to be near and far",
      {
        affinity: {
          podAffinity: { [REQUIRED]: [{ ...apart, namespaces: ["a"], namespaceSelector: {}, matchLabelKeys: ["v"] }] },
          podAntiAffinity: { [PREFERRED]: [{ weight: 1, podAffinityTerm: { ...apart, mismatchLabelKeys: ["v"] } }] },
        },
      },
    ],
    [
      "spreading",
      {
        topologySpreadConstraints: [
          { ...SPREAD, minDomains: 2, nodeAffinityPolicy: "Honor", nodeTaintsPolicy: "Ignore", labelSelector: ssd },
        ],
      },
    ],
    ["a scheduler and a runtime class", { schedulerName: "bin-packer", runtimeClassName: "nvidia" }],
  ])("is read: %s", async (_, file) => {
    const { config, warnings } = await loadFile(file);
    expect(config).toMatchObject(file);
    expect(warnings).toEqual([]);
  });

  test("comes from the environment, too, as JSON", async () => {
    const env = { GASW_K8S_AFFINITY: JSON.stringify(nodes(ssd)), GASW_K8S_TOPOLOGY_SPREAD_CONSTRAINTS: JSON.stringify([SPREAD]) };
    const { config } = await load({ cwd: folderWith(), env });
    expect(config).toMatchObject({ affinity: nodes(ssd), topologySpreadConstraints: [SPREAD] });
  });

  const terms = `affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
  test.each<[string, object, string]>([
    ["affinity", { affinity: [] }, "expected an object, found a list"],
    [
      "affinity.nodeAfinity",
      { affinity: { nodeAfinity: { a: 1 } } },
      "expected one of the fields nodeAffinity, podAffinity, podAntiAffinity",
    ],
    [`affinity.nodeAffinity.${REQUIRED}s`, { affinity: { nodeAffinity: { [`${REQUIRED}s`]: [] } } }, `one of the fields ${REQUIRED}, `],
    [terms, { affinity: { nodeAffinity: { [REQUIRED]: { terms: [] } } } }, "expected a value: it is required here, found nothing"],
    [terms, { affinity: nodes() }, "expected a list that is not empty"],
    [`${terms}[0]`, { affinity: nodes({}) }, "expected matchExpressions or matchFields: an empty term matches no node"],
    [
      `${terms}[0].matchExpressions[0].operator`,
      { affinity: nodes({ matchExpressions: [{ key: "a", operator: "Equal" }] }) },
      'expected one of "In", "NotIn"',
    ],
    [
      `${terms}[0].matchExpressions[0].values[0]`,
      { affinity: nodes({ matchExpressions: [{ key: "a", operator: "In", values: [1] }] }) },
      "expected text, found 1",
    ],
    [
      `affinity.nodeAffinity.${PREFERRED}[0].weight`,
      { affinity: nodePreference({ weight: 101, preference: ssd }) },
      "expected a whole number from 1 to 100, found 101",
    ],
    [
      `affinity.podAffinity.${REQUIRED}[0].topologyKey`,
      { affinity: { podAffinity: { [REQUIRED]: [{}] } } },
      "expected a value: it is required here",
    ],
    ["topologySpreadConstraints", { topologySpreadConstraints: SPREAD }, "expected a list"],
    ["topologySpreadConstraints[0].maxSkew", { topologySpreadConstraints: [{ ...SPREAD, maxSkew: 0 }] }, "a whole number from 1 to"],
    [
      "topologySpreadConstraints[0].whenUnsatisfiable",
      { topologySpreadConstraints: [{ ...SPREAD, whenUnsatisfiable: "Wait" }] },
      'expected one of "DoNotSchedule", "ScheduleAnyway", found "Wait"',
    ],
    [
      "topologySpreadConstraints[0].labelSelector.matchLabels",
      { topologySpreadConstraints: [{ ...SPREAD, labelSelector: { matchLabels: { a: 1 } } }] },
      "expected an object of texts",
    ],
    ["schedulerName", { schedulerName: "My Scheduler" }, "the name of a Kubernetes object"],
    ["runtimeClassName", { runtimeClassName: "a/b" }, "the name of a Kubernetes object"],
  ])("is refused where it is wrong: %s", async (key, file, expected) => {
    const error = await failureOf(loadFile(file));
    expect(error).toMatchObject({ code: "CONFIG" });
    expect(error.message).toMatch(/\.gasw-k8src\.json:\d+: /);
    expect(error.message).toContain(`: ${key}: `);
    expect(error.message).toContain(expected);
  });
});

describe("resources", () => {
  test("are read, by names of any number of dots, and laid over each other name by name", async () => {
    const file = { resources: { cpuLimit: 2, ephemeralStorage: "1Gi", extended: { "nvidia.com/mig-1g.5gb": 1, "amd.com/gpu": "2" } } };
    const env = { GASW_K8S_RESOURCES_EXTENDED: '{"amd.com/gpu":0}', GASW_K8S_RESOURCES_CPU_LIMIT: "4" };
    const { config, warnings, locate } = await loadFile(file, { env });
    expect(config.resources).toEqual({
      cpuLimit: "4",
      ephemeralStorage: "1Gi",
      extended: { "nvidia.com/mig-1g.5gb": "1", "amd.com/gpu": "0" },
    });
    expect(warnings).toEqual([]);
    const origins = await locate?.();
    expect(origins?.get("resources.extended.nvidia.com/mig-1g.5gb")).toMatchObject({ kind: "file", line: 6 });
    expect(origins?.get("resources.extended.amd.com/gpu")).toEqual({ kind: "environment", name: "GASW_K8S_RESOURCES_EXTENDED" });
  });

  test.each<[string, object, string, RegExp]>([
    ["resources.cpuLimit", { cpu: "2", cpuLimit: "1" }, 'expected at least resources.cpu, "2", found "1"', /set resources\.cpuLimit/],
    ["resources.ephemeralStorage", { ephemeralStorage: "10" }, 'did you mean "10Mi"', /write "10Mi"/],
    ["resources.extended", { extended: ["a.b/c"] }, "expected an object with string values", /set/],
    ["resources.extended.cpu", { extended: { cpu: 1 } }, "expected a resource that has no option of its own", /resources\.cpuLimit/],
    ["resources.extended.amd.com/gpu", { extended: { "amd.com/gpu": 1.5 } }, "expected a whole number", /how many of it/],
  ])("are refused where they are wrong: %s", async (key, resources, expected, hint) => {
    const error = await failureOf(loadFile({ resources }));
    expect(error.message).toMatch(/\.gasw-k8src\.json:\d+: /);
    expect(error.message).toContain(`: ${key}: `);
    expect(error.message).toContain(expected);
    expect(error.hint).toMatch(hint);
  });
});
