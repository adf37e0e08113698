import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leftOf } from "../../src/core/lifecycle/stage.ts";
import { diagnose } from "../../src/services/debug/diagnose.ts";
import { findTarget, viewJob } from "../../src/services/debug/target.ts";
import { act } from "../../src/services/sync/actions.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
let warnings: string[];
beforeEach(async () => {
  life = await Invocations.begin({ retryCount: 0 });
  warnings = [];
  life.onWarning = (warning) => warnings.push(warning);
});
afterEach(() => life.end());

/** Has a mesh's proxy run in a job's pod beside its container, whose state is given. */
function withProxy(id: string, state: object, lastState: object = {}): void {
  const pod = `/api/v1/namespaces/vip/pods/${life.job(id).kubeName}-pod`;
  life.show(id, "running");
  const shown = life.cluster.objects.get(pod);
  const containers = [
    { name: "istio-proxy", image: "istio/proxyv2:1.27", env: [{ name: "TOKEN", value: "s3cret" }] },
    { name: "job", image: "repo/app:1", resources: { limits: { memory: "64Mi" } } },
  ];
  const statuses = [
    { name: "istio-proxy", state: { running: { startedAt: "2026-01-02T03:04:05Z" } } },
    { name: "job", state, lastState },
  ];
  life.cluster.put(pod, {
    ...shown,
    spec: { ...shown.spec, containers },
    status: { phase: "Running", containerStatuses: statuses },
  });
}
const ended = (exitCode: number, reason = exitCode === 0 ? "Completed" : "Error") => ({
  terminated: { exitCode, reason, startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:05:05Z" },
});
const looks = {
  status: () => refresh(life.deps, life.workflow),
  "a synchronisation": () => life.round(),
};

describe.each(Object.entries(looks))("the Job of a script that has ended beside a proxy, seen by %s", (_, look) => {
  test("is removed once its end is written down, and what was seen last is kept", async () => {
    life.submitted("Job-1");
    withProxy("Job-1", ended(137, "OOMKilled"));
    // The end stands before the Job goes.
    const noted: unknown[] = [];
    life.cluster.onRequest = (request) => {
      if (request.startsWith("DELETE ")) noted.push([life.job("Job-1").exitCode, leftOf(life.job("Job-1").stage).lingers]);
    };
    await look();
    expect(noted).toEqual([[137, true]]);
    expect(life.isMade("Job-1")).toBe(false);
    expect(life.job("Job-1")).toMatchObject({
      reason: "OOMKilled",
      exitCode: 137,
      pod: `${life.job("Job-1").kubeName}-pod`,
      node: "node-1",
      ended: "2026-01-02T03:05:05.000Z",
      stage: { lingers: false },
    });
    life.lose("Job-1");
    const target = await findTarget(life.deps, "Job-1", { cwd: life.directory });
    const { lastPod } = await viewJob(life.deps, target);
    expect(lastPod?.status?.containerStatuses?.map(({ name }) => name)).toEqual(["istio-proxy", "job"]);
    expect(lastPod?.spec?.containers.map(({ image }) => image)).toEqual(["istio/proxyv2:1.27", "repo/app:1"]);
    expect(JSON.stringify(lastPod)).not.toContain("s3cret");
    const { sentence, evidence } = await diagnose(life.deps, target);
    expect(sentence).toContain("exceeded its memory limit of 64Mi");
    expect(evidence?.at(-1)).toBe(
      "its pod was deleted when the job ended: container istio-proxy, which was injected into it, would have kept it running",
    );
    // A synchronisation tells that it is held, too.
    expect(warnings.filter((warning) => !warning.includes("is held after the last retry"))).toEqual([]);
  });

  test.each([
    [403, "Forbidden"],
    [503, "unavailable"],
  ])("that cannot be removed (%i) is warned of, keeps its end, and goes at a later look, when nothing else is active", async (status) => {
    life.submitted("Job-1");
    withProxy("Job-1", ended(0));
    life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? status : undefined);
    await look();
    expect(life.job("Job-1")).toMatchObject({ status: "COMPLETED", stage: { lingers: true } });
    expect(warnings).toEqual([expect.stringMatching(/^job Job-1 has ended, but its Job, .* could not be removed: /)]);
    life.cluster.refusalOf = () => undefined;
    await look();
    expect(life.isMade("Job-1")).toBe(false);
    expect(life.job("Job-1")).toMatchObject({ status: "COMPLETED", stage: { lingers: false } });
    const requests: string[] = [];
    life.cluster.onRequest = (request) => requests.push(request);
    await refresh(life.deps, life.workflow);
    expect(requests).toEqual([]);
  });

  test("that somebody else has removed meanwhile is no matter", async () => {
    life.submitted("Job-1");
    withProxy("Job-1", ended(0));
    life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 503 : undefined);
    await look();
    life.lose("Job-1");
    await look();
    expect(life.job("Job-1")).toMatchObject({ status: "COMPLETED", stage: { lingers: false } });
  });

  test("ends as it did first, where its node has started it again", async () => {
    life.submitted("Job-1");
    withProxy("Job-1", { running: { startedAt: "2026-01-02T03:06:05Z" } }, ended(3));
    await look();
    expect(life.job("Job-1")).toMatchObject({ exitCode: 3, ended: "2026-01-02T03:05:05.000Z" });
    expect(life.isMade("Job-1")).toBe(false);
  });
});

