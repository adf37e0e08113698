import { createSign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, inject } from "vitest";
import { parseAllDocuments } from "yaml";
import { get, kubectl, type Result, type TestWorkflow } from "./harness.ts";

export { selfSigned } from "../servers/tls.ts";

/** The engine account's way to the cluster, taken apart. */
export interface Account {
  readonly server: URL;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

/** How the tests' engine account reaches the cluster. */
export function engineAccount(): Account {
  const { clusters, users } = JSON.parse(readFileSync(inject("cluster").engineKubeconfig, "utf8"));
  const { server, "certificate-authority-data": ca } = clusters[0].cluster;
  return { server: new URL(server), ca: Buffer.from(ca, "base64").toString(), token: users[0].user.token };
}

/** The account `gasw-k8s` of deploy/rbac-namespace.yaml, with everything that it is given, in a namespace. */
export function namespaceAccount(namespace: string): object[] {
  const text = readFileSync(path.resolve(import.meta.dirname, "../../deploy/rbac-namespace.yaml"), "utf8");
  const confined = text
    .replaceAll("namespace: gasw\n", `namespace: ${namespace}\n`)
    .replaceAll("namespace: gasw }", `namespace: ${namespace} }`);
  return parseAllDocuments(confined).map((document) => document.toJS());
}

/** A kubeconfig of one cluster, user and context; what is given replaces parts of it. */
export function kubeconfig(account: Account, change: { server?: string; cluster?: object; user?: object; top?: object } = {}): string {
  const ca = Buffer.from(account.ca).toString("base64");
  const cluster = { server: change.server ?? account.server.origin, "certificate-authority-data": ca, ...change.cluster };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: change.user ?? { token: account.token } }],
    contexts: [{ name: "one", context: { cluster: "c", user: "u" } }],
    "current-context": "one",
    ...change.top,
  });
}

/** Writes a file into the workflow's own folder, outside its directory. */
export function file(workflow: TestWorkflow, name: string, text: string): string {
  const written = path.join(workflow.folder, name);
  writeFileSync(written, text);
  return written;
}

/**
 * Asks the cluster for jobs that do not exist: exit 6 when it was reached and allowed.
 * Whatever comes out, even with every detail asked for, the engine's token and the CA are not in it.
 */
export async function ask(workflow: TestWorkflow, env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const { token } = engineAccount();
  const signature = token.split(".")[2] ?? "";
  const [plain, ...detailed] = await Promise.all(
    [["status"], ["status", "-v"], ["status", "-v", "-o", "json"]].map((args) => workflow.cliWith({ env }, ...args)),
  );
  for (const result of [plain as Result, ...detailed]) {
    expect(result.code).toBe(plain?.code);
    for (const secret of [token, signature, "BEGIN CERTIFICATE"]) expect(result.stdout + result.stderr).not.toContain(secret);
  }
  return plain as Result;
}

/** A token of the engine's account as the API server itself signs them, ending at the given time (seconds since 1970). */
export async function signedToken(expires: number): Promise<string> {
  const { ownCluster } = inject("cluster");
  if (ownCluster === undefined) throw new Error("only the project's own cluster gives its signing key: run this test on it");
  const account = await get("serviceaccount", "gasw-k8s-engine", "-n", "gasw-k8s");
  const keyId = JSON.parse(await kubectl("get", "--raw", "/openid/v1/jwks")).keys[0].kid;
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const issuer = "https://kubernetes.default";
  const claims = {
    aud: [issuer],
    iss: issuer,
    sub: "system:serviceaccount:gasw-k8s:gasw-k8s-engine",
    iat: expires - 3600,
    nbf: expires - 3600,
    exp: expires,
    "kubernetes.io": { namespace: "gasw-k8s", serviceaccount: { name: "gasw-k8s-engine", uid: account.metadata.uid } },
  };
  const text = `${encode({ alg: "RS256", kid: keyId })}.${encode(claims)}`;
  const signature = createSign("RSA-SHA256")
    .update(text)
    .sign(readFileSync(path.join(ownCluster, "pki/sa.key")), "base64url");
  return `${text}.${signature}`;
}
