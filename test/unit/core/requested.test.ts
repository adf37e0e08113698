import { describe, expect, test } from "vitest";
import { type JobRequest, storedRequest } from "../../../src/core/job.ts";
import { buildJob } from "../../../src/core/manifests/job.ts";
import { requestIn } from "../../../src/core/manifests/requested.ts";
import type { PodSettings } from "../../../src/core/manifests/settings.ts";

const WORKFLOW = { id: "workflow-1", namespace: "vip", directory: "/workflows/workflow-1" };
const OWNER = { uid: 1000, gid: 1000 };
const SETTINGS: PodSettings = {
  image: "debian",
  imagePullSecrets: [],
  resources: {},
  env: { LANG: "C", COST: "$5" },
  nodeSelector: {},
  tolerations: [],
  labels: {},
  annotations: {},
  initContainers: [],
  sidecars: [],
  securityContext: {},
  ttl: 60,
};

function jobOf(request: Partial<JobRequest>, settings = SETTINGS) {
  return buildJob(WORKFLOW, { jobId: "Job-1", options: {}, contentHash: "hash", ...request }, settings, [], OWNER);
}

describe("what a Job's submission asked for", () => {
  const options: readonly JobRequest["options"][] = [
    { image: "fsl:6" },
    { image: "debian", cpu: "500m", memory: "4Gi" },
    { image: "debian", gpu: 2, timeout: 3600, queue: "gpus" },
    { image: "debian", cpu: "1", cpuLimit: "2", ephemeralStorage: "1Gi", gracePeriod: 90 },
    { image: "debian", gpu: 1, resource: { "nvidia.com/mig-1g.5gb": "1", "hugepages-2Mi": "64Mi" }, memory: "1Gi" },
    { image: "debian", env: { TOKEN: "a$b", EMPTY: "" } },
  ];

  test.each(options)("is read from its manifest: %j", (given) => {
    expect(requestIn(jobOf({ options: given }), SETTINGS.env)).toEqual(storedRequest(given));
  });

  test("tells the nodes that it avoids", () => {
    expect(requestIn(jobOf({ avoidNodes: ["node-1", "node-2"] }), SETTINGS.env)).toEqual({
      image: "debian",
      avoidNodes: ["node-1", "node-2"],
    });
  });

  test("tells the nodes that it avoids, and not those that the configuration names", () => {
    const named = { key: "metadata.name", operator: "In", values: ["node-7"] };
    const nodeSelectorTerms = [{ matchFields: [named] }, { matchExpressions: [{ key: "disk", operator: "Exists" }] }];
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
    const job = jobOf({ avoidNodes: ["node-1"] }, { ...SETTINGS, affinity });
    expect(requestIn(job, SETTINGS.env)).toEqual({ image: "debian", avoidNodes: ["node-1"] });
  });

  test("holds what was configured where it was submitted: the next attempt is like it elsewhere", () => {
    const settings = { ...SETTINGS, resources: { memory: "2Gi" }, timeout: 60 };
    const request = requestIn(jobOf({}, settings), {});
    expect(request).toEqual({ image: "debian", memory: "2Gi", timeout: 60, envNames: ["LANG", "COST"] });
  });

  test("is nothing, of a Job that shows nothing", () => {
    expect(requestIn({}, {})).toEqual({});
  });
});
