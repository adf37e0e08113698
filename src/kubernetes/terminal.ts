import type { Readable, Writable } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node";
import { GaswError, messageOf } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { ApiError, unreachable } from "./errors.ts";
import { podExecPath } from "./paths.ts";

/** Channels of the remote command protocol (k8s.io/apimachinery, "remotecommand"). */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;
const CLOSE = 255;
/** The first version of the protocol that can say that stdin has ended. */
const CLOSING_PROTOCOL = "v5.channel.k8s.io";

const HANDSHAKE_MS = 30_000;
const PING_MS = 15_000;
/** Milliseconds without any sign of the server after which the connection counts as dead. */
const SILENCE_MS = 60_000;
/** Bytes under way to the server at which our stdin has to wait. */
const HIGH_WATER = 1 << 20;

/** The local terminal's size, and its changes. */
interface TerminalSize {
  current(): { readonly columns: number; readonly rows: number };
  /** @returns what ends the listening */
  onChange(listener: () => void): () => void;
}

/** A command to be run in a container, and the streams it is to have. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin?: Readable | undefined;
  readonly stdout: Writable;
  /** Unused with a terminal, which has one stream for both. */
  readonly stderr: Writable;
  /** Present: the command gets a terminal of this size. */
  readonly terminal?: TerminalSize | undefined;
  /** Told when the server is too old to be told that stdin has ended. */
  readonly onOpenStdin?: () => void;
}

/** What is used of the connection that the cluster's client library makes. */
interface Socket {
  readonly protocol: string;
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  send(data: Buffer, done?: () => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  terminate(): void;
  on(event: "close" | "pong" | "message" | "error", listener: () => void): void;
}

/** The status that ends a session (metav1.Status). */
interface ExecStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/**
 * Runs a command in a container until it ends, or the signal aborts.
 * @returns the command's exit code
 * @throws GaswError CLUSTER (refused, cut), NOT_FOUND (no such pod, no such command)
 */
export async function exec(
  client: KubernetesClient,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const session = new Session(request);
  const socket = await connect(client, request, signal, (channel, data) => session.receive(channel, data));
  session.attach(socket);
  const abort = () => socket.terminate();
  signal.addEventListener("abort", abort);
  try {
    const status = await session.ended;
    signal.throwIfAborted();
    return exitCodeOf(status, request, client);
  } finally {
    signal.removeEventListener("abort", abort);
    session.release();
    socket.terminate();
  }
}

async function connect(
  client: KubernetesClient,
  request: ExecRequest,
  signal: AbortSignal,
  receive: (channel: number, data: Buffer) => boolean,
): Promise<Socket> {
  const { WebSocketHandler } = await import("@kubernetes/client-node/dist/web-socket-handler.js");
  const path = execPath(request);
  const handler = new WebSocketHandler(handshake(client, signal));
  try {
    return (await handler.connect(path, null, receive)) as unknown as Socket;
  } catch (error) {
    signal.throwIfAborted();
    throw worded(error, request, client);
  }
}

function execPath({ namespace, pod, container, command, stdin, terminal }: ExecRequest): string {
  const query = new URLSearchParams({ container, stdout: "true", stderr: String(terminal === undefined) });
  if (stdin !== undefined) query.set("stdin", "true");
  if (terminal !== undefined) query.set("tty", "true");
  for (const word of command) query.append("command", word);
  return `${podExecPath(namespace, pod)}?${query}`;
}

/**
 * What the handler needs of a kubeconfig: the server, and the options of the request that asks for the
 * connection.
 */
function handshake({ access }: KubernetesClient, signal: AbortSignal): KubeConfig {
  const given: Pick<KubeConfig, "getCurrentCluster" | "applyToHTTPSOptions"> = {
    getCurrentCluster: () => ({
      name: "",
      server: access.server.href.replace(/\/$/, ""),
      skipTLSVerify: false,
    }),
    applyToHTTPSOptions: async (options) => {
      Object.assign(options, await access.requestOptions(signal), { handshakeTimeout: HANDSHAKE_MS, signal });
    },
  };
  return given as KubeConfig;
}

/** The library gives an event whose message holds the status of a refusal. */
function worded(error: unknown, { namespace, pod }: ExecRequest, client: KubernetesClient): unknown {
  if (error instanceof GaswError) return error;
  const cause = (error as { error?: unknown }).error ?? error;
  const status = Number(/Unexpected server response: (\d+)/.exec(messageOf(cause))?.[1]);
  const where = `exec in pod ${namespace}/${pod}`;
  if (status === 404) {
    return new GaswError("NOT_FOUND", `pod ${namespace}/${pod} no longer exists`, {
      hint: "try again: the job may have ended in the meantime",
      cause,
    });
  }
  if (status > 0) {
    const body =
      status === 403 ? { message: "the account may lack the verbs get and create on pods/exec" } : {};
    return new ApiError({ status, body, request: where, server: client.server });
  }
  return unreachable(cause, where, client.server);
}

/**
 * One connection's traffic: the library only opens it, since it heeds neither slow readers nor the end of
 * stdin.
 */
class Session {
  readonly ended: Promise<ExecStatus | undefined>;
  readonly #request: ExecRequest;
  readonly #releases: (() => void)[] = [];
  #socket: Socket | undefined;
  #settle: (status: ExecStatus | undefined) => void = () => undefined;

