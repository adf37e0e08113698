import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import { GaswError } from "../../src/errors.ts";
import { clusterAccess } from "../../src/kubernetes/access/access.ts";
import type { AccessSettings } from "../../src/kubernetes/access/settings.ts";
import { KubernetesClient } from "../../src/kubernetes/client.ts";
import { exec } from "../../src/kubernetes/terminal.ts";
import { changes } from "../../src/kubernetes/watch.ts";
import {
  type Arrived,
  connectProxy,
  headerOf,
  type Identity,
  type Listener,
  notingServer,
  selfSigned,
  socksProxy,
} from "../servers/tls.ts";
import { ioDouble } from "../unit/io.ts";

const TOKEN = "the-token-of-the-engine";
let folder: string;
let identity: Identity;
let server: Listener & { readonly arrived: Arrived[] };
const closers: (() => void)[] = [];
let written = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-tls-"));
  identity = selfSigned(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  server = await opened(notingServer(identity));
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0)) close();
});

async function opened<T extends Listener>(listener: Promise<T>): Promise<T> {
  const ready = await listener;
  closers.push(ready.close);
  return ready;
}

interface Way {
  readonly cluster?: object;
  readonly user?: object;
  readonly settings?: Partial<AccessSettings>;
}

/** A file of its own for each client, which would take up what is written into it. */
function kubeconfig({ cluster = {}, user = {} }: Way): string {
  const file = path.join(folder, `kubeconfig-${++written}`);
  const content = {
    clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${server.port}`, ...cluster } }],
    users: [
      { name: "other", user: { "as-groups": ["of another user"] } },
      { name: "u", user: { token: TOKEN, ...user } },
    ],
    contexts: [{ name: "one", context: { cluster: "c", user: "u" } }],
    "current-context": "one",
  };
  writeFileSync(file, JSON.stringify(content));
  return file;
}

/** The server's own certificate as the one that is trusted. */
const trusted = () => ({ "certificate-authority-data": Buffer.from(identity.cert).toString("base64") });

function clientOf(way: Way): KubernetesClient {
  const access = clusterAccess({ k8sKubeConfig: kubeconfig(way), insecureSkipTlsVerify: false, ...way.settings }, {});
  const client = new KubernetesClient(access, { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 100 }, signal());
  closers.push(() => client.close());
  return client;
}

const signal = () => new AbortController().signal;

/** What is asked of the server in every way that there is, or what came instead. */
const WAYS: Readonly<Record<string, (client: KubernetesClient) => Promise<unknown>>> = {
  "a request": (client) => client.get("/api/v1/pods"),
  "a watch": async (client) => {
    const stop = new AbortController();
    const seen = changes(client, "/api/v1/pods", "a=b", stop.signal);
    await seen.next();
    const watching = seen.next();
    await vi.waitUntil(() => server.arrived.some(({ url }) => url.includes("watch=true")), { interval: 5, timeout: 60_000 });
    stop.abort();
    return await watching;
  },
  "a terminal": (client) => {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
    return exec(client, { namespace: "n", pod: "p", container: "c", command: ["true"], ...streams }, signal());
  },
};
const WAY_NAMES = Object.keys(WAYS);

async function goes(name: string, client: KubernetesClient): Promise<unknown> {
  return await WAYS[name]?.(client).catch((error: unknown) => error);
}

async function proxied(kind: string): Promise<object> {
  if (kind === "no proxy") return {};
  const { port } = await opened(kind === "a SOCKS proxy" ? socksProxy() : connectProxy());
  return { "proxy-url": `${kind === "a SOCKS proxy" ? "socks5" : "http"}://127.0.0.1:${port}` };
}

describe.each(["no proxy", "an HTTP proxy", "a SOCKS proxy"])("through %s", (proxy) => {
  test.each(WAY_NAMES)("%s gives an unverified server nothing, whatever the environment says", async (way) => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const client = clientOf({ cluster: await proxied(proxy) });
    expect(await goes(way, client)).toMatchObject({ code: "CLUSTER", hint: expect.stringContaining("set k8sCaFile") });
    expect(server.arrived).toEqual([]);
  });

  test.each(WAY_NAMES)("%s reaches a server that is verified, or that the configuration has trusted unverified", async (way) => {
    const given = await proxied(proxy);
    for (const client of [
      clientOf({ cluster: { ...given, ...trusted() } }),
      clientOf({ cluster: given, settings: { insecureSkipTlsVerify: true } }),
    ]) {
      server.arrived.length = 0;
      await goes(way, client);
      expect(server.arrived.map((arrived) => headerOf(arrived, "authorization"))).toContainEqual([`Bearer ${TOKEN}`]);
    }
  });
});

