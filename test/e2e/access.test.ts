import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Account, ask, engineAccount, file, kubeconfig, selfSigned } from "./accessSupport.ts";
import { errorOf } from "./expectations.ts";
import { kubectl, TestWorkflow } from "./harness.ts";

const REACHED = { code: 6, message: expect.stringContaining("or in the cluster") };
let workflow: TestWorkflow;
let account: Account;
beforeAll(() => {
  workflow = new TestWorkflow();
  account = engineAccount();
});
afterAll(() => workflow.cleanup());

/** A port at which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("a kubeconfig that cannot be used ends with 3 and names the file", () => {
  test.each([
    ["is missing", undefined, / does not exist$/, /k8sKubeConfig must be/],
    ["is empty", "\n", / is not a kubeconfig: it lists no cluster and no context$/, /kubectl config view/],
    [
      "is not YAML",
      "users:\n- user:\n    token: TOKEN\n   name: [x\n",
      / is not a kubeconfig: line \d+, column \d+: /,
      /kubectl config view/,
    ],
    ["is another YAML", "a: 1\n", / is not a kubeconfig: it lists no cluster and no context$/, /kubectl config view/],
    ["is a list", "- a\n", / is not a kubeconfig: /, /kubectl config view/],
    [
      "has a number for a server",
      '{"clusters":[{"name":"c","cluster":{"server":1}}]}',
      /clusters\[0\]\.cluster\.server is not a string$/,
      /kubectl/,
    ],
  ])("that %s", async (_, text, message, hint) => {
    const named = path.join(workflow.folder, `kubeconfig-${message.source.length}`);
    if (text !== undefined) file(workflow, path.basename(named), text.replace("TOKEN", account.token));
    workflow.configure({ k8sKubeConfig: named });
    const error = errorOf(await ask(workflow));
    expect(error).toEqual({ code: 3, message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect(error.message).toContain(named);
  });

  test("that is a directory", async () => {
    workflow.configure({ k8sKubeConfig: workflow.folder });
    expect(errorOf(await ask(workflow))).toMatchObject({ code: 3, message: `${workflow.folder} is a directory` });
  });

  test.each([
    ["has no current context", { "current-context": "" }, {}, / has no current context$/],
    ["has another current context than its contexts", { "current-context": "two" }, {}, / has no context "two"$/],
    ["does not have the context that is asked for", {}, { k8sContext: "three" }, / has no context "three"$/],
  ])("that %s, with the contexts that there are", async (_, top, config, message) => {
    workflow.configure({ k8sKubeConfig: file(workflow, "contexts", kubeconfig(account, { top })), ...config });
    const error = errorOf(await ask(workflow));
    expect(error).toEqual({ code: 3, message: expect.stringMatching(message), hint: "set k8sContext (or --context) to one of: one" });
  });

  test.each([
    ["cluster", { cluster: "gone", user: "u" }],
    ["user", { cluster: "c", user: "gone" }],
  ])("whose context names a %s that is not there", async (kind, context) => {
    const top = { contexts: [{ name: "one", context }] };
    workflow.configure({ k8sKubeConfig: file(workflow, "dangling", kubeconfig(account, { top })) });
    expect(errorOf(await ask(workflow))).toMatchObject({
      code: 3,
      message: expect.stringContaining(`refers to the ${kind} "gone", which does not exist`),
    });
  });

  test("whose certificate files are missing", async () => {
    const user = { "client-certificate": "missing.crt", "client-key": "missing.key" };
    workflow.configure({ k8sKubeConfig: file(workflow, "certificates", kubeconfig(account, { user })) });
    expect(errorOf(await ask(workflow))).toMatchObject({ code: 3, message: expect.stringContaining("missing.crt") });
  });
});

describe("a cluster that cannot be reached ends with 4 and names its address", () => {
  test("connection refused", async () => {
    const server = `https://127.0.0.1:${await closedPort()}`;
    workflow.configure({ k8sKubeConfig: file(workflow, "closed", kubeconfig(account, { server })) });
    const begin = performance.now();
    const error = errorOf(await ask(workflow));
    expect(performance.now() - begin).toBeLessThan(30_000);
    expect(error).toEqual({
      code: 4,
      message: expect.stringMatching(`^cannot reach the cluster ${server} \\(GET /.*ECONNREFUSED`),
      hint: expect.stringContaining("the API server is running"),
    });
  });

  test("the host has no address", async () => {
    const server = "https://no-such-host.invalid:6443";
    workflow.configure({ k8sKubeConfig: file(workflow, "unknown", kubeconfig(account, { server })) });
    expect(errorOf(await ask(workflow))).toMatchObject({ code: 4, hint: expect.stringContaining("does not resolve") });
  });

  test("its certificate is not of the given CA", async () => {
    const cluster = { "certificate-authority-data": Buffer.from(selfSigned(workflow.folder).cert).toString("base64") };
    workflow.configure({ k8sKubeConfig: file(workflow, "wrong-ca", kubeconfig(account, { cluster })) });
    const error = errorOf(await ask(workflow));
    expect(error).toMatchObject({ code: 4, hint: expect.stringContaining("set k8sCaFile") });
    // Not even where the environment asks Node.js for it, which does not say that it would be.
    expect(errorOf(await ask(workflow, { NODE_TLS_REJECT_UNAUTHORIZED: "0" }))).toMatchObject({ code: 4, hint: error.hint });
  });
});

describe("an identity that a kubeconfig's user takes on", () => {
  test("is the whole one: the cluster allows what only its groups are allowed", async () => {
    const admin = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")).users[0].user;
    const as = async (identity: object) => {
      workflow.configure({ k8sKubeConfig: file(workflow, "as", kubeconfig(account, { user: { ...admin, ...identity } })) });
      return errorOf(await ask(workflow));
    };
    expect(await as({ as: "somebody" })).toMatchObject({ code: 4, message: expect.stringContaining('User "somebody" cannot list') });
    expect(await as({ as: "somebody", "as-groups": ["system:masters"], "as-user-extra": { "example.org/a": ["b"] } })).toMatchObject(
      REACHED,
    );
    expect(await as({ "as-groups": ["system:masters"] })).toMatchObject({
      code: 3,
      message: expect.stringContaining("without a user"),
    });
  });
});

describe("the usual rules of kubectl", () => {
  test("~/.kube/config counts where nothing is configured, and KUBECONFIG before it", async () => {
    mkdirSync(path.join(workflow.folder, ".kube"), { recursive: true });
    workflow.configure({ k8sKubeConfig: undefined });
    file(workflow, ".kube/config", kubeconfig(account));
    expect(errorOf(await ask(workflow))).toMatchObject(REACHED);
    const other = file(workflow, "other", kubeconfig(account, { top: { "current-context": "" } }));
    expect(errorOf(await ask(workflow, { KUBECONFIG: other }))).toMatchObject({
      code: 3,
      message: `the kubeconfig has no current context`,
    });
  });

  test("of the files in KUBECONFIG the first to name a thing decides, and some may be missing", async () => {
    workflow.configure({ k8sKubeConfig: undefined });
    const users = file(
      workflow,
      "users",
      JSON.stringify({
        users: [{ name: "u", user: { token: account.token } }],
        clusters: [],
        contexts: [{ name: "one", context: { cluster: "c", user: "u" } }],
      }),
    );
    const stale = file(workflow, "stale", kubeconfig(account, { user: { token: "stale" } }));
    const list = [path.join(workflow.folder, "missing"), users, stale].join(":");
    expect(errorOf(await ask(workflow, { KUBECONFIG: list }))).toMatchObject(REACHED);
    expect(errorOf(await ask(workflow, { KUBECONFIG: path.join(workflow.folder, "missing") }))).toMatchObject({ code: 3 });
  });

  test("are not asked where a kubeconfig is named, nor where --kubeconfig names another", async () => {
    const good = file(workflow, "good", kubeconfig(account));
    workflow.configure({ k8sKubeConfig: good });
    expect(errorOf(await ask(workflow, { KUBECONFIG: "/missing" }))).toMatchObject(REACHED);
    const bad = await workflow.cli("status", "--kubeconfig", "elsewhere");
    expect(errorOf(bad)).toMatchObject({ code: 3, message: `${workflow.directory}/elsewhere does not exist` });
    expect(errorOf(await workflow.cli("status", "--context", "other"))).toMatchObject({ code: 3 });
  });
});
