import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject } from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { isApiError } from "./errors.ts";

/** Seconds after which the API server ends a watch, so that a dead connection is noticed. */
const WATCH_SECONDS = 60;

/**
 * Milliseconds between two watches, so that a server whose watches break at once is not asked without end.
 */
const PAUSE_MS = 500;

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/**
 * Follows one object: yields it as it is now (undefined: it is not there) and again after every change, until
 * the signal aborts. A watch that ends, expires (410) or breaks is begun again from a fresh read.
 */
export async function* follow<T extends KubernetesObject>(
  client: KubernetesClient,
  collection: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<T | undefined> {
  const fieldSelector = `metadata.name=${name}`;
  while (!signal.aborted) {
    const list = await client.page<T>(collection, { fieldSelector });
    yield list.items[0];
    const query = {
      watch: "true",
      fieldSelector,
      resourceVersion: list.metadata?.resourceVersion,
      timeoutSeconds: WATCH_SECONDS,
    };
    for await (const event of unbroken<T>(client, collection, query, signal)) {
      if (event.type !== "BOOKMARK") yield event.type === "DELETED" ? undefined : event.object;
    }
    await pause(signal);
  }
}

/**
 * Follows a collection: yields once, and again after every change of one of its objects, until the signal
 * aborts.
 * @throws GaswError CLUSTER when the cluster can't be reached or refuses
 */
export async function* changes(
  client: KubernetesClient,
  collection: string,
  labelSelector: string,
  signal: AbortSignal,
): AsyncGenerator<void> {
  while (!signal.aborted) {
    // One object is enough to learn from where on to watch.
    const list = await client.page(collection, { labelSelector, limit: 1 });
    yield;
    const query = {
      watch: "true",
      labelSelector,
      resourceVersion: list.metadata?.resourceVersion,
      timeoutSeconds: WATCH_SECONDS,
    };
    for await (const event of unbroken(client, collection, query, signal)) {
      if (event.type !== "BOOKMARK") yield;
    }
    await pause(signal);
  }
}

/** The events of a watch until it ends, expires or breaks, which is no error; one that was refused is. */
async function* unbroken<T>(
  client: KubernetesClient,
  collection: string,
  query: Record<string, string | number | undefined>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  try {
    for await (const event of events<T>(client, collection, query, signal)) {
      if (event.type === "ERROR") return;
      yield event;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof GaswError && !isApiError(error, 410)) throw error;
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(PAUSE_MS, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function* events<T>(
  client: KubernetesClient,
  path: string,
  query: Record<string, string | number | undefined>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of client.stream(path, query, signal)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line) as WatchEvent<T>;
  }
}