test("a proxy gets its password only where its own certificate is verified", async () => {
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  // Not the one that is trusted for the server.
  const proxy = await opened(connectProxy(selfSigned(folder)));
  const cluster = { ...trusted(), "proxy-url": `https://user:password@127.0.0.1:${proxy.port}` };
  for (const insecureSkipTlsVerify of [false, true]) {
    const answer = await goes("a request", clientOf({ cluster, settings: { insecureSkipTlsVerify } }));
    expect(answer).toMatchObject({ code: "CLUSTER", message: expect.stringContaining("self-signed certificate") });
  }
  expect(proxy.arrived).toEqual([]);
});

test.each(["no proxy", "an HTTP proxy"])("an address without encryption is refused before anything is sent, through %s", async (proxy) => {
  const plain = { server: `http://192.0.2.1:${server.port}`, ...(await proxied(proxy)) };
  expect(() => clientOf({ cluster: plain })).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining("is not encrypted") }),
  );
});

describe("a server that is trusted unverified is told once by", () => {
  test.each([
    ["status", ["status"]],
    ["monitor", ["monitor", "--forever"]],
    ["debug exec", ["debug", "exec", "Job-1", "--", "true"]],
  ])("%s", async (_, args) => {
    const directory = path.join(folder, "workflow");
    for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
    const config = path.join(folder, "gasw-k8s.json");
    const file = kubeconfig({});
    writeFileSync(
      config,
      JSON.stringify({ k8sKubeConfig: file, insecureSkipTlsVerify: true, state: { path: path.join(folder, `${args[0]}.db`) } }),
    );
    const stop = new AbortController();
    const { io, stderr } = ioDouble({ cwd: directory, env: { GASW_K8S_CONFIG: config } });
    const ended = run(args, { ...io, signal: stop.signal }, "0");
    // A monitor reaches its server again and again.
    const wanted = args[0] === "monitor" ? "watch=true" : "";
    await vi.waitUntil(() => server.arrived.some(({ url }) => url.includes(wanted)), { interval: 5, timeout: 60_000 });
    stop.abort();
    await ended;
    const told = stderr()
      .split("\n")
      .filter((line) => line.startsWith("warning: "));
    expect(told).toEqual([
      `warning: insecureSkipTlsVerify is set: the identity of https://127.0.0.1:${server.port} is not verified, so the token may be exposed`,
    ]);
  });
});

test("a database that is trusted unverified is told once, however often it is opened, before it is spoken to", async () => {
  const url = "postgres://127.0.0.1:1/gasw?sslmode=no-verify";
  const { io, stderr } = ioDouble({ cwd: folder, env: { HOME: folder, GASW_K8S_DAO_URL: url } });
  const context = new Context(io, await loadConfig({ cwd: folder, env: io.env, pluginFile: "none" }));
  const workflow = { key: 1, id: "workflow-1", directory: folder, namespace: "default" };
  for (let round = 0; round < 2; round++) await expect(context.openDao(workflow, signal())).rejects.toThrow(/connection refused/);
  expect(stderr()).toBe(
    "warning: dao.url has sslmode=no-verify: the database server's identity is not verified, so the password may be exposed\n",
  );
});

