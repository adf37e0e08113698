import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refresh } from "../../src/services/sync/refresh.ts";
import { Invocations } from "./invocations.ts";

const NOW = Date.parse("2026-01-02T03:04:05Z");
const POLICY = "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: use a tag";
const FULL = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4';
const WEBHOOK = 'Internal error occurred: failed calling webhook "x.istio.io": connection refused';

let life: Invocations;
let warnings: string[];
let time: number;
beforeEach(async () => {
  life = await Invocations.begin();
  warnings = [];
  life.onWarning = (warning) => warnings.push(warning);
  time = NOW;
  life.now = () => new Date(time);
});
afterEach(() => life.end());

/** A job whose pod is not made, and what the Job controller says of that. */
function refused(id: string, message: string, more: object = {}): void {
  life.submitted(id);
  const { kubeName } = life.job(id);
  const job = `/apis/batch/v1/namespaces/vip/jobs/${kubeName}`;
  life.cluster.objects.delete(`/api/v1/namespaces/vip/pods/${kubeName}-pod`);
  const { uid } = life.cluster.objects.get(job).metadata;
  life.cluster.put(`/api/v1/namespaces/vip/events/${id}`, {
    involvedObject: { kind: "Job", name: kubeName, uid },
    reason: "FailedCreate",
    message,
    lastTimestamp: new Date(time).toISOString(),
    ...more,
  });
}
const look = () => refresh(life.deps, life.workflow);

describe("a pod that is refused", () => {
  test.each([
    ["by a policy", POLICY, "FailedCreate"],
    ["by a full quota", FULL, "QuotaExceeded"],
    ["by a webhook that does not answer", WEBHOOK, "NoPod"],
  ])("%s is told of from the first look", async (_, message, reason) => {
    refused("Job-1", message);
    await look();
    expect(life.job("Job-1")).toMatchObject({ status: "QUEUED", reason, message });
  });

  test("for good is warned of once, for all jobs together", async () => {
    refused("Job-1", POLICY);
    refused("Job-2", POLICY);
    refused("Job-3", FULL);
    await look();
    await life.round();
    expect(warnings).toEqual([
      expect.stringMatching(
        /^job Job-1 \(and 1 more\) cannot start: .*: use a tag; change the setting that the policy names .*; see `gasw-k8s debug why Job-1`$/,
      ),
    ]);
  });

  test("is told of with the option that cures it", async () => {
    refused("Job-1", 'pods "x" is forbidden: failed quota: team: must specify limits.cpu for: job');
    await look();
    expect(warnings).toEqual([expect.stringContaining("set limits.cpu for: job: --cpu-limit (or resources.cpuLimit)")]);
  });

  test("for good is given up when its grace is over, whatever shows in between", async () => {
    refused("Job-1", POLICY);
    await look();
    const event = "/api/v1/namespaces/vip/events/Job-1";
    const told = life.cluster.objects.get(event);
    life.cluster.objects.delete(event);
    time += 200_000;
    await look();
    expect(life.job("Job-1").reason).toBe("NoPod");
    life.cluster.objects.set(event, told);
    time += 99_000;
    await look();
    expect(life.job("Job-1").status).toBe("QUEUED");
    time += 1000;
    await look();
    expect(life.job("Job-1")).toMatchObject({ status: "ERROR", reason: "FailedCreate", message: POLICY });
    expect(life.isMade("Job-1")).toBe(false);
  });

  test.each([
    ["a full quota", FULL],
    ["a webhook that does not answer", WEBHOOK],
  ])("by %s waits on", async (_, message) => {
    refused("Job-1", message);
    await look();
    time += 24 * 3_600_000;
    await look();
    expect(life.job("Job-1").status).toBe("QUEUED");
  });

  test("of an earlier Job of that name says nothing of this one", async () => {
    refused("Job-1", POLICY, { involvedObject: { kind: "Job", name: life.submitted("Job-1").kubeName, uid: "another" } });
    await look();
    expect(life.job("Job-1").reason).toBe("NoPod");
    time += 3_600_000;
    await look();
    expect(life.job("Job-1")).toMatchObject({ status: "QUEUED", reason: "NoPod" });
  });
});

test("a pod that its node has just begun to prepare is not asked about", async () => {
  const requests: string[] = [];
  life.submitted("Job-1");
  life.cluster.onRequest = (request) => requests.push(request);
  await look();
  expect(requests.filter((request) => request.endsWith("/events"))).toEqual([]);
});
