import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasEnded, type LocalStatus } from "../../../src/core/job.ts";
import { decide } from "../../../src/core/lifecycle/decide.ts";
import type { Decision, Grace, KnownJob, OwnWords, Rules } from "../../../src/core/lifecycle/decision.ts";
import type { Ending } from "../../../src/core/lifecycle/ending.ts";
import type { EndRecord } from "../../../src/core/lifecycle/endRecord.ts";
import { CLEARING, removing } from "../../../src/core/lifecycle/make.ts";
import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import { stageOf } from "./attempts.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const GRACE: Grace = { InvalidImageName: 0, ErrImagePull: 90, ImagePullBackOff: 900, CreateContainerError: 300, Unschedulable: null };

const RULES: Rules = { retryCount: 5, retryUnknownEnd: false, onHeld: "hold", pending: GRACE, outputGrace: 90 };

const known = (status: LocalStatus, pendingFamily: string | null = null, pendingSince: string | null = null) => ({
  status,
  stage: stageOf({ status }),
  pendingFamily,
  pendingSince,
});
/** A job as a look has found it. */
const knownAs = (decision: Decision) => ({ ...decision, stage: stageOf(decision) });
const secondsAgo = (seconds: number) => new Date(NOW.getTime() - seconds * 1000).toISOString();

const MISSING: Observation = { phase: "missing" };
const LOST: Observation = { phase: "lost", reason: "BackoffLimitExceeded", message: "too many failures" };
const RUNNING: Observation = { phase: "running", pod: "pod-1", node: "node-1", startedAt: "2026-01-02T03:00:00.000Z" };
const waits = (reason: string): Observation => ({ phase: "waiting", reason, message: `message of ${reason}` });
const ends = (exitCode: number | undefined, reason: string, byCluster = false): Observation => ({
  phase: "ended",
  ending: {
    ...(exitCode === undefined ? {} : { exitCode }),
    reason,
    message: "",
    byCluster,
    stopped: byCluster || reason === "DeadlineExceeded",
  },
});

const AS_IT_WAS = undefined;

