import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { switchedProxy } from "../e2e/accessDoubles.ts";
import { type Account, engineAccount, file, kubeconfig } from "../e2e/accessSupport.ts";
import { eventually, get, type Result } from "../e2e/harness.ts";
import { ask, pathOf } from "../e2e/kube.ts";
import { commandsIn, section } from "../e2e/page.ts";
import { selfSigned } from "../servers/tls.ts";
import { LocalCluster } from "./cluster.ts";
import { MonitoredWorkflow, waitFor } from "./monitored.ts";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/cluster-was-down.md"), "utf8");
let workflow: MonitoredWorkflow;
beforeEach(() => {
  workflow = new MonitoredWorkflow();
});
afterEach(() => workflow.finish());

/** Runs a command of the page; one that would search the whole cluster searches this workflow's namespace. */
function run(command: string, job: string): Promise<Result> {
  const args = command
    .replace(/\bJOB\b/, job)
    .split(" ")
    .slice(1);
  const scope = args.includes("--orphaned") ? ["-n", workflow.namespace, "--older-than", "0s"] : [];
  return workflow.cli(...args, ...scope);
}

async function running(job: string, body: string): Promise<void> {
  await workflow.cli("submit", workflow.script(job, body));
  await eventually(
    async () => (await workflow.status(job)).status,
    (status) => status === "RUNNING",
  );
}

