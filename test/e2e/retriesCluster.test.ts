import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { notedStatuses, noteStatuses } from "./gaswDatabase.ts";
import { eventually, get } from "./harness.ts";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

describe("a job whose image cannot be pulled", () => {
  test("is an ERROR when the grace is over, run again, held, and never said to run", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, pending: { ErrImagePull: "1s", ImagePullBackOff: "1s" } });
    await workflow.cli("submit", workflow.script("Image-1", "true\n"), "--image", "localhost/absent:1");
    await workflow.sync();
    expect((await workflow.row("Image-1")).status).toBe("QUEUED");
    await noteStatuses(workflow.database);
    await workflow.until("Image-1-r1", "ERROR_HELD");
    expect(await notedStatuses(workflow.database, "Image-1")).toEqual(["ERROR"]);
    expect(await notedStatuses(workflow.database, "Image-1-r1")).toEqual(["QUEUED", "ERROR_HELD"]);
    expect(await workflow.row("Image-1-r1")).toMatchObject({ exit_code: -1, exit_message: expect.stringContaining("localhost/absent:1") });
    await eventually(
      () => workflow.jobs(),
      (jobs) => jobs.length === 0,
    );
    expect(await workflow.results()).toEqual([]);
  });
});

describe("a job that took more memory than it may", () => {
  const GREEDY = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo \"$x\" | wc -c\n";
  const memoryOf = async (attemptId: string) => (await workflow.jobOf(attemptId)).spec.template.spec.containers[0].resources;

  test("gets retryMemoryGrowth times as much at each attempt after it", async () => {
    workflow = new RetriedWorkflow({ retryCount: 2, retryMemoryGrowth: 2 });
    await workflow.cli("submit", workflow.script("Greedy-1", GREEDY), "--memory", "24Mi");
    await workflow.until("Greedy-1-r2", "ERROR_HELD");
    expect(await workflow.history("Greedy-1")).toMatchObject([{ reason: "OOMKilled" }, { reason: "OOMKilled" }, { reason: "OOMKilled" }]);
    for (const [id, memory] of Object.entries({ "Greedy-1": "24Mi", "Greedy-1-r1": "48Mi", "Greedy-1-r2": "96Mi" }))
      expect(await memoryOf(id)).toMatchObject({ requests: { memory }, limits: { memory } });
  });

  test("gets as much as before by default, as does one that failed otherwise", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, resources: { memory: "24Mi" } });
    await workflow.cli("submit", workflow.script("Greedy-1", GREEDY));
    await workflow.until("Greedy-1-r1", "ERROR_HELD");
    expect(await memoryOf("Greedy-1-r1")).toMatchObject({ limits: { memory: "24Mi" } });
    workflow.reconfigure({ retryCount: 1, retryMemoryGrowth: 2, resources: { memory: "24Mi" } });
    await workflow.cli("submit", workflow.script("Modest-1", "exit 3\n"));
    await workflow.until("Modest-1-r1", "ERROR_HELD");
    expect(await memoryOf("Modest-1-r1")).toMatchObject({ limits: { memory: "24Mi" } });
    // A growth that is configured later counts from what the job had.
    await workflow.cli("release", "Greedy-1");
    expect(await memoryOf("Greedy-1-r2")).toMatchObject({ limits: { memory: "48Mi" } });
  });
});

describe("a job that failed on a node", () => {
  test("keeps off it with retryAvoidNode: with no other, it stays QUEUED", async () => {
    workflow = new RetriedWorkflow({ retryCount: 5, retryAvoidNode: true });
    await workflow.cli("submit", workflow.script("Node-1", "exit 3\n"));
    await workflow.until("Node-1", "ERROR");
    const [{ node }] = await workflow.history("Node-1");
    const { affinity } = (await workflow.jobOf("Node-1-r1")).spec.template.spec;
    const [term] = affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
    expect(term.matchFields).toEqual([{ key: "metadata.name", operator: "NotIn", values: [node] }]);
    const nodes = (await get("nodes")).items;
    if (nodes.length > 1) return;
    const waiting = await eventually(
      () => workflow.status("Node-1"),
      ({ reason }) => reason === "Unschedulable",
    );
    expect(waiting).toMatchObject({ attemptId: "Node-1-r1", status: "QUEUED" });
    for (let round = 0; round < 3; round++) await workflow.sync();
    expect(await workflow.rows("Node-1")).toEqual(["Node-1 ERROR 3", "Node-1-r1 QUEUED -1"]);
  });

  test("may run there again by default", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    await workflow.cli("submit", workflow.script("Node-1", "echo $HOSTNAME; exit 3\n"));
    await workflow.until("Node-1-r1", "ERROR_HELD");
    expect((await workflow.jobOf("Node-1-r1")).spec.template.spec.affinity).toBeUndefined();
    const [first, second] = ["out/Node-1.sh.out.0", "out/Node-1.sh.out"].map((file) =>
      readFileSync(path.join(workflow.directory, file), "utf8"),
    );
    expect(first).not.toBe(second);
  });
});

describe("a job whose volumes are not bound when it is to be run again", () => {
  test("waits for them without keeping anybody waiting: no synchronisation, and no kill", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    await workflow.cli("submit", workflow.script("Wait-1", "[ -e repaired ] || exit 3\n"), workflow.script("Wait-2", "exit 3\n"));
    for (const id of ["Wait-1", "Wait-2"])
      await eventually(
        () => workflow.status(id),
        ({ status }) => status === "ERROR",
      );
    const never = { name: "never", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/never" };
    workflow.reconfigure({ retryCount: 1, volumes: [never], options: { bindTimeout: "10m" } });
    for (let round = 0; round < 2; round++) {
      const { stderr } = await workflow.sync();
      expect(stderr).toMatch(
        /^warning: resubmissions of workflow \S+ are waiting for their volumes \(2\): volume never: claim .* is Pending, not Bound .*\n$/,
      );
    }
    expect(await workflow.rows("Wait-1")).toEqual(["Wait-1 ERROR 3", "Wait-1-r1 QUEUED -1"]);
    expect(await workflow.cli("cancel", "Wait-2")).toMatchObject({ code: 0, stderr: "" });
    workflow.reconfigure({ retryCount: 1 });
    workflow.put("repaired");
    await workflow.until("Wait-1-r1", "COMPLETED");
    expect(await workflow.rows("Wait-2")).toEqual(["Wait-2 ERROR 3", "Wait-2-r1 DELETED 9"]);
  });
});
