import { afterEach, describe, expect, inject, test } from "vitest";
import { engineAccount, file, kubeconfig } from "./accessSupport.ts";
import { objects } from "./cleanup.ts";
import { apply, eventually, get, kubectl, TestWorkflow } from "./harness.ts";

/** Waits until the cluster is done with Jobs that have ended: then it holds their pods no longer. */
const settled = ({ namespace }: TestWorkflow) =>
  eventually(
    () => get("jobs", "-n", namespace),
    ({ items }) =>
      items.every(({ status }: { status: { conditions?: { type: string }[] } }) =>
        status.conditions?.some(({ type }) => type === "Complete" || type === "Failed"),
      ),
  );

describe("cleanup that meets an obstacle", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  const claims = async () => (await get("pvc", "-n", workflow.namespace)).items;
  const patch = (kind: string, name: string, change: object) =>
    kubectl("patch", kind, name, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify(change));

  test("waits for a finalizer until its time is over, names it, does the rest all the same, and ends with 124", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    await settled(workflow);
    const [claim] = await claims();
    const { name, finalizers } = claim.metadata;
    await patch("pvc", name, { metadata: { finalizers: [...finalizers, "example.org/hold"] } });
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "--timeout", "10s");
    expect(code).toBe(124);
    expect(stderr).toMatch(
      new RegExp(
        `^error: PersistentVolumeClaim ${name} was not deleted after 10 s: blocked by finalizers .*example\\.org/hold \\(set by another program\\)`,
        "m",
      ),
    );
    expect(stdout).toMatch(/^removed Job /m);
    const json = await workflow.cli("cleanup", "--yes", "--timeout", "1s", "-o", "json");
    expect(json.code).toBe(124);
    expect(JSON.parse(json.stdout).failures[0]).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("example.org/hold") });
    const forced = await workflow.cli("cleanup", "--yes", "--force", "--timeout", "1s");
    expect(forced).toMatchObject({ stderr: expect.not.stringContaining("removed the finalizer"), code: 124 });
    expect((await claims())[0].metadata.finalizers).toEqual(["example.org/hold"]);
    await patch("pvc", name, { metadata: { finalizers: null } });
    expect(await workflow.cli("cleanup", "--yes")).toMatchObject({ stderr: expect.not.stringContaining("error"), code: 0 });
    expect(await objects(workflow.namespace)).toEqual([]);
  });

  test("names the pod that still uses a claim, and leaves that pod alone, and the claim's protection, with --force too", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "true\n");
    await settled(workflow);
    const [claim] = await claims();
    await usingPod("theirs", claim.metadata.name);
    const { stdout, stderr, code } = await workflow.cli("cleanup", "--yes", "--timeout", "10s");
    expect(code).toBe(124);
    expect(stderr).toMatch(
      /^error: PersistentVolumeClaim \S+ was not deleted after 10 s: blocked by finalizers kubernetes\.io\/pvc-protection \(waits until no pod uses the claim\); pods theirs \(on node \S+\)$/m,
    );
    const forced = await workflow.cli("cleanup", "--yes", "--force", "--timeout", "1s");
    expect(forced).toMatchObject({ stderr: expect.not.stringContaining("removed the finalizer"), code: 124 });
    expect((await claims())[0].metadata.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
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
    await kubectl("wait", "pod", name, "-n", workflow.namespace, "--for=condition=Ready", "--timeout=300s");
  }

  test("gives up no retry where the cluster refuses to remove anything; the clean-up that succeeds does", async () => {
    workflow = new TestWorkflow();
    await workflow.runJob("Job-1", "exit 3\n");
    const before = await objects(workflow.namespace);
    const refused = await workflow.cli("cleanup", "--yes", "--kubeconfig", await readerKubeconfig());
    expect(refused).toMatchObject({ stdout: expect.not.stringContaining("removed"), code: 4 });
    expect(refused.stderr).toMatch(/^error: .* forbids the request \(DELETE .*cannot delete resource "jobs"/m);
    expect(await objects(workflow.namespace)).toEqual(before);
    const attempts = async () => JSON.parse((await workflow.cli("status", "--history", "--sync", "-o", "json")).stdout).jobs.length;
    expect(await attempts()).toBe(2);
    expect((await workflow.cli("wait", "Job-1", "--wait-timeout", "300s")).code).toBe(3);
    expect((await workflow.cli("cleanup", "--yes")).code).toBe(0);
    expect(await attempts()).toBe(2);
  });

  /** Access of an account that sees everything that a clean-up looks at, and may remove nothing. */
  async function readerKubeconfig(): Promise<string> {
    const { namespace } = workflow;
    const name = `reader-${namespace}`;
    const rules = [
      { apiGroups: [""], resources: ["pods", "persistentvolumeclaims", "persistentvolumes", "events"], verbs: ["get", "list"] },
      { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list"] },
    ];
    const rbac = "rbac.authorization.k8s.io";
    const owner = await get("namespace", namespace);
    // They go with the namespace.
    const ownerReferences = [{ apiVersion: "v1", kind: "Namespace", name: namespace, uid: owner.metadata.uid }];
    await apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
      { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name, ownerReferences }, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRoleBinding",
        metadata: { name, ownerReferences },
        roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
        subjects: [{ kind: "ServiceAccount", name, namespace }],
      },
    );
    const token = (await kubectl("create", "token", name, "-n", namespace)).trim();
    return file(workflow, "reader.kubeconfig", kubeconfig({ ...engineAccount(), token }));
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
      new RegExp(`^keep +PersistentVolume +\\S+ +bound to claim ${workflow.namespace}/${claim.metadata.name}, which is kept$`, "m"),
    );
    const { kubernetesName: other } = await workflow.status("Job-2");
    expect(await objects(workflow.namespace)).toEqual(before.filter((object) => !object.includes(other)));
    expect((await claims())[0].status.phase).toBe("Bound");
  });
});
