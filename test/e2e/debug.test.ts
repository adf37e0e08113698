import { renameSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, eventually, get, kubectl, TestWorkflow } from "./harness.ts";

const LONG = "echo begun; echo trouble >&2; sleep 3600\n";

/** Its jobs are there for all tests, which only look. */
let workflow: TestWorkflow;
/** For jobs that come, and go, in a test. */
let passing: TestWorkflow;
/** A job's script and the options that it is submitted with. */
const jobs: Record<string, [script: string, ...options: string[]]> = {
  Running: [LONG],
  Fine: ["echo fine; echo aside >&2"],
  NoCommand: ["no_such_command"],
  Inputs: ["echo '<inputs_download>'; echo 'Exiting with return value 40' >&2; exit 40"],
  Greedy: ["a=x; while :; do a=$a$a$a; done", "--memory", "32Mi"],
  Slow: ["sleep 100", "--timeout", "2s"],
  BadImage: ["true", "--image", "localhost:1/nothing:1"],
  TooBig: ["true", "--cpu", "500", "--gpu", "3"],
};

beforeAll(async () => {
  passing = new TestWorkflow({ account: "admin" });
  workflow = new TestWorkflow({ account: "admin", config: { env: { API_TOKEN: "topsecret" } } });
  for (const [id, [script, ...options]] of Object.entries(jobs)) {
    const { code, stderr } = await workflow.cli("submit", workflow.script(id, script), ...options);
    expect([code, stderr]).toEqual([0, ""]);
  }
  const { code } = await workflow.cli("wait", "Fine", "NoCommand", "Inputs", "Greedy", "Slow", "--wait-timeout", "300s");
  expect(code).not.toBe(125);
  await isRunning(workflow, "Running");
});
afterAll(async () => {
  await passing.cleanup();
  await workflow.cleanup();
});

function isRunning(within: TestWorkflow, job: string): Promise<unknown> {
  return eventually(
    () => within.status(job),
    ({ status }) => status === "RUNNING",
  );
}

describe("debug why", () => {
  test.each([
    ["Running", "running", /has been running for .* on node/],
    ["Fine", "completed", /exit code 0/],
    ["NoCommand", "command-not-found", /exit code 127/],
    ["Inputs", "exit-code", /while downloading its inputs/],
    ["Greedy", "out-of-memory", /limit of 32Mi/],
    ["Slow", "deadline", /time limit of 2 s/],
    [
      "TooBig",
      "no-room",
      /requests 500 CPU, and the largest node offers .*requests 3 GPUs, and (no node has any|the largest node offers 1 GPU)/,
    ],
  ])("%s: %s", async (id, cause, sentence) => {
    const { stdout, stderr, code } = await workflow.cli("debug", "why", id, "-o", "json");
    expect([code, stderr]).toEqual([0, ""]);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ job: id, cause, workflow: workflow.id, namespace: workflow.namespace });
    expect(answer.sentence).toMatch(sentence);
    expect(answer.remedy).not.toBe("");
  });

  test("an image that does not come quotes its registry's words", async () => {
    const { stdout } = await eventually(
      () => workflow.cli("debug", "why", "BadImage"),
      // The kubelet's event may come long after the pod's status.
      (result) => result.stdout.includes("| Failed: "),
    );
    expect(stdout).toMatch(/^WHY: BadImage is waiting: its image localhost:1\/nothing:1 cannot be pulled.*\nremedy: .+\n {2}\| Failed: /);
  });

  test("a job that another host submitted is explained from the cluster", async () => {
    const stranger = { GASW_K8S_STATE_PATH: `${workflow.folder}/other.db` };
    const { stdout, code } = await workflow.cliWith({ env: stranger }, "debug", "why", "NoCommand");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^WHY: NoCommand failed with exit code 127/)]);
  });

  test("a job that is nowhere: exit 6", async () => {
    const { code, stderr, stdout } = await workflow.cli("debug", "why", "Nobody");
    expect([code, stdout]).toEqual([6, ""]);
    expect(stderr).toMatch(/^error: .*Nobody.*\nhint: /);
  });
});

