import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { KubernetesListObject, KubernetesObject } from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import type { ClusterAccess, RequestLogin } from "./access/access.ts";
import { readAnswer, readList } from "./answers.ts";
import { ApiError, type ApiStatus, causeCode, isApiError, unreachable } from "./errors.ts";

/**
 * Milliseconds without a byte after which a request is given up; a watch or a followed log has none but its
 * caller's signal.
 */
const IDLE_TIMEOUT_MS = 30_000;
/**
 * Milliseconds until a connection must stand, its encryption included; the system's own patience is minutes.
 */
const CONNECT_TIMEOUT_MS = 10_000;
/** Milliseconds after which a failed request is not tried again, however many tries are left. */
const RETRY_WINDOW_MS = 30_000;
/**
 * Objects per page of a list; the API server's own tools use 500, larger pages mean fewer round trips at
 * 10,000 jobs.
 */
const PAGE_SIZE = 5000;

export interface ClientSettings {
  /** How often a failed read is tried again (`options.statusRetry`). */
  readonly readRetries: number;
  /** How often a failed write is tried again (`options.maxRetryToPush`). */
  readonly writeRetries: number;
  /** Longest pause between two tries, in milliseconds (`options.statusRetryWait`). */
  readonly maxRetryWait: number;
  /** Requests begun per second at the most. */
  readonly requestsPerSecond: number;
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Speaks HTTP to the API server: plain objects in and out, so that fields which this version does not know
 * pass through unharmed. Every error leaves worded for the user: as an ApiError (the server answered) or
 * another GaswError CLUSTER (it did not).
 */
export class KubernetesClient {
  readonly access: ClusterAccess;
  readonly #settings: ClientSettings;
  readonly #signal: AbortSignal;
  #agents = new Set<https.Agent>();
  #due = 0;
  /** What the server's clock showed with its last answer, and when that came (`performance.now()`). */
  #clock: { readonly time: number; readonly at: number } | undefined;

  constructor(access: ClusterAccess, settings: ClientSettings, signal: AbortSignal) {
    this.access = access;
    this.#settings = settings;
    this.#signal = signal;
  }

  get server(): string {
    return this.access.server.origin;
  }

