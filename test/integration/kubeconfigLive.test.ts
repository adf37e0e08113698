import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { clusterAccess } from "../../src/kubernetes/access/access.ts";
import { KubernetesClient } from "../../src/kubernetes/client.ts";
import type { Arrived } from "../servers/tls.ts";
import { headerOf, type Identity, type Listener, notingServer, selfSigned } from "../servers/tls.ts";

let folder: string;
let file: string;
let identity: Identity;
let server: Listener & { readonly arrived: Arrived[] };
let client: KubernetesClient;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-live-"));
  file = path.join(folder, "kubeconfig");
  identity = selfSigned(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  server = await notingServer(identity);
  writeFileSync(file, kubeconfig());
  const access = clusterAccess({ k8sKubeConfig: file, insecureSkipTlsVerify: false }, {});
  const settings = { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 100 };
  client = new KubernetesClient(access, settings, new AbortController().signal);
});
afterEach(() => {
  vi.restoreAllMocks();
  client.close();
  server.close();
});

function kubeconfig(change: { user?: object; cluster?: object; top?: object } = {}): string {
  const ca = Buffer.from(identity.cert).toString("base64");
  const cluster = { server: `https://127.0.0.1:${server.port}`, "certificate-authority-data": ca, ...change.cluster };
  return JSON.stringify({
    clusters: [{ name: "c", cluster }],
    users: [
      { name: "u", user: { token: "first", ...change.user } },
      { name: "v", user: { token: "other" } },
    ],
    contexts: [
      { name: "one", context: { cluster: "c", user: "u" } },
      { name: "two", context: { cluster: "c", user: "v" } },
    ],
    "current-context": "one",
    ...change.top,
  });
}

/** Whom the next request is from. */
async function asked(): Promise<string[]> {
  server.arrived.length = 0;
  await client.get("/api");
  return server.arrived.flatMap((arrived) => [...headerOf(arrived, "authorization"), ...headerOf(arrived, "impersonate-user")]);
}

describe("a kubeconfig that is rewritten while the program runs", () => {
  test.each([
    ["another token", { token: "second" }, ["Bearer second"]],
    ["another user", { as: "somebody" }, ["Bearer first", "somebody"]],
    ["another way to log in", { token: "", username: "n", password: "p" }, [`Basic ${Buffer.from("n:p").toString("base64")}`]],
  ])("counts for the next request, with %s", async (_, user, expected) => {
    expect(await asked()).toEqual(["Bearer first"]);
    writeFileSync(file, kubeconfig({ user }));
    expect(await asked()).toEqual(expected);
  });

  test("counts when it is put in place of the other", async () => {
    writeFileSync(`${file}.new`, kubeconfig({ user: { token: "second" } }));
    renameSync(`${file}.new`, file);
    expect(await asked()).toEqual(["Bearer second"]);
  });

  test("goes on with its context where another one is made current, which is for the commands to come", async () => {
    writeFileSync(file, kubeconfig({ top: { "current-context": "two" } }));
    expect(await asked()).toEqual(["Bearer first"]);
  });

  test.each([
    ["half of a file", () => writeFileSync(file, kubeconfig().slice(0, 60))],
    ["an empty file", () => writeFileSync(file, "")],
    ["no file", () => rmSync(file)],
    ["a file without the context", () => writeFileSync(file, kubeconfig({ top: { contexts: [] } }))],
  ])("is not taken at its word while it is %s, unless it stays so", async (_, breakFile) => {
    breakFile();
    expect(await asked()).toEqual(["Bearer first"]);
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 60_000);
    await expect(client.get("/api")).rejects.toMatchObject({ code: "CONFIG", message: expect.stringContaining(file) });
    writeFileSync(file, kubeconfig({ user: { token: "second" } }));
    expect(await asked()).toEqual(["Bearer second"]);
  });

  test("does not lead to another server: what was begun with one cluster does not go on with another", async () => {
    writeFileSync(file, kubeconfig({ cluster: { server: "https://127.0.0.1:1" } }));
    expect(await asked()).toEqual(["Bearer first"]);
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 60_000);
    await expect(client.get("/api")).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringMatching(/now has https:\/\/127\.0\.0\.1:1 as the cluster's address, not https/),
    });
  });
});
