import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { apply, eventually, get, kubectl } from "./harness.ts";

/** A node that nobody plays: what is given to it stays as the test says, as on one that has died. */
async function deadNode(name: string): Promise<void> {
  await apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { type: "kwok", "kubernetes.io/hostname": name } },
    spec: { taints: [{ key: "gasw-k8s.test/dead", effect: "NoSchedule" }] },
  });
  const allocatable = { cpu: "4", memory: "8Gi", pods: "10" };
  const conditions = [{ type: "Ready", status: "True", reason: "Test", lastHeartbeatTime: new Date().toISOString() }];
  await patchStatus("node", name, { conditions, allocatable, capacity: allocatable });
}

const patchStatus = (kind: string, name: string, status: object, ...where: string[]) =>
  kubectl("patch", kind, name, ...where, "--subresource=status", "--type=strategic", "-p", JSON.stringify({ status }));

describe("a job on a node that has died", () => {
  let workflow: RetriedWorkflow;
  let node: string;
  afterEach(async () => {
    const pods = (await get("pods", "-n", workflow.namespace)).items;
    for (const { metadata } of pods)
      await kubectl(
        "delete",
        "pod",
        metadata.name,
        "-n",
        workflow.namespace,
        "--force",
        "--grace-period=0",
        "--wait=false",
        "--ignore-not-found",
      );
    // What is left on it goes with it.
    await kubectl("delete", "node", node, "--ignore-not-found");
    await workflow.finish();
  });

  /** Has a job run on a node that dies. */
  async function runOnDeadNode(): Promise<string> {
    node = `dead-${randomBytes(4).toString("hex")}`;
    await deadNode(node);
    workflow = new RetriedWorkflow({
      retryCount: 1,
      // Nothing tells how what ran there ended.
      retryUnknownEnd: true,
      outputGrace: "0s",
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: "Exists" }],
      nodeSelector: { "kubernetes.io/hostname": node },
    });
    await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    const { items } = await eventually(
      () => get("pods", "-n", workflow.namespace),
      (pods) => pods.items[0]?.spec.nodeName !== undefined,
    );
    const pod = items[0].metadata.name;
    const running = {
      name: "job",
      image: "i",
      imageID: "i",
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: new Date().toISOString() } },
    };
    await patchStatus("pod", pod, { phase: "Running", containerStatuses: [running] }, "-n", workflow.namespace);
    expect(await workflow.status("Job-1")).toMatchObject({ status: "RUNNING", node });
    return pod;
  }

  test("says so with the way out, as does the attempt that waits for it and the clean-up that cannot remove it", async () => {
    const pod = await runOnDeadNode();
    await workflow.cli("cancel", "Job-1");
    // As the node life cycle controller marks the pods of a silent node.
    const unready = { type: "Ready", status: "False", lastTransitionTime: new Date().toISOString() };
    await patchStatus("pod", pod, { conditions: [unready] }, "-n", workflow.namespace);
    await workflow.cli("retry", "Job-1");
    await workflow.sync();
    const wayOut = `kubectl delete pod -n ${workflow.namespace} ${pod} --force --grace-period=0`;
    const waiting = await workflow.status("Job-1");
    expect(waiting).toMatchObject({ attemptId: "Job-1-r1", status: "NOT_SUBMITTED", reason: "EarlierRun" });
    expect(waiting.message).toMatch(
      new RegExp(`^waits for attempt 1, whose pod ${pod} still exists on node ${node}: node ${node} does not respond`),
    );
    expect(waiting.message).toContain(wayOut);
    const { stdout: why } = await workflow.cli("debug", "why", "Job-1-r1");
    expect(why).toContain(`whose pod ${pod} still exists on node ${node}`);
    expect(why).toContain(wayOut);

    const cleanup = await workflow.cli("cleanup", "--yes", "--cancel", "--timeout", "2s");
    expect(cleanup.code).toBe(124);
    expect(cleanup.stderr).toMatch(
      new RegExp(`^error: .* was not deleted after 2 s: .*pods ${pod} \\(Terminating on node ${node}\\)`, "m"),
    );
    expect(cleanup.stderr).toContain(wayOut);
    await kubectl(...wayOut.split(" ").slice(1));
    expect((await workflow.cli("cleanup", "--yes", "--cancel")).code).toBe(0);
  });

  test("is told of as overdue where its pod was deleted, and its retry begins once that is gone", async () => {
    const pod = await runOnDeadNode();
    await kubectl("delete", "pod", pod, "-n", workflow.namespace, "--wait=false");
    const unready = { type: "Ready", status: "False", lastTransitionTime: new Date().toISOString() };
    await patchStatus("pod", pod, { conditions: [unready] }, "-n", workflow.namespace);
    const job = await workflow.status("Job-1");
    expect(job).toMatchObject({ status: "RUNNING", reason: "NodeUnreachable" });
    const taint = `kubectl taint node ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`;
    expect(job.message).toContain(`its pod ${pod} stays Terminating; once node ${node} is known to be off: ${taint}`);
    expect((await workflow.cli("debug", "why", "Job-1")).stdout).toContain(taint);
    await patchStatus("node", node, { conditions: [{ type: "Ready", status: "False", reason: "Test" }] });
    await kubectl(...taint.split(" ").slice(1));
    await workflow.until("Job-1", "STALLED");
    expect(await workflow.jobOf("Job-1-r1")).toBeDefined();
  });
});