  constructor(request: ExecRequest) {
    this.#request = request;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Takes one message; false ends the connection. */
  receive(channel: number, data: Buffer): boolean {
    if (channel === STATUS) {
      this.#settle(JSON.parse(data.toString("utf8")) as ExecStatus);
      return false;
    }
    if (data.length === 0 || (channel !== STDOUT && channel !== STDERR)) return true;
    const target = channel === STDOUT ? this.#request.stdout : this.#request.stderr;
    if (!target.writable) return false;
    if (!target.write(data)) this.#holdUntilDrained(target);
    return true;
  }

  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on("close", () => this.#settle(undefined));
    this.#keepAlive(socket);
    this.#sendStdin(socket);
    this.#sendSize(socket);
  }

  /** Lets go of streams and timers. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  #holdUntilDrained(target: Writable): void {
    const socket = this.#socket;
    if (socket === undefined || socket.isPaused) return;
    socket.pause();
    const resume = () => {
      target.off("drain", resume).off("close", resume);
      socket.resume();
    };
    target.on("drain", resume).on("close", resume);
    this.#releases.push(() => target.off("drain", resume).off("close", resume));
  }

  #keepAlive(socket: Socket): void {
    let heard = performance.now();
    const hear = () => {
      heard = performance.now();
    };
    socket.on("pong", hear);
    socket.on("message", hear);
    const timer = setInterval(() => {
      // A reader that takes its time keeps the answers waiting, too.
      if (socket.isPaused) hear();
      if (performance.now() - heard > SILENCE_MS) socket.terminate();
      else socket.ping();
    }, PING_MS);
    this.#releases.push(() => clearInterval(timer));
  }

  #sendStdin(socket: Socket): void {
    const { stdin, onOpenStdin } = this.#request;
    if (stdin === undefined) return;
    const onData = (chunk: Buffer | string) => {
      socket.send(frame(STDIN, Buffer.from(chunk)), () => {
        if (socket.bufferedAmount < HIGH_WATER && stdin.isPaused()) stdin.resume();
      });
      if (socket.bufferedAmount >= HIGH_WATER) stdin.pause();
    };
    const onEnd = () => {
      if (socket.protocol === CLOSING_PROTOCOL) socket.send(Buffer.from([CLOSE, STDIN]));
      else onOpenStdin?.();
    };
    stdin.on("data", onData).on("end", onEnd);
    this.#releases.push(() => stdin.off("data", onData).off("end", onEnd).pause());
  }

  #sendSize(socket: Socket): void {
    const { terminal } = this.#request;
    if (terminal === undefined) return;
    const send = () => {
      const { columns, rows } = terminal.current();
      socket.send(frame(RESIZE, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))));
    };
    send();
    this.#releases.push(terminal.onChange(send));
  }
}

function frame(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([channel]), data]);
}

/** Whether a container runtime says that there is no such command; runc and crun word that differently. */
export function isCommandMissing(message: string): boolean {
  return /executable file.* not found|no such file or directory/i.test(message);
}

function exitCodeOf(
  status: ExecStatus | undefined,
  { command, namespace, pod, stdout }: ExecRequest,
  client: KubernetesClient,
): number {
  if (status?.status === "Success") return 0;
  const code = Number(status?.details?.causes?.find((cause) => cause.reason === "ExitCode")?.message);
  if (Number.isInteger(code)) return code;
  // Nobody reads the output any more (`| head`).
  if (status === undefined && !stdout.writable) return 0;
  const said = status?.message ?? "the connection was cut";
  if (isCommandMissing(said)) {
    throw new GaswError(
      "NOT_FOUND",
      `command ${command[0]} does not exist in the container of pod ${namespace}/${pod}`,
      {
        hint: "use a command of the container's image, or its full path",
        cause: new Error(said),
      },
    );
  }
  throw new GaswError(
    "CLUSTER",
    `cannot determine the exit code of the command in pod ${namespace}/${pod} of ${client.server}: ${said}`,
    {
      hint: "check `gasw-k8s status`: the container may have ended; otherwise try again",
    },
  );
}
