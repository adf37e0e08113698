import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { inject } from "vitest";
import { GaswError } from "../../src/errors.ts";
import { clusterAccess } from "../../src/kubernetes/access/access.ts";
import { KubernetesClient } from "../../src/kubernetes/client.ts";
import type { Identity } from "../servers/tls.ts";

/** What is reached, and as whom, in a line: `Bearer t, namespace n`; or that nothing is. */
export type Outcome = string;

/** A CA, and certificates that it has signed. */
export interface Authority {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  /** Another client's. */
  readonly other: Identity;
  readonly expired: Identity;
}

/** A server that notes who asks for config maps, over TLS and without, and what a case of the table is made of. */
export interface Place {
  readonly folder: string;
  readonly https: string;
  readonly http: string;
  /** Proxies that take any name for this machine. */
  readonly proxies: { readonly http: string; readonly https: string; readonly socks5: string };
  readonly authority: Authority;
  /** The cluster's fields: the address, and the CA. */
  readonly cluster: { readonly server: string; readonly "certificate-authority-data": string };
}

/** What a case is about: files by their names below the case's folder, which is HOME, and what the environment has beside that. */
export interface Fixture {
  readonly files?: Readonly<Record<string, string | object>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly context?: string;
}

export const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A CA of its own for a test file. */
export function makeAuthority(): Authority {
  const folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-authority-"));
  try {
    return signAll(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function signAll(folder: string): Authority {
  const file = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=ca", "-keyout", file("ca.key"), "-out", file("ca.crt"));
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,IP:192.0.2.1,DNS:localhost,DNS:cluster.test\n");
  const signed = (name: string, days: string, more: readonly string[] = []): Identity => {
    openssl("req", ...key, "-subj", `/O=group/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`));
    const ca = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"];
    openssl("x509", "-req", "-in", file(`${name}.csr`), ...ca, "-days", days, "-out", file(`${name}.crt`), ...more);
    return { cert: readFileSync(file(`${name}.crt`), "utf8"), key: readFileSync(file(`${name}.key`), "utf8") };
  };
  return {
    server: signed("server", "2", ["-extfile", file("names")]),
    client: signed("client", "2"),
    other: signed("other", "2"),
    expired: signed("expired", "-1"),
    ca: readFileSync(file("ca.crt"), "utf8"),
  };
}

/** A folder and a server for one case. */
export class Beside {
  readonly place: Place;
  readonly #servers: readonly Listening[];
  readonly #asked = new Map<"kubectl" | "ours", Outcome[]>();
  /** What has come through a proxy, by the port that the proxy has used. */
  readonly #passed: ReadonlyMap<number, string>;
  /** How many requests are refused as those of nobody, before any is answered. */
  refuse = 0;

  private constructor(place: Place, servers: readonly Listening[], passed: ReadonlyMap<number, string>) {
    this.place = place;
    this.#servers = servers;
    this.#passed = passed;
  }

  static async begin(authority: Authority): Promise<Beside> {
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) => beside.#answer(request, response);
    const secured = { ...authority.server, ca: authority.ca, requestCert: true, rejectUnauthorized: false };
    const passed = new Map<number, string>();
    const servers = [
      https.createServer(secured, listener),
      http.createServer(listener),
      connecting(http.createServer(), "http", passed),
      connecting(https.createServer(authority.server), "https", passed),
      socksServer(passed),
    ];
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
    const [secure, plain, ...proxies] = servers.map((server) => (server.address() as AddressInfo).port);
    const server = `https://127.0.0.1:${secure}`;
    const place: Place = {
      folder: mkdtempSync(path.join(tmpdir(), "gasw-k8s-beside-")),
      https: server,
      http: `http://127.0.0.1:${plain}`,
      proxies: {
        http: `http://127.0.0.1:${proxies[0]}`,
        https: `https://127.0.0.1:${proxies[1]}`,
        socks5: `socks5://127.0.0.1:${proxies[2]}`,
      },
      authority,
      cluster: { server, "certificate-authority-data": base64(authority.ca) },
    };
    const beside = new Beside(place, servers, passed);
    return beside;
  }

  end(): void {
    for (const server of this.#servers) {
      if ("closeAllConnections" in server) server.closeAllConnections();
      server.close();
    }
    rmSync(this.place.folder, { recursive: true });
  }

  /** Puts a case's files in place. @returns the environment */
  arrange({ files = {}, env = {} }: Fixture): NodeJS.ProcessEnv {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.place.folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o755 });
    }
    return { HOME: this.place.folder, PATH: process.env.PATH, ...env };
  }

  /** What kubectl reaches. */
  async kubectl({ context }: Fixture, env: NodeJS.ProcessEnv): Promise<Outcome> {
    const args = ["get", "configmaps", "-o", "name", "--request-timeout=20s", ...(context === undefined ? [] : ["--context", context])];
    const child = spawn(inject("cluster").kubectl, args, { env, cwd: this.place.folder, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    await once(child, "close");
    return this.#asked.get("kubectl")?.at(-1) ?? refused(stderr);
  }

  /** What this program reaches, or the error. */
  async ours({ context }: Fixture, env: NodeJS.ProcessEnv): Promise<Outcome | GaswError> {
    try {
      const client = this.client(env, context);
      const namespace = client.access.namespace?.name ?? "default";
      await client.list(`/api/v1/namespaces/${namespace}/configmaps`).finally(() => client.close());
    } catch (error) {
      if (error instanceof GaswError) return error;
      throw error;
    }
    return this.#asked.get("ours")?.at(-1) ?? "nothing";
  }

  client(env: NodeJS.ProcessEnv, context?: string): KubernetesClient {
    const access = clusterAccess({ insecureSkipTlsVerify: false, ...(context === undefined ? {} : { k8sContext: context }) }, env);
    const settings = { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 100 };
    return new KubernetesClient(access, settings, new AbortController().signal);
  }

  /** All that was asked for by one of the two. */
  asked(by: "kubectl" | "ours"): readonly Outcome[] {
    return this.#asked.get(by) ?? [];
  }

  #outcomeOf(request: http.IncomingMessage, url: string): Outcome {
    const proxy = this.#passed.get(request.socket.remotePort ?? 0);
    return outcomeOf(request, url) + (proxy === undefined ? "" : `, through the ${proxy} proxy`);
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const [url = ""] = (request.url ?? "").split("?");
    if (!url.endsWith("/configmaps")) {
      const [, answer = {}] = Object.entries(DISCOVERY).find(([suffix]) => url.endsWith(suffix)) ?? [];
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
      return;
    }
    const by = request.headers["user-agent"]?.startsWith("kubectl") ? "kubectl" : "ours";
    this.#asked.set(by, [...(this.#asked.get(by) ?? []), this.#outcomeOf(request, url)]);
    if (this.refuse > 0) {
      this.refuse--;
      response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ kind: "Status", code: 401 }));
      return;
    }
    const list = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] };
    response.setHeader("content-type", "application/json").end(JSON.stringify(list));
  }
}