describe("what is made of an observation", () => {
  test.each<[string, LocalStatus, Observation, number | undefined, LocalStatus | undefined, string | null | undefined, number | undefined]>(
    [
      // what                                                  known             seen                          file       status       reason              code
      ["a job in preparation is not in the cluster yet", "NOT_SUBMITTED", MISSING, undefined, AS_IT_WAS, undefined, undefined],
      ["a Job that was made and has no pod", "NOT_SUBMITTED", waits("NoPod"), undefined, "QUEUED", "NoPod", undefined],
      ["a job waits for a node", "QUEUED", waits("Unschedulable"), undefined, "QUEUED", "Unschedulable", undefined],
      ["a job begins to run", "QUEUED", RUNNING, undefined, "RUNNING", null, undefined],
      ["a job runs before it was known as queued", "NOT_SUBMITTED", RUNNING, undefined, "RUNNING", null, undefined],
      [
        "a late report says that a running job waits",
        "RUNNING",
        waits("ContainerCreating"),
        undefined,
        "RUNNING",
        "ContainerCreating",
        undefined,
      ],
      ["a wrong image name", "QUEUED", waits("InvalidImageName"), undefined, "ERROR", "InvalidImageName", undefined],
      ["it succeeded", "RUNNING", ends(0, "Completed"), undefined, "COMPLETED", "Completed", 0],
      ["it succeeded, and its output says so", "RUNNING", ends(0, "Completed"), 0, "COMPLETED", "Completed", 0],
      ["it succeeded between two looks", "QUEUED", ends(0, "Completed"), 0, "COMPLETED", "Completed", 0],
      ["it ended with 0, but its output says otherwise", "RUNNING", ends(0, "Completed"), 32, "ERROR", "Error", 32],
      ["it failed", "RUNNING", ends(3, "Error"), undefined, "ERROR", "Error", 3],
      ["it failed, and its output knows better", "RUNNING", ends(1, "Error"), 40, "ERROR", "Error", 40],
      ["it failed after its output said 0", "RUNNING", ends(137, "OOMKilled"), 0, "ERROR", "OOMKilled", 0],
      ["it had too little memory", "RUNNING", ends(137, "OOMKilled"), undefined, "ERROR", "OOMKilled", 137],
      ["its time was up", "RUNNING", ends(143, "DeadlineExceeded"), undefined, "ERROR", "DeadlineExceeded", 143],
      [
        "its time was up, and the script ended with 0 for that",
        "RUNNING",
        ends(0, "DeadlineExceeded"),
        undefined,
        "ERROR",
        "DeadlineExceeded",
        0,
      ],
      ["its time was up just when its output said 0", "RUNNING", ends(0, "DeadlineExceeded"), 0, "COMPLETED", "Completed", 0],
      ["it was evicted before it began", "QUEUED", ends(undefined, "Evicted", true), undefined, "STALLED", "Evicted", undefined],
      ["it was evicted while it ran", "RUNNING", ends(137, "Evicted", true), undefined, "STALLED", "Evicted", 137],
      ["its Job is gone, its output says 0", "RUNNING", MISSING, 0, "COMPLETED", "Completed", 0],
      ["its Job is gone, its output says 3", "RUNNING", MISSING, 3, "ERROR", "Error", 3],
      ["its Job is gone, its output says nothing", "RUNNING", MISSING, undefined, "STALLED", "Gone", undefined],
      ["its Job is gone before it was seen to run", "QUEUED", MISSING, undefined, "STALLED", "Gone", undefined],
      ["its pod is gone, its output says 0", "RUNNING", LOST, 0, "COMPLETED", "Completed", 0],
      ["its pod is gone, its output says nothing", "RUNNING", LOST, undefined, "STALLED", "PodGone", undefined],
      ["an output that is no proof: only submit starts it", "NOT_SUBMITTED", MISSING, 0, AS_IT_WAS, undefined, undefined],
      ["a job that is over is seen running", "COMPLETED", RUNNING, undefined, AS_IT_WAS, undefined, undefined],
      ["a job that is over is seen failed", "STALLED", ends(3, "Error"), 3, AS_IT_WAS, undefined, undefined],
      ["a deleted job is seen completed", "DELETED", ends(0, "Completed"), 0, AS_IT_WAS, undefined, undefined],
    ],
  )("%s", (_, status, seen, fileCode, next, reason, exitCode) => {
    const decision = decide(known(status), seen, { code: fileCode }, NOW, RULES);
    expect(decision.status).toBe(next ?? status);
    expect(decision.reason).toBe(reason);
    expect(decision.exitCode).toBe(exitCode);
  });

  test("says where the job runs, and since when", () => {
    expect(decide(known("QUEUED"), RUNNING, {}, NOW, RULES)).toMatchObject({
      pod: "pod-1",
      node: "node-1",
      startedAt: "2026-01-02T03:00:00.000Z",
    });
  });

  test("says of a job that may run no longer that it does, and why that is not certain, until it is heard of again", () => {
    const silent: Observation = { ...RUNNING, reason: "NodeUnreachable", message: "node-1 does not answer" };
    const doubted = decide(known("RUNNING"), silent, {}, NOW, RULES);
    expect(doubted).toMatchObject({ status: "RUNNING", reason: "NodeUnreachable", message: "node-1 does not answer", removeJob: false });
    expect(decide(known("RUNNING"), RUNNING, {}, NOW, RULES)).toMatchObject({ status: "RUNNING", reason: null, message: null });
  });

  test("says in words why a job is lost", () => {
    expect(decide(known("RUNNING"), LOST, {}, NOW, RULES).message).toContain("(too many failures)");
    expect(decide(known("RUNNING"), MISSING, {}, NOW, RULES).message).toContain("deleted, or expired");
  });
});

