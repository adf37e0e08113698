import { chownSync, readdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { objects } from "./cleanup.ts";
import { get, TestWorkflow } from "./harness.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

test("engine probe tells what an image lacks from what its pod has, and removes its job, volume, Lease and directory", async () => {
  // Whose workflow directories they are: nobody whom the image knows, so that it has no HOME for them.
  const location = path.dirname(workflow.directory);
  chownSync(location, workflow.owner, workflow.owner);
  workflow.configure({ env: { SITE_NAME: "site.example.org" } });
  const { stdout, stderr, code } = await workflow.cli("engine", "probe");
  expect(code, stderr).toBe(1);
  expect(stdout).toMatch(/^ok {7}job {10}ran in image \S+ on node \S+ as user 12345$/m);
  expect(stdout).toMatch(/^ {2}the image has no `bosh`$/m);
  expect(stdout).toMatch(/^ok {7}home {9}HOME=\/gasw-k8s-home is writable$/m);
  expect(stdout).toMatch(/^ok {7}environment {2}SITE_NAME=site\.example\.org$/m);
  expect(stderr).toMatch(/^error: not ready for GASW's jobs: the image has no `python`$/m);
  expect(await objects(workflow.namespace)).toEqual([]);
  expect((await get("leases", "-n", workflow.namespace)).items).toEqual([]);
  expect(readdirSync(location)).toEqual([workflow.id]);
});

test("engine probe tells of an image without bash at once, which no script can", async () => {
  workflow.configure({ image: "localhost/gasw-k8s/pause:1" });
  const { stdout, code } = await workflow.cli("engine", "probe");
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^ {2}the probe job could not start: its image localhost\/gasw-k8s\/pause:1 has no `bash`, which runs the scripts/m,
  );
  expect(stdout).not.toContain("has not arrived");
  expect(stdout).toMatch(/^ {2}hint: use an image that has it: `gasw-k8s engine probe --image NAME`/m);
  expect(await objects(workflow.namespace)).toEqual([]);
});
