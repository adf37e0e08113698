import { afterEach, describe, expect, test } from "vitest";
import { eventually, get, kubectl, TestWorkflow } from "./harness.ts";

const IMAGE = "localhost/gasw-k8s/bash:1";

describe("a job's containers", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("init containers run before the script, in the same volumes", async () => {
    workflow = new TestWorkflow();
    const write = `echo prepared > ${workflow.directory}/prepared`;
    workflow.configure({ initContainers: [{ name: "prepare", image: IMAGE, command: ["bash", "-c", write] }] });
    expect(await workflow.runJob("Job-1", "cat prepared\n")).toMatchObject({ stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe("prepared\n");
  });

  test("an init container that fails fails the job, whose script never runs", async () => {
    workflow = new TestWorkflow({ config: { initContainers: [{ name: "prepare", image: IMAGE, command: ["bash", "-c", "exit 4"] }] } });
    expect(await workflow.runJob("Job-1", "true\n")).toMatchObject({ code: 4 });
    expect(await workflow.status("Job-1")).toMatchObject({ status: "ERROR", reason: "InitError" });
  });

  test("sidecars run beside the script, and the job ends when the script does", async () => {
    workflow = new TestWorkflow();
    const serve = `echo up > ${workflow.directory}/up; trap 'exit 0' TERM; sleep 600 & wait`;
    workflow.configure({ sidecars: [{ name: "service", image: IMAGE, command: ["bash", "-c", serve] }] });
    expect(await workflow.runJob("Job-1", "until [ -e up ]; do sleep 0.1; done; exit 6\n")).toMatchObject({ stderr: "", code: 6 });
    const [job] = await workflow.jobs();
    expect(job.spec.template.spec.initContainers).toMatchObject([{ name: "service", restartPolicy: "Always" }]);
    expect(job.spec.template.spec.containers).toHaveLength(1);
    const ended = await eventually(
      async () => (await workflow.jobs())[0].status,
      (status) => status.failed === 1,
    );
    expect(ended.active).toBeUndefined();
  });

  test("fields that this version does not know reach the API server as they are", async () => {
    workflow = new TestWorkflow({
      config: {
        nodeSelector: { "gasw-k8s.io/test": "no-node" },
        initContainers: [
          {
            name: "prepare",
            image: IMAGE,
            startupProbe: { exec: { command: ["true"] }, failureThreshold: 7 },
            restartPolicy: "Always",
            resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }],
          },
        ],
      },
    });
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ stderr: "", code: 0 });
    const [container] = (await workflow.jobs())[0].spec.template.spec.initContainers;
    expect(container).toMatchObject({
      startupProbe: { exec: { command: ["true"] }, failureThreshold: 7 },
      resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }],
    });
  });

  test.each([
    ["that handles it runs its own end", "trap 'echo saved; exit 0' TERM; echo ready; sleep 600 & wait\n", "ready\nsaved\n"],
    ["that does not handle it ends", "echo ready; sleep 600; echo never\n", "ready\n"],
  ])("SIGTERM reaches a script at once: one %s", async (_, body, output) => {
    workflow = new TestWorkflow();
    await workflow.cli("submit", workflow.script("Job-1", body), "--grace-period", "10m");
    await eventually(
      async () => outOrNothing(workflow),
      (text) => text.includes("ready"),
    );
    await kubectl("delete", "job", "--all", "-n", workflow.namespace);
    // Long before its grace period is over.
    await eventually(
      async () => (await get("pods", "-n", workflow.namespace)).items.length,
      (left) => left === 0,
    );
    expect(workflow.out("Job-1")).toBe(output);
  });
});

function outOrNothing(workflow: TestWorkflow): string {
  try {
    return workflow.out("Job-1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
