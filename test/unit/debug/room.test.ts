import { describe, expect, test } from "vitest";
import { noNodeFor, podRequests } from "../../../src/core/why/room.ts";
import type { V1Node, V1PodSpec } from "../../../src/core/wire.ts";
import { container, node } from "./facts.ts";

const asks = (requests: Record<string, string>, more: Partial<V1PodSpec> = {}): V1PodSpec => ({
  containers: [container({ resources: { requests } })],
  ...more,
});
const labelled = (one: V1Node, labels: Record<string, string>, taints: { key: string; effect: string }[] = []): V1Node => ({
  ...one,
  metadata: { labels },
  spec: { taints },
});

describe("what a pod requests", () => {
  test("is the sum of its containers and sidecars, and a limit where no request is stated", () => {
    const sidecar = { ...container({ name: "s", resources: { limits: { memory: "1Gi" } } }), restartPolicy: "Always" };
    expect(podRequests(asks({ cpu: "500m", memory: "1Gi" }, { initContainers: [sidecar] }))).toEqual({
      cpu: "0.5",
      memory: String(2 * 2 ** 30),
    });
  });

  test("is that of its greatest init container, where that is more", () => {
    const init = container({ name: "i", resources: { requests: { cpu: "3", "amd.com/gpu": "1" } } });
    expect(podRequests(asks({ cpu: "2", memory: "1" }, { initContainers: [init] }))).toEqual({ cpu: "3", memory: "1", "amd.com/gpu": "1" });
  });
});

describe("nodes that could never run a pod", () => {
  const small = node({ cpu: "4", memory: "8Gi" });
  const big = node({ cpu: "2", memory: "64Gi", "nvidia.com/mig-1g.5gb": "2" });

  test.each<[string, V1PodSpec, V1Node[], string]>([
    ["have none of it", asks({ "amd.com/gpu": "1" }), [small, big], "it requests 1 amd.com/gpu, and no node has any"],
    [
      "have less of it",
      asks({ "nvidia.com/mig-1g.5gb": "3", cpu: "8" }),
      [small, big],
      "it requests 3 nvidia.com/mig-1g.5gb, and the largest node offers 2 nvidia.com/mig-1g.5gb; it requests 8 CPU, and the largest node offers 4 CPU",
    ],
    [
      "have it in different places",
      asks({ cpu: "4", memory: "64Gi" }),
      [small, big],
      "no suitable node offers all that it requests (4 CPU, 64Gi of memory)",
    ],
    [
      "have other labels",
      asks({}, { nodeSelector: { disk: "ssd" } }),
      [labelled(small, { disk: "hdd" })],
      "no node has the labels disk=ssd",
    ],
    [
      "have taints",
      asks({}, { nodeSelector: { disk: "ssd" } }),
      [labelled(small, { disk: "ssd" }, [{ key: "gpu", effect: "NoSchedule" }]), labelled(big, {})],
      "every suitable node has a taint that it does not tolerate (gpu:NoSchedule)",
    ],
    [
      "have it where the pod may not go",
      asks({ memory: "64Gi" }, { nodeSelector: { disk: "ssd" } }),
      [labelled(small, { disk: "ssd" }), labelled(big, {})],
      "no suitable node offers all that it requests (64Gi of memory)",
    ],
  ])("%s", (_, spec, nodes, words) => expect(noNodeFor(spec, nodes)).toBe(words));

  test.each<[string, V1PodSpec, V1Node[]]>([
    ["one has room", asks({ cpu: "4", memory: "8Gi" }), [small, big]],
    ["none of it is wanted", asks({}), [small]],
    [
      "a taint is tolerated",
      asks({}, { tolerations: [{ operator: "Exists" }] }),
      [labelled(small, {}, [{ key: "a", effect: "NoExecute" }])],
    ],
    ["nobody knows the nodes", asks({ cpu: "400" }), []],
  ])("are not found where %s", (_, spec, nodes) => expect(noNodeFor(spec, nodes)).toBeUndefined());
});
