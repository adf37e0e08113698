import { afterEach, describe, expect, inject, test } from "vitest";
import { objects } from "./cleanup.ts";
import { apply, get, kubectl, TestWorkflow } from "./harness.ts";

describe("cleanup that meets an obstacle", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  const claims = async () => (await get("pvc", "-n", workflow.namespace)).items;
  const patch = (kind: string, name: string, change: object) =>
    kubectl("patch", kind, name, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify(change));

  test("waits for a finalizer until its time is over, names it, does the rest all the same, and ends with 124", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const [claim] = await claims();
    const { name, finalizers } = claim.metadata;
    await patch("pvc", name, { metadata: { finalizers: [...finalizers, "example.org/hold"] } });
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "--timeout", "2s");
    expect(code).toBe(124);
    expect(stderr).toMatch(
      new RegExp(`^error: PersistentVolumeClaim ${name} was not gone after 2 s: held by finalizers .*example\\.org/hold`, "m"),
    );
    expect(stdout).toMatch(/^removed Job /m);
    const json = await workflow.cli("cleanup", "--yes", "--timeout", "1s", "-o", "json");
    expect(json.code).toBe(124);
    expect(JSON.parse(json.stdout).failures[0]).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("example.org/hold") });
    await patch("pvc", name, { metadata: { finalizers: null } });
    expect(await workflow.cli("cleanup", "--yes")).toMatchObject({ stderr: expect.not.stringContaining("error"), code: 0 });
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("names the pod that still uses a claim, and leaves that pod alone", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    const [claim] = await claims();
    await usingPod("theirs", claim.metadata.name);
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "--timeout", "2s");
    expect(code).toBe(124);
    expect(stderr).toMatch(
      /^error: PersistentVolumeClaim \S+ was not gone after 2 s: held by finalizers kubernetes\.io\/pvc-protection.*; pods theirs$/m,
    );
    expect(stdout).toMatch(/^removed Job /m);
    expect((await get("pod", "theirs", "-n", workflow.namespace)).metadata.deletionTimestamp).toBeUndefined();
    await kubectl("delete", "pod", "theirs", "-n", workflow.namespace, "--grace-period=1");
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  async function usingPod(name: string, claimName: string): Promise<void> {
    const container = {
      name: "main",
      image: inject("cluster").image,
      command: ["sleep", "600"],
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    };
    const volumes = [{ name: "v", persistentVolumeClaim: { claimName } }];
    const metadata = { name, namespace: workflow.namespace };
    await apply({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [container], volumes } });
    await kubectl("wait", "pod", name, "-n", workflow.namespace, "--for=condition=Ready", "--timeout=60s");
  }

  test("never touches what has lost this tool's label, nor the volume that such a claim holds", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    await workflow.runJob("Job-2", "true\n");
    const before = await objects(workflow.namespace);
    const [claim] = await claims();
    const { kubernetesName } = await workflow.status("Job-1");
    const strip = { metadata: { labels: { "app.kubernetes.io/managed-by": null } } };
    await patch("pvc", claim.metadata.name, strip);
    await patch("job", kubernetesName, strip);
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(
      new RegExp(`^keep +PersistentVolume +\\S+ +bound to claim ${workflow.namespace}/${claim.metadata.name}, which stays$`, "m"),
    );
    const { kubernetesName: other } = await workflow.status("Job-2");
    expect(await objects(workflow.namespace)).toEqual(before.filter((object) => !object.includes(other)));
    expect((await claims())[0].status.phase).toBe("Bound");
  });
});
