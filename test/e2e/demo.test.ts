import path from "node:path";
import { expect, inject, test } from "vitest";
import { get, run } from "./harness.ts";

const nameOf = ({ metadata }: { metadata: { name: string } }) => metadata.name;

const root = path.resolve(import.meta.dirname, "../..");

test("the demo runs six jobs, says why two failed, has one retried, held, released and completed, and leaves nothing behind", async () => {
  const { stdout, stderr, code } = await run(process.execPath, [path.join(root, "scripts/demo.mjs")], {
    // What a person's own environment says of a cluster, a namespace or a database is not the demo's.
    env: {
      ...process.env,
      KUBECONFIG: inject("cluster").adminKubeconfig,
      GASW_K8S_KUBE_CONFIG: "/nowhere/kubeconfig",
      GASW_K8S_NAMESPACE: "production",
      GASW_K8S_DAO_URL: "postgres://production.example/gasw",
    },
  });
  expect(code, stderr).toBe(0);
  for (const line of [
    /^Basic_Grep\.2-360261301594475 +COMPLETED +0 /m,
    /^Validate_Input\.1-360261301594479 +ERROR +3 /m,
    /^Segmentation\.4-360261301594480 +ERROR +- .*(ErrImagePull|ImagePullBackOff)/m,
    /^1:a job waits for its volume$/m,
    /^no header in input\.txt$/m,
    /^WHY: Validate_Input.* exit code 3 /m,
    /^WHY: Segmentation.* cannot be pulled/m,
    /^Register_Images\.2-360261301594481 +2 +ERROR_HELD +ERROR_HELD +3 /m,
    /^WHY: Register_Images.* is held after too many failures/m,
    /^Register_Images\.2-360261301594481 +3 +COMPLETED +COMPLETED +0 /m,
    /^removed PersistentVolume workflow-gentzc-/m,
  ]) {
    expect(stdout).toMatch(line);
  }
  const namespace = /gasw-demo-\w+/.exec(stdout + stderr)?.[0];
  expect(namespace).toBeDefined();
  expect((await get("namespaces", "--field-selector", "status.phase=Active")).items.map(nameOf)).not.toContain(namespace);
  expect((await get("namespaces")).items.map(nameOf)).not.toContain("production");
  const volumes = (await get("pv")).items as { spec: { claimRef?: { namespace: string } } }[];
  expect(volumes.filter(({ spec }) => spec.claimRef?.namespace === namespace)).toEqual([]);
});
