import { randomUUID } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ClusterAccess } from "../../src/kubernetes/access/access.ts";
import { KubernetesClient } from "../../src/kubernetes/client.ts";

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of any kind
type Item = any;

const COLLECTION = /\/(jobs|pods|events|persistentvolumeclaims|persistentvolumes|namespaces|storageclasses|leases)$/;

/**
 * An API server that keeps objects and does nothing of its own: what the cluster shows between two requests is the test's to say. Selectors
 * are not looked at. What is deleted is gone at once, or, where it has finalizers, with the last of them: no controller removes any.
 */
export class ClusterDouble {
  /** By their paths. */
  readonly objects = new Map<string, Item>();
  /** Paths that the account may not read. */
  readonly forbidden = new Set<string>();
  /** Called, and waited for, before a request is answered. */
  onRequest: (request: string, query: URLSearchParams) => unknown = () => undefined;
  /** The status code that a request is refused with. */
  refusalOf: (request: string) => number | undefined = () => undefined;
  /** The server's clock. */
  now: () => Date = () => new Date();
  #version = 1;
  readonly #server: http.Server;

  private constructor() {
    this.#server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { pathname, searchParams } = new URL(request.url ?? "", "http://cluster");
      await this.onRequest(`${request.method} ${pathname}`, searchParams);
      const refusal = this.refusalOf(`${request.method} ${pathname}`);
      const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
      const answer = refusal ?? this.#answer(request.method ?? "", pathname, body);
      response.setHeader("date", this.now().toUTCString());
      response.statusCode = typeof answer === "number" ? answer : 200;
      const message = answer === 403 ? `forbidden: User "tests" cannot ${request.method} path "${pathname}"` : `${answer}`;
      response.end(JSON.stringify(typeof answer === "number" ? { code: answer, message } : answer));
    });
  }

  static async begin(): Promise<ClusterDouble> {
    const cluster = new ClusterDouble();
    await new Promise<void>((resolve) => cluster.#server.listen(0, "127.0.0.1", resolve));
    return cluster;
  }

  end(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param by under which name of this machine, and by which context, the server is reached */
  client(signal: AbortSignal, by: { readonly host?: string; readonly context?: string } = {}): KubernetesClient {
    const agent = new http.Agent();
    const server = new URL(`http://${by.host ?? "127.0.0.1"}:${(this.#server.address() as AddressInfo).port}`);
    const access = {
      server,
      context: by.context,
      insecure: false,
      requestOptions: async () => ({ agent, headers: {} }),
    } as unknown as ClusterAccess;
    return new KubernetesClient(access, { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 1000 }, signal);
  }

  put(path: string, object: Item): void {
    const given = { uid: randomUUID(), name: path.slice(path.lastIndexOf("/") + 1), ...object.metadata };
    this.objects.set(path, { ...object, metadata: { ...given, resourceVersion: `${++this.#version}` } });
  }

  /** Keeps an object that was written, stamped with the time of it where a Lease was renewed. */
  #write(path: string, object: Item, written: Item): void {
    const isRenewed = written.spec?.renewTime !== undefined;
    const managedFields = [{ manager: "gasw-k8s", time: this.now().toISOString(), fieldsV1: { "f:spec": { "f:renewTime": {} } } }];
    this.put(path, isRenewed ? { ...object, metadata: { ...object.metadata, managedFields } } : object);
  }

  /** The object, or the status code of a refusal. */
  #answer(method: string, path: string, body: Item): Item {
    const known = this.objects.get(path);
    if (method === "GET" && this.forbidden.has(path)) return 403;
    if (method === "GET" && COLLECTION.test(path)) return { metadata: { resourceVersion: "1" }, items: this.#itemsIn(path) };
    if (method === "POST") {
      const place = `${path}/${body.metadata.name}`;
      if (this.objects.has(place)) return 409;
      this.#write(place, { ...body, metadata: { creationTimestamp: this.now().toISOString(), ...body.metadata } }, body);
      return this.objects.get(place);
    }
    if (known === undefined) return 404;
    const wanted = { ...body?.preconditions, ...(method === "PATCH" ? body.metadata : {}) };
    if (["uid", "resourceVersion"].some((key) => wanted[key] !== undefined && wanted[key] !== known.metadata[key])) return 409;
    if (method === "DELETE") this.#delete(path, known);
    if (method !== "PATCH") return known;
    this.#write(path, merged(known, body), body);
    const changed = this.objects.get(path);
    if (changed.metadata.deletionTimestamp !== undefined) this.#delete(path, changed);
    return changed;
  }

  #delete(path: string, object: Item): void {
    if ((object.metadata.finalizers ?? []).length === 0) this.objects.delete(path);
    else this.put(path, merged(object, { metadata: { deletionTimestamp: this.now().toISOString() } }));
  }

  #itemsIn(path: string): Item[] {
    return [...this.objects].filter(([place]) => isIn(place.slice(0, place.lastIndexOf("/")), path)).map(([, object]) => object);
  }
}

/** Whether a collection is the one asked for, or of one namespace where those of all are. */
function isIn(collection: string, asked: string): boolean {
  return collection === asked || collection.replace(/\/namespaces\/[^/]+(?=\/)/, "") === asked;
}

/** RFC 7396. */
function merged(target: Item, patch: Item): Item {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const kept = typeof target === "object" && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete kept[key];
    else kept[key] = merged(kept[key], value);
  }
  return kept;
}
