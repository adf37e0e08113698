import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { removeFolder } from "../folders.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** What the tests know of the cluster they run on. */
export interface TestCluster {
  /** Kubeconfig of the cluster's administrator: for arranging and for looking, never for the program under test. */
  readonly adminKubeconfig: string;
  /** Kubeconfigs of the two accounts of deploy/rbac.yaml. */
  readonly engineKubeconfig: string;
  readonly userKubeconfig: string;
  readonly kubectl: string;
  /** Image with bash and the usual tools. */
  readonly image: string;
  /** NFS server and the folder that it exports, which this machine sees under the same path. */
  readonly nfsServer: string;
  readonly workflows: string;
  /** What the names of this run's namespaces begin with, behind `e2e-`. */
  readonly run: string;
  /** Folder of the project's own cluster; undefined on any other. */
  readonly ownCluster: string | undefined;
}

declare module "vitest" {
  interface ProvidedContext {
    cluster: TestCluster;
  }
}

/** Finds the cluster, puts the accounts of deploy/rbac.yaml in place, and makes a folder for the workflows. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-e2e-"));
  chmodSync(folder, 0o755);
  const { kubeconfig, context, ownCluster } = findCluster();
  const kubectl = ownCluster === undefined ? "kubectl" : path.join(ownCluster, "bin/kubectl");
  const admin = path.join(folder, "admin.kubeconfig");
  const read = (...args: string[]) => execFileSync(kubectl, ["--kubeconfig", kubeconfig, ...context, ...args], { encoding: "utf8" });
  writeFileSync(admin, read("config", "view", "--raw", "--flatten", "--minify"));
  read("apply", "-f", path.join(root, "deploy/rbac.yaml"));
  const server = JSON.parse(read("config", "view", "--raw", "--flatten", "--minify", "-o", "json")).clusters[0].cluster;
  const account = (name: string) => {
    const token = read("create", "token", name, "-n", "gasw-k8s", "--duration", "12h").trim();
    const file = path.join(folder, `${name}.kubeconfig`);
    writeFileSync(file, accountKubeconfig(server, name, token), { mode: 0o644 });
    return file;
  };
  const run = randomBytes(2).toString("hex");
  const workflows = process.env.GASW_K8S_TEST_WORKFLOWS ?? path.join(folder, "workflows");
  project.provide("cluster", {
    adminKubeconfig: admin,
    engineKubeconfig: account("gasw-k8s-engine"),
    userKubeconfig: account("gasw-k8s-admin"),
    kubectl,
    image: process.env.GASW_K8S_TEST_IMAGE ?? "localhost/gasw-k8s/bash:1",
    nfsServer: process.env.GASW_K8S_TEST_NFS_SERVER ?? "127.0.0.1",
    workflows,
    run,
    ownCluster,
  });
  return () => {
    // A cluster that scripts/test.sh has brought up goes as a whole.
    if (!existsSync(path.join(root, ".cache/cluster-started-by-tests"))) {
      const namespaces = read("get", "namespaces", "-o", "name").split("\n");
      const made = namespaces.filter((name) => name.startsWith(`namespace/e2e-${run}-`));
      if (made.length > 0) read("delete", ...made, "--wait=false");
    }
    removeFolder(folder);
  };
}

/** The cluster named explicitly, else the project's own; never the user's current context. */
function findCluster(): { kubeconfig: string; context: string[]; ownCluster: string | undefined } {
  const { GASW_K8S_TEST_CONTEXT: context, KUBECONFIG, HOME = "" } = process.env;
  // A context that is named alone is one of the person's own.
  const own = context === undefined ? undefined : (KUBECONFIG ?? path.join(HOME, ".kube/config"));
  const named = process.env.GASW_K8S_TEST_KUBECONFIG ?? own;
  if (named !== undefined)
    return { kubeconfig: named, context: context === undefined ? [] : ["--context", context], ownCluster: undefined };
  const kubeconfig = execFileSync("bash", [path.join(root, "cluster/kubeconfig.sh")], { encoding: "utf8" }).trim();
  return { kubeconfig, context: [], ownCluster: path.dirname(kubeconfig) };
}

function accountKubeconfig(cluster: object, name: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: name } }],
    "current-context": "test",
  });
}