describe("the record of an end", () => {
  const recorded = (code: number, signal?: string): EndRecord => ({
    attempt: "job-1",
    podUid: "uid-1",
    code,
    signal,
    signalledAt: signal === undefined ? undefined : 1,
    endedAt: 2,
    outBytes: 0,
    errBytes: 0,
  });
  const neverBegan = (seen: Observation) => ({ ...seen, ending: { ...(seen as { ending: Ending }).ending, began: false } }) as Observation;
  const UNMEASURED = ends(undefined, "ContainerStatusUnknown", true);

  test.each<[string, Observation, OwnWords, LocalStatus, string, number | undefined]>([
    ["a stop that was answered with 0", ends(0, "Completed"), { record: recorded(0, "TERM") }, "STALLED", "Stopped", 0],
    ["the same, and the output says 0", ends(0, "Completed"), { record: recorded(0, "TERM"), code: 0 }, "COMPLETED", "Completed", 0],
    ["the same, and the output says 3", ends(0, "Completed"), { record: recorded(0, "TERM"), code: 3 }, "ERROR", "Error", 3],
    ["a success before its pod was deleted", ends(0, "PodDeleted", true), { record: recorded(0) }, "COMPLETED", "Completed", 0],
    ["a 0 of a deleted pod without a record", ends(0, "PodDeleted", true), {}, "STALLED", "PodDeleted", 0],
    ["a 0 of a deleted pod, and the output says 0", ends(0, "PodDeleted", true), { code: 0 }, "COMPLETED", "Completed", 0],
    ["no code, and the record says 0", UNMEASURED, { record: recorded(0) }, "COMPLETED", "Completed", 0],
    ["no code, and the record says 3", UNMEASURED, { record: recorded(3) }, "ERROR", "Error", 3],
    [
      "no code, and the record says 143 after a stop",
      UNMEASURED,
      { record: recorded(143, "TERM") },
      "STALLED",
      "ContainerStatusUnknown",
      143,
    ],
    ["no code, and the output says 0", UNMEASURED, { code: 0 }, "COMPLETED", "Completed", 0],
    ["no code, and nothing else", UNMEASURED, {}, "STALLED", "ContainerStatusUnknown", undefined],
    ["its Job is gone, and the record says 0", MISSING, { record: recorded(0) }, "COMPLETED", "Completed", 0],
    ["its Job is gone, and the record says 3", MISSING, { record: recorded(3) }, "ERROR", "Error", 3],
    ["its Job is gone, and the record says 0 after a stop", MISSING, { record: recorded(0, "TERM") }, "STALLED", "Gone", 0],
    [
      "its Job is gone, and it was stopped after its output said 0",
      MISSING,
      { record: recorded(143, "TERM"), code: 0 },
      "STALLED",
      "Gone",
      0,
    ],
    [
      "it never began, and an earlier pod's output says 0",
      neverBegan(ends(undefined, "Evicted", true)),
      { code: 0 },
      "STALLED",
      "Evicted",
      undefined,
    ],
    ["its Job is gone, and events say that it completed", MISSING, { hasCompleted: true }, "COMPLETED", "Completed", 0],
    ["its pod is gone, and the record says 0", LOST, { record: recorded(0) }, "COMPLETED", "Completed", 0],
    ["its pod is gone, and record and output differ", LOST, { record: recorded(0), code: 3 }, "ERROR", "Error", 3],
  ])("%s", (_, seen, own, status, reason, exitCode) => {
    expect(decide(known("RUNNING"), seen, own, NOW, RULES)).toMatchObject({
      status,
      reason,
      ...(exitCode === undefined ? {} : { exitCode }),
    });
  });

  test("gives way to the code that was measured, which is told", () => {
    const decision = decide(known("RUNNING"), ends(137, "OOMKilled"), { record: recorded(0) }, NOW, RULES);
    expect(decision).toMatchObject({ status: "ERROR", exitCode: 137 });
    expect(decision.warning).toBe("its container exited with 137, but its wrapper recorded 0: using the container's exit code");
  });

  test("is doubted in words where it does not fit what is there", () => {
    const { warning } = decide(known("RUNNING"), MISSING, { record: recorded(0), doubt: "out/Job-1.sh.out is short" }, NOW, RULES);
    expect(warning).toBe("out/Job-1.sh.out is short");
  });

  test("as the pod tells it counts more than the one in the workflow directory", () => {
    const seen = ends(0, "Completed");
    const told = { ...seen, ending: { ...(seen as { ending: Ending }).ending, record: recorded(0, "TERM") } } as Observation;
    expect(decide(known("RUNNING"), told, { record: recorded(0) }, NOW, RULES).status).toBe("STALLED");
  });
});

