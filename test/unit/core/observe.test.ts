import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { jobIdOf, observe, podsByJob } from "../../../src/core/observe.ts";
import { asObject, BEGIN, container, END, JOBS, job, PODS, pod, running, type State, terminated } from "./pods.ts";

describe("what the cluster shows", () => {
  test.each(PODS)("of a pod %s", (_, shown, observation) => expect(observe(job({}), shown)).toEqual(observation));
  test.each(JOBS)("of %s without a pod", (_, shown, observation) => expect(observe(shown, undefined)).toEqual(observation));

  test("of a pod counts even when its Job is gone", () => {
    expect(observe(undefined, pod(running))).toMatchObject({ phase: "running" });
  });

  test("of further containers never stands for the main one", () => {
    const shown = pod(undefined, { containerStatuses: [container("other", terminated(0)), container("job", running)] });
    expect(observe(job({}), shown)).toMatchObject({ phase: "running" });
  });
});

describe("the pod that tells of a Job", () => {
  const made = (name: string, labels: State, creationTimestamp: string): V1Pod =>
    asObject({ metadata: { name, labels, creationTimestamp } });

  test("is the newest of several, in whatever order they are listed", () => {
    const label = { "batch.kubernetes.io/job-name": "job-1" };
    const old = made("old", label, BEGIN);
    const fresh = made("fresh", label, END);
    for (const pods of [
      [old, fresh],
      [fresh, old],
    ])
      expect(podsByJob(pods).get("job-1")?.metadata?.name).toBe("fresh");
  });

  test("is found by the label of older clusters too, and pods of no Job are left out", () => {
    const found = podsByJob([made("a", { "job-name": "job-2" }, BEGIN), made("b", {}, BEGIN)]);
    expect([...found.keys()]).toEqual(["job-2"]);
  });

  test("names the job it was made for", () => {
    expect(jobIdOf({ metadata: { annotations: { "gasw-k8s.io/job": "Job-1" } } })).toBe("Job-1");
    expect(jobIdOf({})).toBeUndefined();
  });
});

test("a container status of an unknown kind means waiting", () => {
  const status = asObject<V1ContainerStatus>(container("job", {}));
  expect(
    observe(
      undefined,
      asObject({ metadata: { name: "p" }, spec: { nodeName: "n" }, status: { phase: "Unknown", containerStatuses: [status] } }),
    ),
  ).toMatchObject({ phase: "waiting" });
});
