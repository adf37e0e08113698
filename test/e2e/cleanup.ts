import { get } from "./harness.ts";

/** Kind and name of the Jobs, pods and claims in a namespace, and of the volumes that were made for it. */
export async function objects(namespace: string): Promise<string[]> {
  const { items } = await get("jobs,pods,pvc", "-n", namespace);
  const volumes = (await get("pv")).items.filter(
    (volume: { spec: { claimRef?: { namespace?: string } } }) => volume.spec.claimRef?.namespace === namespace,
  );
  return [...items, ...volumes].map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
}