describe("debug lists", () => {
  test("pods show the true job ids and nothing of others", async () => {
    const { stdout } = await workflow.cli("debug", "pods", "-o", "json");
    const pods: { job: string; name: string; ours: boolean; status: string }[] = JSON.parse(stdout).pods;
    expect(new Set(pods.map(({ job }) => job))).toEqual(new Set(Object.keys(jobs)));
    expect(pods.every(({ ours }) => ours)).toBe(true);
    expect(pods.find(({ job }) => job === "Running")).toMatchObject({ status: "running" });
    const names = await workflow.cli("-n", workflow.namespace, "debug", "pods", "-q");
    expect(names.stdout.split("\n")).toEqual([...pods.map(({ name }) => name), ""]);
  });

  test("another workflow has none", async () => {
    const { stdout, stderr } = await workflow.cli("debug", "jobs", "--workflow", "/elsewhere/other");
    expect([stdout, stderr]).toEqual(["", expect.stringMatching(/^no jobs created by gasw-k8s/)]);
  });

  test("others' objects show up with --all only", async () => {
    const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "theirs", namespace: workflow.namespace } };
    // By its name: one that takes any volume would take another test's.
    const spec = { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: "theirs-that-is-not-there" };
    await apply({ ...claim, spec: { ...spec, resources: { requests: { storage: "1Gi" } } } });
    const names = async (...options: string[]) =>
      JSON.parse((await workflow.cli("debug", "pvc", "-o", "json", ...options)).stdout).claims.map(({ name }: { name: string }) => name);
    expect(await names()).not.toContain("theirs");
    expect(await names("--all")).toContain("theirs");
  });

  test("volumes tell the workflow, its engine, its active jobs and the last use, in one namespace or all", async () => {
    const marks = { directory: workflow.directory, host: expect.any(String), lastUsed: expect.any(String) };
    const volume = {
      ...marks,
      phase: "Bound",
      engine: { host: expect.any(String), user: expect.any(String), silentSeconds: expect.any(Number) },
    };
    const listed = async (...args: string[]) => JSON.parse((await workflow.cli("debug", ...args, "-o", "json")).stdout);
    expect((await listed("pv")).volumes).toMatchObject([{ ...volume, activeJobs: expect.any(Number) }]);
    const everywhere = (await listed("pvc", "-A")).claims.filter(
      ({ namespace }: { namespace: string }) => namespace === workflow.namespace,
    );
    expect(everywhere).toContainEqual(expect.objectContaining(volume));
    // A sign of life that is not a minute old.
    await workflow.cli("submit", workflow.script("Running", LONG));
    const { stdout } = await workflow.cli("debug", "jobs", "-A");
    expect(stdout).toMatch(new RegExp(`^${workflow.namespace}/\\S+ +Running +${workflow.id} +there +running +alive `, "m"));
  });

  test("nodes tell what they offer", async () => {
    const { stdout } = await workflow.cli("debug", "nodes");
    expect(stdout).toMatch(/^NODE +READY +CPU +MEMORY +GPU +PODS +AGE +TAINTS\n(?:.*\n)*?\S+ +yes /);
  });
});

