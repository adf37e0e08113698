import path from "node:path";
import { expect, inject, test } from "vitest";
import { get, run } from "./harness.ts";

const root = path.resolve(import.meta.dirname, "../..");

test("the demo runs six jobs, says why two failed, has one retried, held, released and completed, and leaves no volume, claim or Job", async () => {
  const { stdout, stderr, code } = await run(process.execPath, [path.join(root, "scripts/demo.mjs")], {
    env: { ...process.env, KUBECONFIG: inject("cluster").adminKubeconfig },
  });
  expect(code, stderr).toBe(0);
  for (const line of [
    /^Basic_Grep\.2-360261301594475 +COMPLETED +0 /m,
    /^Validate_Input\.1-360261301594479 +ERROR +3 /m,
    /^Segmentation\.4-360261301594480 +ERROR +- .*ErrImagePull/m,
    /^1:a job waits for its volume$/m,
    /^no header in input\.txt$/m,
    /^WHY: Validate_Input.* exit code 3 /m,
    /^WHY: Segmentation.* can't be pulled/m,
    /^Register_Images\.2-360261301594481 +2 +ERROR_HELD +ERROR_HELD +3 /m,
    /^WHY: Register_Images.* is held after too many failures/m,
    /^Register_Images\.2-360261301594481 +3 +COMPLETED +COMPLETED +0 /m,
    /^removed PersistentVolume workflow-gentzc-/m,
  ]) {
    expect(stdout).toMatch(line);
  }
  const namespace = /gasw-demo-\w+/.exec(stdout)?.[0] ?? "";
  expect((await get("jobs,pvc", "-n", namespace)).items).toEqual([]);
});
