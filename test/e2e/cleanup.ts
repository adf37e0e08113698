import { leaseName } from "../../src/core/names.ts";
import { get, kubectl, type TestWorkflow } from "./harness.ts";

/** Kind and name of the Jobs, pods and claims in a namespace, and of the volumes that were made for it. */
export async function objects(namespace: string): Promise<string[]> {
  const { items } = await get("jobs,pods,pvc", "-n", namespace);
  const volumes = (await get("pv")).items.filter(
    (volume: { spec: { claimRef?: { namespace?: string } } }) => volume.spec.claimRef?.namespace === namespace,
  );
  return [...items, ...volumes].map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
}

/** Has the Lease look as the API server would show it after hours of silence. */
export async function silence({ namespace, id }: TestWorkflow): Promise<void> {
  const renewTime = new Date(Date.now() - 3.5 * 3_600_000).toISOString().replace("Z", "000Z");
  const change = JSON.stringify({ metadata: { managedFields: [{}] }, spec: { renewTime } });
  await kubectl("patch", "lease", leaseName(namespace, id), "-n", namespace, "--type=merge", "-p", change);
}
