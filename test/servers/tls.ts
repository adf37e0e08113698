import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";

/** A certificate and its key (PEM). */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that signs itself, for 127.0.0.1. */
export function selfSigned(folder: string): Identity {
  const [key, cert] = [path.join(folder, "self.key"), path.join(folder, "self.crt")];
  const subject = ["-subj", "/CN=somebody-else", "-addext", "subjectAltName=IP:127.0.0.1"];
  const form = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...form, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

/** A server on this machine, and what it takes to end it. */
export interface Listener {
  readonly port: number;
  close(): void;
}

async function listening(server: net.Server): Promise<Listener> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as net.AddressInfo).port, close };
}

/** What somebody was sent of a request. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  /** Name and value in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** The values of a header, in their order. */
export function headerOf({ rawHeaders }: Arrived, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name.toLowerCase());
}

/** An HTTPS server that notes what arrives; whatever it is asked for, it has none, and terminals are forbidden. */
export async function notingServer(identity: Identity): Promise<Listener & { readonly arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const note = ({ method = "", url = "", rawHeaders }: http.IncomingMessage) => arrived.push({ method, url, rawHeaders });
  const server = https.createServer(identity, (request, response) => {
    note(request);
    response.end(`${JSON.stringify({ metadata: { resourceVersion: "1" }, items: [] })}\n`);
  });
  server.on("upgrade", (request, socket) => {
    note(request);
    socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
  });
  return { ...(await listening(server)), arrived };
}

/** A proxy that passes everything on where CONNECT asks it to, over TLS where it has a certificate; it notes what it is asked. */
export async function connectProxy(identity?: Identity): Promise<Listener & { readonly arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const server = identity === undefined ? http.createServer() : https.createServer(identity);
  server.on("connect", ({ method = "", url = "", rawHeaders }: http.IncomingMessage, client: net.Socket) => {
    arrived.push({ method, url, rawHeaders });
    const { hostname, port } = new URL(`http://${url}`);
    const onward = net.connect(Number(port), hostname, () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
    join(client, onward);
  });
  return { ...(await listening(server)), arrived };
}

/** A SOCKS 5 proxy for addresses of IPv4, without a login (RFC 1928). */
export async function socksProxy(): Promise<Listener> {
  const server = net.createServer(async (client) => {
    client.once("data", () => {
      client.write(Buffer.from([5, 0]));
      client.once("data", (request) => {
        const onward = net.connect(request.readUInt16BE(8), [...request.subarray(4, 8)].join("."), () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        });
        join(client, onward);
      });
    });
  });
  return await listening(server);
}

function join(client: net.Socket, onward: net.Socket): void {
  client.on("error", () => onward.destroy()).on("close", () => onward.destroy());
  onward.on("error", () => client.destroy()).on("close", () => client.destroy());
  client.pipe(onward).pipe(client);
}
