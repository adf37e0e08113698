import { afterEach, describe, expect, test } from "vitest";
import { apply, eventually, get, kubectl, type Result, TestWorkflow } from "./harness.ts";
import { boundClaim } from "./volumes.ts";

const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };
const ACCEPTED: Result = { stdout: "Job-2\n", stderr: "", code: 0 };

describe("a volume", () => {
  let workflow: TestWorkflow;
  afterEach(async () => {
    await workflow.cleanup();
  });

  const submit = (id: string) => workflow.cli("submit", workflow.script(id, "true\n"));
  const claims = async () => (await get("pvc", "-n", workflow.namespace)).items;

  /** A workflow whose volume is bound, with the names of its volume and claim. */
  async function bound(): Promise<{ claim: string; volume: string }> {
    workflow = new TestWorkflow({ config: { ...PARKED, options: { bindTimeout: "40s" } } });
    expect(await submit("Job-1")).toMatchObject({ code: 0 });
    const [claim] = await claims();
    return { claim: claim.metadata.name, volume: claim.spec.volumeName };
  }

  async function expectBound(volume: string): Promise<void> {
    expect((await claims()).map((claim: { status: { phase: string } }) => claim.status.phase)).toEqual(["Bound"]);
    expect((await get("pv", volume)).status.phase).toBe("Bound");
  }

  test.each([
    ["of a storage class that nobody provides", false, /ProvisioningFailed: .* not found/],
    ["larger than its volume", true, /VolumeMismatch: .*requested PV is too small/],
  ])("that does not bind in time (%s): exit 5 with the claim's events, and a later submit works", async (_, namesVolume, events) => {
    workflow = new TestWorkflow({ config: { ...PARKED, workflowVolume: { type: "claim", name: "huge" }, options: { bindTimeout: "3s" } } });
    const { namespace } = workflow;
    const volume = `${namespace}-small`;
    // A class of its own keeps other claims away from the volume.
    const common = { accessModes: ["ReadWriteMany"], storageClassName: namespace };
    const small = { capacity: { storage: "1Gi" }, nfs: { server: "127.0.0.1", path: workflow.folder } };
    const large = { resources: { requests: { storage: "2Gi" } }, ...(namesVolume ? { volumeName: volume } : {}) };
    await apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: volume }, spec: { ...common, ...small } },
      { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "huge", namespace }, spec: { ...common, ...large } },
    );
    await eventually(
      async () => (await get("events", "-n", namespace)).items.length,
      (count) => count > 0,
    );
    const begun = performance.now();
    const result = await submit("Job-1");
    expect(performance.now() - begun).toBeLessThan(60_000);
    expect(result).toMatchObject({ stdout: "", code: 5 });
    expect(result.stderr).toMatch(new RegExp(`^error: volume workflow: claim ${namespace}/huge is Pending, not Bound \\(`));
    expect(result.stderr).toMatch(events);
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED" });
    expect(await workflow.jobs()).toEqual([]);
    await kubectl("patch", "pv", volume, "-p", JSON.stringify({ spec: { capacity: { storage: "3Gi" } } }));
    await boundClaim(namespace, "huge");
    expect(await submit("Job-1")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect((await workflow.status("Job-1")).status).toBe("QUEUED");
  });

  test("of our own that never binds: exit 5 with its events, the job is NOT_SUBMITTED, and a later submit works", async () => {
    const scratch = { name: "scratch", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/scratch" };
    workflow = new TestWorkflow({ config: { ...PARKED, volumes: [scratch], options: { bindTimeout: "10s" } } });
    const result = await submit("Job-1");
    const claim = (await claims()).find(({ spec }: { spec: { storageClassName: string } }) => spec.storageClassName === "no-such-class");
    expect(result).toEqual({
      stdout: "",
      stderr: expect.stringMatching(
        new RegExp(
          `^error: volume scratch: claim ${workflow.namespace}/${claim.metadata.name} is Pending, not Bound ` +
            `\\(.*ProvisioningFailed: .*"no-such-class" not found.*\\)\nhint: .*debug describe pvc ${claim.metadata.name}`,
        ),
      ),
      code: 5,
    });
    expect(claim.metadata.labels).toMatchObject({ "app.kubernetes.io/managed-by": "gasw-k8s" });
    expect(await workflow.status("Job-1")).toMatchObject({ status: "NOT_SUBMITTED" });
    expect(await workflow.jobs()).toEqual([]);
    workflow.configure(PARKED);
    expect(await submit("Job-1")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
  });

  test("that was Released is bound again", async () => {
    const { claim, volume } = await bound();
    await kubectl("delete", "pvc", claim, "-n", workflow.namespace);
    expect(await submit("Job-2")).toEqual(ACCEPTED);
    await expectBound(volume);
  });

  test("that was Released is bound again once when many submit at the same time", async () => {
    const { claim, volume } = await bound();
    await kubectl("delete", "pvc", claim, "-n", workflow.namespace);
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => submit(`Many-${index}`)));
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual(results.map(() => [0, ""]));
    await expectBound(volume);
  });

  test("that outlived its namespace is bound again in the new one", async () => {
    const { volume } = await bound();
    for (const kind of ["jobs", "pods", "pvc"]) await kubectl("delete", kind, "--all", "-n", workflow.namespace);
    await kubectl("delete", "namespace", workflow.namespace);
    expect(await submit("Job-2")).toMatchObject({ code: 4, stderr: expect.stringContaining("kubectl create namespace") });
    await kubectl("create", "namespace", workflow.namespace);
    expect(await submit("Job-2")).toEqual(ACCEPTED);
    await expectBound(volume);
  });

  test("that its claim has lost is made anew and bound to it", async () => {
    const { volume } = await bound();
    await kubectl("patch", "pv", volume, "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
    await kubectl("delete", "pv", volume, "--wait=false");
    await kubectl("patch", "pv", volume, "--type=merge", "-p", '{"metadata":{"finalizers":null}}').catch(notFound);
    await eventually(claims, ([claim]) => claim.status.phase === "Lost");
    expect(await submit("Job-2")).toEqual(ACCEPTED);
    await expectBound(volume);
  });

  test("whose former claim is being deleted is awaited", async () => {
    const { claim, volume } = await bound();
    await hold("pvc", claim);
    await kubectl("delete", "pvc", claim, "-n", workflow.namespace, "--wait=false");
    const submitted = submit("Job-2");
    await eventually(
      () => workflow.status("Job-2").catch(() => undefined),
      (job) => job?.status === "NOT_SUBMITTED",
    );
    await release("pvc", claim);
    expect(await submitted).toEqual(ACCEPTED);
    await expectBound(volume);
  });

  test("that is being deleted is awaited, too", async () => {
    const { claim, volume } = await bound();
    await hold("pv", volume);
    await kubectl("delete", "pvc", claim, "-n", workflow.namespace);
    await kubectl("delete", "pv", volume, "--wait=false");
    const submitted = submit("Job-2");
    await eventually(
      () => workflow.status("Job-2").catch(() => undefined),
      (job) => job?.status === "NOT_SUBMITTED",
    );
    await release("pv", volume);
    expect(await submitted).toEqual(ACCEPTED);
    await expectBound(volume);
  });

  test("whose former claim is not gone in time: exit 5 naming what holds it", async () => {
    const { claim } = await bound();
    workflow.configure({ ...PARKED, options: { bindTimeout: "2s" } });
    await hold("pvc", claim);
    await kubectl("delete", "pvc", claim, "-n", workflow.namespace, "--wait=false");
    await eventually(
      () => get("pvc", claim, "-n", workflow.namespace),
      ({ metadata }) => metadata.finalizers.join() === "example.org/hold",
    );
    const result = await submit("Job-2");
    await release("pvc", claim);
    expect(result).toMatchObject({ stdout: "", code: 5 });
    expect(result.stderr).toContain(`${claim} is still being deleted, held by example.org/hold`);
  });

  test("is not made in a namespace that is being deleted (exit 4)", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const { namespace } = workflow;
    await kubectl("create", "namespace", namespace);
    await apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "held", namespace, finalizers: ["example.org/hold"] } });
    await kubectl("delete", "namespace", namespace, "--wait=false");
    const result = await submit("Job-1");
    await kubectl("patch", "configmap", "held", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
    expect(result).toMatchObject({ stdout: "", code: 4 });
    expect(result.stderr).toMatch(new RegExp(`^error: .* is deleting the namespace ${namespace}\nhint: wait until it is deleted`));
    const volumes = (await get("pv")).items.filter(
      (each: { spec: { claimRef?: { namespace: string } } }) => each.spec.claimRef?.namespace === namespace,
    );
    expect(volumes).toEqual([]);
  });

  const inNamespace = (kind: string) => (kind === "pvc" ? ["-n", workflow.namespace] : []);

  /** Keeps an object from being gone until it is let go. */
  async function hold(kind: string, name: string): Promise<void> {
    const { finalizers } = (await get(kind, name, ...inNamespace(kind))).metadata;
    const change = { metadata: { finalizers: [...finalizers, "example.org/hold"] } };
    await kubectl("patch", kind, name, ...inNamespace(kind), "--type=merge", "-p", JSON.stringify(change));
  }

  async function release(kind: string, name: string): Promise<void> {
    await kubectl("patch", kind, name, ...inNamespace(kind), "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
  }
});

function notFound(error: unknown): void {
  if (!String(error).includes("not found")) throw error;
}
