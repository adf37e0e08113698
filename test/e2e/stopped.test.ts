import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { RetriedWorkflow } from "./attempts.ts";
import { eventually, get, kubectl } from "./harness.ts";

/** Takes a stop for a wish to be obeyed: ends with 0 and has not done its work. */
const OBEDIENT = "trap 'echo stopped; exit 0' TERM\ntouch .begun-$HOSTNAME\nwhile :; do sleep 0.05; done\n";
/** The same, and has done its work by then, as its output says. */
const DONE = OBEDIENT.replace(
  "echo stopped",
  'echo "<application_execution>"; echo "</application_execution>"; echo "Exiting with return value 0"',
);

describe("a job that the cluster stops, and that answers with 0", () => {
  let workflow: RetriedWorkflow;
  afterEach(() => workflow.cleanup());

  const suspend = (job: string, is: boolean) =>
    kubectl("patch", "job", job, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify({ spec: { suspend: is } }));

  async function running(...scripts: string[]): Promise<Record<string, { pod: string; kubernetesName: string }>> {
    expect(await workflow.cli("submit", ...scripts)).toMatchObject({ code: 0 });
    const begun = () => readdirSync(workflow.directory).filter((name) => name.startsWith(".begun-")).length;
    await eventually(
      async () => begun(),
      (count) => count === scripts.length,
    );
    const { jobs } = JSON.parse((await workflow.cli("status", "-o", "json")).stdout);
    return Object.fromEntries(jobs.map((job: { id: string; pod: string; kubernetesName: string }) => [job.id, job]));
  }

  const states = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await workflow.cli("status", ...args, "-o", "json");
    return JSON.parse(stdout).jobs.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`);
  };

  test.each([
    ["is looked at once its pod has ended", false],
    ["is looked at once its Job is gone", true],
  ])("has not completed unless its output says so, where it %s", async (_, late) => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    const jobs = await running(workflow.script("Obedient-1", OBEDIENT), workflow.script("Done-1", DONE));
    for (const { pod } of Object.values(jobs)) await kubectl("delete", "pod", pod, "-n", workflow.namespace, "--wait=false");
    await eventually(
      () => get("jobs", "-n", workflow.namespace),
      ({ items }) => items.every(({ status }: { status: { active?: number } }) => (status.active ?? 0) === 0),
    );
    if (late) await kubectl("delete", "jobs", "--all", "-n", workflow.namespace);
    expect(await eventually(states, (found) => found.every((state) => !/RUNNING|QUEUED/.test(state)))).toEqual([
      "Obedient-1 STALLED",
      "Done-1 COMPLETED",
    ]);
  });

  test("waits where its queue has taken it back, has no other attempt beside it, and completes in the end", async () => {
    workflow = new RetriedWorkflow();
    const script = "echo on $HOSTNAME\n[ -e go ] && exit 0\n".concat(OBEDIENT);
    const jobs = await running(workflow.script("Taken-1", script));
    const { kubernetesName = "", pod = "" } = jobs["Taken-1"] ?? {};
    await suspend(kubernetesName, true);
    // At whatever moment it is looked at.
    for (let look = 0; look < 5; look++)
      expect(await states("--sync")).toEqual([look === 0 ? expect.stringMatching(/Taken-1 (RUNNING|QUEUED)/) : "Taken-1 QUEUED"]);
    expect((await workflow.status("Taken-1")).reason).toBe("Suspended");
    await eventually(
      () => get("pods", "-n", workflow.namespace),
      ({ items }) => items.length === 0,
    );
    expect(await states("--sync")).toEqual(["Taken-1 QUEUED"]);
    workflow.put("go");
    await suspend(kubernetesName, false);
    await workflow.until("Taken-1", "COMPLETED");
    expect(await workflow.rows("Taken-1")).toEqual(["Taken-1 COMPLETED 0"]);
    expect((await get("jobs", "-n", workflow.namespace)).items).toHaveLength(1);
    expect((await workflow.cli("debug", "logs", "Taken-1")).stderr).toMatch(
      /out\/Taken-1\.sh\.out\.before\.\S+ was written by an earlier pod/,
    );
    const [kept = ""] = readdirSync(path.join(workflow.directory, "out")).filter((name) => name.startsWith("Taken-1.sh.out.before."));
    expect(readFileSync(path.join(workflow.directory, "out", kept), "utf8")).toBe(`on ${pod}\nstopped\n`);
  });
});
