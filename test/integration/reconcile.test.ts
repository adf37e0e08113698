import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { active, over, removing, WRITTEN } from "../../src/core/lifecycle/make.ts";
import { checkSubmissions } from "../../src/services/submit/checks.ts";
import { Submitter } from "../../src/services/submit/submitter.ts";
import { act } from "../../src/services/sync/actions.ts";
import { refresh } from "../../src/services/sync/refresh.ts";
import { Invocations, outputOf } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin();
});
afterEach(() => life.end());

const PODS = "GET /api/v1/namespaces/vip/pods";

/** Has another command write a change between a look and what follows from it, so many times. */
function overtake(times: number, change: (time: number) => void): void {
  let time = 0;
  life.cluster.onRequest = (request) => {
    if (request === PODS && time++ < times) change(time);
  };
}

const cancel = () => act(life.deps, life.workflow, [life.job("Job-1")], "cancel");

describe("a kill that another command gets ahead of between the look and the write", () => {
  const begins = () => life.store.changes.write(life.job("Job-1"), { stage: active("RUNNING") });

  test("is looked at once more by `cancel`: the job ends, and is not run again", async () => {
    life.submitted("Job-1");
    overtake(1, begins);
    await cancel();
    expect(life.job("Job-1")).toMatchObject({ status: "DELETED", message: "killed by gasw-k8s cancel" });
    expect(life.isMade("Job-1")).toBe(false);
    life.lose("Job-1");
    await life.round();
    expect(life.store.jobs.all(life.workflow)).toHaveLength(1);
  });

  test("gives up the attempt that was made meanwhile, too", async () => {
    life.submitted("Job-1");
    life.lose("Job-1");
    overtake(1, () => {
      const change = { stage: over("STALLED") };
      life.store.updates.apply([{ job: life.job("Job-1"), change, resubmit: {} }], new Date());
    });
    await cancel();
    expect(life.store.jobs.all(life.workflow).map(({ id, status }) => `${id} ${status}`)).toEqual(["Job-1 STALLED", "Job-1-r1 DELETED"]);
  });

  test("leaves the Job alone, and `cancel` says that it has not come through, where that happens each time", async () => {
    life.submitted("Job-1");
    overtake(Number.POSITIVE_INFINITY, (time) =>
      life.store.changes.write(life.job("Job-1"), { stage: active(time % 2 === 1 ? "RUNNING" : "QUEUED") }),
    );
    await expect(cancel()).rejects.toMatchObject({ code: "FAILURE", message: expect.stringContaining("job Job-1 was not cancelled") });
    expect(life.job("Job-1").stage.name).toBe("active");
    expect(life.isMade("Job-1")).toBe(true);
  });

  test("leaves the Job alone in a synchronisation, which follows the signal at its next round", async () => {
    life.submitted("Job-1");
    life.show("Job-1", "running");
    overtake(1, begins);
    await life.round({ "Job-1": "KILL" });
    expect(life.isMade("Job-1")).toBe(true);
    await life.round({ "Job-1": "KILL" });
    expect(life.job("Job-1").status).toBe("DELETED");
    expect(life.isMade("Job-1")).toBe(false);
  });
});

test("an invocation is not told of as killed while the Job of one of its attempts could not be removed: that may complete yet", async () => {
  life.submitted("Job-1");
  life.show("Job-1", "running");
  life.store.attempts.add(life.job("Job-1"), {});
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 503 : undefined);
  await expect(cancel()).rejects.toMatchObject({ code: "CLUSTER" });
  expect(life.job("Job-1-r1").status).toBe("DELETED");
  expect(life.store.results.since(life.workflow, 0)).toEqual([]);
  life.show("Job-1", 0);
  await life.round();
  expect(life.store.results.since(life.workflow, 0).map(({ id, status }) => `${id} ${status}`)).toEqual(["Job-1 COMPLETED"]);
});

test("an invocation is not told of as killed where another command has made an attempt of it while the Job was removed", async () => {
  life.submitted("Job-1");
  life.cluster.onRequest = (request) => {
    if (request.startsWith("DELETE ")) life.store.attempts.add(life.job("Job-1"), {});
  };
  await life.round({ "Job-1": "KILL" });
  life.lose("Job-1");
  await life.round();
  expect(life.store.jobs.all(life.workflow).map(({ id, status }) => `${id} ${status}`)).toEqual(["Job-1 DELETED", "Job-1-r1 QUEUED"]);
  expect(life.store.results.since(life.workflow, 0)).toEqual([]);
});