describe("debug describe and events", () => {
  test("a job with its pod, volumes and events, without any value of its environment", async () => {
    const { stdout, code } = await workflow.cli("debug", "describe", "Fine");
    expect(code).toBe(0);
    for (const heading of [
      "as recorded on this host",
      "Job ",
      "Pod ",
      "container job",
      "PersistentVolumeClaim ",
      "PersistentVolume ",
      "events",
    ]) {
      expect(stdout).toContain(heading);
    }
    const json = await workflow.cli("debug", "describe", "Fine", "-o", "json");
    expect(stdout + json.stdout).not.toContain("topsecret");
    expect(json.stdout).toContain("API_TOKEN");
    expect(JSON.parse(json.stdout).pods).toHaveLength(1);
  });

  test("each kind of object", async () => {
    const [pod] = (await get("pods", "-n", workflow.namespace)).items;
    const [claim] = (await get("pvc", "-n", workflow.namespace, "-l", "app.kubernetes.io/managed-by=gasw-k8s")).items;
    const [node] = (await get("nodes", "-l", "type!=kwok")).items;
    const objects = [
      ["pod", pod.metadata.name],
      ["job", "Fine"],
      ["pvc", claim.metadata.name],
      ["pv", claim.spec.volumeName],
      ["node", node.metadata.name],
    ];
    for (const [kind = "", name = ""] of objects) {
      const { code, stdout } = await workflow.cli("debug", "describe", kind, name);
      expect([kind, code, stdout.includes("topsecret"), stdout.length > 100]).toEqual([kind, 0, false, true]);
    }
  });

  test("an object that is not there, and a kind that is none", async () => {
    expect((await workflow.cli("debug", "describe", "pod", "nobody")).code).toBe(6);
    expect((await workflow.cli("debug", "describe", "secret", "x")).code).toBe(2);
  });

  test("events of Job and pod together, oldest first", async () => {
    type Told = { events: { time: string; object: string; reason: string }[] };
    const { events } = await eventually(
      async () => JSON.parse((await workflow.cli("debug", "events", "Fine", "-o", "json")).stdout) as Told,
      // The kubelet's event may come long after the pod's end.
      (told) => told.events.some(({ reason }) => reason === "Started"),
    );
    expect(events.map(({ time }) => Date.parse(time))).toEqual(events.map(({ time }) => Date.parse(time)).sort((a, b) => a - b));
    expect(events.map(({ reason }) => reason)).toContain("SuccessfulCreate");
  });
});

describe("debug logs", () => {
  test("both streams on stdout, their headers on stderr", async () => {
    const { stdout, stderr, code } = await workflow.cli("debug", "logs", "Fine");
    expect({ stdout, code }).toEqual({ stdout: "fine\naside\n", code: 0 });
    expect(stderr).toBe("==> out/Fine.sh.out <==\n\n==> err/Fine.sh.err <==\n");
  });

  test("one stream alone", async () => {
    expect((await workflow.cli("debug", "logs", "Fine", "--stdout-only")).stdout).toBe("fine\n");
    expect((await workflow.cli("debug", "logs", "Fine", "--stderr-only")).stdout).toBe("aside\n");
  });

  test("follows from before the beginning until the end", async () => {
    await passing.cli("submit", passing.script("Counting", "for i in 1 2 3; do echo $i; sleep 1; done; exit 5"));
    const { stdout, code } = await passing.cli("debug", "logs", "Counting", "-f");
    expect({ stdout, code }).toEqual({ stdout: "1\n2\n3\n", code: 0 });
  });

  test("a job that has not begun has none yet", async () => {
    const { stdout, stderr, code } = await workflow.cli("debug", "logs", "TooBig");
    expect([code, stdout]).toEqual([6, ""]);
    expect(stderr).toMatch(/^error: job TooBig has no output yet: it has not started .*\nhint: .*-f/);
  });

  test("where the directory is elsewhere: through the running container, then through a short-lived pod", async () => {
    const hidden = `${workflow.directory}/sh.hidden`;
    // Without its sh/ the directory does not count as a workflow's here; the pods need only out/ and err/.
    renameSync(`${workflow.directory}/sh`, hidden);
    try {
      const elsewhere = { cwd: workflow.folder };
      const running = await workflow.cliWith(elsewhere, "debug", "logs", "Running");
      expect([running.code, running.stdout]).toEqual([0, "begun\ntrouble\n"]);
      const over = await workflow.cliWith(elsewhere, "debug", "logs", "Fine");
      expect([over.code, over.stdout]).toEqual([0, "fine\naside\n"]);
      expect(over.stderr).toContain("through a temporary pod");
    } finally {
      renameSync(hidden, `${workflow.directory}/sh`);
    }
    await noDebugPods();
  });

  test("what failed before the script began is in the pod's own log", async () => {
    const initContainers = [{ name: "prepare", image: "localhost/gasw-k8s/bash:1", command: ["bash", "-c", "echo preparing; exit 3"] }];
    passing.configure({ initContainers }, "admin");
    const { code } = await passing.runJob("Unprepared", "true");
    passing.configure({}, "admin");
    expect(code).toBe(3);
    const { stdout, stderr } = await passing.cli("debug", "logs", "Unprepared");
    expect([stdout, stderr]).toEqual(["preparing\n", expect.stringMatching(/^==> pod \S+, container prepare <==\n$/)]);
    expect((await passing.cli("debug", "why", "Unprepared")).stdout).toContain("init container prepare ended with exit code 3");
  });
});

