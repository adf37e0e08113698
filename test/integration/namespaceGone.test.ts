import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { over } from "../../src/core/lifecycle/make.ts";
import type { GaswError } from "../../src/errors.ts";
import { diagnose } from "../../src/services/debug/diagnose.ts";
import { findTarget } from "../../src/services/debug/target.ts";
import { checkSubmissions } from "../../src/services/submit/checks.ts";
import { type Submitted, Submitter } from "../../src/services/submit/submitter.ts";
import { Invocations } from "./invocations.ts";

const NAMESPACE = "/api/v1/namespaces/vip";
const MAKES_NAMESPACE = "POST /api/v1/namespaces";

let life: Invocations;
let warnings: string[];
let requests: string[];

/** A workflow whose claims are bound as soon as anybody looks at them. */
async function begin(config: Readonly<Record<string, unknown>>): Promise<void> {
  life = await Invocations.begin({ retryCount: 5, ...config });
  warnings = [];
  requests = [];
  life.onWarning = (warning) => warnings.push(warning);
  life.cluster.onRequest = (request) => {
    requests.push(request);
    for (const [path, object] of life.cluster.objects)
      if (path.includes("/persistentvolumeclaims/")) life.cluster.objects.set(path, { ...object, status: { phase: "Bound" } });
  };
}
beforeEach(() => begin({ workflowVolume: { type: "nfs" }, nfsAddress: "nfs.example.org", nfsPath: "/export" }));
afterEach(() => life.end());

/** What was made beside the Lease, which a cluster refuses where there is no namespace. */
const made = () => requests.filter((request) => request.startsWith("POST ") && !request.endsWith("/leases"));

/** Submits a script as a person or an engine does. */
async function submit(id: string): Promise<Submitted> {
  life.write(`sh/${id}.sh`, "true\n");
  const script = `${life.directory}/sh/${id}.sh`;
  const submitter = new Submitter(life.deps, life.workflow);
  const [checked] = checkSubmissions(life.deps.config, life.workflow, [{ script, options: {} }], life.directory);
  if (checked === undefined) throw new Error("not checked");
  return await submitter.submit(checked, submitter.intend(checked));
}

/** Somebody deletes the namespace, with all that is in it. */
function deleteNamespace(): void {
  for (const path of life.cluster.objects.keys()) if (`${path}/`.includes("/namespaces/vip/")) life.cluster.objects.delete(path);
  requests = [];
}

/** The cluster's name of itself, by which a workflow is bound to it. */
function showCluster(): void {
  life.cluster.put("/api/v1/namespaces/kube-system", { metadata: { uid: "this-cluster" } });
}

describe("a workflow's first submission", () => {
  test("makes the namespace that is missing", async () => {
    showCluster();
    expect(await submit("Job-1")).toMatchObject({ created: true });
    expect(requests).toContain(MAKES_NAMESPACE);
  });

  test("makes it also where an earlier one could not", async () => {
    showCluster();
    life.cluster.refusalOf = (request) => (request === MAKES_NAMESPACE ? 403 : undefined);
    await expect(submit("Job-1")).rejects.toMatchObject({ code: "CLUSTER" });
    expect(life.store.placements.of(life.workflow).state).toBe("bound");
    life.cluster.refusalOf = () => undefined;
    expect(await submit("Job-1")).toMatchObject({ created: true });
  });

  test("after a clean-up makes it anew", async () => {
    showCluster();
    await submit("Job-1");
    life.store.changes.write(life.job("Job-1"), { stage: over("COMPLETED") });
    deleteNamespace();
    life.store.placements.clear(life.workflow);
    expect(await submit("Job-2")).toMatchObject({ created: true });
    expect(made()).toContain(MAKES_NAMESPACE);
  });
});

describe("a namespace that somebody has deleted", () => {
  beforeEach(async () => {
    showCluster();
    await submit("Job-1");
    deleteNamespace();
  });

  const wait = () =>
    `resubmissions of workflow workflow-1 are waiting for their namespace (1): the namespace vip no longer exists in the cluster ${life.cluster.address}; recreate it with its labels, quotas and policies (kubectl create namespace vip), or abandon the workflow with \`gasw-k8s cleanup\``;

  test("is not made by a resubmission, which waits, says so at every synchronisation, and goes on once it is there", async () => {
    await life.round();
    expect(life.job("Job-1-r1")).toMatchObject({ status: "NOT_SUBMITTED", stage: { name: "due" }, prepared: false });
    await life.round();
    expect(warnings).toEqual([wait(), wait()]);
    expect(made()).toEqual([]);
    life.cluster.put(NAMESPACE, {});
    await life.round();
    expect(life.job("Job-1-r1").status).toBe("QUEUED");
    expect(made()).not.toContain(MAKES_NAMESPACE);
  });

  test("is what a job that is due waits for, as `status` and `debug why` say, until it is there", async () => {
    await life.round();
    const message = `waits for its namespace: the namespace vip no longer exists in the cluster ${life.cluster.address}`;
    expect(life.job("Job-1-r1")).toMatchObject({ status: "NOT_SUBMITTED", reason: "NamespaceGone", message });
    const { cause, sentence, remedy } = await diagnose(life.deps, await findTarget(life.deps, "Job-1-r1", { cwd: life.directory }));
    expect({ cause, sentence, remedy }).toEqual({
      cause: "namespace-gone",
      sentence: expect.stringContaining(`will run again, but ${message}`),
      remedy: expect.stringContaining("kubectl create namespace vip"),
    });
    life.cluster.put(NAMESPACE, {});
    await life.round();
    expect(life.job("Job-1-r1")).toMatchObject({ status: "QUEUED", reason: null, message: null });
  });

  test("is not made by the workflow's next job either: its submission is refused, and works once the namespace is there", async () => {
    const failure = (await submit("Job-2").catch((error: unknown) => error)) as GaswError;
    expect(failure).toMatchObject({ code: "CLUSTER", hint: expect.stringContaining("kubectl create namespace vip") });
    expect(failure.message).toBe(`the namespace vip no longer exists in the cluster ${life.cluster.address}`);
    expect(made()).toEqual([]);
    life.cluster.put(NAMESPACE, {});
    expect(await submit("Job-2")).toMatchObject({ created: true });
  });

  test("and is still on its way out is waited for as well", async () => {
    life.cluster.put(NAMESPACE, { metadata: { deletionTimestamp: "2026-01-02T03:04:05Z" } });
    await life.round();
    expect(warnings).toEqual([expect.stringContaining("is deleting the namespace vip")]);
    expect(made()).toEqual([]);
    expect(life.job("Job-1-r1")).toMatchObject({ status: "NOT_SUBMITTED", stage: { name: "due" } });
  });

  test("does not hold up a resubmission whose account may not look at namespaces, once it is there", async () => {
    life.cluster.forbidden.add(NAMESPACE);
    life.cluster.put(NAMESPACE, {});
    await life.round();
    expect(life.job("Job-1-r1").status).toBe("QUEUED");
    expect(warnings.filter((warning) => !warning.includes("Lease"))).toEqual([]);
  });
});

test("a claim that is not this tool's is not asked for in a namespace that is gone: the namespace is told of", async () => {
  life.end();
  await begin({ workflowVolume: { type: "claim", name: "workflows" } });
  showCluster();
  life.cluster.put(NAMESPACE, {});
  await submit("Job-1");
  deleteNamespace();
  life.cluster.objects.delete(NAMESPACE);
  await life.round();
  expect(warnings).toEqual([
    expect.stringContaining("are waiting for their namespace (1): the namespace vip no longer exists in the cluster"),
  ]);
});
