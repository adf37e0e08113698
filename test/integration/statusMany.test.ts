import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { active } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { jobName } from "../../src/core/names.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { folderWith } from "../unit/folders.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
let folder: string;
let store: Store;
let cluster: ClusterDouble;
beforeEach(async () => {
  folder = folderWith();
  store = new Store({ path: path.join(folder, "state.db"), now: () => NOW, warn: () => undefined });
  cluster = await ClusterDouble.begin();
  for (const id of ["a", "b", "c"]) running(id);
});
afterEach(() => {
  store.close();
  cluster.end();
});

/** A workflow in a namespace of its own, with a job that the state takes for queued and the cluster shows as running. */
function running(id: string): StoredWorkflow {
  const directory = path.join(folder, `wf-${id}`);
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
  const workflow = store.workflows.register({ namespace: `ns-${id}`, id: `wf-${id}`, directory });
  const kubeName = jobName(workflow.namespace, workflow.id, `Job-${id}`);
  const { job } = store.intents.record(workflow, { id: `Job-${id}`, kubeName, contentHash: "c", image: "i", request: {}, prepared: true });
  store.changes.write(job, { stage: active("QUEUED"), submitted: NOW.toISOString() });
  cluster.put(`/apis/batch/v1/namespaces/${workflow.namespace}/jobs/${kubeName}`, {});
  cluster.put(`/api/v1/namespaces/${workflow.namespace}/pods/${kubeName}-pod`, {
    metadata: { labels: { "job-name": kubeName } },
    status: { containerStatuses: [{ name: MAIN_CONTAINER, state: { running: { startedAt: NOW.toISOString() } } }] },
  });
  return workflow;
}

/** Runs a command outside every workflow directory. */
async function cli(...args: string[]) {
  const config = { k8sAddress: cluster.address, k8sToken: "t", insecureSkipTlsVerify: true, options: { statusRetry: 0 } };
  writeFileSync(path.join(folder, "gasw-k8s.json"), JSON.stringify({ ...config, image: "debian", state: { path: store.path } }));
  const env = { HOME: folder, GASW_K8S_CONFIG: path.join(folder, "gasw-k8s.json") };
  const { io, stdout, stderr } = ioDouble({ cwd: folder, env, now: NOW });
  const code = await run(args, io, "1.2.3");
  const lines = stderr()
    .split("\n")
    .filter((line) => line !== "" && !line.includes("insecureSkipTlsVerify is set"));
  return { code, stdout: stdout(), lines };
}

const statuses = () =>
  ["a", "b", "c"].map((id) => store.jobs.find(store.workflows.find(`ns-${id}`, `wf-${id}`) as StoredWorkflow, `Job-${id}`)?.status);
const refuse = (...ids: string[]) => {
  cluster.refusalOf = (request) => (ids.some((id) => request.startsWith(`GET /apis/batch/v1/namespaces/ns-${id}/`)) ? 403 : undefined);
};
const shown = (stdout: string) => [...stdout.matchAll(/(Job-\w) +(\w+)/g)].map(([, id, status]) => `${id} ${status}`);

describe.each(["status", "status --sync"])("%s of several workflows", (command) => {
  const args = command.split(" ");

  test("tells which one fails, and shows and brings up to date the others", async () => {
    refuse("b");
    const { code, stdout, lines } = await cli(...args);
    expect(statuses()).toEqual(["RUNNING", "QUEUED", "RUNNING"]);
    expect(shown(stdout)).toEqual(["Job-a RUNNING", "Job-b QUEUED", "Job-c RUNNING"]);
    expect(code).toBe(4);
    expect(lines.filter((line) => line.startsWith("error: "))).toEqual([
      expect.stringMatching(/^error: workflow wf-b \(\S+\/wf-b\): the cluster \S+ forbids the request/),
    ]);
  });

  test("tells each that fails in its own way", async () => {
    refuse("a", "c");
    const { code, lines } = await cli(...args);
    expect(statuses()).toEqual(["QUEUED", "RUNNING", "QUEUED"]);
    expect(code).toBe(4);
    expect(lines.filter((line) => line.startsWith("error: "))).toHaveLength(2);
    for (const id of ["a", "c"]) expect(lines.join("\n")).toContain(`error: workflow wf-${id} (`);
  });

  test("tells an outage of all once, as nobody's", async () => {
    cluster.refusalOf = () => 503;
    const { code, stdout, lines } = await cli(...args);
    expect(code).toBe(4);
    expect(shown(stdout)).toHaveLength(3);
    expect(lines.filter((line) => line.startsWith("error: "))).toEqual([expect.stringMatching(/^error: the cluster \S+ answered 503/)]);
  });

  test("goes on where what fails in one is a fault of this program", async () => {
    const pod = [...cluster.objects.keys()].find((key) => key.includes("/ns-b/pods/")) ?? "";
    cluster.put(pod, { ...cluster.objects.get(pod), status: { containerStatuses: "not a list" } });
    const { code, lines } = await cli(...args);
    expect(statuses()).toEqual(["RUNNING", "QUEUED", "RUNNING"]);
    expect(code).toBe(1);
    expect(lines.join("\n")).toContain("error: workflow wf-b (");
  });
});

test("a failure of the only workflow that is asked about is told as it is", async () => {
  refuse("b");
  const { code, lines } = await cli("status", "--workflow", path.join(folder, "wf-b"), "--namespace", "ns-b");
  expect(code).toBe(4);
  expect(lines).toContainEqual(expect.stringMatching(/^error: the cluster \S+ forbids the request/));
});
