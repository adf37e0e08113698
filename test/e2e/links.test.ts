import { symlinkSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestWorkflow } from "./harness.ts";

describe("a workflow whose directory is reached through a link", () => {
  let workflow: TestWorkflow;
  /** The workflow's directory by the way that its engine takes. */
  let linked: string;

  beforeEach(() => {
    workflow = new TestWorkflow({ account: "admin" });
    symlinkSync(path.dirname(workflow.directory), path.join(workflow.folder, "linked"));
    linked = path.join(workflow.folder, "linked", workflow.id);
  });
  afterEach(() => workflow.cleanup());

  const elsewhere = (...args: string[]) => workflow.cliWith({ cwd: workflow.folder }, ...args);
  const here = (...args: string[]) => workflow.cli(...args);
  /** In a shell that has come by the link. */
  const inShell = (...args: string[]) => workflow.cliWith({ cwd: linked, env: { PWD: linked } }, ...args);

  test("is one and the same, also to whom its link is resolved; its pods see it as it was first spelled", async () => {
    const script = (jobId: string) => path.join(linked, path.relative(workflow.directory, workflow.script(jobId, "pwd\n")));
    expect(await elsewhere("submit", "--wait", script("Job-1"))).toMatchObject({ code: 0, stderr: "" });
    expect(workflow.out("Job-1")).toBe(`${linked}\n`);
    for (const run of [here, inShell]) {
      expect(await run("status", "-q")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
      expect(await run("status", "sh/Job-1.sh", "-q")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
      expect(await run("wait", "Job-1")).toMatchObject({ code: 0, stderr: "" });
      expect(await run("debug", "why", "Job-1")).toMatchObject({ code: 0, stderr: "" });
      expect(await run("submit", "sh/Job-1.sh")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    }
    script("Job-2");
    expect(await here("submit", "--wait", "sh/Job-2.sh")).toMatchObject({ code: 0, stderr: "" });
    expect(workflow.out("Job-2")).toBe(`${linked}\n`);
    expect(await here("cleanup", "--yes")).toMatchObject({ code: 0, stderr: "" });
    expect(await workflow.jobs()).toEqual([]);
  });

  test("is no other one to another host's state", async () => {
    const other = { env: { GASW_K8S_STATE_PATH: path.join(workflow.folder, "other.db") } };
    workflow.script("Job-1", "pwd\n");
    expect(await elsewhere("submit", "--wait", path.join(linked, "sh/Job-1.sh"))).toMatchObject({ code: 0 });
    expect(await workflow.cliWith(other, "status", "-q")).toMatchObject({ stdout: "Job-1\n", code: 0 });
    expect(await workflow.cliWith(other, "debug", "why", "Job-1")).toMatchObject({ code: 0 });
    workflow.script("Job-2", "true\n");
    await workflow.disown();
    expect(await workflow.cliWith(other, "submit", "--wait", "sh/Job-2.sh")).toMatchObject({ code: 0, stderr: "" });
    expect(await workflow.cliWith(other, "cleanup", "--yes")).toMatchObject({ code: 0 });
    expect(await workflow.jobs()).toEqual([]);
  });

  test("is seen by its pods as a shell has come to it, which a $PWD of another directory does not change", async () => {
    workflow.script("Job-1", "pwd\n");
    const stray = { cwd: workflow.directory, env: { PWD: workflow.folder } };
    expect(await inShell("submit", "--wait", "sh/Job-1.sh")).toMatchObject({ code: 0, stderr: "" });
    expect(workflow.out("Job-1")).toBe(`${linked}\n`);
    expect(await workflow.cliWith(stray, "status", "-q")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    const alias = path.join(workflow.folder, "alias");
    symlinkSync(workflow.directory, alias);
    expect(await elsewhere("status", "--workflow", alias, "-q")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(await workflow.cliWith({ cwd: alias, env: { PWD: alias } }, "cleanup", "--yes")).toMatchObject({ code: 0 });
    expect(await workflow.jobs()).toEqual([]);
  });
});