test("a retry waits for the pod in which a node has started the script again", async () => {
  life.end();
  life = await Invocations.begin({ retryCount: 1 });
  life.submitted("Job-1");
  withProxy("Job-1", { running: { startedAt: "2026-01-02T03:06:05Z" } }, ended(3));
  await life.round();
  expect(life.isMade("Job-1")).toBe(false);
  expect(life.job("Job-1-r1")).toMatchObject({ status: "NOT_SUBMITTED", stage: { name: "due" }, reason: "EarlierRun" });
  life.lose("Job-1");
  await life.round();
  expect(life.job("Job-1-r1")).toMatchObject({ status: "QUEUED", reason: null });
});

test("a failure whose Job alone holds what --env gave it has its pod removed, not its Job", async () => {
  const job = life.submitted("Job-1");
  life.store.changes.write(job, { request: { envNames: ["TOKEN"] } });
  withProxy("Job-1", ended(3));
  await refresh(life.deps, life.workflow);
  expect(life.isMade("Job-1")).toBe(true);
  expect(life.cluster.objects.has(`/api/v1/namespaces/vip/pods/${job.kubeName}-pod`)).toBe(false);
  expect(life.job("Job-1")).toMatchObject({ status: "ERROR", exitCode: 3, stage: { lingers: false } });
});

test("a job that is to run again forgets that its Job lingered, and what was seen of its pod", async () => {
  life.submitted("Job-1");
  withProxy("Job-1", ended(3));
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 503 : undefined);
  await life.round();
  life.cluster.refusalOf = () => undefined;
  await life.round({ "Job-1": "RESCHEDULE" });
  expect(leftOf(life.job("Job-1").stage).lingers).toBe(false);
  life.lose("Job-1");
  await life.round();
  expect(life.job("Job-1")).toMatchObject({ status: "QUEUED" });
  expect(life.store.jobs.lastPod(life.job("Job-1"))).toBeUndefined();
  life.show("Job-1", "running");
  await life.round();
  expect(life.isMade("Job-1")).toBe(true);
});

test("a workflow that has left its cluster has no Job to go there any more", async () => {
  life.submitted("Job-1");
  withProxy("Job-1", ended(0));
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 403 : undefined);
  await life.round();
  expect(life.store.jobs.lingering(life.workflow).map(({ id }) => id)).toEqual(["Job-1"]);
  expect(life.store.jobs.unfinished().map(({ id }) => id)).toEqual(["Job-1"]);
  life.store.placements.clear(life.workflow);
  expect(life.store.jobs.lingering(life.workflow)).toEqual([]);
});

test("a kill that comes with the end of a kept job gives it up, and its Job goes", async () => {
  life.submitted("Job-1");
  withProxy("Job-1", ended(3));
  await act(life.deps, life.workflow, [life.job("Job-1")], "cancel");
  expect(life.isMade("Job-1")).toBe(false);
  expect(life.job("Job-1")).toMatchObject({ exitCode: 3, stage: { lingers: false } });
});

test("the Job of an ended script is left alone where nobody else keeps its pod: its time to live removes it", async () => {
  life.submitted("Job-1");
  life.show("Job-1", 0);
  await life.round();
  expect(life.job("Job-1").status).toBe("COMPLETED");
  expect(life.isMade("Job-1")).toBe(true);
});
