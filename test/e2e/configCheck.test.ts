import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { misfits } from "../misfits.ts";
import { engineAccount, file, kubeconfig, namespaceAccount } from "./accessSupport.ts";
import { apply, get, kubectl, TestWorkflow } from "./harness.ts";
import { makeVolume } from "./volumes.ts";

const CHECK = ["config", "check", "--connect"];

/** One thing that was tried, as `-o json` has it. */
interface Checked {
  readonly check: string;
  readonly subject: string;
  readonly result: "ok" | "limited" | "refused";
  readonly message: string | null;
  readonly hint: string | null;
}

/** The checks with a result, as `check subject`; each that is not ok has a message and a remedy. */
async function checks(workflow: TestWorkflow): Promise<{ code: number; ok: boolean; of: (result: Checked["result"]) => string[] }> {
  const { stdout, code } = await workflow.cli(...CHECK, "-o", "json");
  expect(misfits("configCheck", stdout)).toEqual([]);
  const told: { ok: boolean; checks: Checked[] } = JSON.parse(stdout);
  for (const { result, message, hint } of told.checks) expect([message !== null, hint !== null]).toEqual(Array(2).fill(result !== "ok"));
  const of = (wanted: string) => told.checks.filter(({ result }) => result === wanted).map(({ check, subject }) => `${check} ${subject}`);
  return { code, ok: told.ok, of };
}

describe("config check --connect", () => {
  let workflow: TestWorkflow;
  beforeAll(async () => {
    workflow = new TestWorkflow();
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: workflow.namespace } });
    await apply(...namespaceAccount(workflow.namespace));
    await apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "nobody", namespace: workflow.namespace } });
    await makeVolume(workflow, "everything", workflow.folder);
  });
  afterAll(() => workflow.cleanup());

  /** Has the program use an account of the workflow's namespace. */
  async function actAs(account: string, config: Record<string, unknown>): Promise<void> {
    const token = (await kubectl("create", "token", account, "-n", workflow.namespace)).trim();
    workflow.configure({ k8sKubeConfig: file(workflow, `${account}.kubeconfig`, kubeconfig({ ...engineAccount(), token })), ...config });
  }

  test("shows an engine what works, what debug would lack, and that its namespace is yet to be created; it creates nothing", async () => {
    const fresh = new TestWorkflow();
    const { namespace } = fresh;
    const { stdout, stderr, code } = await fresh.cli(...CHECK);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const lines = stdout.split("\n");
    expect(lines.slice(0, 3)).toEqual([
      `OK: ${fresh.configFile}`,
      `ok       address     ${engineAccount().server.origin}`,
      "ok       identity    system:serviceaccount:gasw-k8s:gasw-k8s-engine",
    ]);
    expect(lines).toContain("ok       permission  get, list, create, patch, delete persistentvolumes");
    expect(lines).toContain(`ok       namespace   ${namespace} (does not exist: the first submission creates it)`);
    expect(stdout).toMatch(/^ok {7}volume {6}workflow: NFS .*; its claim cannot be tried before the namespace exists$/m);
    expect(stdout).toMatch(
      /^limited {2}permission {2}get, create pods\/exec in .*\n {2}not granted: .*`debug exec`.*\n {2}hint: .*gasw-k8s-admin/m,
    );
    expect(stdout).not.toMatch(/^refused/m);
    await expect(get("namespace", namespace)).rejects.toThrow();
    expect((await get("pv")).items.filter((one: { spec: object }) => JSON.stringify(one.spec).includes(fresh.folder))).toEqual([]);
    await fresh.cleanup();
  });

  test("accepts an account of one namespace with an existing claim, as submit does", async () => {
    await actAs("gasw-k8s", { workflowVolume: { type: "claim", name: "everything", subPath: "workflows" } });
    const found = await checks(workflow);
    expect(found).toMatchObject({ code: 0, ok: true });
    expect(found.of("refused")).toEqual([]);
    expect(found.of("ok")).toEqual(
      expect.arrayContaining([
        `identity system:serviceaccount:${workflow.namespace}:gasw-k8s`,
        `namespace ${workflow.namespace} (this account may not look for it)`,
        "volume workflow: claim everything",
      ]),
    );
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ code: 0, stderr: "" });
  });

  test("says what submit would refuse that account with NFS, with the same exit code, and what to do instead", async () => {
    await actAs("gasw-k8s", {});
    const found = await checks(workflow);
    expect(found).toMatchObject({ code: 4, ok: false });
    expect(found.of("refused")).toEqual([
      "permission get, list, create, patch, delete persistentvolumes",
      `namespace ${workflow.namespace} (this account may not look for it)`,
      expect.stringMatching(/^volume workflow: NFS /),
    ]);
    const { stdout, stderr } = await workflow.cli(...CHECK);
    expect(stdout).toMatch(/^refused {2}permission {2}get, list.* persistentvolumes\n.*\n {2}hint: .*gasw-k8s-volumes.*existing claims/m);
    expect(stderr).toMatch(/^error: a submission would be refused: not granted: NFS and hostPath volumes .*\nhint: .*\n$/);
    expect(await workflow.cli("submit", workflow.script("Job-2", "true\n"))).toMatchObject({ code: 4 });
  });

  test("says of an account without rights who it is, and of each permission that it is missing", async () => {
    await actAs("nobody", {});
    const found = await checks(workflow);
    expect(found).toMatchObject({ code: 4, ok: false });
    expect(found.of("ok")).toEqual([expect.stringMatching(/^address /), `identity system:serviceaccount:${workflow.namespace}:nobody`]);
    for (const resource of ["persistentvolumes", "persistentvolumeclaims", "jobs.batch", "pods", "events"])
      expect(found.of("refused").join("\n")).toMatch(new RegExp(`^permission .*\\b${resource}\\b`, "m"));
  });

  test("says what is wrong with a token, and with a claim and a storage class that do not exist", async () => {
    const { server, ca } = engineAccount();
    workflow.configure({ k8sKubeConfig: file(workflow, "bad.kubeconfig", kubeconfig({ server, ca, token: "none" })) });
    const unknown = await checks(workflow);
    expect([unknown.code, unknown.of("ok"), unknown.of("refused")]).toEqual([4, [`address ${server.origin}`], ["identity unknown"]]);
    const scratch = { name: "scratch", type: "storageClass", storageClassName: "no-such-class", mountPathContainer: "/scratch" };
    workflow.configure({ workflowVolume: { type: "claim", name: "no-such-claim" }, volumes: [scratch] });
    const lacking = await checks(workflow);
    expect([lacking.code, lacking.of("refused")]).toEqual([
      6,
      ["volume workflow: claim no-such-claim", "volume scratch: storage class no-such-class"],
    ]);
  });
});
