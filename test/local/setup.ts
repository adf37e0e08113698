import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { removeFolder } from "../folders.ts";
import { selfSigned } from "../servers/tls.ts";
import { LocalCluster } from "./cluster.ts";

/** Begins a cluster in this process, and tells the tests of it as of a real one. */
export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-local-"));
  chmodSync(folder, 0o755);
  const volumes = path.join(folder, "volumes");
  mkdirSync(volumes);
  const identity = selfSigned(folder);
  const cluster = new LocalCluster(identity, volumes);
  const kubeconfig = path.join(folder, "kubeconfig.json");
  writeFileSync(kubeconfig, kubeconfigFor(await cluster.begin(), identity.cert));
  project.provide("cluster", {
    adminKubeconfig: kubeconfig,
    engineKubeconfig: kubeconfig,
    userKubeconfig: kubeconfig,
    kubectl: "kubectl",
    image: "localhost/gasw-k8s/bash:1",
    nfsServer: "127.0.0.1",
    workflows: path.join(folder, "workflows"),
    run: randomBytes(2).toString("hex"),
    ownCluster: undefined,
  });
  return () => {
    cluster.end();
    removeFolder(folder);
  };
}

function kubeconfigFor(server: string, ca: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "certificate-authority-data": Buffer.from(ca).toString("base64") } }],
    users: [{ name: "local", user: { token: "header.claims.signature-of-the-local-cluster" } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "local" } }],
    "current-context": "local",
  });
}
