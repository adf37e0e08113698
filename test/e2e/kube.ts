import { readFileSync } from "node:fs";
import { Agent, type RequestOptions, request } from "node:https";
import { createInterface } from "node:readline";
import { KubeConfig } from "@kubernetes/client-node";
import { inject } from "vitest";

/** Where the kinds stand that tests look at, by the words kubectl takes for them: the API's path, the plural, and whether a namespace has them. */
const RESOURCES: Readonly<Record<string, readonly [api: string, plural: string, isNamespaced: boolean]>> = {
  configmap: ["/api/v1", "configmaps", true],
  event: ["/api/v1", "events", true],
  job: ["/apis/batch/v1", "jobs", true],
  lease: ["/apis/coordination.k8s.io/v1", "leases", true],
  limitrange: ["/api/v1", "limitranges", true],
  namespace: ["/api/v1", "namespaces", false],
  node: ["/api/v1", "nodes", false],
  persistentvolume: ["/api/v1", "persistentvolumes", false],
  persistentvolumeclaim: ["/api/v1", "persistentvolumeclaims", true],
  pod: ["/api/v1", "pods", true],
  pv: ["/api/v1", "persistentvolumes", false],
  pvc: ["/api/v1", "persistentvolumeclaims", true],
  quota: ["/api/v1", "resourcequotas", true],
  resourcequota: ["/api/v1", "resourcequotas", true],
  serviceaccount: ["/api/v1", "serviceaccounts", true],
  storageclass: ["/apis/storage.k8s.io/v1", "storageclasses", false],
};

/** A refusal by the cluster. */
export class ApiError extends Error {
  readonly status: number;

  constructor(method: string, path: string, status: number, answer: string) {
    super(`${method} ${path}: ${status}: ${answer}`);
    this.status = status;
  }
}

/** The path of a kind's objects, or of one of them. */
export function pathOf(kind: string, namespace: string | undefined, name?: string): string {
  const [api, plural, isNamespaced] = RESOURCES[kind] ?? RESOURCES[kind.replace(/s$/, "")] ?? unknownKind(kind);
  const scope = isNamespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `${api}${scope}/${plural}${name === undefined ? "" : `/${name}`}`;
}

/** Whether it is known where objects of a kind stand. */
export function isKnownKind(kind: string): boolean {
  return kind in RESOURCES || kind.replace(/s$/, "") in RESOURCES;
}

function unknownKind(kind: string): never {
  throw new Error(`the tests don't know where objects of the kind ${kind} stand: add it to RESOURCES`);
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let options: Promise<RequestOptions> | undefined;

/** The administrator's server and identity. */
async function access(): Promise<RequestOptions> {
  const config = new KubeConfig();
  config.loadFromString(readFileSync(inject("cluster").adminKubeconfig, "utf8"));
  const { protocol, hostname, port } = new URL(config.getCurrentCluster()?.server ?? "");
  const found: RequestOptions = { protocol, hostname, port, headers: {} };
  await config.applyToHTTPSOptions(found);
  return { ...found, agent };
}

/**
 * One request as the cluster's administrator, made by this process: a process of kubectl's for every look would take most of a test's time.
 * @throws ApiError for any answer but a success
 */
// biome-ignore lint/suspicious/noExplicitAny: tests read many kinds of objects
export async function ask(method: string, path: string, body?: object, type = "application/json"): Promise<any> {
  try {
    return await askOnce(method, path, body, type);
  } catch (error) {
    // A connection that is kept may be closed by the server in the moment in which it is used again.
    if (method !== "GET" || (error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    return await askOnce(method, path, body, type);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as `ask`
async function askOnce(method: string, path: string, body: object | undefined, type: string): Promise<any> {
  options ??= access();
  const given = await options;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  // Node.js sends no length by itself with a DELETE, and the server would read the body as the next request.
  const sized = payload === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(payload) };
  const headers = { ...given.headers, accept: "application/json", ...sized };
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const sent = request({ ...given, method, path, headers }, (response) => {
      let answer = "";
      response.setEncoding("utf8").on("data", (text: string) => (answer += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, answer })).on("error", reject);
    });
    sent.on("error", reject).end(payload);
  });
  if (status >= 300) throw new ApiError(method, path, status, answer);
  return JSON.parse(answer);
}

/** Calls back with every change of objects of a kind, in any namespace, as the JSON text of its watch event; begun anew when it ends. */
export async function watch(kind: string, onChange: (event: string) => void): Promise<void> {
  const { metadata } = await ask("GET", `${pathOf(kind, undefined)}?limit=1`);
  const path = `${pathOf(kind, undefined)}?watch=1&resourceVersion=${metadata.resourceVersion}`;
  options ??= access();
  const given = await options;
  const sent = request({ ...given, agent: undefined, method: "GET", path }, (response) => {
    createInterface({ input: response })
      .on("line", onChange)
      .on("close", () => void watch(kind, onChange).catch(() => undefined));
  });
  // Whoever waits looks again by itself from time to time: without a watch it only takes longer.
  sent.on("error", () => undefined).on("socket", (socket) => socket.unref());
  sent.end();
}