describe("a job that was running and waits", () => {
  const waitsIn = (pod: string | undefined): Observation => ({
    phase: "waiting",
    reason: "Scheduling",
    message: "",
    ...(pod === undefined ? {} : { pod }),
  });

  test.each<[string, Observation, LocalStatus]>([
    ["for its queue is queued", waits("Suspended"), "QUEUED"],
    ["in another pod is queued", waitsIn("pod-2"), "QUEUED"],
    ["in its own pod runs: the report is late", waitsIn("pod-1"), "RUNNING"],
    ["in no pod runs: the report is late", waitsIn(undefined), "RUNNING"],
  ])("%s", (_, seen, status) => {
    expect(decide({ ...known("RUNNING"), pod: "pod-1" }, seen, {}, NOW, RULES).status).toBe(status);
  });
});

describe("an end that was decided before its Job is removed", () => {
  test.each<[string, "ERROR" | "DELETED", Observation, LocalStatus, boolean]>([
    // what                                        decided    seen                 status       removed (again)
    ["its Job is gone", "DELETED", MISSING, "DELETED", false],
    ["its Job is gone, given up before", "ERROR", MISSING, "ERROR", false],
    ["its pod is gone", "DELETED", LOST, "DELETED", false],
    ["its pod was stopped", "DELETED", ends(143, "Error"), "DELETED", false],
    ["it is still there: the removal failed", "DELETED", RUNNING, "DELETED", true],
    ["it still waits: the removal failed", "ERROR", waits("ErrImagePull"), "ERROR", true],
    ["it was given up and began to run after all", "ERROR", RUNNING, "RUNNING", false],
    ["it completed first", "DELETED", ends(0, "Completed"), "COMPLETED", false],
  ])("%s (%s)", (_, removal, seen, status, removeJob) => {
    expect(decide({ ...known("QUEUED"), stage: removing("QUEUED", removal) }, seen, {}, NOW, RULES)).toMatchObject({ status, removeJob });
  });
});

