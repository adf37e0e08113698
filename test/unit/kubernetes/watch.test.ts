import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ClusterAccess } from "../../../src/kubernetes/access/access.ts";
import { KubernetesClient } from "../../../src/kubernetes/client.ts";
import { follow } from "../../../src/kubernetes/watch.ts";

const COLLECTION = "/api/v1/pods";
let server: http.Server;
let client: KubernetesClient;
let watches: number;

/** An API server whose lists are sound and whose watches are not JSON. */
beforeEach(async () => {
  watches = 0;
  server = http.createServer((request, response) => {
    const isWatch = request.url?.includes("watch=true") ?? false;
    if (isWatch) watches++;
    response.end(isWatch ? "nonsense\n" : JSON.stringify({ metadata: { resourceVersion: "1" }, items: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new http.Agent();
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const access = { server: url, insecure: false, requestOptions: async () => ({ agent, headers: {} }) } as unknown as ClusterAccess;
  const settings = { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 1000 };
  client = new KubernetesClient(access, settings, new AbortController().signal);
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

test("a watch that cannot be understood is begun again after a pause, not at once", async () => {
  const begun = performance.now();
  let seen = 0;
  for await (const object of follow(client, COLLECTION, "x", new AbortController().signal)) {
    expect(object).toBeUndefined();
    if (++seen === 3) break;
  }
  expect(watches).toBe(2);
  expect(performance.now() - begun).toBeGreaterThan(950);
});

test("an abort ends the pause, and the following with it", async () => {
  const stop = new AbortController();
  const seen: unknown[] = [];
  for await (const object of follow(client, COLLECTION, "x", stop.signal)) {
    seen.push(object);
    setTimeout(() => stop.abort(), 100);
  }
  expect(seen).toEqual([undefined]);
});
