import { selector } from "../core/names.ts";
import {
  type CoreV1Event,
  eventTime,
  type KubernetesObject,
  type V1Namespace,
  type V1Pod,
} from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { ifAllowed, isApiError } from "./errors.ts";
import { eventsPath, namespacesPath, podsPath } from "./paths.ts";

/** An object, or undefined where there is none. */
export async function find<T>(client: KubernetesClient, path: string): Promise<T | undefined> {
  try {
    return await client.get<T>(path);
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

/** What identifies a cluster, however it is reached; undefined where the account may not read it. */
export async function clusterUid(client: KubernetesClient): Promise<string | undefined> {
  const own = await ifAllowed(find<V1Namespace>(client, namespacesPath("kube-system")));
  return own?.metadata?.uid;
}

/** Makes an object; one of the same name that is there already is left alone. */
export async function createIfMissing<T extends KubernetesObject>(
  client: KubernetesClient,
  collection: string,
  object: T,
): Promise<void> {
  try {
    await client.create(collection, object);
  } catch (error) {
    if (!isApiError(error, 409)) throw error;
  }
}

/**
 * Asks for the deletion of exactly this object, dependents first; one that is gone, or was made anew since,
 * counts as deleted.
 * @param resourceVersion that it must still have
 * @throws GaswError CONFLICT where it has another one; CLUSTER
 */
export async function remove(
  client: KubernetesClient,
  path: string,
  uid: string | undefined,
  resourceVersion?: string,
): Promise<void> {
  try {
    await client.delete(path, {
      propagationPolicy: "Foreground",
      ...(uid === undefined ? {} : { preconditions: { uid, resourceVersion } }),
    });
  } catch (error) {
    if (isApiError(error, 404)) return;
    if (!isApiError(error, 409)) throw error;
    if (resourceVersion === undefined) return;
    throw new GaswError(
      "CONFLICT",
      `${path.split("/").slice(-2).join("/")} has changed since it was listed`,
      {
        hint: "run the command again to see what has changed",
        cause: error,
      },
    );
  }
}

/** The pods of this tool's jobs in a namespace, or of one workflow, in one query. */
export function listPods(
  client: KubernetesClient,
  namespace: string,
  workflowHash?: string,
): Promise<V1Pod[]> {
  return client.list<V1Pod>(podsPath(namespace), {
    labelSelector: selector(workflowHash === undefined ? {} : { workflowHash }),
  });
}

/** Events that tell nothing about what a pod waits for. */
const ROUTINE = [
  "Scheduled",
  "Created",
  "Started",
  "Killing",
  "SuccessfulCreate",
  "SuccessfulDelete",
  "Completed",
];

/**
 * Events of a namespace, oldest first: about one object, with one reason, or all that may tell what something
 * waits for.
 */
export async function listEvents(
  client: KubernetesClient,
  namespace: string,
  about: { readonly name: string } | { readonly reason: string } | "waits",
): Promise<CoreV1Event[]> {
  const fieldSelector = eventSelector(about);
  const events = await client.list<CoreV1Event>(eventsPath(namespace), { fieldSelector });
  return events.map(withoutPrefix).sort(byTime);
}

/** What client-go puts before the message of an event when there were many like it in ten minutes. */
const COMBINED = /^\(combined from similar events\): /;

function withoutPrefix(event: CoreV1Event): CoreV1Event {
  const { message } = event;
  return message === undefined || !COMBINED.test(message)
    ? event
    : { ...event, message: message.replace(COMBINED, "") };
}

function eventSelector(about: { readonly name: string } | { readonly reason: string } | "waits"): string {
  if (about === "waits") return ROUTINE.map((reason) => `reason!=${reason}`).join(",");
  return "name" in about ? `involvedObject.name=${about.name}` : `reason=${about.reason}`;
}

/** Orders events by time: not by its text, which has microseconds in some of them. */
export function byTime(a: CoreV1Event, b: CoreV1Event): number {
  return Date.parse(eventTime(a) ?? "") - Date.parse(eventTime(b) ?? "");
}