describe("a reason for waiting", () => {
  test.each<[string, string, string | null, number, boolean]>([
    ["has just begun", "ErrImagePull", null, 0, false],
    ["has lasted for less than its grace", "CreateContainerError", "container", 299, false],
    ["has lasted for its grace", "CreateContainerError", "container", 300, true],
    ["is a failed pull, which is tried again", "ErrImagePull", "image", 899, false],
    ["is a pull that waits for its next try", "ImagePullBackOff", "image", 899, false],
    ["is a failed pull when its longer grace is over", "ErrImagePull", "image", 900, true],
    ["is a pull that waits for its next try when the longer grace is over", "ImagePullBackOff", "image", 900, true],
    ["is a failed pull in other words, which has no grace of its own", "RegistryUnavailable", "image", 900, true],
    ["took the place of another one, whose time does not count", "ErrImagePull", "container", 5000, false],
    ["has no grace at all", "InvalidImageName", null, 0, true],
    ["may last for ever", "Unschedulable", "Unschedulable", 1e7, false],
    ["is not configured, and so may last for ever", "QuotaExceeded", "QuotaExceeded", 1e7, false],
  ])("%s (%s)", (_, reason, family, seconds, isOver) => {
    const before = known("QUEUED", family, family === null ? null : secondsAgo(seconds));
    const decision = decide(before, waits(reason), {}, NOW, RULES);
    expect(decision).toMatchObject({ status: isOver ? "ERROR" : "QUEUED", removeJob: isOver, reason, message: `message of ${reason}` });
  });

  test("begins anew where a clock that was set back since says when it began, and runs out from then on", () => {
    const ahead = known("QUEUED", "container", secondsAgo(-3600));
    const anew = decide(ahead, waits("CreateContainerError"), {}, NOW, RULES);
    expect(anew).toMatchObject({ status: "QUEUED", pendingFamily: "container", pendingSince: NOW.toISOString() });
    const later = new Date(NOW.getTime() + 300_000);
    expect(decide(knownAs(anew), waits("CreateContainerError"), {}, later, RULES)).toMatchObject({ status: "ERROR", removeJob: true });
  });

  test("keeps the time at which it began, and loses it when the job goes on", () => {
    const first = decide(known("QUEUED"), waits("ErrImagePull"), {}, NOW, RULES);
    expect(first).toMatchObject({ pendingFamily: "image", pendingSince: NOW.toISOString() });
    const later = new Date(NOW.getTime() + 60_000);
    const second = decide(knownAs(first), waits("ImagePullBackOff"), {}, later, RULES);
    expect(second).toMatchObject({ pendingFamily: "image", pendingSince: NOW.toISOString() });
    expect(decide(knownAs(second), RUNNING, {}, later, RULES)).toMatchObject({ pendingFamily: null, pendingSince: null });
  });

  describe("that is a pull which keeps failing", () => {
    const PULL = ["ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed"];
    const graces = fc.dictionary(fc.constantFrom(...PULL), fc.option(fc.nat(1000)));
    /** Seconds after the one before at which a look is taken. */
    const pauses = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 });

    /** The second at which the job is given up, if it is; `met` tells which reason a look meets. */
    function givenUp(looks: readonly number[], met: (look: number) => string, grace: Grace): number | undefined {
      let job: KnownJob = known("QUEUED");
      let seconds = 0;
      for (const [look, pause] of looks.entries()) {
        const decision = decide(job, waits(met(look)), {}, new Date(NOW.getTime() + seconds * 1000), { ...RULES, pending: grace });
        if (hasEnded(decision.status)) return seconds;
        job = knownAs(decision);
        seconds += pause;
      }
      return undefined;
    }

    test("is given up at the same look whichever of its reasons each look meets", () => {
      const met = fc.func(fc.constantFrom(...PULL));
      fc.assert(
        fc.property(pauses, met, met, graces, (looks, one, other, grace) => {
          expect(givenUp(looks, one, grace)).toBe(givenUp(looks, other, grace));
        }),
      );
    });

    test("is given up by default at the first look after 15 minutes", () => {
      fc.assert(
        fc.property(pauses, fc.func(fc.constantFrom("ErrImagePull", "ImagePullBackOff")), (looks, met) => {
          const times = looks.map((_, look) => looks.slice(0, look).reduce((sum, pause) => sum + pause, 0));
          expect(givenUp(looks, met, GRACE)).toBe(times.find((seconds) => seconds >= 900));
        }),
      );
    });

    test.each<[string, Grace]>([
      ["one of its reasons may last for ever", { ErrImagePull: null, ImagePullBackOff: 0 }],
      ["so may the other", { ErrImagePull: 0, ImagePullBackOff: null }],
      ["neither has a grace", {}],
    ])("is never given up when %s", (_, grace) => {
      for (const reason of PULL) expect(givenUp([1e9, 1e9, 1e9], () => reason, grace)).toBeUndefined();
    });
  });
});