describe("debug exec and shell without a terminal", () => {
  test("streams stay apart, and the command's exit code is ours", async () => {
    const result = await workflow.cli("debug", "exec", "Running", "--", "sh", "-c", "echo out; echo err >&2; exit 5");
    expect(result).toEqual({ stdout: "out\n", stderr: "err\n", code: 5 });
  });

  test("the end of stdin reaches the command", async () => {
    const input = "x".repeat(3_000_000);
    const { stdout, code } = await workflow.cliWith({ input }, "debug", "exec", "Running", "--", "cat");
    expect([code, stdout === input]).toEqual([0, true]);
  });

  test("a job that is over has no container; a shell opens a fresh pod in its directory and takes it away", async () => {
    const over = await workflow.cli("debug", "exec", "Fine", "--", "ls");
    expect([over.code, over.stderr]).toEqual([6, expect.stringMatching(/has ended.*\nhint: .*debug shell Fine/)]);
    const input = "pwd; id -u; cat out/Fine.sh.out; exit 4\n";
    const { stdout, stderr, code } = await workflow.cliWith({ input }, "debug", "shell", "Fine");
    expect([code, stdout]).toEqual([4, `${workflow.directory}\n${workflow.owner}\nfine\n`]);
    expect(stderr).toContain("will be deleted when you exit");
    await noDebugPods();
  });

  test("a command that is not there: exit 6", async () => {
    expect((await workflow.cli("debug", "exec", "Running", "--", "no_such_command")).code).toBe(6);
  });
});

test("a job that is gone from the cluster is still explained", async () => {
  await passing.cli("submit", passing.script("Gone", LONG));
  await isRunning(passing, "Gone");
  await kubectl("delete", "job", "-n", passing.namespace, "-l", "gasw-k8s.io/job=Gone");
  await eventually(
    () => passing.cli("debug", "why", "Gone"),
    ({ stdout }) => stdout.startsWith("WHY: Gone is no longer in the cluster"),
  );
});

async function noDebugPods(): Promise<void> {
  const list = () => get("pods", "-n", workflow.namespace, "-l", "app.kubernetes.io/component=debug");
  await eventually(list, ({ items }) => items.length === 0);
}

describe("a job that is not submitted yet", () => {
  test.each([["shell"], ["exec", "--", "true"]])(
    "has no container for debug %s, and is not called over (exit 6)",
    async (command, ...rest) => {
      const refused = new TestWorkflow({ account: "admin", config: { nodeSelector: { "not a label": "x" } } });
      try {
        expect(await refused.cli("submit", refused.script("Job-1", "true\n"))).toMatchObject({ code: 4 });
        expect(await refused.cli("debug", command, "Job-1", ...rest)).toEqual({
          stdout: "",
          stderr: expect.stringMatching(/^error: job Job-1 is not submitted yet: it has no container\nhint: .*debug why Job-1/),
          code: 6,
        });
      } finally {
        await refused.cleanup();
      }
    },
  );
});
