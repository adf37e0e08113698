import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { engineAccount, file, kubeconfig, namespaceAccount } from "./accessSupport.ts";
import { apply, eventually, get, kubectl, printed, TestWorkflow } from "./harness.ts";
import { makeVolume } from "./volumes.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const manifest = path.resolve(import.meta.dirname, "../../deploy/rbac.yaml");
const documents = parseAllDocuments(readFileSync(manifest, "utf8")).map((document) => document.toJS());

/** Every `verb resource` that the file gives an account, with what the file's text says alone. */
function given(account: string): string[] {
  const bound = documents.filter(
    ({ kind, subjects }) => kind === "ClusterRoleBinding" && subjects.some((one: { name: string }) => one.name === account),
  );
  const roles = bound.map(({ roleRef }) =>
    documents.find(({ kind, metadata }) => kind === "ClusterRole" && metadata.name === roleRef.name),
  );
  const rules = roles.flatMap((role): Rule[] => role.rules);
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}${apiGroups[0] === "" ? "" : `.${apiGroups[0]}`}`)),
  );
}

async function can(account: string, permission: string): Promise<boolean> {
  const [verb = "", resource = ""] = permission.split(" ");
  const [name = "", subresource] = resource.split("/");
  const as = `system:serviceaccount:gasw-k8s:${account}`;
  const more = subresource === undefined ? [] : ["--subresource", subresource];
  // `can-i` ends with 1 where the answer is no.
  return await kubectl("auth", "can-i", verb, name, ...more, "--as", as, "-n", "some-namespace").then(
    () => true,
    (error: { stdout?: string }) => {
      expect(error.stdout).toMatch(/^no/);
      return false;
    },
  );
}

async function allowed(account: string, permissions: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(permissions.map((permission) => can(account, permission)));
  return permissions.filter((_, index) => answers[index]);
}

const NEEDLESS = [
  "get secrets",
  "list secrets",
  "create secrets",
  "get configmaps",
  "create serviceaccounts",
  "create serviceaccounts/token",
  "delete nodes",
  "patch nodes",
  "delete namespaces",
  "patch namespaces",
  "list namespaces",
  "update jobs.batch",
  "patch jobs.batch",
  "deletecollection jobs.batch",
  "deletecollection pods",
  "create pods/eviction",
  "update persistentvolumes",
  "deletecollection persistentvolumes",
  "delete events",
  "create events",
  "create deployments.apps",
  "create clusterrolebindings.rbac.authorization.k8s.io",
  "create rolebindings.rbac.authorization.k8s.io",
  "impersonate users",
  "delete storageclasses.storage.k8s.io",
  "update leases.coordination.k8s.io",
];

describe("deploy/rbac.yaml", () => {
  test("gives the engine what it needs, and no more than that", () => {
    expect(given("gasw-k8s-engine").sort()).toEqual(
      [
        ...["get", "create"].map((verb) => `${verb} namespaces`),
        ...["get", "list", "create", "patch", "delete"].map((verb) => `${verb} persistentvolumes`),
        "get storageclasses.storage.k8s.io",
        ...["get", "list", "watch", "create", "patch", "delete"].map((verb) => `${verb} persistentvolumeclaims`),
        ...["get", "list", "watch", "create", "delete"].map((verb) => `${verb} jobs.batch`),
        ...["get", "list", "watch", "delete"].map((verb) => `${verb} pods`),
        "list events",
        ...["get", "create", "patch", "delete"].map((verb) => `${verb} leases.coordination.k8s.io`),
      ].sort(),
    );
  });

  test.each(["gasw-k8s-engine", "gasw-k8s-admin"])("is what the cluster lets %s do", async (account) => {
    const permissions = given(account);
    expect(await allowed(account, permissions)).toEqual(permissions);
  });

  test("never uses a wildcard", () => {
    for (const account of ["gasw-k8s-engine", "gasw-k8s-admin"]) expect(given(account).filter((one) => one.includes("*"))).toEqual([]);
  });

  test.each(["gasw-k8s-engine", "gasw-k8s-admin"])("lets %s do nothing that the tool does not do", async (account) => {
    expect(await allowed(account, NEEDLESS)).toEqual([]);
  });

  test("keeps terminals, logs, nodes, pods of one's own and other engines' Leases from the engine", async () => {
    const debugging = [
      "list leases.coordination.k8s.io",
      "create pods",
      "get pods/exec",
      "create pods/exec",
      "get pods/log",
      "list nodes",
      "get nodes",
      "create pods/attach",
    ];
    expect(await allowed("gasw-k8s-engine", debugging)).toEqual([]);
  });
});

describe("deploy/rbac.yaml, with RoleBindings in a namespace that is there already, as its header says", () => {
  const IN_NAMESPACE = ["gasw-k8s-engine", "gasw-k8s-admin"];
  const clusterWide: string[] = [];
  let workflow: TestWorkflow;

  /** The file's bindings, for accounts of the same names in the workflow's namespace. */
  function bindings(): { kind: string; metadata: { name: string } }[] {
    const { namespace } = workflow;
    return documents
      .filter(({ kind }) => kind === "ClusterRoleBinding")
      .map(({ metadata: { name }, subjects, ...binding }) => ({
        ...binding,
        ...(IN_NAMESPACE.includes(name)
          ? { kind: "RoleBinding", metadata: { name, namespace } }
          : { metadata: { name: `${name}-${namespace}` } }),
        subjects: subjects.map((subject: object) => ({ ...subject, namespace })),
      }));
  }

  async function actAs(name: string): Promise<void> {
    const token = (await kubectl("create", "token", name, "-n", workflow.namespace)).trim();
    workflow.configure({ k8sKubeConfig: file(workflow, `${name}.kubeconfig`, kubeconfig({ ...engineAccount(), token })) });
  }

  beforeAll(async () => {
    workflow = new TestWorkflow();
    const { namespace } = workflow;
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const accounts = IN_NAMESPACE.map((name) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } }));
    clusterWide.push(...bindings().flatMap(({ kind, metadata: { name } }) => (kind === "ClusterRoleBinding" ? [name] : [])));
    await apply(...accounts, ...bindings());
  });
  afterAll(async () => {
    await kubectl("delete", "clusterrolebinding", ...clusterWide, "--ignore-not-found");
    await workflow.cleanup();
  });

  test("an engine runs a job and cleans up", async () => {
    await actAs("gasw-k8s-engine");
    expect(await workflow.runJob("Job-1", "true\n")).toMatchObject({ code: 0, stderr: "" });
    expect(await workflow.cli("cleanup", "--yes")).toMatchObject({ code: 0 });
  });

  test("an engine that may see its own namespace alone runs a job, sees what becomes of it, and cleans up", async () => {
    const { namespace } = workflow;
    const [volumes] = documents.filter(({ kind, metadata }) => kind === "ClusterRole" && metadata.name === "gasw-k8s-volumes");
    const name = `gasw-k8s-volumes-${namespace}`;
    const confined = ({ resources, verbs, ...rule }: Rule) =>
      resources.includes("namespaces") ? { ...rule, resources, verbs: ["get"], resourceNames: [namespace] } : { ...rule, resources, verbs };
    clusterWide.push(`confined-${namespace}`);
    await apply(
      { ...volumes, metadata: { name }, rules: volumes.rules.map(confined) },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: `confined-${namespace}` },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
        subjects: [{ kind: "ServiceAccount", name: "gasw-k8s-engine", namespace }],
      },
    );
    await kubectl("delete", "clusterrolebinding", name);
    try {
      await actAs("gasw-k8s-engine");
      expect(await workflow.runJob("Job-3", "true\n")).toMatchObject({ code: 0, stderr: "" });
      await kubectl("delete", "job", "--all", "-n", namespace);
      expect(await workflow.cli("submit", workflow.script("Job-4", "true\n"))).toMatchObject({ code: 0, stderr: "" });
      expect(await workflow.cli("status")).toMatchObject({ code: 0, stderr: "" });
      expect(await workflow.cli("cleanup", "--yes", "--cancel")).toMatchObject({ code: 0, stderr: "" });
    } finally {
      await apply(...bindings());
      await kubectl("delete", "clusterrole", name);
    }
  });

  test("an administrator sees jobs, nodes and volumes, and reads nodes and volumes, whose events are another namespace's", async () => {
    await actAs("gasw-k8s-admin");
    expect(await workflow.runJob("Job-2", "true\n")).toMatchObject({ code: 0, stderr: "" });
    for (const list of ["pods", "jobs", "nodes", "pv", "pvc"])
      expect([list, await workflow.cli("debug", list)]).toEqual([list, { stdout: expect.stringMatching(/./), stderr: "", code: 0 }]);
    const [node] = (await get("nodes", "-l", "type!=kwok")).items;
    const [claim] = (await get("pvc", "-n", workflow.namespace)).items;
    for (const [kind, name] of [
      ["node", node.metadata.name],
      ["pv", claim.spec.volumeName],
    ]) {
      const { stdout, stderr, code } = await workflow.cli("debug", "describe", kind, name);
      expect([stdout, stderr, code]).toEqual([
        expect.stringContaining("events: none"),
        `warning: the events about ${name} are in the namespace default, where this account cannot list events\n`,
        0,
      ]);
    }
  });
});

describe("deploy/rbac-namespace.yaml", () => {
  let workflow: TestWorkflow;
  let volume: string;

  beforeAll(async () => {
    workflow = new TestWorkflow();
    const { namespace, folder } = workflow;
    volume = `${namespace}-scratch`;
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, ...namespaceAccount(namespace));
    await makeVolume(workflow, "everything", folder);
    const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteMany"], storageClassName: volume };
    await apply({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volume },
      spec: { ...spec, nfs: { server: "127.0.0.1", path: folder } },
    });
    const token = (await kubectl("create", "token", "gasw-k8s", "-n", namespace)).trim();
    const scratch = { name: "scratch", type: "storageClass", storageClassName: volume, mountPathContainer: "/scratch", capacity: "1Gi" };
    workflow.configure({
      k8sKubeConfig: file(workflow, "one-namespace.kubeconfig", kubeconfig({ ...engineAccount(), token })),
      workflowVolume: { type: "claim", name: "everything", subPath: "workflows" },
      volumes: [{ ...scratch, accessModes: "ReadWriteMany" }],
    });
  });
  afterAll(async () => {
    await kubectl("delete", "pv", volume, "--ignore-not-found", "--wait=false");
    await workflow.cleanup();
  });

  test("gives no right outside the namespace", async () => {
    const as = `system:serviceaccount:${workflow.namespace}:gasw-k8s`;
    const asked = [
      ["get", "nodes"],
      ["list", "persistentvolumes"],
      ["get", "namespaces"],
      ["get", "storageclasses.storage.k8s.io"],
      ["list", "jobs.batch", "-A"],
    ];
    const answers = asked.map((words) => kubectl("auth", "can-i", ...words, "--as", as).catch(({ stdout }) => stdout));
    expect((await Promise.all(answers)).map((answer: string) => answer.trim())).toEqual(asked.map(() => "no"));
  });

  test("is enough to submit with an existing claim and a storage class, to look, and to clean up", async () => {
    expect(await workflow.runJob("Job-1", "ls /scratch\n")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(await workflow.cli("status")).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("COMPLETED") });
    for (const list of ["jobs", "pvc", "pods"])
      expect([list, await workflow.cli("debug", list)]).toEqual([list, { stdout: expect.stringMatching(/./), stderr: "", code: 0 }]);
    expect(await workflow.cli("debug", "describe", "Job-1")).toMatchObject({ code: 0, stderr: "" });
    expect(await workflow.cli("debug", "why", "Job-1")).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("Job-1") });
    expect(await workflow.cli("cleanup", "--yes", "--shared")).toMatchObject({ code: 0, stderr: "" });
    await eventually(
      async () => (await get("pvc", "-n", workflow.namespace)).items.map((one: { metadata: { name: string } }) => one.metadata.name),
      (left) => left.join() === "everything",
    );
    expect(await workflow.jobs()).toEqual([]);
  });

  test("waits for a claim to be bound without a right to its volume", async () => {
    const { namespace, folder } = workflow;
    const late = `${namespace}-late`;
    const spec = { accessModes: ["ReadWriteMany"], storageClassName: "" };
    const metadata = { name: "late", namespace };
    const resources = { requests: { storage: "1Gi" } };
    await apply({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec: { ...spec, volumeName: late, resources } });
    const config = path.join(folder, "late.json");
    const volumes = [{ name: "late", type: "claim", claimName: "late", mountPathContainer: "/late" }];
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(workflow.configFile, "utf8")), volumes }));
    const running = workflow.start("submit", workflow.script("Late-1", "true\n"), "--wait", "--config", config);
    await printed(running, /waiting for claim \S+\/late /);
    const nfs = { server: "127.0.0.1", path: folder };
    const made = { ...spec, capacity: { storage: "1Gi" }, claimRef: { namespace, name: "late" }, nfs };
    await apply({ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: late }, spec: made });
    // The volume controller may stop half way until something changes.
    let looks = 0;
    const look = async () => {
      await kubectl("annotate", "--overwrite", "pvc", "late", "-n", namespace, `looked-at=${looks++}`);
      return await get("pvc", "late", "-n", namespace);
    };
    await eventually(look, ({ status }) => status.phase === "Bound");
    expect(await running.ended).toMatchObject({ code: 0, stdout: "Late-1\n" });
    // The cleanup of another test removes neither.
    for (const object of [`pvc/late`, `pv/${late}`]) await kubectl("delete", object, "-n", namespace, "--wait=false");
  });

  test("is told what it lacks by its name", async () => {
    const { code, stderr } = await workflow.cli("debug", "nodes");
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/cannot list resource "nodes".*\nhint: grant the permissions in deploy\/rbac\.yaml/),
    ]);
  });
});
