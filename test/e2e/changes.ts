import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { watch } from "./kube.ts";

/** Milliseconds between two looks: what changes at once is seen at once. */
const LEAST_MS = 100;
/** Milliseconds after which is looked again though no pod and no Job has changed: the outcome may be a file, or a row. */
const MOST_MS = 500;

/** The namespaces of this process's tests. */
const namespaces = new Set<string>();
const changes = new EventEmitter().setMaxListeners(0);
let count = 0;
let isWatching: Promise<unknown> | undefined;

/** Has changes in a namespace wake who waits, until that is called off. */
export function follow(namespace: string): () => void {
  namespaces.add(namespace);
  return () => void namespaces.delete(namespace);
}

/** How many changes there were so far. */
export function changeCount(): number {
  return count;
}

/** Waits until there was a change after so many, but not for long. */
export async function changeAfter(seen: number): Promise<void> {
  isWatching ??= Promise.all(["jobs", "pods"].map((kind) => watch(kind, tell).catch(() => undefined)));
  await isWatching;
  await sleep(LEAST_MS);
  if (count > seen) return;
  await once(changes, "change", { signal: AbortSignal.timeout(MOST_MS - LEAST_MS) }).catch(() => undefined);
}

function tell(event: string): void {
  if (![...namespaces].some((namespace) => event.includes(`"namespace":"${namespace}"`))) return;
  count++;
  changes.emit("change");
}
