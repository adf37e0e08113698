import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answeringProxy, type Double } from "../e2e/accessDoubles.ts";
import { engineAccount, file, kubeconfig, selfSigned } from "../e2e/accessSupport.ts";
import { TestWorkflow } from "../e2e/harness.ts";

describe("what status asks of the API server", () => {
  let workflow: TestWorkflow;
  let proxy: Double;
  const requests: string[] = [];
  beforeAll(async () => {
    workflow = new TestWorkflow();
    const own = selfSigned(workflow.folder);
    proxy = await answeringProxy(engineAccount(), own, (_, what) => {
      requests.push(what.replace(/\?.*/, ""));
      return undefined;
    });
    const cluster = { "certificate-authority-data": Buffer.from(own.cert).toString("base64") };
    workflow.configure({
      k8sKubeConfig: file(workflow, "proxy.kubeconfig", kubeconfig(engineAccount(), { server: proxy.address, cluster })),
    });
  });
  afterAll(async () => {
    await proxy.close();
    await workflow.cleanup();
  });

  async function asked(...args: string[]): Promise<string[]> {
    requests.length = 0;
    const { code, stderr } = await workflow.cli(...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    // On a busy machine the Lease may be due to be renewed.
    return requests.filter((request) => !request.includes("/leases/")).sort();
  }

  test("one list of Jobs and one of pods, as many for forty jobs as for one; none when all have ended", async () => {
    const submit = (count: number) => {
      const scripts = Array.from({ length: count }, (_, index) => workflow.script(`Job-${count}-${index}`, "true\n"));
      return workflow.cli("submit", ...scripts, "--cpu", "1000");
    };
    const lists = [`GET /api/v1/namespaces/${workflow.namespace}/pods`, `GET /apis/batch/v1/namespaces/${workflow.namespace}/jobs`];
    expect(await submit(1)).toMatchObject({ code: 0 });
    expect(await asked("status")).toEqual(lists);
    expect((await submit(40)).stdout.split("\n").length - 1).toBe(40);
    expect(await asked("status", "-o", "json")).toEqual(lists);
    expect(await asked("status", "Job-40-1", "Job-40-2", "Job-40-3")).toEqual(lists);
    expect(await asked("status", "--cached")).toEqual([]);
    expect((await workflow.cli("cleanup", "--cancel", "--yes")).code).toBe(0);
    expect(await asked("status")).toEqual([]);
  });
});
