import { readdirSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { apply, get, kubectl, TestWorkflow } from "../e2e/harness.ts";

const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };

describe("names", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("whatever a job is called reaches the shell as an argument, never as code", async () => {
    const ids = [
      "with space",
      "'single' \"double\"",
      "$(touch pwned)",
      "$(HOME)",
      "$HOME ${HOME} $$ $$(HOME)",
      "`touch pwned`",
      "back\\slash\\n",
      "new\nline",
      "; touch pwned #",
      "-n",
      "--help",
      "übergrößenträger-日本語-🧪",
      "*?[a]",
      "..a",
    ];
    workflow = new TestWorkflow();
    for (const id of ids) workflow.script(id, `printf %s 'ran'; printf %s 'trouble' >&2\n`);
    const scripts = ids.map((id) => path.join("sh", `${id}.sh`));
    const result = await workflow.cli("submit", ...scripts, "--wait", "--wait-timeout", "300s", "-o", "json");
    expect(result).toMatchObject({ stderr: "", code: 0 });
    expect(JSON.parse(result.stdout).jobs.map((job: { id: string }) => job.id)).toEqual(ids);
    for (const id of ids) {
      expect([id, workflow.out(id), workflow.err(id)]).toEqual([id, "ran", "trouble"]);
    }
    expect(readdirSync(workflow.directory).sort()).toEqual([".gasw-k8s", "config", "err", "inv", "out", "sh"]);
    expect(readdirSync(path.join(workflow.directory, "out")).sort()).toEqual(ids.map((id) => `${id}.sh.out`).sort());
  });

  test("prints an id with a line break on one line", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    expect((await workflow.cli("submit", workflow.script("new\nline", "true\n"))).stdout).toBe("new\\nline\n");
  });

  test("takes scripts whose paths begin with a dash", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    workflow.script("-rf", "true\n");
    const result = await workflow.cliWith({ cwd: path.join(workflow.directory, "sh") }, "submit", "--", "-rf.sh");
    expect(result).toEqual({ stdout: "-rf\n", stderr: "", code: 0 });
  });

  test.each([
    ["with an underscore and capitals", "My_Workflow.X1"],
    ["of illegal characters only", "___"],
    ["with a space, quotes and a dollar", `a b 'c' "d" $(HOME)`],
    ["of 255 characters", "W".repeat(255)],
  ])("a workflow id %s works, and its true id is on everything", async (_, name) => {
    workflow = new TestWorkflow({ name });
    expect(await workflow.runJob("Job-1", "pwd\n")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(workflow.out("Job-1")).toBe(`${workflow.directory}\n`);
    const [[job], [claim]] = [await workflow.jobs(), (await get("pvc", "-n", workflow.namespace)).items];
    const volume = await get("pv", claim.spec.volumeName);
    for (const object of [job, claim, volume]) {
      expect(object.metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(object.metadata.annotations).toMatchObject({ "gasw-k8s.io/workflow": name, "gasw-k8s.io/directory": workflow.directory });
    }
  });

  test("a workflow id of 300 characters is refused in one line (exit 2)", async () => {
    workflow = new TestWorkflow();
    const result = await workflow.cli("submit", `../${"x".repeat(300)}/sh/Job-1.sh`);
    expect(result).toMatchObject({ stdout: "", code: 2 });
    expect(result.stderr).toMatch(/^error: the workflow directory .{1,200} has a name that is too long\nhint: .*\n$/);
  });

  test("jobs whose names differ only in case or punctuation run as Jobs of their own", async () => {
    const ids = ["Job-1", "job-1", "JOB.1", "Job_1", "Job 1", "a-1", "b-1"];
    workflow = new TestWorkflow();
    const scripts = ids.map((id) => workflow.script(id, `echo '${id}'\n`));
    expect(await workflow.cli("submit", ...scripts, "--wait", "--wait-timeout", "300s")).toMatchObject({ stderr: "", code: 0 });
    expect(ids.map((id) => workflow.out(id))).toEqual(ids.map((id) => `${id}\n`));
    expect(await workflow.jobs()).toHaveLength(ids.length);
  });

  test("two workflows of the same id in two namespaces run side by side", async () => {
    workflow = new TestWorkflow({ name: "same" });
    const other = new TestWorkflow({ name: "same" });
    try {
      other.configure({ state: { path: workflow.stateFile } });
      const results = await Promise.all([workflow, other].map((each) => each.runJob("Job-1", "pwd\n")));
      expect(results.map(({ code }) => code)).toEqual([0, 0]);
      expect([workflow.out("Job-1"), other.out("Job-1")]).toEqual([`${workflow.directory}\n`, `${other.directory}\n`]);
    } finally {
      await other.cleanup();
    }
  });

  test.each([
    ["this host's state", true],
    ["the cluster", false],
  ])("the same workflow id from another directory is refused (exit 7), as %s tells", async (_, sharesState) => {
    workflow = new TestWorkflow({ name: "same", config: PARKED });
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ code: 0 });
    const other = new TestWorkflow({ name: "same", namespace: workflow.namespace });
    try {
      if (sharesState) other.configure({ state: { path: workflow.stateFile } });
      const result = await other.cli("submit", other.script("Job-2", "true\n"));
      expect(result).toMatchObject({ stdout: "", code: 7 });
      expect(result.stderr).toMatch(/^error: .*same.*\nhint: .*a workflow's id is its directory's base name\n$/);
      expect(result.stderr).toContain(workflow.directory);
      expect(await workflow.jobs()).toHaveLength(1);
    } finally {
      await other.cleanup();
    }
  });

  test("a Job of that name that is not ours is left alone (exit 7)", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const script = workflow.script("Job-1", "true\n");
    const { items } = JSON.parse((await workflow.cli("submit", script, "--dry-run")).stdout);
    const name = items.at(-1).metadata.name;
    await kubectl("create", "namespace", workflow.namespace);
    const containers = [{ name: "theirs", image: "localhost/gasw-k8s/bash:1", command: ["true"], volumeMounts: [] }];
    const template = { spec: { restartPolicy: "Never", nodeSelector: PARKED.nodeSelector, volumes: [], containers } };
    const metadata = { name, namespace: workflow.namespace, labels: { app: "theirs" } };
    await apply({ apiVersion: "batch/v1", kind: "Job", metadata, spec: { template } });
    expect(await workflow.cli("submit", script)).toMatchObject({ stdout: "", stderr: expect.stringContaining(name), code: 7 });
    expect((await workflow.jobs())[0].metadata.labels).not.toHaveProperty("gasw-k8s.io/job");
  });

  test("a script's name that leaves no room for its output file is refused (exit 2)", async () => {
    workflow = new TestWorkflow();
    const result = await workflow.cli("submit", workflow.script("x".repeat(250), "true\n"));
    expect(result).toMatchObject({ stdout: "", stderr: expect.stringContaining("too long"), code: 2 });
  });
});
