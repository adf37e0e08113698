import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer, request } from "node:https";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Account } from "./accessSupport.ts";

/** Something between the program and the cluster, or in the cluster's place. */
export interface Double {
  readonly address: string;
  /** Connections or requests so far. */
  readonly count: () => number;
  close(): Promise<void>;
}

async function listening(server: Server | HttpsServer, count: () => number, sockets: ReadonlySet<Socket>): Promise<Double> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `https://127.0.0.1:${port}`, count, close };
}

/** Takes connections and never says a word. */
export function silentServer(): Promise<Double> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
  return listening(server, () => sockets.size, sockets);
}

/** Passes bytes on to the API server; a connection for which `limit` says so is reset after so many bytes of answers. */
export function cuttingProxy({ server: { hostname, port } }: Account, limit: (connection: number) => number | undefined): Promise<Double> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const bytes = limit(connections++);
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined));
    client.on("close", () => upstream.destroy()).pipe(upstream);
    let passed = 0;
    upstream
      .on("close", () => client.destroy())
      .on("data", (chunk: Buffer) => {
        passed += chunk.length;
        if (bytes === undefined || passed <= bytes) client.write(chunk);
        else client.resetAndDestroy();
      });
  });
  return listening(server, () => connections, sockets);
}

/** Passes bytes on to the API server while it is up; once it is down, every connection is reset. */
export async function switchedProxy({ server: { hostname, port } }: Account): Promise<Double & { switchTo(state: "up" | "down"): void }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let isUp = true;
  const server = createServer((client) => {
    connections++;
    if (!isUp) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
    client.on("close", () => upstream.destroy()).pipe(upstream);
    upstream.on("close", () => client.destroy()).pipe(client);
  });
  const double = await listening(server, () => connections, sockets);
  const switchTo = (state: "up" | "down") => {
    isUp = state === "up";
    if (!isUp) for (const socket of sockets) socket.resetAndDestroy();
  };
  return { ...double, switchTo };
}

/** An answer of the proxy's own; undefined: the API server's. */
export type OwnAnswer = { readonly status: number; readonly headers?: Record<string, string>; readonly body: string } | undefined;

/** A reverse proxy with a certificate of its own, which answers some requests itself. */
export function answeringProxy(
  account: Account,
  own: { cert: string; key: string },
  answer: (request: number, what: string) => OwnAnswer,
): Promise<Double> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createHttpsServer(own, (incoming, outgoing) => {
    const given = answer(requests++, `${incoming.method} ${incoming.url}`);
    if (given === undefined) passOn(account, incoming, outgoing);
    else incoming.resume().on("end", () => outgoing.writeHead(given.status, given.headers).end(given.body));
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  return listening(server, () => requests, sockets);
}

/** A reverse proxy with a certificate of its own, behind which the API server's clock is ahead of what it is. */
export function laterProxy(account: Account, own: { cert: string; key: string }, seconds: number): Promise<Double> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const later = ({ date, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders => {
    const time = new Date(Date.parse(date ?? "") + seconds * 1000);
    return { ...headers, date: time.toUTCString() };
  };
  const server = createHttpsServer(own, (incoming, outgoing) => {
    requests++;
    passOn(account, incoming, outgoing, later);
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  return listening(server, () => requests, sockets);
}

function passOn(
  { server, ca }: Account,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  rewrite = (answered: IncomingHttpHeaders) => answered,
): void {
  const { method, url, headers } = incoming;
  const onward = request(new URL(url ?? "/", server), { method, ca, headers: { ...headers, host: server.host } }, (response) => {
    outgoing.writeHead(response.statusCode ?? 0, rewrite(response.headers));
    response.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}

/** A reverse proxy with a certificate of its own, which changes what the API server answers. */
export function rewritingProxy(
  { server, ca }: Account,
  own: { cert: string; key: string },
  rewrite: (body: object) => object,
): Promise<Double> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const https = createHttpsServer(own, (incoming, outgoing) => {
    requests++;
    const { method, url, headers } = incoming;
    const plain = { ...headers, host: server.host, "accept-encoding": "identity" };
    const onward = request(new URL(url ?? "/", server), { method, ca, headers: plain }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const { "content-length": _, "transfer-encoding": __, ...kept } = response.headers;
      const body = rewrite(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      outgoing.writeHead(response.statusCode ?? 0, kept).end(JSON.stringify(body));
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  https.on("connection", (socket: Socket) => sockets.add(socket));
  return listening(https, () => requests, sockets);
}
