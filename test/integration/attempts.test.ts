import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { over } from "../../src/core/lifecycle/make.ts";
import { type LogSink, readJobLogs } from "../../src/services/debug/logs.ts";
import { findTarget } from "../../src/services/debug/target.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
beforeEach(async () => {
  life = await Invocations.begin({ retryCount: 1 });
});
afterEach(() => life.end());

const has = (file: string) => existsSync(path.join(life.directory, file));

/** An attempt that has run, printed its own id, and failed. */
function failed(id: string): void {
  for (const file of ["out/Job-1.sh.out", "err/Job-1.sh.err"]) life.write(file, `${id}\n`);
  life.show(id, 3);
}

/** Whose streams are kept as those of each attempt; the newest one's stand where GASW looks. */
const kept = () =>
  ["out/Job-1.sh.out.0", "out/Job-1.sh.out.1", "err/Job-1.sh.err.0", "err/Job-1.sh.err.1"].map((file) =>
    has(file) ? life.text(file).trim() : undefined,
  );

describe("the streams of an attempt are kept under its own number", () => {
  test("when the newest attempt runs anew", async () => {
    life.submitted("Job-1");
    failed("Job-1");
    await life.round();
    failed("Job-1-r1");
    await life.round();
    expect(life.job("Job-1-r1").status).toBe("ERROR_HELD");
    life.lose("Job-1-r1");
    await life.round({ "Job-1-r1": "RESCHEDULE" });
    expect(life.job("Job-1-r1")).toMatchObject({ status: "QUEUED", prepared: true });
    expect(kept()).toEqual(["Job-1", "Job-1-r1", "Job-1", "Job-1-r1"]);
    expect(has("out/Job-1.sh.out")).toBe(false);
  });

  test("when the attempt between them could not be submitted", async () => {
    life.submitted("Job-1");
    failed("Job-1");
    life.hide("sh/Job-1.sh");
    await life.round();
    expect(life.job("Job-1-r1")).toMatchObject({ status: "ERROR_HELD", reason: "NotSubmittable" });
    life.write("sh/Job-1.sh", "true\n");
    await life.round({ "Job-1-r1": "UNHOLD_ERROR" });
    expect(life.job("Job-1-r2").status).toBe("QUEUED");
    expect(kept()).toEqual(["Job-1", undefined, "Job-1", undefined]);
  });

  test("when the attempt between them was killed before its turn", async () => {
    const job = life.submitted("Job-1");
    failed("Job-1");
    life.store.changes.write(job, { stage: over("ERROR") });
    life.store.attempts.add(job, {});
    await life.round({ "Job-1-r1": "KILL" });
    expect(life.job("Job-1-r1")).toMatchObject({ status: "DELETED", submitted: null });
    await life.round({ "Job-1-r1": "REPLICATE" });
    expect(life.job("Job-1-r2").status).toBe("QUEUED");
    expect(kept()).toEqual(["Job-1", undefined, "Job-1", undefined]);
  });
});

test("the streams that are shown for an attempt are its own; the invocation's id means the newest there are", async () => {
  const job = life.submitted("Job-1");
  failed("Job-1");
  life.store.changes.write(job, { stage: over("ERROR") });
  const shown = async (text: string) => (await findTarget(life.deps, text, { cwd: life.directory })).superseded;
  life.store.attempts.add(job, {});
  expect([await shown("Job-1"), await shown(job.kubeName), await shown("Job-1-r1")]).toEqual([undefined, undefined, 1]);
  await life.round();
  expect(life.job("Job-1-r1").status).toBe("QUEUED");
  expect([await shown("Job-1"), await shown(job.kubeName), await shown("Job-1-r1")]).toEqual([undefined, 0, undefined]);
});

describe("attempts whose turn it is", () => {
  const CLAIM = "GET /api/v1/namespaces/vip/persistentvolumeclaims/workflows";

  /** Two failures that are to be retried, and what a round warns of. */
  async function retried(): Promise<string[]> {
    const warnings: string[] = [];
    life.onWarning = (warning) => warnings.push(warning);
    for (const id of ["Job-1", "Job-2"]) {
      life.submitted(id);
      life.show(id, 3);
    }
    await life.round();
    return warnings;
  }
  const statuses = () => ["Job-1-r1", "Job-2-r1"].map((id) => life.job(id).status);

  test("are left for a later round, with one warning, while a volume is not bound: nobody waits for it", async () => {
    life.showClaim("Pending");
    const begun = performance.now();
    expect(await retried()).toEqual([
      "resubmissions of workflow workflow-1 are waiting for their volumes (2): volume workflow: claim vip/workflows is Pending, not Bound (it has no events)",
    ]);
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(statuses()).toEqual(["NOT_SUBMITTED", "NOT_SUBMITTED"]);
    life.showClaim("Bound");
    await life.round();
    expect(statuses()).toEqual(["QUEUED", "QUEUED"]);
  });

  test("have volumes made that are missing", async () => {
    life.end();
    life = await Invocations.begin({ workflowVolume: { type: "nfs" }, nfsAddress: "nfs.example.org", nfsPath: "/export" });
    life.cluster.put("/api/v1/namespaces/vip", {});
    expect(await retried()).toEqual([
      expect.stringMatching(/^resubmissions of workflow workflow-1 are waiting .*-claim is Pending, not Bound/),
    ]);
    const [volume, claim] = ["/api/v1/persistentvolumes/", "/api/v1/namespaces/vip/persistentvolumeclaims/workflow-1-"].map((place) =>
      [...life.cluster.objects.keys()].find((path) => path.startsWith(place)),
    );
    expect([volume, claim]).toEqual([expect.any(String), expect.any(String)]);
    const made = life.cluster.objects.get(claim ?? "");
    life.cluster.put(claim ?? "", { ...made, status: { phase: "Bound" } });
    await life.round();
    expect(statuses()).toEqual(["QUEUED", "QUEUED"]);
  });

  test("are not submitted where somebody gives them up at that very moment", async () => {
    const requests: string[] = [];
    life.cluster.onRequest = (request) => {
      requests.push(request);
      if (request === CLAIM) life.store.changes.write(life.job("Job-1-r1"), { stage: over("DELETED") });
    };
    expect(await retried()).toEqual([]);
    expect(statuses()).toEqual(["DELETED", "QUEUED"]);
    expect(requests.filter((request) => /^POST .*jobs$/.test(request))).toHaveLength(1);
  });
});

test("the logs of an attempt whose turn has not come say how it comes", async () => {
  life.submitted("Job-1");
  // Alive still, so that the next attempt waits.
  life.show("Job-1", "running");
  life.store.attempts.add(life.job("Job-1"), {});
  const target = await findTarget(life.deps, "Job-1-r1", { workflow: life.directory, cwd: life.directory });
  const sink: LogSink = { write: async () => undefined, note: () => undefined, isOpen: () => true };
  await expect(readJobLogs(life.deps, target, { streams: "both", follow: false }, sink)).rejects.toMatchObject({
    code: "NOT_FOUND",
    hint: "run `gasw-k8s status --sync`, or `gasw-k8s retry Job-1` to submit it now",
  });
});
