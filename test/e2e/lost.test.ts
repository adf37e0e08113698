import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { likeGasw, RetriedWorkflow } from "./attempts.ts";
import { eventually, get, kubectl } from "./harness.ts";

let workflow: RetriedWorkflow;
afterEach(() => workflow.finish());

const FOREVER = "while :; do sleep 0.2; done";

/** Submits a job and synchronises until its row says that it runs. */
async function running(job: string, script: string): Promise<string> {
  await workflow.cli("submit", workflow.script(job, script));
  await workflow.until(job, "RUNNING");
  return (await workflow.status(job)).pod;
}

async function podsOf(attemptId: string): Promise<{ phase: string; name: string }[]> {
  const { items } = await get("pods", "-n", workflow.namespace);
  return items
    .filter((pod: { metadata: { annotations: object } }) => Object.values(pod.metadata.annotations).includes(attemptId))
    .map((pod: { metadata: { name: string }; status: { phase: string } }) => ({ name: pod.metadata.name, phase: pod.status.phase }));
}

/** Evicts a pod through the eviction API, as a drain of its node does. */
async function evict(pod: string): Promise<void> {
  const { namespace, folder } = workflow;
  const file = path.join(folder, "eviction.json");
  const deleteOptions = { gracePeriodSeconds: 30 };
  writeFileSync(file, JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace }, deleteOptions }));
  await kubectl("create", "--raw", `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`, "-f", file);
}

describe("a job that the cluster has lost", () => {
  test.each([
    ["its pod is deleted by hand", (pod: string) => kubectl("delete", "pod", pod, "-n", workflow.namespace, "--wait=false")],
    ["its pod is evicted", evict],
    [
      "its Job is deleted by hand",
      async (pod: string) => {
        const { items } = await get("jobs", "-n", workflow.namespace);
        const { name } = items.find(({ metadata }: { metadata: { name: string } }) => pod.startsWith(metadata.name)).metadata;
        await kubectl("delete", "job", name, "-n", workflow.namespace, "--wait=false");
      },
    ],
  ])("when %s is STALLED and run again, and held as STALLED_HELD in the end", async (_, lose) => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    await lose(await running("Lost-1", likeGasw("Lost-1", FOREVER)));
    await workflow.until("Lost-1", "STALLED");
    await workflow.until("Lost-1-r1", "RUNNING");
    await lose((await workflow.status("Lost-1")).pod);
    await workflow.until("Lost-1-r1", "STALLED_HELD");
    await workflow.sync();
    const rows = await workflow.rows("Lost-1");
    expect(rows.map((row) => row.replace(/ -?\d+$/, ""))).toEqual(["Lost-1 STALLED", "Lost-1-r1 STALLED_HELD"]);
    expect((await workflow.row("Lost-1")).exit_message).toMatch(/delet|evict|gone/i);
    expect((await workflow.cli("release", "Lost-1")).stdout).toBe("Lost-1-r2\n");
    await workflow.until("Lost-1-r2", "RUNNING");
    await workflow.cli("cancel", "Lost-1");
    expect(await workflow.results()).toMatchObject([{ id: "Lost-1", attemptId: "Lost-1-r2", exitCode: 9 }]);
  });

  test("is not run again while its pod, whose Job is gone, still runs the script", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1, terminationGracePeriodSeconds: 600 });
    // It ends when it is let: SIGTERM alone does not do it.
    const pod = await running("Slow-1", likeGasw("Slow-1", "until [ -e $top/done ]; do sleep 0.2; done; exit 1", "trap '' TERM"));
    await kubectl("delete", "job", (await workflow.status("Slow-1")).kubernetesName, "-n", workflow.namespace, "--wait=false");
    await eventually(
      () => get("pod", pod, "-n", workflow.namespace),
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
    for (let round = 0; round < 5; round++) await workflow.sync();
    expect(await podsOf("Slow-1")).toEqual([{ name: pod, phase: "Running" }]);
    expect(await workflow.jobOf("Slow-1-r1")).toBeUndefined();
    expect((await workflow.cli("retry", "Slow-1")).code).toBe(0);
    expect(await workflow.jobOf("Slow-1-r1")).toBeUndefined();
    workflow.put("done");
    await workflow.until("Slow-1-r1", "ERROR_HELD");
    expect((await workflow.rows("Slow-1")).at(0)).toMatch(/^Slow-1 (STALLED|ERROR) /);
    expect(workflow.has("out/Slow-1.sh.out.0")).toBe(true);
  });
});

describe("a job that was lost after it had uploaded its result", () => {
  test("exits 32 when it is run again, and is held, until the result is removed and it is released", async () => {
    workflow = new RetriedWorkflow({ retryCount: 1 });
    // As GASW's script does where the result's place is a `file:` URI.
    const upload = "[ -e $top/result.nii ] && exit 32; echo done > $top/result.nii; [ -e $top/repaired ] || ";
    const pod = await running("Upload-1", likeGasw("Upload-1", `${upload}${FOREVER}`));
    await eventually(async () => workflow.has("result.nii"), Boolean);
    await kubectl("delete", "pod", pod, "-n", workflow.namespace, "--wait=false");
    await workflow.until("Upload-1-r1", "ERROR_HELD");
    expect((await workflow.rows("Upload-1")).map((row) => row.replace(/STALLED -?\d+$/, "STALLED"))).toEqual([
      "Upload-1 STALLED",
      "Upload-1-r1 ERROR_HELD 32",
    ]);
    expect(await workflow.cli("wait", "Upload-1")).toMatchObject({ code: 32 });
    expect((await workflow.cli("debug", "why", "Upload-1")).stdout).toContain("a result with that name already exists");
    rmSync(path.join(workflow.directory, "result.nii"));
    workflow.put("repaired");
    await workflow.cli("release", "Upload-1");
    await workflow.until("Upload-1-r2", "COMPLETED");
    expect(await workflow.results()).toMatchObject([{ id: "Upload-1", attemptId: "Upload-1-r2", exitCode: 0 }]);
  });
});