  /**
   * What the server's own clock shows now, to a second or two; undefined before its first answer, or where
   * its answers carry no date.
   */
  get serverTime(): Date | undefined {
    return this.#clock === undefined
      ? undefined
      : new Date(this.#clock.time + performance.now() - this.#clock.at);
  }

  /** A client of the same cluster under another signal: for what is still to be undone after an abort. */
  withSignal(signal: AbortSignal): KubernetesClient {
    return new KubernetesClient(this.access, this.#settings, signal);
  }

  get<T>(path: string, query?: RequestOptions["query"]): Promise<T> {
    return this.#json<T>("GET", path, query === undefined ? {} : { query });
  }

  create<T extends KubernetesObject>(path: string, object: T, query?: RequestOptions["query"]): Promise<T> {
    return this.#json<T>("POST", path, { body: object, ...(query === undefined ? {} : { query }) });
  }

  /**
   * Merges a change into an object (RFC 7396); with its uid or resourceVersion in the change, only if it
   * still has those (409).
   */
  patch<T>(path: string, change: object): Promise<T> {
    return this.#json<T>("PATCH", path, { body: change });
  }

  delete(path: string, options: object): Promise<unknown> {
    return this.#json("DELETE", path, { body: { apiVersion: "v1", kind: "DeleteOptions", ...options } });
  }

  /** All objects of a list, page by page. */
  async list<T extends KubernetesObject>(
    path: string,
    query: { labelSelector?: string; fieldSelector?: string } = {},
  ): Promise<T[]> {
    const items: T[] = [];
    let from: string | undefined;
    do {
      const page = await this.page<T>(path, { ...query, limit: PAGE_SIZE, continue: from });
      items.push(...page.items);
      from = page.metadata?.continue;
    } while (from);
    return items;
  }

  /** A list, or the first page of it where a limit is asked for. */
  async page<T extends KubernetesObject>(
    path: string,
    query: NonNullable<RequestOptions["query"]>,
  ): Promise<KubernetesListObject<T>> {
    return readList<T>(await this.get(path, query), { method: "GET", path, server: this.server });
  }

  /** The text of an answer, as it comes (a log). */
  async *stream(path: string, query: RequestOptions["query"], signal?: AbortSignal): AsyncGenerator<Buffer> {
    const options = { ...(query === undefined ? {} : { query }), signal };
    const response = await this.#answer("GET", path, options, 0);
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } finally {
      response.destroy();
    }
  }

  /** Closes idle connections, so that the process can end. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #json<T>(method: Method, path: string, options: RequestOptions): Promise<T> {
    const retries = method === "GET" ? this.#settings.readRetries : this.#settings.writeRetries;
    const end = performance.now() + RETRY_WINDOW_MS;
    for (let tried = 0; ; tried++) {
      try {
        const response = await this.#answer(method, path, options, IDLE_TIMEOUT_MS);
        const text = (await read(response)).toString("utf8");
        return readAnswer(text, { method, path, server: this.server }) as T;
      } catch (error) {
        const pause = this.#pause(tried, error);
        if (tried >= retries || !isTransient(error) || performance.now() + pause > end)
          throw this.#worded(error, method, path);
        await sleep(pause, undefined, { signal: this.#signal });
      }
    }
  }

  /** Doubles from 100 ms, with jitter, unless the server says how long (Retry-After), which p-retry can't heed. */
  #pause(tried: number, error: unknown): number {
    if (error instanceof RetryLater) return error.seconds * 1000;
    return Math.min(this.#settings.maxRetryWait, 100 * 2 ** tried) * (0.5 + Math.random() / 2);
  }

  #worded(error: unknown, method: Method, path: string): unknown {
    if (error instanceof RetryLater) return error.answer;
    if (error instanceof GaswError || this.#signal.aborted) return error;
    return unreachable(error, `${method} ${path}`, this.server);
  }

  /** An answer, asked for a second time where a login that was kept for a while has been refused. */
  async #answer(
    method: Method,
    path: string,
    options: RequestOptions,
    idleTimeout: number,
  ): Promise<http.IncomingMessage> {
    const { signal } = options;
    const either = signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal]);
    const login = await this.access.requestOptions(either);
    try {
      return await this.#attempt(method, path, { ...options, signal: either }, login, idleTimeout);
    } catch (error) {
      if (login.renew === undefined || !isApiError(error, 401)) throw error;
      login.renew();
      const anew = await this.access.requestOptions(either);
      return await this.#attempt(method, path, { ...options, signal: either }, anew, idleTimeout);
    }
  }

  async #attempt(
    method: Method,
    path: string,
    { query, body, signal }: RequestOptions,
    { agent, headers, auth }: RequestLogin,
    idleTimeout: number,
  ): Promise<http.IncomingMessage> {
    await this.#slot();
    this.#agents.add(agent);
    const { server } = this.access;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    for (const [key, value] of Object.entries(query ?? {}))
      if (value !== undefined && value !== "") url.searchParams.set(key, String(value));
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === "http:" ? http : https).request(url, {
        method,
        agent,
        ...(auth === undefined ? {} : { auth }),
        headers: {
          accept: "application/json",
          "user-agent": "gasw-k8s",
          ...headers,
          ...contentHeaders(method, payload),
        },
        ...(signal === undefined ? {} : { signal }),
      });
      boundConnecting(request);
      if (idleTimeout > 0)
        request.setTimeout(idleTimeout, () =>
          request.destroy(timedOut(`no response for ${idleTimeout / 1000} s`)),
        );
      request.on("response", resolve).on("error", reject).end(payload);
    });
    this.#noteTime(response.headers.date);
    if ((response.statusCode ?? 0) < 300) return response;
    throw await failure(response, `${method} ${path}`, this.server);
  }

  #noteTime(date: string | undefined): void {
    const time = Date.parse(date ?? "");
    if (!Number.isNaN(time)) this.#clock = { time, at: performance.now() };
  }

  /**
   * Spaces the requests out to the configured rate; a burst of one second's worth goes out at once (generic
   * cell rate algorithm; p-throttle counts by windows, at whose end as much again would go out at once).
   */
  async #slot(): Promise<void> {
    const now = performance.now();
    this.#due = Math.max(this.#due, now) + 1000 / this.#settings.requestsPerSecond;
    const wait = this.#due - now - 1000;
    if (wait > 0) await sleep(wait, undefined, { signal: this.#signal });
  }
}

/** Gives a request up whose connection does not come to stand. */
function boundConnecting(request: http.ClientRequest): void {
  request.on("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(
      () => request.destroy(timedOut(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`)),
      CONNECT_TIMEOUT_MS,
    );
    const stop = () => clearTimeout(timer);
    socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", stop).once("close", stop);
  });
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}

/** The server asks to come back later. */
class RetryLater extends Error {
  readonly seconds: number;
  readonly answer: ApiError;

  constructor(seconds: number, answer: ApiError) {
    super(answer.message);
    this.seconds = seconds;
    this.answer = answer;
  }
}

function contentHeaders(method: Method, payload: string | undefined): Record<string, string | number> {
  if (payload === undefined) return {};
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return { "content-type": type, "content-length": Buffer.byteLength(payload) };
}

async function read(response: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function failure(response: http.IncomingMessage, request: string, server: string): Promise<Error> {
  const text = (await read(response)).toString("utf8");
  const error = new ApiError({ status: response.statusCode ?? 0, body: parseStatus(text), request, server });
  const after = Number(response.headers["retry-after"]);
  return after > 0 ? new RetryLater(Math.min(after, 30), error) : error;
}

/** The body of a failure; a proxy's page of HTML counts as its own message. */
function parseStatus(text: string): ApiStatus {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch (error) {
    if (error instanceof SyntaxError) return { message: text.slice(0, 200) };
    throw error;
  }
}

const TRANSIENT_CODES = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
]);

function isTransient(error: unknown): boolean {
  if (error instanceof RetryLater) return true;
  if (error instanceof ApiError) return error.status === 429 || (error.status >= 500 && error.status !== 501);
  return TRANSIENT_CODES.has(causeCode(error));
}
