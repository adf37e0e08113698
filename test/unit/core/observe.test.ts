import { describe, expect, test } from "vitest";
import { jobIdOf, mayStillRun, observe, podsByJob } from "../../../src/core/lifecycle/observe.ts";
import type { V1ContainerStatus, V1Job, V1Pod } from "../../../src/core/wire.ts";
import { asObject, BEGIN, container, END, JOBS, job, PODS, pod, running, type State, terminated } from "./pods.ts";

/** A pod that was being deleted when its container ended. */
const podDeleted = (state: State): V1Pod => {
  const shown = pod(state, { phase: "Running" });
  return asObject({ ...shown, metadata: { ...shown.metadata, deletionTimestamp: "2026-01-02T03:05:30Z" } });
};

describe("what the cluster shows", () => {
  test.each(PODS)("of a pod %s", (_, shown, observation) => {
    // A Job that is still open would have its say about a pod that was deleted.
    const failed = job({ conditions: [{ type: "Failed", status: "True" }] });
    expect(observe(failed, shown)).toEqual(observation);
  });
  test.each(PODS)("of a pod %s, whose Job is gone", (_, shown, observation) => expect(observe(undefined, shown)).toEqual(observation));
  test.each(JOBS)("of %s without a pod", (_, shown, observation) => expect(observe(shown, undefined)).toEqual(observation));

  test("of a pod counts even when its Job is gone", () => {
    expect(observe(undefined, pod(running))).toMatchObject({ phase: "running" });
  });

  test("of a pod that was deleted while it ran is no end until its Job says so: a queue may start it again", () => {
    const shown = podDeleted(terminated(3));
    expect(observe(job({}), shown)).toMatchObject({ phase: "running", reason: "Terminating" });
    const leaving = job({});
    const going = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: END } } as never;
    expect(observe(going, shown)).toMatchObject({ phase: "ended", ending: { exitCode: 3 } });
  });

  test.each([
    ["none", undefined],
    ["one that runs", pod(running, { phase: "Running" })],
    ["one that has answered the stop with 0", pod(terminated(0), { phase: "Succeeded" })],
    ["one that the stop has ended", podDeleted(terminated(143))],
  ])("of a Job that a queue has suspended is a wait, whatever its pod shows: %s", (_, shown) => {
    expect(observe(job({}, { suspend: true }), shown)).toMatchObject({ phase: "waiting", reason: "Suspended" });
  });

  test("of a Job that had ended before it was suspended is its end", () => {
    const ended = job({ conditions: [{ type: "Complete", status: "True" }] }, { suspend: true });
    expect(observe(ended, pod(terminated(0), { phase: "Succeeded" }))).toMatchObject({ phase: "ended" });
  });

  test("of a pod's end is told by its wrapper's record, which is no message", () => {
    const line = "1 job-1 uid-1 0 TERM 1795610004 1795610005 17 4 end\n";
    const shown = pod(terminated(0, "Completed", { message: line }), { phase: "Succeeded" });
    expect(observe(undefined, shown)).toMatchObject({ ending: { message: "", record: { code: 0, signal: "TERM", outBytes: 17 } } });
  });

  test("of further containers never stands for the main one", () => {
    const shown = pod(undefined, { containerStatuses: [container("other", terminated(0)), container("job", running)] });
    expect(observe(job({}), shown)).toMatchObject({ phase: "running" });
  });
});

test("the way out of a pod on a dead node ends its Job too, where that waits for the pod's end", () => {
  const dying = (finalizers: string[], spec: State = {}) => {
    const shown = pod(running, { phase: "Running" }, spec);
    const metadata = { ...shown.metadata, namespace: "ns", deletionTimestamp: END, finalizers };
    return observe(undefined, asObject<V1Pod>({ ...shown, metadata }));
  };
  const FORCE = "kubectl delete pod -n ns job-1-abcde --force --grace-period=0";
  const TAINT = "kubectl taint node node-1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";
  expect(dying([])).toMatchObject({ wayOut: `once node node-1 is known to be off: ${FORCE} (or: ${TAINT})` });
  expect(dying(["batch.kubernetes.io/job-tracking"])).toMatchObject({
    wayOut: `once node node-1 is known to be off: ${TAINT}, or kubectl delete node node-1 (kubectl delete pod --force is not enough: its Job waits for the pod to end)`,
  });
  expect(dying([], { nodeName: undefined })).toMatchObject({ wayOut: `once it is no longer running: ${FORCE}` });
});

describe("a pod that others keep alive", () => {
  const injected = (state: State, more: State = {}, spec: State = {}) =>
    pod(
      undefined,
      { phase: "Running", containerStatuses: [container("proxy", state), container("job", terminated(3))], ...more },
      { containers: [{ name: "proxy" }, { name: "job" }], ...spec },
    );
  const ended = terminated(0);
  const sidecar = {
    containers: [{ name: "job" }],
    initContainers: [{ name: "proxy", restartPolicy: "Always" }],
  };
  const open = job({});
  const leaving = asObject<V1Job>({ metadata: { deletionTimestamp: END } });
  const dying = asObject<V1Pod>({
    ...injected(running),
    metadata: { ...injected(running).metadata, deletionTimestamp: "2026-01-02T05:00:00Z" },
  });

  test.each<[string, V1Job | undefined, V1Pod, readonly string[] | undefined]>([
    ["by a container that runs", open, injected(running), ["proxy"]],
    ["by a container that its node has yet to start", open, injected({ waiting: { reason: "ErrImagePull" } }), ["proxy"]],
    ["by a container of which nothing is said", open, injected(running, { containerStatuses: [container("job", ended)] }), ["proxy"]],
    [
      "by its own container, which was started again",
      open,
      pod(
        undefined,
        { phase: "Running", containerStatuses: [container("job", running, { lastState: ended })] },
        { containers: [{ name: "job" }] },
      ),
      ["job"],
    ],
    ["by none: the other one has ended too", open, injected(ended), undefined],
    [
      "by none: a sidecar among the init containers is ended by the kubelet",
      open,
      pod(ended, { phase: "Running", initContainerStatuses: [container("proxy", running)] }, sidecar),
      undefined,
    ],
    ["by none: its own container runs still", open, injected(running, { containerStatuses: [container("job", running)] }), undefined],
    ["by none: the pod is over", open, injected(running, { phase: "Failed" }), undefined],
    ["no longer: it is being deleted", open, dying, undefined],
    ["no longer: its Job is being deleted", leaving, injected(running), undefined],
    ["though its Job is over", job({ conditions: [{ type: "Failed", status: "True" }] }), injected(running), undefined],
    ["though its Job is gone", undefined, injected(running), undefined],
  ])("%s", (_, kubeJob, shown, keptBy) => {
    const seen = observe(kubeJob, shown);
    expect("keptBy" in seen ? seen.keptBy : undefined).toEqual(keptBy);
  });

  test("has ended as its own container has", () =>
    expect(observe(open, injected(running))).toMatchObject({ phase: "ended", ending: { exitCode: 3, reason: "Error" } }));

  test("may still run its script where that was started again, and only then", () => {
    const again = pod(undefined, { phase: "Running", containerStatuses: [container("job", running, { lastState: ended })] });
    for (const [shown, may] of [
      [again, true],
      [injected(running), false],
      [pod(running), true],
      [pod(undefined), true],
      [pod(ended), false],
    ] as const)
      expect(mayStillRun(shown, observe(open, shown))).toBe(may);
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
