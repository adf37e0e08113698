import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { likeGasw, RetriedWorkflow } from "./attempts.ts";
import { errorOf } from "./expectations.ts";
import { apply, eventually, get, kubectl } from "./harness.ts";
import { endTimeLimit } from "./timeLimit.ts";

/** Jobs that stand, with GASW's trap set, where they were started, until they are stopped. */
const SLOW = 'echo stands; touch "$top/.stands-$HOSTNAME"; sleep 3600 & wait';

describe("a script that GASW generated", () => {
  let workflow: RetriedWorkflow;
  afterEach(() => workflow.cleanup());

  /** The pods of a job that stands where its trap would do harm. */
  const standing = async (job: string, count = 1): Promise<string[]> => {
    const pods = () => readdirSync(workflow.directory).filter((name) => name.startsWith(".stands-") && name.includes(job.toLowerCase()));
    return (
      await eventually(
        async () => pods(),
        (found) => found.length >= count,
      )
    ).map((name) => name.slice(".stands-".length));
  };
  const expectIntact = () => {
    workflow.expectUnharmed();
    const there = readdirSync(workflow.directory);
    for (const name of ["sh", "out", "err", "config", "inv"]) expect(there).toContain(name);
    expect(readFileSync(path.join(workflow.directory, "out/Other-0.sh.out"), "utf8")).toBe("other\n");
  };

  test("keeps the workflow directory whole, however it is stopped: by cancel, eviction, its time limit, or a queue", async () => {
    workflow = new RetriedWorkflow({ retryCount: 0 });
    workflow.put("out/Other-0.sh.out", "other\n");
    const ways = ["Cancel", "Evict", "Limit", "Queue"];
    const jobs = ways.flatMap((way) => [1, 2, 3].map((number) => `${way}-${number}`)).slice(0, 10);
    for (const way of ways) {
      const scripts = jobs.filter((job) => job.startsWith(way)).map((job) => workflow.script(job, likeGasw(job, "true", SLOW)));
      expect(await workflow.cli("submit", ...scripts)).toMatchObject({ code: 0 });
    }
    const pods = new Map<string, string>();
    for (const job of jobs) pods.set(job, (await standing(job))[0] ?? "");
    const cancelled = workflow.cli("cancel", ...jobs.filter((job) => job.startsWith("Cancel")));
    for (const job of jobs.filter((one) => one.startsWith("Evict"))) {
      const name = pods.get(job) ?? "";
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: workflow.namespace } };
      const place = path.join(workflow.folder, `${job}.json`);
      writeFileSync(place, JSON.stringify(eviction));
      await kubectl("create", "--raw", `/api/v1/namespaces/${workflow.namespace}/pods/${name}/eviction`, "-f", place);
    }
    for (const job of jobs.filter((one) => one.startsWith("Limit"))) await endTimeLimit(workflow, job);
    const queued = await workflow.jobOf("Queue-1");
    await suspend(queued.metadata.name, true);
    expect(await cancelled).toMatchObject({ code: 0 });
    await eventually(
      () => get("pods", "-n", workflow.namespace),
      ({ items }) => items.every(({ status }: { status: { phase: string } }) => status.phase !== "Running"),
    );
    expectIntact();
    // A pod is over before its Job is: what is shown as ended is that for good, the others are looked at again.
    const shown = await eventually(
      async () =>
        JSON.parse((await workflow.sync("-o", "json")).stdout).jobs.map(
          ({ id, status }: { id: string; status: string }) => `${id} ${status}`,
        ),
      (lines: string[]) => !lines.some((line) => / (SUBMITTED|RUNNING)$/.test(line)),
    );
    expect(shown).toEqual([
      ...[1, 2, 3].map((number) => `Cancel-${number} DELETED`),
      ...[1, 2, 3].map((number) => `Evict-${number} STALLED_HELD`),
      ...[1, 2, 3].map((number) => `Limit-${number} ERROR_HELD`),
      "Queue-1 QUEUED",
    ]);
    await suspend(queued.metadata.name, false);
    await standing("Queue-1", 2);
    expect(readdirSync(path.join(workflow.directory, "out")).filter((name) => name.startsWith("Queue-1.sh.out.before."))).toHaveLength(1);
    expectIntact();
    expect(await workflow.cli("cancel", "Queue-1")).toMatchObject({ code: 0 });
  });

  const suspend = (job: string, is: boolean) =>
    kubectl("patch", "job", job, "-n", workflow.namespace, "--type=merge", "-p", JSON.stringify({ spec: { suspend: is } }));

  test("runs in a folder of its own, which goes when its end is seen to; what it has written beside itself is collected", async () => {
    workflow = new RetriedWorkflow();
    await workflow.cli("submit", workflow.script("Good-1", likeGasw("Good-1", "pwd -P; until [ -e $top/go ]; do sleep 0.1; done")));
    const { pod } = await eventually(
      () => workflow.status("Good-1"),
      ({ status }) => status === "RUNNING",
    );
    const uid = (await get("pod", pod, "-n", workflow.namespace)).metadata.uid;
    const folder = `.gasw-k8s/run/${uid}/${workflow.id}`;
    await eventually(
      async () => workflow.has(`${folder}/Good-1`),
      (is) => is,
    );
    expect((await workflow.cli("debug", "describe", "Good-1")).stdout).toContain(folder);
    // A clean-up that looks in another namespace shows nothing of the job, and so takes nothing from it.
    expect(await workflow.cli("cleanup", "--yes", "-n", `${workflow.namespace}-other`)).toMatchObject({ code: 0 });
    expect(workflow.has(`${folder}/Good-1`)).toBe(true);
    workflow.configure({ dao: workflow.database.config }, "admin");
    const shell = await workflow.cliWith({ input: "pwd; echo $HOME; exit\n" }, "debug", "shell", "Good-1");
    expect(shell).toMatchObject({ stdout: `${workflow.directory}/${folder}\n/gasw-k8s-home\n`, code: 0 });
    workflow.put("go");
    await workflow.until("Good-1", "COMPLETED");
    expect(workflow.out("Good-1")).toContain(`${workflow.directory}/${folder}/Good-1\n`);
    await workflow.sync();
    expect(workflow.has("provenance/Good-1.sh.provenance.json")).toBe(true);
    expect(workflow.has("Good-1")).toBe(false);
    expect(["run", "end"].flatMap((name) => readdirSync(path.join(workflow.directory, ".gasw-k8s", name)))).toEqual([]);
    expect(await workflow.cli("cleanup", "--yes")).toMatchObject({ code: 0 });
    expect(workflow.has(".gasw-k8s")).toBe(false);
  });

  test("is refused where its user cannot write in the workflow directory (exit 3), before anything is made", async () => {
    workflow = new RetriedWorkflow({}, { owner: 0 });
    const script = workflow.script("Job-1", likeGasw("Job-1", "true"));
    const { code, message, hint } = errorOf(await workflow.cli("submit", script));
    expect([code, message]).toEqual([3, `jobs run as user 65534, group 65534, which cannot write ${workflow.directory}`]);
    expect(hint).toContain("chown");
    expect(existsSync(path.join(workflow.directory, ".gasw-k8s"))).toBe(false);
    expect((await get("namespaces")).items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).not.toContain(
      workflow.namespace,
    );
  });
});

describe("a job's HOME", () => {
  let workflow: RetriedWorkflow;
  afterEach(() => workflow.cleanup());

  test("can be written, also where the namespace's quota counts ephemeral storage", async () => {
    workflow = new RetriedWorkflow();
    const { namespace } = workflow;
    await apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "q", namespace },
        spec: { hard: { "requests.ephemeral-storage": "1Gi", "limits.ephemeral-storage": "2Gi" } },
      },
      {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "l", namespace },
        spec: {
          limits: [{ type: "Container", default: { "ephemeral-storage": "200Mi" }, defaultRequest: { "ephemeral-storage": "100Mi" } }],
        },
      },
    );
    expect((await workflow.runJob("Home-1", "mkdir $HOME/.cache && echo $HOME\n")).code).toBe(0);
    expect(workflow.out("Home-1")).toBe("/gasw-k8s-home\n");
    mkdirSync(path.join(workflow.directory, "home"));
    workflow.own();
    const mine = path.join(workflow.directory, "home");
    expect((await workflow.runJob("Home-2", "touch $HOME/mine && echo $HOME\n", "--env", `HOME=${mine}`)).code).toBe(0);
    expect(workflow.out("Home-2")).toBe(`${mine}\n`);
  });
});