describe("an identity that a kubeconfig's user takes on", () => {
  const WHOLE = {
    as: "Zoé",
    "as-uid": "0815",
    "as-groups": ["developers", "system:masters"],
    "as-user-extra": { scopes: ["view", "edit"], "example.org/a (b)%": ["c"] },
  };

  test.each(WAY_NAMES)("goes with %s, whole", async (way) => {
    await goes(way, clientOf({ cluster: trusted(), user: WHOLE }));
    const [arrived] = server.arrived.slice(-1);
    const sent = (name: string) => headerOf(arrived as Arrived, name).map((value) => Buffer.from(value, "latin1").toString("utf8"));
    expect(sent("impersonate-user")).toEqual(["Zoé"]);
    expect(sent("impersonate-uid")).toEqual(["0815"]);
    expect(sent("impersonate-group")).toEqual(["developers", "system:masters"]);
    expect(sent("impersonate-extra-scopes")).toEqual(["view", "edit"]);
    expect(sent("impersonate-extra-example.org%2Fa%20%28b%29%25")).toEqual(["c"]);
    expect(sent("authorization")).toEqual([`Bearer ${TOKEN}`]);
  });

  test("sends what it has, and nothing for what is empty", async () => {
    await goes(
      "a request",
      clientOf({ cluster: trusted(), user: { as: "somebody", "as-uid": "", "as-groups": null, "as-user-extra": {} } }),
    );
    const names = server.arrived[0]?.rawHeaders.filter((_, index) => index % 2 === 0).filter((name) => /^impersonate/i.test(name));
    expect(names).toEqual(["Impersonate-User"]);
  });

  test.each([
    ["groups without a user", { "as-groups": ["a"] }, /without a user$/],
    ["a uid without a user", { as: "", "as-uid": "1" }, /without a user$/],
    ["extra fields without a user", { "as-user-extra": { a: ["b"] } }, /without a user$/],
    ["a user that is a number", { as: 1000 }, /: users\[1\]\.user\.as is not a string$/],
    ["a uid that is a number", { as: "a", "as-uid": 1000 }, /: users\[1\]\.user\.as-uid is not a string$/],
    ["groups that are not a list", { as: "a", "as-groups": "b" }, /: users\[1\]\.user\.as-groups is not a list$/],
    ["a group that no header can hold", { as: "a", "as-groups": ["b\nc"] }, /"u" impersonates a name that has control characters$/],
    ["an extra field that is not a list", { as: "a", "as-user-extra": { b: "c" } }, /: users\[1\]\.user\.as-user-extra\.b is not a list$/],
  ])("is refused with %s, before anything is sent", (_, user, message) => {
    const refusal = refusalOf(() => clientOf({ cluster: trusted(), user }));
    expect(refusal).toMatchObject({ code: "CONFIG", message: expect.stringMatching(message), hint: expect.stringMatching(/\w/) });
    expect(server.arrived).toEqual([]);
  });

  test.each([
    ["a login that this program does not know", { "auth-provider": { name: "openstack" } }, /the auth-provider openstack, which is not/],
    ["a login without a token", { "auth-provider": { name: "oidc", config: { "id-token": "" } } }, /its auth-provider returns no token$/],
    ["a certificate without its key", { "client-certificate-data": "YQ==" }, /: client-key-data of user "u" is missing$/],
    ["a key without its certificate", { "client-key-data": "YQ==" }, /: user "u" has no credentials$/],
  ])("is refused with %s, before anything is sent", async (_, user, message) => {
    const asked = async () => await clientOf({ cluster: trusted(), user: { token: undefined, ...user } }).get("/api");
    await expect(asked()).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/\w/),
    });
    expect(server.arrived).toEqual([]);
  });

  test("counts with the token in its file, read again when it changes", async () => {
    const client = clientOf({ cluster: trusted(), user: { tokenFile: "token", token: "beside-it" } });
    for (const token of ["first", "second"]) {
      writeFileSync(path.join(folder, "token"), `${token}\n`);
      await goes("a request", client);
    }
    expect(server.arrived.map((arrived) => headerOf(arrived, "authorization"))).toEqual([["Bearer first"], ["Bearer second"]]);
  });
});

function refusalOf(action: () => unknown): GaswError {
  try {
    action();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