test("while it is down, each command ends as the table says; when it is back, the steps show all that happened", async () => {
  const proxy = await switchedProxy(engineAccount());
  try {
    const access = file(workflow, "double.kubeconfig", kubeconfig(engineAccount(), { server: proxy.address }));
    workflow.reconfigure({ k8sKubeConfig: access, options: { statusRetry: "0" }, retryCount: 0 });
    await running("Job-1", `${waitFor("go")}exit 3\n`);
    const script = workflow.script("NEW", "true\n");
    proxy.switchTo("down");
    const rows = [...section(page, "While it is down").matchAll(/^\| `gasw-k8s ([^`]+)` \|.*\| (\d+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(10);
    for (const [, command = "", code] of rows) {
      const outcome = await run(`gasw-k8s ${command}`, "Job-1");
      expect(outcome, command).toMatchObject({ code: Number(code) });
      if (code === "4") expect(outcome.stderr, command).toMatch(/^error: cannot reach the cluster https:\S+ /m);
      if (command.startsWith("status")) expect(outcome.stdout, command).toMatch(/^Job-1 +RUNNING /m);
    }
    workflow.letGo("go");
    proxy.switchTo("up");
    await eventually(
      async () => (await get("jobs", "-n", workflow.namespace)).items[0].status.conditions ?? [],
      (conditions) => conditions.length > 0,
    );
    expect((await workflow.jobs()).map(({ metadata }) => metadata.name)).toEqual([expect.stringContaining("job-1")]);
    const [submit, status, sync, why] = await outcomes("When it is back", "Job-1");
    expect(submit).toEqual({ code: 0, stdout: "NEW\n", stderr: "" });
    expect(status?.stdout).toMatch(/^Job-1 +ERROR +3 /m);
    expect(sync?.stdout).toMatch(/^Job-1 +ERROR_HELD +ERROR_HELD +3 /m);
    expect(why?.stdout).toMatch(/^WHY: Job-1 is held .* failed with exit code 3\b/);
    expect(await workflow.cli("submit", script)).toMatchObject({ code: 0, stdout: "NEW\n" });
    expect(await workflow.jobs()).toHaveLength(2);
  } finally {
    await proxy.close();
  }
});

/** What the steps of a section come to, each of which must succeed. */
async function outcomes(title: string, job: string): Promise<Result[]> {
  const results: Result[] = [];
  for (const command of commandsIn(section(page, title))) {
    const result = await run(command, job);
    expect(result, command).toMatchObject({ code: 0 });
    results.push(result);
  }
  return results;
}

test("restored from a backup: a Job that is missing is held and released, and what was cleaned up is removed again", async () => {
  // An engine's account cannot see what all workflows have left.
  workflow.reconfigure({ retryCount: 0, k8sKubeConfig: inject("cluster").userKubeconfig });
  const cleaned = new MonitoredWorkflow();
  cleaned.configure({ k8sNamespace: workflow.namespace });
  try {
    await cleaned.runJob("Done-1", "true\n");
    const kinds = ["pv", "pvc"] as const;
    const backup = await Promise.all(kinds.map(async (kind) => [kind, await itemsOf(kind)] as const));
    await cleaned.cli("cleanup", "--yes");
    await running("Job-1", waitFor("go"));
    await restore(backup);
    await workflow.cli("status");
    const [status, sync, why, release, orphaned] = await outcomes("If it came back from a backup", "Job-1");
    expect(status?.stdout).toMatch(/^Job-1 +STALLED /m);
    expect(sync?.stdout).toMatch(/^Job-1 +STALLED_HELD /m);
    expect(why?.stdout).toMatch(/^WHY: Job-1 is held .* no longer in the cluster /);
    expect(release?.stdout).toBe("Job-1-r1\n");
    expect(orphaned?.stdout).toMatch(new RegExp(`^(finished|lost) .* ${cleaned.id} `, "m"));
    expect(await run("gasw-k8s cleanup --orphaned --yes", "Job-1")).toMatchObject({ code: 0 });
    expect((await itemsOf("pv")).filter(({ metadata }) => metadata.name.startsWith(cleaned.id))).toEqual([]);
    workflow.letGo("go");
    expect(await workflow.cli("wait", "Job-1")).toMatchObject({ code: 0 });
  } finally {
    await cleaned.finish();
  }

  // biome-ignore lint/suspicious/noExplicitAny: objects of any kind
  async function itemsOf(kind: string): Promise<any[]> {
    const { items } = await get(kind, "-n", workflow.namespace);
    // biome-ignore lint/suspicious/noExplicitAny: objects of any kind
    return items.filter(({ metadata, spec }: any) => (metadata.namespace ?? spec.claimRef?.namespace) === workflow.namespace);
  }

  /** Has the namespace's objects be as they were. */
  // biome-ignore lint/suspicious/noExplicitAny: objects of any kind
  async function restore(backup: readonly (readonly [string, readonly any[]])[]): Promise<void> {
    for (const { metadata } of await itemsOf("jobs"))
      await ask("DELETE", pathOf("jobs", workflow.namespace, metadata.name), { propagationPolicy: "Orphan" });
    // A cluster that is restored knows nothing of its pods, and kills them.
    await ask("DELETE", pathOf("pods", workflow.namespace), { gracePeriodSeconds: 0 });
    await eventually(
      () => itemsOf("pods"),
      (pods) => pods.length === 0,
    );
    for (const [kind, items] of backup)
      for (const { metadata, spec, ...item } of items) {
        const { name, namespace, labels, annotations } = metadata;
        const claimRef = spec.claimRef === undefined ? {} : { claimRef: { namespace: spec.claimRef.namespace, name: spec.claimRef.name } };
        const made = { ...item, metadata: { name, namespace, labels, annotations }, spec: { ...spec, ...claimRef } };
        await ask("POST", pathOf(kind, workflow.namespace), { ...made, kind: undefined });
      }
  }
});

describe("a new cluster in the place of the old one", () => {
  let other: LocalCluster;
  let account: Account;
  beforeEach(async () => {
    const volumes = path.join(workflow.folder, "volumes");
    mkdirSync(volumes);
    const identity = selfSigned(workflow.folder);
    other = new LocalCluster(identity, volumes);
    account = { ...engineAccount(), server: new URL(await other.begin()), ca: identity.cert };
  });
  afterEach(() => other.end());

  test("is refused until the old one is forgotten; then what had not ended runs there", async () => {
    await workflow.runJob("Done-1", "true\n");
    await running("Job-1", "echo run >> runs; [ -e go ] || sleep 600\n");
    workflow.script("NEW", "true\n");
    workflow.reconfigure({ k8sKubeConfig: file(workflow, "new.kubeconfig", kubeconfig(account)) });
    expect(await workflow.cli("status")).toMatchObject({ code: 3, stderr: expect.stringContaining("cleanup --forget") });
    workflow.letGo("go");
    const [forget, retry, submit] = await outcomes("If a new cluster took its place", "Job-1");
    expect(forget?.stdout).toBe("give up Job-1 (RUNNING)\n");
    expect([retry?.stdout, submit?.stdout]).toEqual(["Job-1-r1\n", "NEW\n"]);
    expect(await workflow.cli("wait", "Job-1", "NEW", "Done-1")).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(workflow.directory, "runs"), "utf8")).toBe("run\nrun\n");
  });
});