type Listening = http.Server | https.Server | net.Server;

/** An HTTP proxy, over TLS or not. */
function connecting(server: http.Server | https.Server, name: string, passed: Map<number, string>): Listening {
  server.on("connect", ({ url }: http.IncomingMessage, client: net.Socket) => {
    passOn(client, Number(url?.split(":").at(-1)), name, passed, () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
  });
  // What needs no encryption is asked of the proxy itself.
  server.on("request", ({ url = "", method, headers }: http.IncomingMessage, response: http.ServerResponse) => {
    const { port, pathname, search } = new URL(url);
    const onward = http.request({ host: "127.0.0.1", port, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    onward.on("socket", (socket) => socket.once("connect", () => passed.set(socket.localPort ?? 0, name))).end();
  });
  return server;
}

/** A SOCKS 5 proxy without a login, which is given names (RFC 1928). */
function socksServer(passed: Map<number, string>): Listening {
  return net.createServer((client) => {
    client.once("data", () => {
      client.write(Buffer.from([5, 0]));
      client.once("data", (request) => {
        const port = request.readUInt16BE(request.length - 2);
        const kind = request[3] === 3 ? "socks5, by name" : "socks5";
        passOn(client, port, kind, passed, () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])));
      });
    });
  });
}

function passOn(client: net.Socket, port: number, name: string, passed: Map<number, string>, begin: () => void): void {
  const onward = net.connect(port, "127.0.0.1", () => {
    passed.set(onward.localPort ?? 0, name);
    begin();
    client.pipe(onward).pipe(client);
  });
  client.on("error", () => onward.destroy()).on("close", () => onward.destroy());
  onward.on("error", () => client.destroy()).on("close", () => client.destroy());
}

/** What kubectl asks for before the config maps. */
const DISCOVERY = {
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [{ name: "configmaps", singularName: "configmap", namespaced: true, kind: "ConfigMap", verbs: ["get", "list"] }],
  },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api": { kind: "APIVersions", versions: ["v1"] },
};

/** That kubectl has refused: it has a name or a password be typed in where there is neither. */
function refused(stderr: string): Outcome {
  if (stderr === "") throw new Error("kubectl has asked for nothing, and says nothing");
  return "refused";
}

function outcomeOf({ headers, rawHeaders, socket }: http.IncomingMessage, url: string): Outcome {
  const [, prefix = "", namespace = ""] = /^(.*)\/api\/v1\/namespaces\/([^/]+)\/configmaps$/.exec(url) ?? [];
  const subject = "getPeerCertificate" in socket ? (socket as TLSSocket).getPeerCertificate().subject?.CN : undefined;
  const basic = /^Basic (.*)/.exec(headers.authorization ?? "")?.[1];
  const login = basic === undefined ? headers.authorization : `Basic ${Buffer.from(basic, "base64")}`;
  const identity = [login ?? "", subject === undefined ? "" : `certificate ${subject}`, impersonation(rawHeaders)];
  const parts = [
    ...(identity.every((part) => part === "") ? ["nobody"] : identity),
    namespace === "default" ? "" : `namespace ${namespace}`,
    prefix === "" ? "" : `path ${prefix}`,
    "encrypted" in socket ? "" : "over http",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Each header by its lower-case name, in the order of names: Go's programs have no other. */
function impersonation(rawHeaders: readonly string[]): string {
  const pairs = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && /^impersonate-/i.test(name)
      ? [`${name.toLowerCase().slice("impersonate-".length)}=${Buffer.from(rawHeaders[index + 1] ?? "", "latin1")}`]
      : [],
  );
  return pairs.sort().join(" ");
}