describe("one wait", () => {
  /** The second at which a wait is given up whose looks, a minute apart, show these reasons one after the other. */
  function givenUp(reasons: readonly string[], grace: Grace): number | undefined {
    let job: KnownJob = known("QUEUED");
    for (let minute = 0; minute < 60; minute++) {
      const reason = reasons[minute % reasons.length] as string;
      const decision = decide(job, waits(reason), {}, new Date(NOW.getTime() + minute * 60_000), { ...RULES, pending: grace });
      if (hasEnded(decision.status)) return minute * 60;
      job = knownAs(decision);
    }
    return undefined;
  }
  const SCHEDULING = ["Unschedulable", "SchedulingGated", "SchedulerError", "Scheduling"];

  test.each<[string, readonly string[], Grace, number | undefined]>([
    ["of a scheduler is counted together", SCHEDULING, { Unschedulable: 600 }, 600],
    ["of a scheduler has the longest grace of its words", SCHEDULING, { Unschedulable: 600, SchedulingGated: 1200 }, 1200],
    ["of a scheduler lasts for ever where one of its words may", SCHEDULING, { Unschedulable: 600, SchedulerError: null }, undefined],
    ["of a scheduler lasts for ever where nothing is said of it", SCHEDULING, {}, undefined],
    ["for a pod goes on where the cluster is silent in between", ["NoPod", "FailedCreate"], { FailedCreate: 600 }, 660],
    ["for a quota goes on where the cluster is silent in between", ["QuotaExceeded", "NoPod"], { QuotaExceeded: 600 }, 600],
    ["for room in a quota is not that for a policy", ["QuotaExceeded", "FailedCreate"], { FailedCreate: 60 }, undefined],
    ["for a volume is counted together", ["FailedMount", "ContainerCreating", "FailedAttachVolume"], { FailedMount: 600 }, 720],
    ["for an image goes on where a node that began anew says nothing", ["ErrImagePull", "ContainerCreating"], { ErrImagePull: 600 }, 600],
    ["for a container too", ["CreateContainerError", "ContainerCreating"], { CreateContainerError: 600 }, 600],
    ["for an image is not that for a node", ["ErrImagePull", "Unschedulable"], { ErrImagePull: 120 }, undefined],
  ])("%s", (_, reasons, grace, seconds) => expect(givenUp(reasons, grace)).toBe(seconds));

  test("of a scheduler ends at the same look whichever of its words each look meets", () => {
    const words = fc.array(fc.constantFrom(...SCHEDULING), { minLength: 1, maxLength: 10 });
    const graces = fc.dictionary(fc.constantFrom(...SCHEDULING), fc.option(fc.nat(3000)));
    fc.assert(
      fc.property(words, words, graces, (one, other, grace) => {
        expect(givenUp(one, grace)).toBe(givenUp(other, grace));
      }),
    );
  });

  test("begins anew once the job has run", () => {
    const before = known("QUEUED", "scheduling", secondsAgo(5000));
    const ran = decide(before, RUNNING, {}, NOW, RULES);
    expect(decide(knownAs(ran), waits("Scheduling"), {}, NOW, { ...RULES, pending: { Unschedulable: 600 } })).toMatchObject({
      pendingSince: NOW.toISOString(),
    });
  });
});

describe("a Job that a queue has suspended", () => {
  const suspended = (more: object = {}): Observation => ({ phase: "waiting", reason: "Suspended", message: "not admitted yet", ...more });
  const AT = { suspendedAt: "2026-01-02T03:00:00.000Z" };
  const TAKEN = "queue q has stopped it at 2026-01-02T03:00:00.000Z: it starts over when it is admitted again";

  test.each<[string, KnownJob, Observation, string]>([
    ["and that never had a pod waits for its turn", known("QUEUED"), suspended({ queue: "q", ...AT }), "not admitted yet"],
    ["while it ran was taken back", known("RUNNING"), suspended({ queue: "q", ...AT }), TAKEN],
    ["is still known as taken back at the next look", { ...known("QUEUED"), pod: "pod-1" }, suspended({ queue: "q", ...AT }), TAKEN],
    [
      "and whose time nobody states",
      known("RUNNING"),
      suspended({ queue: "q" }),
      "queue q has stopped it: it starts over when it is admitted again",
    ],
    [
      "is told as somebody's doing without a queue",
      known("RUNNING"),
      suspended(AT),
      "its Job was suspended at 2026-01-02T03:00:00.000Z after it had started: it is waiting to be resumed",
    ],
  ])("%s", (_, before, seen, message) =>
    expect(decide(before, seen, {}, NOW, RULES)).toMatchObject({ status: "QUEUED", reason: "Suspended", message }),
  );
});

