import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { type Diagnosis, diagnose } from "../../src/services/debug/diagnose.ts";
import { findTarget } from "../../src/services/debug/target.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin({
    retryCount: 0,
    pending: { ErrImagePull: "0s", ImagePullBackOff: "0s", CreateContainerConfigError: "0s" },
  });
});
afterEach(() => life.end());

async function why(id = "Job-1"): Promise<Diagnosis> {
  return await diagnose(life.deps, await findTarget(life.deps, id, { cwd: life.directory }));
}

/** Has the cluster show a job's pod with this status and a container that asks for little. */
function showPod(status: object, spec: object = {}): void {
  life.show("Job-1", "waiting");
  const path = `/api/v1/namespaces/vip/pods/${life.job("Job-1").kubeName}-pod`;
  const resources = { limits: { memory: "64Mi" } };
  const containers = [{ name: MAIN_CONTAINER, image: "repo/app:1", resources, env: [{ name: "TOKEN", value: "s3cret" }] }];
  const shown = life.cluster.objects.get(path);
  life.cluster.put(path, { ...shown, spec: { ...shown.spec, containers, ...spec }, status });
}

const times = { startedAt: "2026-01-02T03:04:05Z", finishedAt: "2026-01-02T03:05:05Z" };
const main = (state: object) => ({ containerStatuses: [{ name: MAIN_CONTAINER, state }] });
const ended = (exitCode: number, reason = "Error") => main({ terminated: { exitCode, reason, ...times } });
const init = (exitCode: number) => ({ terminated: { exitCode, reason: "Error", ...times } });

describe("once its Job is gone, why knows no less than before of a job", () => {
  test.each<[string, object, object?]>([
    ["that ran out of memory", { phase: "Failed", ...ended(137, "OOMKilled") }],
    ["that was killed", { phase: "Failed", ...ended(137) }],
    ["whose command its image does not have", { phase: "Failed", ...ended(127) }],
    ["that took too long", { phase: "Failed", reason: "DeadlineExceeded", ...ended(143) }, { activeDeadlineSeconds: 90 }],
    ["that was evicted", { phase: "Failed", reason: "Evicted", message: "low on memory", ...ended(137) }],
    ["whose init container failed", { phase: "Failed", initContainerStatuses: [{ name: "prep", state: init(3) }] }],
    ["that its node did not take", { phase: "Failed", reason: "OutOfcpu", message: "not enough cpu" }],
    [
      "without bash",
      { phase: "Failed", ...main({ terminated: { exitCode: 128, reason: "StartError", message: 'exec: "bash": not found' } }) },
    ],
    ["that was given up for its image", main({ waiting: { reason: "ErrImagePull", message: 'pull access denied for "repo/app"' } })],
    ["that was given up for its user", main({ waiting: { reason: "CreateContainerConfigError", message: "image will run as root" } })],
  ])("%s", async (_, status, spec) => {
    life.submitted("Job-1");
    showPod(status, spec);
    const asked = await why();
    // What waits is given up at the second look.
    await refresh(life.deps, life.workflow);
    await refresh(life.deps, life.workflow);
    const before = await why();
    life.lose("Job-1");
    await refresh(life.deps, life.workflow);
    const after = await why();
    expect(after).toEqual(before);
    expect(after.cause).toBe(asked.cause);
    expect(`${after.sentence}${after.remedy}`).not.toMatch(/unknown|undefined|no known/);
    expect(JSON.stringify(life.store.jobs.lastPod(life.job("Job-1")))).not.toContain("s3cret");
  });

  test("but of a success nothing is kept that the state need not hold", async () => {
    life.submitted("Job-1");
    showPod({ phase: "Succeeded", ...ended(0, "Completed") });
    await refresh(life.deps, life.workflow);
    expect(life.job("Job-1").status).toBe("COMPLETED");
    expect(life.store.jobs.lastPod(life.job("Job-1"))).toBeUndefined();
  });

  test.each<[string, object, RegExp]>([
    [
      "that waited for a node",
      {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available" }],
      },
      /; when last seen, it was waiting: 0\/1 nodes are available \(Unschedulable\)$/,
    ],
    [
      "that ran",
      { phase: "Running", ...main({ running: times }) },
      /; when last seen, it was running on node node-1 since 2026-01-02T03:04:05(\.000)?Z$/,
    ],
  ])("%s, and of whose end nobody knows: what it was doing", async (_, status, words) => {
    life.submitted("Job-1");
    showPod(status);
    await refresh(life.deps, life.workflow);
    life.lose("Job-1");
    const asked = await why();
    expect(asked).toMatchObject({ cause: "gone", sentence: expect.stringMatching(words) });
    await refresh(life.deps, life.workflow);
    expect(await why()).toEqual(asked);
  });
});

describe("while the cluster does not answer, why tells what is known", () => {
  const outage = () => (life.cluster.refusalOf = () => 503);

  test("of a job that is over, as before", async () => {
    life.submitted("Job-1");
    life.write("err/Job-1.sh.err", "what went wrong\n");
    showPod({ phase: "Failed", ...ended(5) });
    await refresh(life.deps, life.workflow);
    const { evidence: seen = [], ...before } = await why();
    outage();
    const { evidence = [], ...after } = await why();
    expect(after).toEqual(before);
    expect(evidence).toEqual([...seen, expect.stringMatching(/^not seen: the cluster \(.* answered 503 .*\)$/)]);
  });

  test.each<[string, object, string, RegExp]>([
    ["that runs", { phase: "Running", ...main({ running: times }) }, "running", /^has been running for .* on node node-1$/],
    ["that waits", { phase: "Pending", ...main({ waiting: { reason: "ContainerCreating" } }) }, "preparing", /^is assigned to node node-1/],
  ])("of a job %s, and that it is out of date", async (_, status, cause, sentence) => {
    life.submitted("Job-1");
    showPod(status);
    await refresh(life.deps, life.workflow);
    outage();
    const answer = await why();
    expect(answer).toMatchObject({ cause, sentence: expect.stringMatching(sentence), outdated: { code: "CLUSTER" } });
    expect(answer.evidence?.at(-1)).toMatch(/^not seen: the cluster \(.*\); this was known at 20\d\d-/);
  });

  test("but not of a job that this host's state does not know", async () => {
    outage();
    await expect(why("Other-1")).rejects.toMatchObject({ code: "CLUSTER" });
  });
});

describe("what the cluster refused is kept with its words", () => {
  const JOBS = "POST /apis/batch/v1/namespaces/vip/jobs";

  test("of an attempt that is submitted again by itself, until it is accepted", async () => {
    life.submitted("Job-1");
    life.show("Job-1", 3);
    await life.round();
    life.cluster.refusalOf = (request) => (request === JOBS ? 422 : undefined);
    await life.round({ "Job-1": "UNHOLD_ERROR" });
    const again = "Job-1-r1";
    expect(await why(again)).toMatchObject({
      cause: "submit-refused",
      sentence: "was not accepted when it was submitted: the cluster refused it: 422",
      remedy: expect.stringMatching(/; a monitor or `gasw-k8s status --sync` then submits it again$/),
    });
    life.cluster.refusalOf = () => undefined;
    await life.round();
    expect(life.job(again)).toMatchObject({ status: "QUEUED", reason: null, message: null });
  });
});
