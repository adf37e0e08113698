import { apply, eventually, get, kubectl, type TestWorkflow } from "./harness.ts";

/** The parts of a PersistentVolume that the tests look at. */
export interface Volume {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly claimRef?: { readonly namespace: string };
    readonly nfs?: { readonly path: string };
    readonly hostPath?: { readonly path: string };
  };
}

/** A volume and its claim as an administrator makes them: bound, in the workflow's namespace. */
// biome-ignore lint/suspicious/noExplicitAny: the claim as the cluster shows it
export async function makeVolume(workflow: TestWorkflow, claim: string, folder: string): Promise<any> {
  const { namespace } = workflow;
  const common = { accessModes: ["ReadWriteMany"], storageClassName: "" };
  const name = `${namespace}-${claim}`;
  await apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: { ...common, capacity: { storage: "1Gi" }, nfs: { server: "127.0.0.1", path: folder }, claimRef: { namespace, name: claim } },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: claim, namespace },
      spec: { ...common, volumeName: name, resources: { requests: { storage: "1Gi" } } },
    },
  );
  return await boundClaim(namespace, claim);
}

/** Waits until a claim is bound, and has the volume controller look at it now instead of at its next resync. */
// biome-ignore lint/suspicious/noExplicitAny: the claim as the cluster shows it
export async function boundClaim(namespace: string, claim: string): Promise<any> {
  return await eventually(
    async () => {
      await kubectl("annotate", "pvc", claim, "-n", namespace, "--overwrite", `example.org/looked-at=${Date.now()}`);
      return await get("pvc", claim, "-n", namespace);
    },
    ({ status }) => status.phase === "Bound",
  );
}