describe("a pod that is being deleted and does not go", () => {
  const WAY_OUT = "once node node-1 is known to be off: kubectl delete pod …";
  const dying = (phase: "running" | "waiting", reason: string, goneBy: string): Observation => ({
    ...RUNNING,
    phase,
    reason,
    message: "words",
    goneBy,
    wayOut: WAY_OUT,
  });
  const OVERDUE = `pod pod-1 on node node-1 should have been deleted by ${secondsAgo(60)} and is still Terminating: its node may be down; ${WAY_OUT}`;

  test.each<[string, Observation, string]>([
    ["may be on its way", dying("running", "Terminating", secondsAgo(59)), "words"],
    ["is told of when it is late, with the way out", dying("running", "Terminating", secondsAgo(60)), OVERDUE],
    ["is told of, too, where it never began", dying("waiting", "Terminating", secondsAgo(60)), OVERDUE],
    [
      "is told of at once where its node is silent",
      dying("running", "NodeUnreachable", secondsAgo(-300)),
      `words; its pod pod-1 stays Terminating; ${WAY_OUT}`,
    ],
  ])("%s", (_, seen, message) => {
    const decision = decide({ ...known("RUNNING"), pod: "pod-1" }, seen, {}, NOW, RULES);
    expect(decision).toMatchObject({ status: "RUNNING", message, removeJob: false });
  });
});

describe("a job that has ended, and whose pod others keep alive", () => {
  const kept = (seen: Observation): Observation => ({ ...seen, keptBy: ["proxy"] }) as Observation;
  const lingers = (decision: Decision) => decision.lingers ?? false;

  test.each<[string, KnownJob, Observation, LocalStatus, boolean]>([
    ["ends as it would, and its Job is to go", known("RUNNING"), kept(ends(0, "Completed")), "COMPLETED", true],
    ["goes, whatever its end", known("RUNNING"), kept(ends(3, "Error")), "ERROR", true],
    [
      "goes, where it was killed meanwhile",
      { ...known("RUNNING"), stage: removing("RUNNING", "DELETED") },
      kept(ends(3, "Error")),
      "DELETED",
      true,
    ],
    ["is left alone where nobody else keeps it", known("RUNNING"), ends(0, "Completed"), "COMPLETED", false],
    [
      "is still to go after a removal that failed",
      { ...known("COMPLETED"), stage: stageOf({ status: "COMPLETED", lingers: true }) },
      kept(ends(0, "Completed")),
      "COMPLETED",
      true,
    ],
    [
      "is still to go when its script was started again",
      { ...known("ERROR"), stage: stageOf({ status: "ERROR", lingers: true }) },
      RUNNING,
      "ERROR",
      true,
    ],
    ["is gone", { ...known("COMPLETED"), stage: stageOf({ status: "COMPLETED", lingers: true }) }, MISSING, "COMPLETED", false],
    ["that was dealt with long ago is not looked at again", known("COMPLETED"), ends(0, "Completed"), "COMPLETED", false],
  ])("%s", (_, before, seen, status, goes) => {
    const decision = decide(before, seen, {}, NOW, RULES);
    expect({ status: decision.status, goes: lingers(decision), removeJob: decision.removeJob }).toEqual({ status, goes, removeJob: false });
  });

  test("is removed by the way of one that is to run again, not twice", () => {
    const again = { ...known("NOT_SUBMITTED"), stage: CLEARING };
    const decision = decide(again, kept(ends(0, "Completed")), {}, NOW, RULES);
    expect(decision).toMatchObject({ status: "NOT_SUBMITTED", removeJob: true });
    expect(lingers(decision)).toBe(false);
  });
});

