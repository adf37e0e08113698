import { apply, eventually, kubectl } from "./harness.ts";
import { ask, pathOf } from "./kube.ts";

/** What a namespace answers to one more pod or Job: nothing where it would take it. */
async function answerTo(kind: "pods" | "jobs", namespace: string): Promise<string> {
  const spec = { restartPolicy: "Never", containers: [{ name: "c", image: "none" }] };
  const probe = { metadata: { name: "probe" }, spec: kind === "pods" ? spec : { template: { spec } } };
  return await ask("POST", `${pathOf(kind, namespace)}?dryRun=All`, probe).then(() => "", String);
}

/** Gives a namespace a quota that refuses any such object, and waits until it counts: the API server heeds none before its first status. */
export async function applyQuota(
  namespace: string,
  name: string,
  hard: Record<string, string>,
  kind: "pods" | "jobs" = "pods",
): Promise<void> {
  await apply({ apiVersion: "v1", kind: "ResourceQuota", metadata: { name, namespace }, spec: { hard } });
  await eventually(
    () => answerTo(kind, namespace),
    (answer) => answer.includes(`quota: ${name}`),
  );
}

/** Takes a quota away, and waits until it no longer counts. */
export async function removeQuota(namespace: string, name: string, kind: "pods" | "jobs" = "pods"): Promise<void> {
  await kubectl("delete", "resourcequota", name, "-n", namespace);
  await eventually(
    () => answerTo(kind, namespace),
    (answer) => !answer.includes(`quota: ${name}`),
  );
}
