import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { Store } from "../../src/store/store.ts";
import { ioDouble } from "../unit/io.ts";

let folder: string;
let directory: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-namespace-"));
  directory = path.join(folder, "workflow-1");
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A kubeconfig whose context has a namespace, or none. */
function kubeconfig(namespace: string | undefined): void {
  const content = {
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "one", context: { cluster: "c", user: "u", namespace } }],
    "current-context": "one",
  };
  mkdirSync(path.join(folder, ".kube"), { recursive: true });
  writeFileSync(path.join(folder, ".kube/config"), JSON.stringify(content));
}

/** Registers the workflow in the state, in each of the namespaces in turn. */
function known(...namespaces: string[]): void {
  const store = new Store({ path: path.join(folder, "state.db"), warn: () => undefined, now: () => new Date() });
  for (const namespace of namespaces) store.workflows.register({ namespace, id: path.basename(directory), directory });
  store.close();
}

/** The namespace of a command that is given in the workflow's directory, and where that is from. */
async function shown(env: NodeJS.ProcessEnv = {}, cwd = directory): Promise<[string, string]> {
  const { io, stdout, stderr } = ioDouble({ cwd, env: { HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "state.db"), ...env } });
  expect([await run(["config", "show"], io, "0"), stderr()]).toEqual([0, ""]);
  const [, namespace = "", source = ""] = /^k8sNamespace +(\S+) +(.*)$/m.exec(stdout()) ?? [];
  return [namespace, source];
}

describe("the namespace, where the configuration names none, is", () => {
  test("that of the kubeconfig's context, which config show tells", async () => {
    kubeconfig("jobs");
    expect(await shown()).toEqual(["jobs", "context one of the kubeconfig"]);
  });

  test.each([
    ["the context has none", () => kubeconfig(undefined)],
    ["there is no kubeconfig", () => undefined],
    ["the kubeconfig cannot be read", () => mkdirSync(path.join(folder, ".kube/config"), { recursive: true })],
  ])("default where %s", async (_, arrange) => {
    arrange();
    expect(await shown()).toEqual(["default", "default"]);
  });

  test("that of the workflow's earlier jobs, which earlier versions have submitted to default", async () => {
    kubeconfig("jobs");
    known("default");
    expect(await shown()).toEqual(["default", "the workflow's earlier jobs"]);
    expect(await shown({}, folder)).toEqual(["jobs", "context one of the kubeconfig"]);
  });

  test("that of the context where the workflow has jobs in it, too", async () => {
    kubeconfig("jobs");
    known("default", "jobs");
    expect(await shown()).toEqual(["jobs", "context one of the kubeconfig"]);
  });

  test("that of the earlier jobs also where the context is given another one", async () => {
    kubeconfig("jobs");
    known("jobs");
    kubeconfig("other");
    expect(await shown()).toEqual(["jobs", "the workflow's earlier jobs"]);
  });

  test("default rather than another where the workflow has jobs in both", async () => {
    kubeconfig("jobs");
    known("other", "default");
    expect(await shown()).toEqual(["default", "the workflow's earlier jobs"]);
  });
});

test("a namespace that is configured counts before all that", async () => {
  kubeconfig("jobs");
  known("default");
  expect(await shown({ GASW_K8S_NAMESPACE: "mine" })).toEqual(["mine", "GASW_K8S_NAMESPACE"]);
});

test("an engine that is upgraded finds the workflow that it has begun in default", async () => {
  kubeconfig("jobs");
  known("default");
  const { io, stdout, stderr } = ioDouble({
    cwd: directory,
    env: { HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "state.db") },
  });
  expect([await run(["status", "--cached", "-o", "json"], io, "0"), stderr()]).toEqual([0, ""]);
  expect(JSON.parse(stdout())).toMatchObject({ jobs: [] });
});