test("a job that was given up is not made anew by a submission that comes before its end was written down", async () => {
  const job = life.submitted("Job-1");
  life.store.changes.write(job, { stage: removing("NOT_SUBMITTED", "DELETED") });
  life.lose("Job-1");
  const submitter = new Submitter(life.deps, life.workflow, false);
  const [checked] = checkSubmissions(life.deps.config, life.workflow, [{ script: "sh/Job-1.sh", options: {} }], life.directory);
  if (checked === undefined) throw new Error("no submission");
  const submitted = await submitter.submit(checked, { job: life.job("Job-1"), isNew: false });
  expect(submitted).toMatchObject({ jobId: "Job-1", created: false });
  expect(life.isMade("Job-1")).toBe(false);
  await life.round();
  expect(life.job("Job-1").status).toBe("DELETED");
});

test("a Job that cannot be removed keeps no other job from its turn", async () => {
  for (const id of ["Job-1", "Job-2"]) life.submitted(id);
  life.show("Job-2", 3);
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 403 : undefined);
  await expect(life.round({ "Job-1": "KILL" })).rejects.toMatchObject({ code: "CLUSTER" });
  expect(life.job("Job-2-r1").status).toBe("QUEUED");
});

test("a wait that is over too long has its Job removed only where that could be noted", async () => {
  life.end();
  life = await Invocations.begin({ pending: { ContainerCreating: "0s" } });
  life.submitted("Job-1");
  overtake(1, () => life.store.changes.write(life.job("Job-1"), { stage: active("RUNNING") }));
  await refresh(life.deps, life.workflow);
  expect(life.job("Job-1")).toMatchObject({ stage: active("RUNNING") });
  expect(life.isMade("Job-1")).toBe(true);
});

test("a wait that was given up before, and whose job runs at last, has its Job kept by a look that has seen it wait still", async () => {
  life.end();
  life = await Invocations.begin({ pending: { ContainerCreating: "0s" } });
  life.submitted("Job-1");
  life.cluster.refusalOf = (request) => (request.startsWith("DELETE ") ? 503 : undefined);
  // At the second one nothing is left to be written down.
  for (const _ of [1, 2]) await expect(life.round()).rejects.toMatchObject({ code: "CLUSTER" });
  overtake(1, () => life.store.changes.write(life.job("Job-1"), { stage: active("RUNNING") }));
  await life.round();
  expect(life.isMade("Job-1")).toBe(true);
});

describe("how a job ended, where its Job is gone,", () => {
  const LONG = "a line that says nothing\n".repeat(20_000);

  test("is told alike by a look and by a synchronisation, however much its output goes on after its code", async () => {
    const gone = (id: string) => {
      life.submitted(id);
      life.write(`out/${id}.sh.out`, `${outputOf("fine", 0)}${LONG}`);
      life.lose(id);
    };
    gone("Job-1");
    await refresh(life.deps, life.workflow);
    gone("Job-2");
    await life.round();
    for (const id of ["Job-1", "Job-2"]) expect(life.job(id)).toMatchObject({ status: "COMPLETED", exitCode: 0 });
  });

  test("is told by its output where its submission was cut off after its Job was made", async () => {
    life.submitted("Job-1");
    life.store.changes.write(life.job("Job-1"), { stage: WRITTEN, submitted: null });
    life.show("Job-1", 0);
    life.write("out/Job-1.sh.out", outputOf("fine", 9));
    await life.round();
    expect(life.job("Job-1")).toMatchObject({ status: "CANCELLED", exitCode: 9 });
    expect(life.text("out/Job-1.sh.app.out")).toBe("fine\n");
  });
});

describe("what a job's output tells", () => {
  const outputs = () => {
    const entries = life.store.outbox.read(life.workflow, life.store.outbox.end(), 10);
    return new Map(entries.map(({ job, output }) => [job.id, output]));
  };

  test("is forgotten when the job is to run anew, also where both are seen at once", async () => {
    life.submitted("Job-1");
    life.write("out/Job-1.sh.out", `<inputs_download>\n<file_download uri=file:/in>\n</inputs_download>\n${outputOf("fine", 3)}`);
    life.show("Job-1", 3);
    await life.round({ "Job-1": "RESCHEDULE" });
    expect(life.job("Job-1").status).toBe("NOT_SUBMITTED");
    expect(outputs().get("Job-1")).toBeNull();
  });

  test("is kept as soon as it is known: no round has to remember many", async () => {
    const kept: (boolean | undefined)[] = [];
    life.onWarning = (warning) => {
      if (warning.startsWith("job Job-2: ")) kept.push(outputs().get("Job-1")?.includes('"exitCode":0'));
    };
    for (const id of ["Job-1", "Job-2"]) {
      life.submitted(id);
      life.write(`out/${id}.sh.out`, outputOf("fine", 0));
      life.show(id, 0);
    }
    // It can't be replaced, which is warned of.
    life.write("out/Job-2.sh.app.out/file", "");
    await life.round();
    expect(kept).toEqual([true]);
    expect([...outputs().values()].map((output) => output !== null)).toEqual([true, true]);
  });
});
