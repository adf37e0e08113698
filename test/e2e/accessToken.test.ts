import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Account, ask, engineAccount, file, kubeconfig, selfSigned, signedToken } from "./accessSupport.ts";
import { errorOf } from "./expectations.ts";
import { kubectl, PROGRAM, run, TestWorkflow } from "./harness.ts";

const REACHED = { code: 6, message: expect.stringContaining("or in the cluster") };
const HOUR = 3600;
let workflow: TestWorkflow;
let account: Account;
let byAddress: Record<string, unknown>;
beforeEach(() => {
  workflow = new TestWorkflow();
  account = engineAccount();
  byAddress = { k8sKubeConfig: undefined, k8sAddress: account.server.origin, k8sCaFile: file(workflow, "ca.crt", account.ca) };
});
afterEach(() => workflow.cleanup());

describe("address and token", () => {
  test("reach the cluster whose certificate the CA has signed, with the token or its file", async () => {
    workflow.configure({ ...byAddress, k8sToken: account.token });
    expect(errorOf(await ask(workflow))).toMatchObject(REACHED);
    // As editors and `kubectl create token > FILE` leave it.
    workflow.configure({ ...byAddress, k8sTokenFile: file(workflow, "token", `${account.token}\n`) });
    expect(errorOf(await ask(workflow))).toMatchObject(REACHED);
  });

  test("give way to a kubeconfig, as the plugin prefers it", async () => {
    workflow.configure({
      ...byAddress,
      k8sAddress: "https://127.0.0.1:1",
      k8sToken: "other",
      k8sKubeConfig: file(workflow, "kc", kubeconfig(account)),
    });
    expect(errorOf(await ask(workflow))).toMatchObject(REACHED);
  });

  test.each([
    ["no token", {}, /^k8sAddress requires k8sToken or k8sTokenFile$/],
    ["a token file that is missing", { k8sTokenFile: "/missing/token" }, /^\/missing\/token does not exist$/],
    ["a CA file that is missing", { k8sToken: "x", k8sCaFile: "/missing/ca" }, /^\/missing\/ca does not exist$/],
    ["an address that is none", { k8sAddress: "cluster:6443", k8sToken: "x" }, /k8sAddress: expected a URL/],
  ])("with %s end with 3", async (_, config, message) => {
    workflow.configure({ ...byAddress, ...config });
    expect(errorOf(await ask(workflow))).toMatchObject({ code: 3, message: expect.stringMatching(message) });
  });

  test.each([
    ["an empty token file", " \n", / is empty$/],
    ["a token file with something else", "first line\nsecond line\n", / does not contain exactly one token$/],
  ])("with %s end with 3", async (_, text, message) => {
    workflow.configure({ ...byAddress, k8sTokenFile: file(workflow, "bad-token", text) });
    expect(errorOf(await ask(workflow))).toMatchObject({ code: 3, message: expect.stringMatching(message) });
  });

  test("are refused by a certificate of another CA, or of none that this machine knows", async () => {
    const other = file(workflow, "other.crt", selfSigned(workflow.folder).cert);
    for (const k8sCaFile of [other, undefined]) {
      workflow.configure({ ...byAddress, k8sCaFile, k8sToken: account.token });
      expect(errorOf(await ask(workflow))).toMatchObject({ code: 4, hint: expect.stringContaining("set k8sCaFile") });
    }
  });

  test("go unverified only where insecureSkipTlsVerify is written out, with a warning", async () => {
    workflow.configure({ ...byAddress, k8sCaFile: undefined, k8sToken: account.token, insecureSkipTlsVerify: true });
    const result = await ask(workflow);
    expect(errorOf(result)).toMatchObject(REACHED);
    expect(result.stderr).toMatch(/^warning: insecureSkipTlsVerify is set: the identity of https:\/\/\S+ is not verified/);
    const cluster = { "certificate-authority-data": undefined, "insecure-skip-tls-verify": true };
    workflow.configure({ k8sKubeConfig: file(workflow, "insecure", kubeconfig(account, { cluster })) });
    expect((await ask(workflow)).stderr).toMatch(/^warning: the kubeconfig's insecure-skip-tls-verify is set/);
    workflow.configure({ ...byAddress, k8sToken: account.token, insecureSkipTlsVerify: false });
    expect((await ask(workflow)).stderr).not.toContain("warning");
  });
});

describe("a token that the cluster does not accept", () => {
  test("because it has expired: exit 4, and the hint says to get a new one", async () => {
    const now = Math.floor(Date.now() / 1000);
    workflow.configure({ ...byAddress, k8sToken: await signedToken(now + HOUR) });
    expect(errorOf(await ask(workflow)), "the same token before its end").toMatchObject(REACHED);
    const expired = await signedToken(now - HOUR);
    for (const config of [{ k8sToken: expired }, { k8sTokenFile: file(workflow, "expired", expired) }]) {
      workflow.configure({ ...byAddress, ...config });
      const result = await ask(workflow);
      expect(errorOf(result)).toEqual({
        code: 4,
        message: expect.stringMatching(`^the cluster ${account.server.origin} rejected the credentials`),
        hint: expect.stringMatching(/set a new token or certificate as k8sToken, k8sTokenFile/),
      });
      expect(result.stderr).not.toContain(expired);
    }
  });

  test("because its account lacks a permission: exit 4, naming the verb and the resource", async () => {
    await kubectl("create", "namespace", workflow.namespace);
    await kubectl("create", "serviceaccount", "powerless", "-n", workflow.namespace);
    const token = (await kubectl("create", "token", "powerless", "-n", workflow.namespace)).trim();
    workflow.configure({ ...byAddress, k8sToken: token });
    expect(errorOf(await ask(workflow))).toEqual({
      code: 4,
      message: expect.stringMatching(/forbids the request .*cannot list resource "(jobs|pods)"/),
      hint: expect.stringContaining("deploy/rbac.yaml"),
    });
    const script = workflow.script("Job-1", "true\n");
    expect(errorOf(await workflow.cli("submit", script))).toMatchObject({
      code: 4,
      message: expect.stringMatching(/cannot \w+ resource "/),
    });
  });
});

test("a token file is read again when it changes, within one process", async () => {
  const tokenFile = file(workflow, "rotating", account.token);
  workflow.configure({ ...byAddress, k8sTokenFile: tokenFile });
  const child = spawn(process.execPath, [PROGRAM, "submit", "--from", "-"], {
    cwd: workflow.directory,
    env: workflow.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const submit = async (jobId: string) => {
    child.stdin.write(`${JSON.stringify({ script: workflow.script(jobId, "true\n") })}\n`);
    return JSON.parse((await answers.next()).value);
  };
  try {
    expect(await submit("Job-A")).toMatchObject({ id: "Job-A", created: true });
    writeFileSync(tokenFile, await signedToken(Math.floor(Date.now() / 1000) - HOUR));
    expect(await submit("Job-B")).toMatchObject({
      error: { code: "CLUSTER", message: expect.stringContaining("rejected the credentials") },
    });
    writeFileSync(tokenFile, account.token);
    expect(await submit("Job-B")).toMatchObject({ id: "Job-B", created: true });
  } finally {
    child.stdin.end();
  }
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(4);
});

test("the in-cluster account is found where nothing else is configured", async () => {
  workflow.configure({ k8sKubeConfig: undefined });
  const [token, ca] = [file(workflow, "sa-token", account.token), file(workflow, "sa-ca.crt", account.ca)];
  // A mount namespace whose /run is its own, so that nothing appears where this machine keeps such files.
  const place = "/run/secrets/kubernetes.io/serviceaccount";
  const files = `cp "$0" ${place}/token && cp "$1" ${place}/ca.crt && echo jobs >${place}/namespace`;
  const prepare = `mount -t tmpfs tmpfs /run && mkdir -p ${place} && ${files} && shift 1 && exec "$@"`;
  const env = { ...workflow.env, KUBERNETES_SERVICE_HOST: account.server.hostname, KUBERNETES_SERVICE_PORT: account.server.port };
  const inPod = (...args: string[]) =>
    run("unshare", ["-m", "bash", "-c", prepare, token, ca, process.execPath, PROGRAM, ...args], { cwd: workflow.directory, env });
  // The account's namespace counts where the configuration names none.
  workflow.configure({ k8sKubeConfig: undefined, k8sNamespace: undefined });
  const shown = await inPod("config", "show");
  expect(shown.stdout).toMatch(/^k8sNamespace +jobs +the pod's service account$/m);
  workflow.configure({ k8sKubeConfig: undefined });
  const script = workflow.script("Job-C", "true\n");
  expect(await inPod("submit", script)).toEqual({ stdout: "Job-C\n", stderr: "", code: 0 });
  const elsewhere = await workflow.cliWith(
    { env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "1" } },
    "status",
    "Job-C",
  );
  expect(elsewhere).toMatchObject({ code: 3, stderr: expect.stringContaining("no cluster is configured") });
});