describe("over any history", () => {
  const reason = fc.constantFrom(
    "NoPod",
    "Unschedulable",
    "ContainerCreating",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "Other",
  );
  const observation: fc.Arbitrary<Observation> = fc.oneof(
    fc.constant(MISSING),
    fc.constant(LOST),
    fc.constant(RUNNING),
    reason.map(waits),
    reason.map(waits),
    fc
      .tuple(
        fc.option(fc.constantFrom(0, 1, 137), { nil: undefined }),
        fc.constantFrom("Completed", "Error", "DeadlineExceeded"),
        fc.boolean(),
      )
      .map(([code, word, byCluster]) => ends(code, word, byCluster)),
  );
  const step = fc.record({
    seen: observation,
    file: fc.option(fc.constantFrom(0, 3), { nil: undefined }),
    after: fc.integer({ min: 0, max: 2000 }),
  });
  const first = fc.constantFrom<LocalStatus>("NOT_SUBMITTED", "QUEUED", "RUNNING", "COMPLETED", "ERROR", "STALLED", "DELETED");
  const grace = fc.dictionary(reason, fc.option(fc.nat(1000)));

  /** Runs a history and hands every decision to the check. */
  function along(
    check: (before: ReturnType<typeof known>, seen: Observation, decision: Decision, file: number | undefined, grace: Grace) => void,
  ): void {
    fc.assert(
      fc.property(first, fc.array(step, { maxLength: 30 }), grace, (status, steps, allowed) => {
        let job = known(status);
        let time = NOW.getTime();
        for (const { seen, file, after } of steps) {
          time += after * 1000;
          const decision = decide(job, seen, { code: file }, new Date(time), { ...RULES, pending: allowed });
          check(job, seen, decision, file, allowed);
          expect(decide(job, seen, { code: file }, new Date(time), { ...RULES, pending: allowed })).toEqual(decision);
          job = known(decision.status, decision.pendingFamily, decision.pendingSince);
        }
      }),
    );
  }

  test("a status that is over never changes, and nothing is removed for it", () =>
    along((before, _, decision) => {
      const { stage: __, ...facts } = before;
      if (hasEnded(before.status)) expect(decision).toEqual({ ...facts, removeJob: false });
    }));

  test("RUNNING is claimed only after the container was seen running", () =>
    along((before, seen, decision) => {
      if (decision.status === "RUNNING") expect(before.status === "RUNNING" || seen.phase === "running").toBe(true);
    }));

  test("no job goes back to an earlier status", () => {
    const order: Partial<Record<LocalStatus, number>> = { NOT_SUBMITTED: 0, QUEUED: 1, RUNNING: 2 };
    along((before, _, decision) => expect(order[decision.status] ?? 3).toBeGreaterThanOrEqual(order[before.status] ?? 3));
  });

  test("waiting fails a job only for a reason with a grace, and only then is its Job removed", () =>
    along((before, seen, decision, _, allowed) => {
      const failedByWaiting = seen.phase === "waiting" && !hasEnded(before.status) && hasEnded(decision.status);
      expect(decision.removeJob).toBe(failedByWaiting);
      const pull = ["ErrImagePull", "ImagePullBackOff"];
      if (seen.phase === "waiting" && failedByWaiting)
        expect((pull.includes(seen.reason) ? pull : [seen.reason]).some((each) => typeof allowed[each] === "number")).toBe(true);
    }));

  test("COMPLETED needs the container's code and the file's code to be 0, where they are known, and the file's after a stop", () =>
    along((before, seen, decision, file) => {
      if (decision.status !== "COMPLETED" || hasEnded(before.status)) return;
      expect(file ?? 0).toBe(0);
      if (seen.phase === "ended" && seen.ending.stopped) expect(file).toBe(0);
      if (seen.phase === "ended" && seen.ending.exitCode !== undefined) expect(seen.ending.exitCode).toBe(0);
      else expect(file).toBe(0);
    }));
});
