import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Identity } from "../servers/tls.ts";
import { type Change, type Item, isSelected, now, type Objects, Place, Refusal } from "./objects.ts";

/** The kind of the objects at a place, by its plural. */
const KINDS: Readonly<Record<string, string>> = {
  events: "Event",
  jobs: "Job",
  leases: "Lease",
  namespaces: "Namespace",
  nodes: "Node",
  persistentvolumeclaims: "PersistentVolumeClaim",
  persistentvolumes: "PersistentVolume",
  pods: "Pod",
  storageclasses: "StorageClass",
};

/** What a review of an account says: there is one, and it may do everything. */
const REVIEW = { userInfo: { username: "everybody" }, allowed: true };

/** What happens to objects beside their being written: the controllers' part. */
export interface Controllers {
  /** Fills in what the server would; called before an object is kept. */
  admit(plural: string, object: Item): Item;
  /** Begins the end of an object: it may stay for a while. */
  remove(place: Place, object: Item, options: { propagationPolicy?: string; gracePeriodSeconds?: number }): void;
  /** What a pod has printed. */
  log(namespace: string, pod: string): string | undefined;
}

/** The requests that commands and tests make of an API server, answered from objects in memory. */
export class ApiServer {
  readonly objects: Objects;
  readonly #controllers: Controllers;
  readonly #server: https.Server;
  readonly #sockets = new Set<Socket>();

  constructor(identity: Identity, objects: Objects, controllers: Controllers) {
    this.objects = objects;
    this.#controllers = controllers;
    this.#server = https.createServer(identity, (request, response) => void this.#serve(request, response));
    // Whoever keeps a connection has no other one closed under its hands.
    this.#server.keepAliveTimeout = 0;
    this.#server.on("secureConnection", (socket) => this.#sockets.add(socket.on("close", () => this.#sockets.delete(socket))));
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://cluster");
    try {
      const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
      if (searchParams.has("watch")) return this.#watch(new Place(pathname), searchParams, response);
      const answer = this.#answer(request.method ?? "", pathname, searchParams, body);
      response.statusCode = request.method === "POST" ? 201 : 200;
      response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    } catch (error) {
      const { code, reason, message } = error instanceof Refusal ? error : new Refusal(500, "InternalError", String(error));
      response.statusCode = code;
      response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message }));
    }
  }

  #watch(place: Place, query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const since = Number(query.get("resourceVersion") ?? 0);
    const tell = (change: Change) => response.write(`${JSON.stringify(change)}\n`);
    for (const object of this.objects.list(place))
      if (isSelected(object, query) && Number(object.metadata.resourceVersion) > since) tell({ type: "ADDED", object });
    const listener = (key: string, change: Change) => {
      if (place.holds(key) && isSelected(change.object, query)) tell(change);
    };
    this.objects.changes.on("change", listener);
    response.on("close", () => this.objects.changes.off("change", listener));
  }

  #answer(method: string, path: string, query: URLSearchParams, body: Item): Item {
    const log = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log$/.exec(path);
    if (log !== null) return this.#controllers.log(log[1] ?? "", log[2] ?? "") ?? notFound("pods", log[2] ?? "");
    const place = new Place(path);
    if (place.name === undefined) {
      if (method === "GET") return this.#list(place, query);
      if (method === "POST") return this.#create(place, query, body);
      for (const object of this.objects.list(place)) if (isSelected(object, query)) this.#controllers.remove(place, object, body ?? {});
      return { kind: "Status", status: "Success" };
    }
    const key = place.keyOf(place.name);
    const isApplied = method === "PATCH" && query.has("fieldManager");
    if (isApplied && this.objects.get(key) === undefined) return this.#create(place, query, body);
    const known = this.objects.get(key) ?? notFound(place.plural, place.name);
    const wanted = { ...body?.preconditions, ...(method === "PATCH" ? body.metadata : {}) };
    if (["uid", "resourceVersion"].some((name) => wanted[name] !== undefined && wanted[name] !== known.metadata[name]))
      throw new Refusal(409, "Conflict", `the object ${place.name} has been modified`);
    if (method === "GET") return known;
    if (method === "PATCH") return this.#patch(place, key, body);
    this.#controllers.remove(place, known, body ?? {});
    return known;
  }

  #list(place: Place, query: URLSearchParams): Item {
    const items = this.objects.list(place).filter((object) => isSelected(object, query));
    return { kind: `${KINDS[place.plural] ?? ""}List`, metadata: { resourceVersion: this.objects.version }, items };
  }

  #create(place: Place, query: URLSearchParams, body: Item): Item {
    if (/reviews$/.test(place.plural)) return { ...body, metadata: {}, status: REVIEW };
    const { name } = body.metadata;
    const namespace = place.namespace ?? body.metadata.namespace;
    if (place.namespace !== undefined && this.objects.get(new Place("/api/v1/namespaces").keyOf(place.namespace)) === undefined)
      notFound("namespaces", place.namespace);
    const key = place.keyOf(name);
    if (this.objects.get(key) !== undefined) throw new Refusal(409, "AlreadyExists", `${place.plural} "${name}" already exists`);
    const given = { ...body, metadata: { ...(namespace === undefined ? {} : { namespace }), ...body.metadata } };
    const admitted = noted(this.#controllers.admit(place.plural, given), body);
    return query.has("dryRun") ? admitted : this.objects.add(key, admitted);
  }

  #patch(place: Place, key: string, body: Item): Item {
    const changed = this.objects.change(key, noted(body, body));
    // Whoever held it lets it go.
    if (changed.metadata.deletionTimestamp !== undefined && (changed.metadata.finalizers ?? []).length === 0)
      this.#controllers.remove(place, changed, {});
    return changed;
  }
}

/** A Lease's renewal is stamped by the server with its own time. */
function noted(object: Item, written: Item): Item {
  if (written.spec?.renewTime === undefined) return object;
  const managedFields = [{ manager: "gasw-k8s", time: now(), fieldsV1: { "f:spec": { "f:renewTime": {} } } }];
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

function notFound(plural: string, name: string): never {
  throw new Refusal(404, "NotFound", `${plural} "${name}" not found`);
}
